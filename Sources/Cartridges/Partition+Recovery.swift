// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

extension Partition {
    /// Fits the processor's cache, so that checking costs little more than reading.
    private static let verifyBufferBytes = 256 << 10

    /// Finds the end of data: what the superblock vouches for, and behind it every object whose entry continues the
    /// one before, in the present epoch, with payload that matches its checksum. The first that does not is the end.
    func recover() throws(CartridgeError) {
        end = superblock.durable
        durable = end
        if access == .readWrite { try settleSuperblock() }
        let indexSize = try onDisk { () throws(DiskError) in UInt64(try index.size()) }
        guard indexSize >= UInt64(Self.entryOffset(end.count)) else {
            throw .corruptIndex(
                partition: number,
                address: BlockAddress(indexSize.subtractingOrZero(4096) / UInt64(IndexEntry.size)),
                reason: "the file is shorter than its superblock says"
            )
        }
        indexReserved = indexSize
        payloadReserved = try onDisk { () throws(DiskError) in UInt64(try payload.size()) }
        guard indexSize > UInt64(Self.entryOffset(end.count)) else { return }

        let entriesOnDisk = (indexSize - UInt64(Superblock.headerSize)) / UInt64(IndexEntry.size)
        try scan(upTo: entriesOnDisk)
        if access == .readWrite { try settle() }
    }

    /// The superblock that was read may be one that a process before this one could not make durable. It speaks the
    /// truth, but the other slot must not be given up before it is on the disk.
    private func settleSuperblock() throws(CartridgeError) {
        try onDisk { () throws(DiskError) in
            try index.write(superblock.encoded().span, at: Int64(Superblock.slotOffsets[durableSlot]))
            try index.synchronize()
        }
    }

    private func scan(upTo limit: UInt64) throws(CartridgeError) {
        let buffer = AlignedBuffer(count: Self.verifyBufferBytes)
        var bytes = [UInt8](repeating: 0, count: IndexEntry.size)
        while end.count < limit {
            let got = try onDisk { () throws(DiskError) in
                var span = bytes.mutableSpan
                return try index.read(into: &span, at: Self.entryOffset(end.count))
            }
            guard got == IndexEntry.size, let entry = codec.decode(bytes.span, address: end.count),
                entry.epoch == superblock.epoch, entry.offset == end.payloadEnd,
                UInt64(entry.filemarksBefore) == end.filemarks, end.filemarks < UInt64(UInt32.max)
            else { return }
            var next = end
            next.count += 1
            next.payloadEnd += UInt64(entry.storedLength)
            if entry.kind == .filemark { next.filemarks += 1 }
            guard next.chargedBytes <= capacity, try isIntact(entry, through: buffer) else { return }
            end = next
        }
    }

    func isIntact(_ entry: IndexEntry, through buffer: AlignedBuffer) throws(CartridgeError) -> Bool {
        var checksum: UInt32 = 0
        var done = 0
        while done < Int(entry.storedLength) {
            let length = min(buffer.count, Int(entry.storedLength) - done)
            let position = Int64(entry.offset) + Int64(done)
            let got = try onDisk { () throws(DiskError) in
                try buffer.withMutableBytes { span throws(DiskError) in
                    var part = span._mutatingExtracting(0..<length)
                    let got = try payload.read(into: &part, at: position)
                    checksum = crc32c(part.span, seed: checksum)
                    return got
                }
            }
            guard got == length else { return false }
            done += length
        }
        return checksum == entry.checksum
    }

    /// Makes what was found durable, and everything behind it stale. It is written again first: a process before
    /// this one may have been told that the disk failed, and the kernel then takes its cached pages for clean.
    private func settle() throws(CartridgeError) {
        let buffer = AlignedBuffer(count: Self.verifyBufferBytes)
        let found = end
        let settled = superblock.durable
        if found.count > settled.count {
            try rewrite(payload, from: settled.payloadEnd, to: found.payloadEnd, through: buffer)
            try onDisk { () throws(DiskError) in try payload.synchronize() }
            try rewrite(
                index,
                from: UInt64(Self.entryOffset(settled.count)),
                to: UInt64(Self.entryOffset(found.count)),
                through: buffer
            )
            try onDisk { () throws(DiskError) in try index.synchronize() }
        }
        durable = found
        try truncate(to: found)
    }

    private func rewrite(
        _ file: any DiskFile,
        from start: UInt64,
        to limit: UInt64,
        through buffer: AlignedBuffer
    ) throws(CartridgeError) {
        var position = start
        while position < limit {
            let length = Int(min(UInt64(buffer.count), limit - position))
            let at = Int64(position)
            try onDisk { () throws(DiskError) in
                try buffer.withMutableBytes { span throws(DiskError) in
                    var part = span._mutatingExtracting(0..<length)
                    let got = try file.read(into: &part, at: at)
                    try file.write(part.span.extracting(0..<got), at: at)
                }
            }
            position += UInt64(length)
        }
    }
}

extension UInt64 {
    func subtractingOrZero(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}
