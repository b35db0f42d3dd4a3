// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

extension Partition {
    /// Records are read into a buffer that stays in the processor's cache, verified there and sent from there.
    /// Not sendfile: it refers to the file's cached pages until the receiver has acknowledged them, so that
    /// overwriting the tape would change what a slow receiver gets; and behind a verification it is slower
    /// (docs/decisions/0002-cartridge-format.md).
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
        while result.bytes < maximumBytes {
            if let stop = try reasonToStop(at: current, &result) {
                result.stop = stop
                return result
            }
            let length = result.recordLength
            let left = maximumBytes - result.bytes
            let sent: Int
            let wanted: Int
            if length > verifyBuffer.count {
                wanted = min(length - result.bytesIntoRecord, left)
                let part = result.bytesIntoRecord..<result.bytesIntoRecord + wanted
                sent = try sendLong(part, of: current, toSocket: socket, through: verifyBuffer)
            } else {
                let needed = (left + result.bytesIntoRecord + length - 1) / length
                let records = try recordsOfLength(
                    length,
                    from: current,
                    limit: min(needed, verifyBuffer.count / length)
                )
                wanted = min(records * length - result.bytesIntoRecord, left)
                let part = result.bytesIntoRecord..<result.bytesIntoRecord + wanted
                sent = try sendRun(records, part, from: current, toSocket: socket, through: verifyBuffer)
            }
            let into = result.bytesIntoRecord + sent
            result.bytes += sent
            result.records += into / length
            current += UInt64(into / length)
            result.bytesIntoRecord = into % length
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

    /// How many neighbouring records have this length, at most `limit`; the first is known to be one.
    private func recordsOfLength(_ length: Int, from address: UInt64, limit: Int) throws(CartridgeError) -> Int {
        let start = try entry(at: address).offset
        var count = 1
        while count < limit, address + UInt64(count) < end.count {
            let entry = try entry(at: address + UInt64(count))
            guard entry.kind == .record, Int(entry.storedLength) == length,
                entry.offset == start + UInt64(count * length)
            else { break }
            count += 1
        }
        return count
    }

    /// Reads the run at once, checks each record and sends `part` of the bytes.
    private func sendRun(
        _ records: Int,
        _ part: Range<Int>,
        from address: UInt64,
        toSocket socket: Int32,
        through buffer: AlignedBuffer
    ) throws(CartridgeError) -> Int {
        let first = try entry(at: address)
        let length = Int(first.storedLength)
        return try buffer.withMutableBytes { span throws(CartridgeError) in
            var run = span._mutatingExtracting(0..<records * length)
            try readPayload(into: &run, at: first.offset, of: address)
            let bytes = run.span
            for position in 0..<records {
                let record = bytes.extracting(position * length..<(position + 1) * length)
                guard crc32c(record) == (try entry(at: address + UInt64(position))).checksum else {
                    throw damaged(address + UInt64(position))
                }
            }
            return try Self.send(bytes.extracting(part), toSocket: socket)
        }
    }

    /// A record larger than the buffer: checked whole, then read again piece by piece.
    private func sendLong(
        _ part: Range<Int>,
        of address: UInt64,
        toSocket socket: Int32,
        through buffer: AlignedBuffer
    ) throws(CartridgeError) -> Int {
        let entry = try entry(at: address)
        guard try isIntact(entry, through: buffer) else { throw damaged(address) }
        var done = 0
        while done < part.count {
            let piece = min(part.count - done, buffer.count)
            let sent = try buffer.withMutableBytes { span throws(CartridgeError) in
                var bytes = span._mutatingExtracting(0..<piece)
                try readPayload(into: &bytes, at: entry.offset + UInt64(part.lowerBound + done), of: address)
                return try Self.send(bytes.span, toSocket: socket)
            }
            done += sent
            if sent < piece { break }
        }
        return done
    }

    private static func send(_ bytes: Span<UInt8>, toSocket socket: Int32) throws(CartridgeError) -> Int {
        do throws(DiskError) {
            return try sendToSocket(bytes, socket: socket)
        } catch {
            throw .connection(code: error.code)
        }
    }
}
