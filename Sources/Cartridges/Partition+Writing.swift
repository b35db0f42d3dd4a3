// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

extension Partition {
    /// Objects per index write: bounds the buffer to 256 KiB.
    private static let entriesPerWrite = 8192
    /// After this much without a synchronise one is made, so that the scan after a crash stays short.
    private static let checkpointBytes: UInt64 = 2 << 30
    private static let reserveSmallestBytes: UInt64 = 1 << 20
    private static let reserveLargestBytes: UInt64 = 64 << 20
    private static let reserveIndexBytes: UInt64 = 256 << 10

    // MARK: Records and filemarks

    /// - Parameter isDamaged: the entries shall not match, so that every read is a medium error.
    func writeRecords(
        _ run: Span<UInt8>,
        recordLength: Int,
        at address: UInt64,
        isDamaged: Bool = false
    ) throws(CartridgeError) -> Int {
        guard (1...CartridgeLimits.recordBytes).contains(recordLength), run.count.isMultiple(of: recordLength),
            !run.isEmpty
        else {
            throw .invalidArgument("A record has 1 to \(CartridgeLimits.recordBytes) bytes, not \(recordLength)")
        }
        let start = try mark(at: address)
        let each = UInt64(recordLength) + CartridgeLimits.objectOverheadBytes
        let room = capacity - min(capacity, start.chargedBytes)
        let count = min(run.count / recordLength, Int(clamping: room / each))
        guard count > 0 else { throw .full }
        try prepareToWrite(at: start)
        var done = 0
        while done < count {
            let part = min(Self.entriesPerWrite, count - done)
            do throws(CartridgeError) {
                let bytes = run.extracting(done * recordLength..<(done + part) * recordLength)
                try append(bytes, recordLength: recordLength, count: part, isDamaged: isDamaged)
            } catch {
                // What went before is written; the reason comes again with the next call.
                if done > 0 { return done }
                throw error
            }
            done += part
        }
        return done
    }

    private func append(
        _ bytes: Span<UInt8>,
        recordLength: Int,
        count: Int,
        isDamaged: Bool
    ) throws(CartridgeError) {
        let from = end.payloadEnd
        reservePayload(upTo: from + UInt64(bytes.count))
        do throws(DiskError) {
            try payload.write(bytes, at: Int64(from))
        } catch {
            if error.isOutOfSpace { leaveRoom() }
            throw .disk(error)
        }
        var entries: [UInt8] = []
        swap(&entries, &entryBytes)
        defer { swap(&entries, &entryBytes) }
        entries.removeAll(keepingCapacity: true)
        for position in 0..<count {
            let record = bytes.extracting(position * recordLength..<(position + 1) * recordLength)
            let entry = IndexEntry(
                offset: from + UInt64(position * recordLength),
                kind: .record,
                storedLength: UInt32(recordLength),
                logicalLength: UInt32(recordLength),
                checksum: isDamaged ? ~crc32c(record) : crc32c(record),
                filemarksBefore: UInt32(end.filemarks),
                epoch: superblock.epoch
            )
            codec.encode(entry, address: end.count + UInt64(position), into: &entries)
        }
        try appendEntries(entries.span)
        end.count += UInt64(count)
        end.payloadEnd = from + UInt64(bytes.count)
        writeback.wrote(from: from, to: end.payloadEnd, in: payload)
    }

    func writeFilemarks(_ count: Int, at address: UInt64) throws(CartridgeError) {
        guard count >= 0 else { throw .invalidArgument("A negative number of filemarks") }
        guard count > 0 else { return }
        let start = try mark(at: address)
        let room = capacity - min(capacity, start.chargedBytes)
        guard UInt64(count) <= room / CartridgeLimits.objectOverheadBytes,
            start.filemarks + UInt64(count) <= UInt64(UInt32.max)
        else { throw .full }
        try prepareToWrite(at: start)
        var done = 0
        while done < count {
            let part = min(Self.entriesPerWrite, count - done)
            do throws(CartridgeError) {
                try appendFilemarks(part)
            } catch {
                // All or none: what is on disk already must not be found again.
                if done > 0 {
                    end = start
                    mustRenewEpoch = true
                    dropCache()
                }
                throw error
            }
            done += part
        }
    }

    private func appendFilemarks(_ count: Int) throws(CartridgeError) {
        var entries: [UInt8] = []
        swap(&entries, &entryBytes)
        defer { swap(&entries, &entryBytes) }
        entries.removeAll(keepingCapacity: true)
        for position in 0..<UInt64(count) {
            let entry = IndexEntry(
                offset: end.payloadEnd,
                kind: .filemark,
                storedLength: 0,
                logicalLength: 0,
                checksum: 0,
                filemarksBefore: UInt32(end.filemarks + position),
                epoch: superblock.epoch
            )
            codec.encode(entry, address: end.count + position, into: &entries)
        }
        try appendEntries(entries.span)
        end.count += UInt64(count)
        end.filemarks += UInt64(count)
    }

