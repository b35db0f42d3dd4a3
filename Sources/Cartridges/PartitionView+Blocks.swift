// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// A record or filemark, as the index has it.
package struct TapeBlock: Sendable, Equatable {
    package enum Kind: Sendable {
        case record
        case filemark
    }

    package var address: BlockAddress
    package var kind: Kind
    /// Where it begins in the payload; of a filemark, where the next record does. Bytes.
    package var offset: UInt64
    /// Bytes of a record; 0 for a filemark.
    package var lengthBytes: Int
    /// CRC32C of the record; 0 for a filemark.
    package var checksum: UInt32
    package var filemarksBefore: UInt64
    /// The partition's epoch in which it was written.
    package var epoch: UInt32
}

/// What lies between two filemarks, between the beginning and the first, or behind the last.
package struct TapeFileExtent: Sendable, Equatable {
    /// As `mt` counts: 0 for what lies before the first filemark.
    package var number: UInt64
    /// Of its first record, or of the filemark that ends it when there is none.
    package var firstBlock: BlockAddress
    package var recordCount: UInt64
    /// Where it begins in the payload.
    package var firstByte: UInt64
    package var lengthBytes: UInt64
    /// False only for the last one: it may still grow.
    package var endsWithFilemark: Bool

    package init(
        number: UInt64,
        firstBlock: BlockAddress,
        recordCount: UInt64,
        firstByte: UInt64,
        lengthBytes: UInt64,
        endsWithFilemark: Bool
    ) {
        self.number = number
        self.firstBlock = firstBlock
        self.recordCount = recordCount
        self.firstByte = firstByte
        self.lengthBytes = lengthBytes
        self.endsWithFilemark = endsWithFilemark
    }

    package var endBlock: BlockAddress { firstBlock + recordCount }
}

extension TapeFileExtent {
    /// One record as if it were a file of its own.
    package init(of record: TapeBlock) {
        self.init(
            number: record.filemarksBefore,
            firstBlock: record.address,
            recordCount: 1,
            firstByte: record.offset,
            lengthBytes: UInt64(record.lengthBytes),
            endsWithFilemark: false
        )
    }
}

/// One state of a tape up to some address. As long as it holds, nothing before that address was overwritten.
package struct TapeStamp: Sendable, Hashable {
    /// Objects before the address.
    package let blocks: UInt64
    /// The last of them: its contents by their checksum, its place, and the epoch in which it was written. Writing
    /// anything before it makes a new epoch, and it could only come back in that one.
    let checksum: UInt32
    let offset: UInt64
    let filemarksBefore: UInt32
    let epoch: UInt32
    let identity: UInt64

    /// All of it, as numbers.
    package var words: [UInt64] {
        [blocks, UInt64(checksum) << 32 | UInt64(filemarksBefore), offset, UInt64(epoch), identity]
    }
}

extension PartitionView {
    /// Entries read in one go at most, so that 64 KiB hold them.
    package static let maximumBlocksAtOnce = 2048

    /// The objects from `address` on: at least one and at most `count` (of ``maximumBlocksAtOnce``), fewer at the
    /// end of data or before an entry that is damaged. None at the end of data.
    package func blocks(from address: BlockAddress, count: Int) throws(ViewError) -> [TapeBlock] {
        guard address.rawValue < end.count, count > 0 else { return [] }
        let wanted = Int(min(UInt64(min(count, Self.maximumBlocksAtOnce)), end.count - address.rawValue))
        var bytes = [UInt8](repeating: 0, count: wanted * IndexEntry.size)
        let got: Int
        do throws(DiskError) {
            var span = bytes.mutableSpan
            got = try index.read(into: &span, at: Partition.entryOffset(address.rawValue))
        } catch {
            throw verdict(.disk(error))
        }
        var blocks: [TapeBlock] = []
        blocks.reserveCapacity(wanted)
        for position in 0..<got / IndexEntry.size {
            let entry = bytes.span.extracting(position * IndexEntry.size..<(position + 1) * IndexEntry.size)
            guard let block = block(entry, at: address.rawValue + UInt64(position)) else { break }
            blocks.append(block)
        }
        // Only the one that was asked for is an error now.
        guard blocks.isEmpty else { return blocks }
        let reason = got < IndexEntry.size ? "the file ends before it" : "the entry does not match its check"
        throw verdict(.corruptIndex(partition: number, address: address, reason: reason))
    }

