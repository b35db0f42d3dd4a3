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
            let wanted: Int
            let sent: Int
            do throws(CartridgeError) {
                (sent, wanted) = try sendNext(
                    at: current,
                    from: result.bytesIntoRecord,
                    maximumBytes: maximumBytes - result.bytes,
                    toSocket: socket,
                    through: verifyBuffer
                )
            } catch {
                guard result.bytes > 0 else { throw error }
                result.stop = .interrupted
                return result
            }
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

    /// Sends from one record, or from a run of equally long ones that fits into the buffer.
    private func sendNext(
        at address: UInt64,
        from start: Int,
        maximumBytes: Int,
        toSocket socket: Int32,
        through buffer: AlignedBuffer
    ) throws(CartridgeError) -> (sent: Int, wanted: Int) {
        let length = Int(try entry(at: address).storedLength)
        if length > buffer.count {
            let wanted = min(length - start, maximumBytes)
            let part = start..<start + wanted
            return (try sendLong(part, of: address, toSocket: socket, through: buffer), wanted)
        }
        let needed = (maximumBytes + start + length - 1) / length
        let records = try recordsOfLength(length, from: address, limit: min(needed, buffer.count / length))
        let verified = try readRun(records, from: address, into: buffer)
        let wanted = min(verified * length - start, maximumBytes)
        let sent = try buffer.withBytes { span throws(CartridgeError) in
            try Self.send(span.extracting(start..<start + wanted), toSocket: socket)
        }
        return (sent, wanted)
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
            // A damaged entry ends the run; it is thrown when it comes first.
            guard let entry = try? entry(at: address + UInt64(count)), entry.kind == .record,
                Int(entry.storedLength) == length,
                entry.offset == start + UInt64(count * length)
            else { break }
            count += 1
        }
        return count
    }

    /// Reads the run at once and checks each record. Returns how many are sound, at least the first.
    private func readRun(
        _ records: Int,
        from address: UInt64,
        into buffer: AlignedBuffer
    ) throws(CartridgeError) -> Int {
        let first = try entry(at: address)
        let length = Int(first.storedLength)
        return try buffer.withMutableBytes { span throws(CartridgeError) in
            var run = span._mutatingExtracting(0..<records * length)
            let got = try onDisk { () throws(DiskError) in try payload.read(into: &run, at: Int64(first.offset)) }
            let bytes = run.span
            for position in 0..<records {
                let limit = (position + 1) * length
                guard limit <= got,
                    crc32c(bytes.extracting(limit - length..<limit))
                        == (try entry(at: address + UInt64(position))).checksum
                else {
                    if position == 0 { throw damaged(address) }
                    return position
                }
            }
            return records
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
            let sent: Int
            do throws(CartridgeError) {
                sent = try buffer.withMutableBytes { span throws(CartridgeError) in
                    var bytes = span._mutatingExtracting(0..<piece)
                    try readPayload(into: &bytes, at: entry.offset + UInt64(part.lowerBound + done), of: address)
                    return try Self.send(bytes.span, toSocket: socket)
                }
            } catch {
                // What went out counts; the error comes again with the next call.
                guard done > 0 else { throw error }
                break
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