    /// Writes entries at the end of data. When that fails, some of them may be on disk.
    private func appendEntries(_ entries: Span<UInt8>) throws(CartridgeError) {
        let offset = Self.entryOffset(end.count)
        reserveIndex(upTo: UInt64(offset) + UInt64(entries.count))
        do throws(DiskError) {
            try index.write(entries, at: offset)
        } catch {
            mustRenewEpoch = true
            throw .disk(error)
        }
    }

    /// Everything behind `start` is durably gone when this returns, and stays gone after a crash.
    private func prepareToWrite(at start: TapeMark) throws(CartridgeError) {
        if let stopped { throw .writingStopped(stopped) }
        if start != end || mustRenewEpoch {
            try truncate(to: start)
        } else if end.payloadEnd - durable.payloadEnd >= Self.checkpointBytes {
            try makeDurable()
        }
    }

    // MARK: End of data

    func truncate(at address: UInt64) throws(CartridgeError) {
        if let stopped { throw .writingStopped(stopped) }
        let start = try mark(at: address)
        if start != end || mustRenewEpoch { try truncate(to: start) }
    }

    /// Moves the end of data back, durably: a superblock with a new epoch makes every entry behind it stale.
    func truncate(to start: TapeMark) throws(CartridgeError) {
        // A superblock may only speak of what is durable.
        if durable.count < start.count { try makeDurable() }
        guard superblock.epoch < .max else {
            throw .invalidArgument("This cartridge was overwritten too often; format it")
        }
        try writeSuperblock(start, epoch: superblock.epoch + 1)
        try synchronizeIndex()
        end = start
        durable = start
        mustRenewEpoch = false
        dropCache()
        writeback.reset()
    }

    /// Gives back payload, index entries and reserved blocks behind the end of data.
    func giveBackSpace() throws(CartridgeError) {
        try onDisk { () throws(DiskError) in
            try payload.truncate(to: Int64(end.payloadEnd))
            try index.truncate(to: Self.entryOffset(end.count))
        }
        payloadReserved = end.payloadEnd
        indexReserved = UInt64(Self.entryOffset(end.count))
    }

    // MARK: Durability

    /// Payload, then index, on stable storage.
    func synchronize() throws(CartridgeError) {
        try makeDurable()
        writeback.reset()
    }

    func makeDurable() throws(CartridgeError) {
        if let stopped { throw .writingStopped(stopped) }
        guard end != durable else { return }
        let target = end
        if target.payloadEnd != durable.payloadEnd {
            do throws(DiskError) { try payload.synchronize() } catch { throw stop(error) }
        }
        // The superblock follows one synchronise behind, so that it never speaks of entries that are not durable
        // and yet costs no flush of its own.
        let followed = superblock.durable != durable
        if followed { try writeSuperblock(durable, epoch: superblock.epoch) }
        try synchronizeIndex()
        durable = target
    }

    /// The end of a session with the cartridge.
    func finish() throws(CartridgeError) {
        try makeDurable()
        if mustRenewEpoch { try truncate(to: end) }
        if superblock.durable != durable {
            try writeSuperblock(durable, epoch: superblock.epoch)
            try synchronizeIndex()
        }
        try giveBackSpace()
    }

    /// Puts a superblock into the slot that is not needed. It counts from the next index synchronise on.
    func writeSuperblock(_ mark: TapeMark, epoch: UInt32) throws(CartridgeError) {
        var next = superblock
        next.sequence += 1
        next.durable = mark
        next.epoch = epoch
        do throws(DiskError) {
            try index.write(next.encoded().span, at: Int64(Superblock.slotOffsets[1 - durableSlot]))
        } catch {
            throw stop(error)
        }
        pendingSuperblock = next
    }

    func synchronizeIndex() throws(CartridgeError) {
        do throws(DiskError) { try index.synchronize() } catch { throw stop(error) }
        guard let pending = pendingSuperblock else { return }
        superblock = pending
        durableSlot = 1 - durableSlot
        pendingSuperblock = nil
    }

    private func stop(_ error: DiskError) -> CartridgeError {
        stopped = error
        return .disk(error)
    }

    // MARK: Reserved blocks

    /// Reserves ahead of the writer; when the disk has no room for that, the write itself decides.
    private func reservePayload(upTo needed: UInt64) {
        guard needed > payloadReserved else { return }
        let step = min(Self.reserveLargestBytes, max(Self.reserveSmallestBytes, payloadReserved))
        let goal = max(needed, min(capacity, payloadReserved + step))
        try? payload.allocate(offset: Int64(payloadReserved), length: Int64(goal - payloadReserved))
        payloadReserved = goal
    }

    /// On a full disk: what was reserved and half written goes back, so that descriptions can still be stored.
    private func leaveRoom() {
        guard (try? payload.truncate(to: Int64(end.payloadEnd))) != nil else { return }
        payloadReserved = end.payloadEnd
    }

    private func reserveIndex(upTo needed: UInt64) {
        guard needed > indexReserved else { return }
        let goal = max(needed, indexReserved + Self.reserveIndexBytes)
        try? index.allocate(offset: Int64(indexReserved), length: Int64(goal - indexReserved))
        indexReserved = goal
    }
}
