// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// Reads the records of one tape file as one run of bytes. Every record that a read touches is verified as a whole
/// before any byte of it is handed out.
///
/// Owns: a buffer with the run of records that was verified last, so that slices of a record, in order or nearly so,
/// cost one reading of it. Whole records that fit into the caller's room are read straight into it.
/// Leaves to its owner: the lock. One thread at a time.
package final class VerifiedReader {
    package let partition: PartitionView
    package let file: TapeFileExtent
    private let budget: any VerifiedBudget

    /// Entries read last, in order.
    private var blocks: [TapeBlock] = []
    /// The runs verified last, the latest first.
    private var runs: [Run] = []

    private struct Run {
        var buffer: AlignedBuffer
        /// Of the file, in bytes.
        var range: Range<UInt64>
        /// What the budget gave for it.
        var lentBytes: Int
    }

    /// Short records are read together up to so many bytes, and long ones in steps of so many: what was read is still
    /// in the processor's cache when it is verified and handed out.
    private static let runBytes = 256 << 10
    /// A reader that reads ahead asks for neighbouring slices in any order: two runs bear with that.
    private static let runsKept = 2

    package init(_ file: TapeFileExtent, of partition: PartitionView, budget: any VerifiedBudget) {
        self.partition = partition
        self.file = file
        self.budget = budget
    }

    deinit { release() }

    /// Gives the buffers back.
    package func release() {
        for run in runs { budget.giveBack(run.lentBytes) }
        runs.removeAll()
    }

    /// Fills the room from `offset` of the file; fewer bytes only at its end, 0 at or behind it. When one record of
    /// what was asked for is damaged, none of it is handed out.
    package func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(ViewError) -> Int {
        guard offset < file.lengthBytes, room.count > 0 else { return 0 }
        let wanted = Int(min(UInt64(room.count), file.lengthBytes - offset))
        var done = 0
        while done < wanted {
            var rest = room._mutatingExtracting(done..<wanted)
            let at = offset + UInt64(done)
            let copied = copyVerified(at, into: &rest)
            done += copied > 0 ? copied : try readOn(at, into: &rest)
        }
        if offset + UInt64(done) == file.lengthBytes || budget.isExhausted { release() }
        return done
    }

    /// Bytes of the runs at hand; 0: none of them has this one.
    private func copyVerified(_ offset: UInt64, into room: inout MutableSpan<UInt8>) -> Int {
        guard let position = runs.firstIndex(where: { $0.range.contains(offset) }) else { return 0 }
        if position > 0 { runs.swapAt(0, position) }
        let run = runs[0]
        let start = Int(offset - run.range.lowerBound)
        let count = min(room.count, run.range.count - start)
        run.buffer.withBytes { bytes in copyBytes(bytes.extracting(start..<start + count), to: &room) }
        return count
    }

    /// Whole records straight into the room, or else a new run, from which a part is copied.
    private func readOn(_ offset: UInt64, into room: inout MutableSpan<UInt8>) throws(ViewError) -> Int {
        let place = try position(of: offset)
        let first = blocks[place]
        guard first.offset == file.firstByte + offset, first.lengthBytes <= room.count else {
            try readRun(from: place)
            return copyVerified(offset, into: &room)
        }
        let whole = length(ofBlocksFrom: place, within: room.count)
        var part = room._mutatingExtracting(0..<whole.bytes)
        try readVerified(place..<place + whole.count, into: &part)
        return whole.bytes
    }

    private func readRun(from place: Int) throws(ViewError) {
        let run = length(ofBlocksFrom: place, within: max(Self.runBytes, blocks[place].lengthBytes))
        let begin = blocks[place].offset - file.firstByte
        let buffer = room(for: run.bytes)
        do throws(ViewError) {
            try buffer.memory.withMutableBytes { span throws(ViewError) in
                var part = span._mutatingExtracting(0..<run.bytes)
                try readVerified(place..<place + run.count, into: &part)
            }
        } catch {
            budget.giveBack(buffer.lentBytes)
            throw error
        }
        runs.insert(
            Run(buffer: buffer.memory, range: begin..<begin + UInt64(run.bytes), lentBytes: buffer.lentBytes),
            at: 0
        )
    }

    /// The oldest run's buffer, when there are as many as may be and its size is right, or a new one.
    private func room(for bytes: Int) -> (memory: AlignedBuffer, lentBytes: Int) {
        if runs.count >= Self.runsKept, let oldest = runs.popLast() {
            if oldest.buffer.count >= bytes, oldest.buffer.count <= max(2 * bytes, Self.runBytes) {
                return (oldest.buffer, oldest.lentBytes)
            }
            budget.giveBack(oldest.lentBytes)
        }
        let wanted = max(bytes, min(Self.runBytes, Int(clamping: file.lengthBytes)))
        budget.lend(wanted)
        return (AlignedBuffer(count: wanted), wanted)
    }

    // MARK: Records

    /// Where in `blocks` the record lies that holds a byte of the file.
    private func position(of offset: UInt64) throws(ViewError) -> Int {
        let wanted = file.firstByte + offset
        if let place = cachedPosition(of: wanted) { return place }
        let from: BlockAddress
        if let last = blocks.last, last.offset + UInt64(last.lengthBytes) == wanted {
            from = last.address + 1
        } else {
            guard let found = try partition.record(holding: offset, of: file) else { return 0 }
            from = found.address
        }
        let rest = file.endBlock.rawValue - min(file.endBlock.rawValue, from.rawValue)
        blocks = try partition.blocks(
            from: from,
            count: Int(min(rest, UInt64(PartitionView.maximumBlocksAtOnce)))
        )
        // What follows a record in its file are records back to back; anything else is an old entry of a disk that
        // lost a write.
        var expected = blocks.first?.offset ?? 0
        for (place, block) in blocks.enumerated() {
            guard block.kind == .record, block.offset == expected else {
                blocks.removeLast(blocks.count - place)
                break
            }
            expected += UInt64(block.lengthBytes)
        }
        guard let place = cachedPosition(of: wanted) else {
            let reason = "the entry contradicts its neighbours"
            throw partition.verdict(.corruptIndex(partition: partition.number, address: from, reason: reason))
        }
        return place
    }

    private func cachedPosition(of wanted: UInt64) -> Int? {
        guard let first = blocks.first, let last = blocks.last, wanted >= first.offset,
            wanted < last.offset + UInt64(last.lengthBytes)
        else { return nil }
        var low = 0
        var high = blocks.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if blocks[middle].offset <= wanted { low = middle } else { high = middle - 1 }
        }
        return low
    }

    /// The first record and as many behind it as fit.
    private func length(ofBlocksFrom place: Int, within limit: Int) -> (count: Int, bytes: Int) {
        var count = 1
        var bytes = blocks[place].lengthBytes
        while place + count < blocks.count, bytes + blocks[place + count].lengthBytes <= limit {
            bytes += blocks[place + count].lengthBytes
            count += 1
        }
        return (count, bytes)
    }

    /// Fills the span with the records, which lie back to back and take exactly its length.
    private func readVerified(_ places: Range<Int>, into span: inout MutableSpan<UInt8>) throws(ViewError) {
        let begin = blocks[places.lowerBound].offset
        var got = 0
        var position = 0
        for place in places {
            let block = blocks[place]
            let limit = position + block.lengthBytes
            var checked = position
            var checksum: UInt32 = 0
            while checked < limit {
                if got <= checked {
                    let step = checked..<min(span.count, checked + Self.runBytes)
                    var part = span._mutatingExtracting(step)
                    let count = try readPayload(at: begin + UInt64(checked), into: &part)
                    guard count == step.count else { throw damaged(block) }
                    got = step.upperBound
                }
                let part = checked..<min(limit, got)
                checksum = crc32c(span.span.extracting(part), seed: checksum)
                checked = part.upperBound
            }
            guard checksum == block.checksum else { throw damaged(block) }
            position = limit
        }
    }

    private func readPayload(at offset: UInt64, into span: inout MutableSpan<UInt8>) throws(ViewError) -> Int {
        do throws(DiskError) {
            return try partition.payload.read(into: &span, at: Int64(offset))
        } catch {
            throw partition.verdict(.disk(error))
        }
    }

    private func damaged(_ block: TapeBlock) -> ViewError {
        partition.verdict(.corruptRecord(partition: partition.number, address: block.address))
    }
}

/// How much memory all readers together may keep. When more is lent, each keeps its buffers only during a call.
package protocol VerifiedBudget: AnyObject, Sendable {
    var isExhausted: Bool { get }
    func lend(_ bytes: Int)
    func giveBack(_ bytes: Int)
}