    /// nil when the bytes are no entry of this state for this address.
    private func block(_ bytes: Span<UInt8>, at address: UInt64) -> TapeBlock? {
        guard let entry = codec.decode(bytes, address: address),
            // A later state's entry may stand there by now.
            entry.epoch <= superblock.epoch,
            entry.offset + UInt64(entry.storedLength) <= end.payloadEnd,
            UInt64(entry.filemarksBefore) <= end.filemarks
        else { return nil }
        return TapeBlock(
            address: BlockAddress(address),
            kind: entry.kind == .filemark ? .filemark : .record,
            offset: entry.offset,
            lengthBytes: Int(entry.logicalLength),
            checksum: entry.checksum,
            filemarksBefore: UInt64(entry.filemarksBefore),
            epoch: entry.epoch
        )
    }

    /// nil at the end of data and behind it.
    package func block(at address: BlockAddress) throws(ViewError) -> TapeBlock? {
        try blocks(from: address, count: 1).first
    }

    // MARK: Tape files

    /// Tape files: one for each filemark, and what lies behind the last when that is something.
    package var fileCount: UInt64 {
        // Whether the last object is a filemark shows without reading it only when there is none behind it.
        end.filemarks + (lastFileHasRecords ? 1 : 0)
    }

    private var lastFileHasRecords: Bool {
        guard end.count > 0 else { return false }
        // A damaged last entry is taken for a record: the file is listed, and reading it tells.
        guard let last = try? block(at: BlockAddress(end.count - 1)) else { return true }
        return last.kind == .record
    }

    /// nil when there is no such file. O(log n).
    package func tapeFile(_ number: UInt64) throws(ViewError) -> TapeFileExtent? {
        guard number <= end.filemarks else { return nil }
        let start = try mark(behindFilemark: number)
        if number < end.filemarks {
            // Mostly files are short of the whole tape by far, and the next filemark is near: the search begins there.
            let limit = try mark(behindFilemark: number + 1, from: start.count, payloadBefore: start.payloadEnd)
            return TapeFileExtent(
                number: number,
                firstBlock: BlockAddress(start.count),
                recordCount: limit.count - 1 - start.count,
                firstByte: start.payloadEnd,
                lengthBytes: limit.payloadEnd - start.payloadEnd,
                endsWithFilemark: true
            )
        }
        guard end.count > start.count else { return nil }
        return TapeFileExtent(
            number: number,
            firstBlock: BlockAddress(start.count),
            recordCount: end.count - start.count,
            firstByte: start.payloadEnd,
            lengthBytes: end.payloadEnd - start.payloadEnd,
            endsWithFilemark: false
        )
    }

    /// The file behind `previous`, faster than by its number.
    package func tapeFile(behind previous: TapeFileExtent) throws(ViewError) -> TapeFileExtent? {
        guard previous.endsWithFilemark else { return nil }
        let start = previous.endBlock.rawValue + 1
        let firstByte = previous.firstByte + previous.lengthBytes
        var found = TapeFileExtent(
            number: previous.number + 1,
            firstBlock: BlockAddress(start),
            recordCount: 0,
            firstByte: firstByte,
            lengthBytes: 0,
            endsWithFilemark: previous.number + 1 < end.filemarks
        )
        if found.endsWithFilemark {
            let limit = try mark(behindFilemark: found.number + 1, from: start, payloadBefore: firstByte)
            found.recordCount = limit.count - 1 - start
            found.lengthBytes = limit.payloadEnd - firstByte
        } else {
            guard end.count > start else { return nil }
            found.recordCount = end.count - start
            found.lengthBytes = end.payloadEnd - firstByte
        }
        return found
    }

