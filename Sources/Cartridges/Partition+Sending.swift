// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

extension Partition {
    /// Neighbouring records of one length whose checksums were verified.
    private struct VerifiedRun {
        var records: Int
        /// Where the first begins in the payload.
        var offset: UInt64
    }

    func sendRecords(
        from address: UInt64,
        skippingBytes: Int,
        maximumBytes: Int,
        toSocket socket: Int32,
        verifyBuffer: AlignedBuffer
    ) throws(CartridgeError) -> SentRecords {
        var result = SentRecords()
        result.bytesIntoRecord = skippingBytes
        var current = address
        // Without the superblock's note, nobody would know that pages are shared.
        let copies = access == .readOnly || !payload.canSend
        if !copies { try noteSending() }
        while result.bytes < maximumBytes {
            if let stop = try reasonToStop(at: current, &result) {
                result.stop = stop
                return result
            }
            let left = maximumBytes - result.bytes
            let run = try verifiedRun(
                from: current,
                recordLength: result.recordLength,
                maximumBytes: left + result.bytesIntoRecord,
                through: verifyBuffer
            )
            let wanted = min(run.records * result.recordLength - result.bytesIntoRecord, left)
            let offset = run.offset + UInt64(result.bytesIntoRecord)
            let sent =
                copies
                ? try sendCopy(toSocket: socket, offset: offset, length: wanted, through: verifyBuffer, of: current)
                : try send(toSocket: socket, offset: offset, length: wanted)
            let into = result.bytesIntoRecord + sent
            result.bytes += sent
            result.records += into / result.recordLength
            current += UInt64(into / result.recordLength)
            result.bytesIntoRecord = into % result.recordLength
            if sent < wanted {
                result.stop = .socketFull
                return result
            }
        }
        return result
    }

    /// nil when a record of the run lies at this address; the first one sets the run's length.
    private func reasonToStop(
        at address: UInt64,
        _ result: inout SentRecords
    ) throws(CartridgeError) -> SentRecords.Stop? {
        guard address != end.count else { return .endOfData }
        let entry = try entry(at: address)
        guard entry.kind == .record else { return .filemark }
        if result.recordLength == 0 { result.recordLength = Int(entry.storedLength) }
        guard Int(entry.storedLength) == result.recordLength else { return .otherLength }
        guard (0..<result.recordLength).contains(result.bytesIntoRecord) else {
            throw .invalidArgument("Record \(address) has no byte \(result.bytesIntoRecord)")
        }
        return nil
    }

    /// At least one record from `address`, verified; as many as `maximumBytes` needs and the buffer holds.
    private func verifiedRun(
        from address: UInt64,
        recordLength: Int,
        maximumBytes: Int,
        through buffer: AlignedBuffer
    ) throws(CartridgeError) -> VerifiedRun {
        let first = try entry(at: address)
        let wanted = (maximumBytes + recordLength - 1) / recordLength
        // A sender that comes back after a full socket finds its records verified already.
        if verified.contains(address) {
            let known = try recordsOfLength(recordLength, from: address, limit: Int(verified.upperBound - address))
            return VerifiedRun(records: min(known, wanted), offset: first.offset)
        }
        let records = try recordsOfLength(
            recordLength,
            from: address,
            limit: max(1, min(wanted, buffer.count / recordLength))
        )
        if recordLength > buffer.count {
            try verifyLong(first, at: address, through: buffer)
        } else {
            try verifyRun(records, from: address, first, through: buffer)
        }
        verified = address..<address + UInt64(records)
        return VerifiedRun(records: records, offset: first.offset)
    }

    /// How many records of this length follow one another, at most `limit`; the first is known to be one.
    private func recordsOfLength(_ length: Int, from address: UInt64, limit: Int) throws(CartridgeError) -> Int {
        var count = 1
        while count < limit, address + UInt64(count) < end.count {
            let entry = try entry(at: address + UInt64(count))
            guard entry.kind == .record, Int(entry.storedLength) == length else { break }
            count += 1
        }
        return count
    }

    /// One read for the whole run, then a checksum per record.
    private func verifyRun(
        _ records: Int,
        from address: UInt64,
        _ first: IndexEntry,
        through buffer: AlignedBuffer
    ) throws(CartridgeError) {
        let length = Int(first.storedLength)
        try buffer.withMutableBytes { span throws(CartridgeError) in
            var part = span._mutatingExtracting(0..<records * length)
            try readPayload(into: &part, at: first.offset, of: address)
            for position in 0..<records {
                let entry = try entry(at: address + UInt64(position))
                let record = part.span.extracting(position * length..<(position + 1) * length)
                guard entry.offset == first.offset + UInt64(position * length) else {
                    throw CartridgeError.corruptIndex(
                        partition: number,
                        address: BlockAddress(address + UInt64(position)),
                        reason: "it does not follow the record before it"
                    )
                }
                guard crc32c(record) == entry.checksum else { throw damaged(address + UInt64(position)) }
            }
        }
    }

    private func verifyLong(
        _ entry: IndexEntry,
        at address: UInt64,
        through buffer: AlignedBuffer
    ) throws(CartridgeError) {
        guard try isIntact(entry, through: buffer) else { throw damaged(address) }
    }

    /// The same by copying, where pages must not be shared.
    private func sendCopy(
        toSocket socket: Int32,
        offset: UInt64,
        length: Int,
        through buffer: AlignedBuffer,
        of address: UInt64
    ) throws(CartridgeError) -> Int {
        var done = 0
        while done < length {
            let part = min(length - done, buffer.count)
            let sent = try buffer.withMutableBytes { span throws(CartridgeError) in
                var bytes = span._mutatingExtracting(0..<part)
                try readPayload(into: &bytes, at: offset + UInt64(done), of: address)
                do throws(DiskError) {
                    return try DiskIO.sendCopy(of: bytes.span, toSocket: socket)
                } catch {
                    throw CartridgeError.connection(code: error.code)
                }
            }
            done += sent
            if sent < part { break }
        }
        return done
    }

    /// All of it, or less when a non-blocking socket is full.
    private func send(toSocket socket: Int32, offset: UInt64, length: Int) throws(CartridgeError) -> Int {
        var done = 0
        while done < length {
            let sent: Int
            do throws(DiskError) {
                sent = try payload.send(toSocket: socket, offset: Int64(offset) + Int64(done), length: length - done)
            } catch {
                throw error.isConnectionLoss ? .connection(code: error.code) : .disk(error)
            }
            if sent == 0 { break }
            done += sent
        }
        return done
    }
}
