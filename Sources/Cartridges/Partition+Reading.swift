// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

extension Partition {
    /// Entries read at once when reading in order.
    private static let cachedEntries: UInt64 = 128
    /// A record longer than the reader's buffer is verified through one of this size.
    private static let scratchBytes = 256 << 10

    // MARK: Index

    /// The entry at an address before the end of data.
    func entry(at address: UInt64) throws(CartridgeError) -> IndexEntry {
        guard address < end.count else {
            throw .beyondEndOfData(partition: number, address: BlockAddress(address))
        }
        if address >= cachedFrom, address - cachedFrom < UInt64(cached.count) {
            return cached[Int(address - cachedFrom)]
        }
        try fillCache(from: address, count: min(Self.cachedEntries, end.count - address))
        return cached[0]
    }

    /// One entry for a search that jumps about: does not disturb the cache.
    private func probe(_ address: UInt64) throws(CartridgeError) -> IndexEntry {
        if address >= cachedFrom, address - cachedFrom < UInt64(cached.count) {
            return cached[Int(address - cachedFrom)]
        }
        var bytes: [UInt8] = []
        swap(&bytes, &entryBytes)
        defer { swap(&bytes, &entryBytes) }
        bytes.resize(to: IndexEntry.size)
        try readEntries(from: address, into: &bytes)
        return try checkedEntry(bytes.span, address: address)
    }

    private func fillCache(from address: UInt64, count: UInt64) throws(CartridgeError) {
        var bytes: [UInt8] = []
        swap(&bytes, &entryBytes)
        defer { swap(&bytes, &entryBytes) }
        bytes.resize(to: Int(count) * IndexEntry.size)
        try readEntries(from: address, into: &bytes)
        cached.removeAll(keepingCapacity: true)
        cachedFrom = address
        for position in 0..<Int(count) {
            let start = position * IndexEntry.size
            do throws(CartridgeError) {
                let entry = bytes.span.extracting(start..<start + IndexEntry.size)
                cached.append(try checkedEntry(entry, address: address + UInt64(position)))
            } catch {
                // Only the one that was asked for is an error now.
                if position == 0 { throw error }
                return
            }
        }
    }

    /// Fills `bytes` with the entries from `address` on; all of them must be there.
    private func readEntries(from address: UInt64, into bytes: inout [UInt8]) throws(CartridgeError) {
        let length = bytes.count
        let got = try onDisk { () throws(DiskError) in
            var span = bytes.mutableSpan
            return try index.read(into: &span, at: Self.entryOffset(address))
        }
        guard got == length else {
            throw .corruptIndex(
                partition: number,
                address: BlockAddress(address + UInt64(got / IndexEntry.size)),
                reason: "the file ends before it"
            )
        }
    }

    private func checkedEntry(_ bytes: Span<UInt8>, address: UInt64) throws(CartridgeError) -> IndexEntry {
        guard let entry = codec.decode(bytes, address: address) else {
            throw .corruptIndex(
                partition: number,
                address: BlockAddress(address),
                reason: "the entry does not match its check"
            )
        }
        guard entry.offset + UInt64(entry.storedLength) <= end.payloadEnd,
            UInt64(entry.filemarksBefore) <= end.filemarks
        else {
            throw .corruptIndex(
                partition: number,
                address: BlockAddress(address),
                reason: "the entry points behind the end of data"
            )
        }
        return entry
    }

    func dropCache() {
        cached.removeAll(keepingCapacity: true)
    }

    /// The smallest address with `number` filemarks before it; nil when there are fewer.
    func addressAfterFilemark(_ number: UInt64) throws(CartridgeError) -> UInt64? {
        guard number <= end.filemarks else { return nil }
        var low: UInt64 = 0
        var high = end.count
        while low < high {
            let middle = low + (high - low) / 2
            if UInt64(try probe(middle).filemarksBefore) < number { low = middle + 1 } else { high = middle }
        }
        try checkFilemark(number, before: low)
        return low
    }

    /// A disk that lost a write may show an old entry, which is whole but contradicts its neighbours.
    private func checkFilemark(_ number: UInt64, before address: UInt64) throws(CartridgeError) {
        guard number > 0 else { return }
        if address > 0 {
            let entry = try probe(address - 1)
            if entry.kind == .filemark, UInt64(entry.filemarksBefore) == number - 1 { return }
        }
        throw contradiction(address)
    }

    func contradiction(_ address: UInt64) -> CartridgeError {
        .corruptIndex(
            partition: number,
            address: BlockAddress(address),
            reason: "the entry contradicts its neighbours"
        )
    }

    // MARK: Records

    func record(at address: UInt64) throws(CartridgeError) -> IndexEntry {
        let entry = try entry(at: address)
        guard entry.kind == .record else {
            throw .notARecord(partition: number, address: BlockAddress(address))
        }
        return entry
    }

    func readRecord(
        at address: UInt64,
        into bytes: inout MutableSpan<UInt8>
    ) throws(CartridgeError) -> Int {
        let entry = try record(at: address)
        let length = Int(entry.storedLength)
        let copied = min(length, bytes.count)
        var part = bytes._mutatingExtracting(0..<copied)
        var checksum: UInt32 = 0
        if copied > 0 {
            try readPayload(into: &part, at: entry.offset, of: address)
            checksum = crc32c(part.span)
        }
        checksum = try checksumOfRest(of: entry, from: copied, address: address, seed: checksum)
        guard checksum == entry.checksum else { throw damaged(address) }
        return length
    }

    /// Continues the checksum over what did not fit into the reader's buffer.
    private func checksumOfRest(
        of entry: IndexEntry,
        from start: Int,
        address: UInt64,
        seed: UInt32
    ) throws(CartridgeError) -> UInt32 {
        var checksum = seed
        var done = start
        guard done < Int(entry.storedLength) else { return checksum }
        var buffer: [UInt8] = []
        swap(&buffer, &scratch)
        defer { swap(&buffer, &scratch) }
        buffer.resize(to: Self.scratchBytes)
        while done < Int(entry.storedLength) {
            var whole = buffer.mutableSpan
            var part = whole._mutatingExtracting(0..<min(Self.scratchBytes, Int(entry.storedLength) - done))
            try readPayload(into: &part, at: entry.offset + UInt64(done), of: address)
            checksum = crc32c(part.span, seed: checksum)
            done += part.count
        }
        return checksum
    }

    /// Fills the span; payload that is not there makes the record corrupt.
    func readPayload(
        into bytes: inout MutableSpan<UInt8>,
        at offset: UInt64,
        of address: UInt64
    ) throws(CartridgeError) {
        let got: Int
        do throws(DiskError) {
            got = try payload.read(into: &bytes, at: Int64(offset))
        } catch {
            throw .disk(error)
        }
        guard got == bytes.count else { throw damaged(address) }
    }

    func damaged(_ address: UInt64) -> CartridgeError {
        .corruptRecord(partition: number, address: BlockAddress(address))
    }
}

extension [UInt8] {
    /// Keeps the memory; bytes that are new are zero.
    fileprivate mutating func resize(to length: Int) {
        if count > length {
            removeLast(count - length)
        } else {
            append(contentsOf: repeatElement(0, count: length - count))
        }
    }
}