    /// The mark behind the `number`th filemark, the beginning for number 0; there are so many. `low` is known not to
    /// lie behind it: from there the search doubles its steps before it halves them.
    private func mark(
        behindFilemark number: UInt64,
        from low: UInt64 = 0,
        payloadBefore: UInt64 = 0
    ) throws(ViewError) -> TapeMark {
        guard number > 0 else { return TapeMark() }
        let first = low
        var low = low
        var high = low
        var step: UInt64 = 8
        while high < end.count, try filemarks(before: high) < number {
            low = high + 1
            high = step > end.count - high ? end.count : high + step
            step *= 4
        }
        while low < high {
            let middle = low + (high - low) / 2
            if try filemarks(before: middle) < number { low = middle + 1 } else { high = middle }
        }
        // A disk that lost a write may show an old entry, which is whole but contradicts its neighbours.
        guard low > first, let mark = try block(at: BlockAddress(low - 1)), mark.kind == .filemark,
            mark.filemarksBefore == number - 1, mark.offset >= payloadBefore, mark.offset <= end.payloadEnd
        else {
            let reason = "the entry contradicts its neighbours"
            throw verdict(.corruptIndex(partition: self.number, address: BlockAddress(low), reason: reason))
        }
        return TapeMark(count: low, payloadEnd: mark.offset, filemarks: number)
    }

    private func filemarks(before address: UInt64) throws(ViewError) -> UInt64 {
        try block(at: BlockAddress(address))?.filemarksBefore ?? end.filemarks
    }

    // MARK: Places in a tape file

    /// The record that holds a byte of the file, `offset` counted from its first; nil behind its end. O(log n), and
    /// O(1) where all records have the same length.
    package func record(holding offset: UInt64, of file: TapeFileExtent) throws(ViewError) -> TapeBlock? {
        guard offset < file.lengthBytes, file.recordCount > 0 else { return nil }
        let wanted = file.firstByte + offset
        var low = file.firstBlock.rawValue
        var high = file.endBlock.rawValue
        var guess = low
        if let first = try block(at: file.firstBlock), first.lengthBytes > 0 {
            guess = min(low + offset / UInt64(first.lengthBytes), high - 1)
        }
        while low < high {
            guard let found = try block(at: BlockAddress(guess)) else { break }
            if found.offset > wanted {
                high = guess
            } else if found.offset + UInt64(found.lengthBytes) <= wanted {
                low = guess + 1
            } else if found.kind == .record {
                return found
            } else {
                break
            }
            guess = low + (high - low) / 2
        }
        let reason = "the entry contradicts its neighbours"
        throw verdict(.corruptIndex(partition: number, address: BlockAddress(low), reason: reason))
    }

    // MARK: States

    /// The state of everything before `address`; the end of data at most.
    package func stamp(before address: BlockAddress) throws(ViewError) -> TapeStamp {
        let blocks = min(address.rawValue, end.count)
        let last = blocks == 0 ? nil : try block(at: BlockAddress(blocks - 1))
        return TapeStamp(
            blocks: blocks,
            checksum: last?.checksum ?? 0,
            offset: last?.offset ?? 0,
            filemarksBefore: UInt32(truncatingIfNeeded: last?.filemarksBefore ?? 0),
            epoch: last?.epoch ?? 0,
            identity: superblock.identity
        )
    }

    /// Whether nothing before the stamp's address has changed since.
    package func holds(_ stamp: TapeStamp) throws(ViewError) -> Bool {
        guard stamp.blocks <= end.count else { return false }
        return try self.stamp(before: BlockAddress(stamp.blocks)) == stamp
    }
}
