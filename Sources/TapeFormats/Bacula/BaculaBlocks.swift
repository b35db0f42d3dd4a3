// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A block of a Bacula or Bareos volume ("Storage Media Output Format" of their developers' guides, Version BB02 Block
/// Header): big-endian, and one session's only.
///
///     0  CRC-32 of all that follows it in the block     4  size of the block in bytes, this header included
///     8  number of the block                           12  "BB02"
///    16  session number                                20  session time, seconds since 1970
///    24  records
struct BaculaBlock: Equatable {
    /// Which session of the volume: its number and the time at which its storage daemon began.
    struct Session: Hashable, Comparable {
        var number: UInt32
        var time: UInt32

        static func < (one: Session, other: Session) -> Bool {
            (one.time, one.number) < (other.time, other.number)
        }
    }

    static let headerBytes = 24
    /// The longest block that Bacula writes (its MAX_BLOCK_LENGTH).
    static let maximumBytes = 20_000_000

    var sum: UInt32
    var sizeBytes: Int
    var number: UInt32
    var session: Session

    /// nil: there is no such header at the beginning of `bytes`.
    init?(_ bytes: [UInt8]) {
        guard bytes.begins(with: "BB02", at: 12), let sum = bytes.bigEndian32(at: 0),
            let size = bytes.bigEndian32(at: 4), let number = bytes.bigEndian32(at: 8),
            let session = bytes.bigEndian32(at: 16), let time = bytes.bigEndian32(at: 20),
            (Self.headerBytes...Self.maximumBytes).contains(Int(size))
        else { return nil }
        self.sum = sum
        sizeBytes = Int(size)
        self.number = number
        self.session = Session(number: session, time: time)
    }
}

/// Header of a record in a block: file index, stream, and how many bytes of it are left from here on.
///
/// Records of labels have a negative file index and the job's number as stream. A negative stream goes on with a record
/// of the block before. A header is never split; its bytes may be.
struct BaculaRecord {
    static let headerBytes = 12

    var fileIndex: Int32
    var stream: Int32
    var lengthBytes: Int
    /// Of its bytes in the block.
    var range: Range<Int>

    /// The record at `offset` of a block; nil: no whole header is left.
    init?(_ block: [UInt8], at offset: Int, end: Int) {
        guard offset <= end - Self.headerBytes, let index = block.bigEndian32(at: offset),
            let stream = block.bigEndian32(at: offset + 4), let length = block.bigEndian32(at: offset + 8)
        else { return nil }
        fileIndex = Int32(bitPattern: index)
        self.stream = Int32(bitPattern: stream)
        lengthBytes = Int(length)
        let start = offset + Self.headerBytes
        range = start..<start + min(Int(length), end - start)
    }

    /// The stream without sign and without the flags in its upper bits.
    var type: Int { Int(stream.magnitude & 0x7FF) }
    var isContinuation: Bool { fileIndex > 0 && stream < 0 }
    /// Bytes that are not in this block.
    var missingBytes: Int { lengthBytes - range.count }
}

/// Walks through the blocks of a volume, which lie in several tape files.
struct BaculaBlocks {
    struct Position: Equatable {
        /// Index into the files.
        var file: Int
        /// Where the block begins, in bytes.
        var offset: UInt64
    }

    private let files: [any TapeFileBytes]
    /// Where the next block should begin.
    private(set) var next: Position
    /// The block that was read last; its records are from `BaculaBlock.headerBytes` to its size.
    private(set) var bytes: [UInt8] = []
    private(set) var position: Position
    /// What was no block was passed over before this one.
    private(set) var skippedBytes: UInt64 = 0
    /// The sum of the last block is as it should be.
    private(set) var isIntact = true

    init(_ files: [any TapeFileBytes], from position: Position = Position(file: 0, offset: 0)) {
        self.files = files
        next = position
        self.position = position
    }

    /// Reads the next block; nil behind the last.
    ///
    /// What is no block is passed over to the beginning of the next record of the tape.
    mutating func read() throws(FormatError) -> BaculaBlock? {
        skippedBytes = 0
        while next.file < files.count {
            let file = files[next.file]
            guard next.offset < file.lengthBytes else {
                next = Position(file: next.file + 1, offset: 0)
                continue
            }
            if let block = try readRecord(file) { return block }
            let header = try file.bytes(BaculaBlock.headerBytes, at: next.offset)
            if let block = BaculaBlock(header), UInt64(block.sizeBytes) <= file.lengthBytes - next.offset {
                try load(block, file)
                return block
            }
            let after = try nextRecord(behind: next.offset, file)
            skippedBytes += after - next.offset
            next.offset = after
        }
        return nil
    }

    /// The block that is a record of the tape, as a tape drive wrote it: one read. nil: it is not that simple.
    private mutating func readRecord(_ file: any TapeFileBytes) throws(FormatError) -> BaculaBlock? {
        let start = next.offset
        guard let index = try file.recordIndex(holding: start), let record = try file.record(index),
            record.offset == start, (BaculaBlock.headerBytes...BaculaBlock.maximumBytes).contains(record.lengthBytes)
        else { return nil }
        if bytes.count != record.lengthBytes { bytes = [UInt8](repeating: 0, count: record.lengthBytes) }
        var room = bytes.mutableSpan
        let got = try file.read(into: &room, at: start)
        guard got == record.lengthBytes, let block = BaculaBlock(bytes), block.sizeBytes == got else { return nil }
        position = next
        isIntact = isSumRight(block)
        next.offset += UInt64(got)
        return block
    }

    private func isSumRight(_ block: BaculaBlock) -> Bool {
        block.sum == 0 || block.sum == CyclicSum32.of(bytes.span.extracting(droppingFirst: 4))
    }

    private mutating func load(_ block: BaculaBlock, _ file: any TapeFileBytes) throws(FormatError) {
        position = next
        if bytes.count != block.sizeBytes { bytes = [UInt8](repeating: 0, count: block.sizeBytes) }
        let start = next.offset
        var room = bytes.mutableSpan
        let got = try file.read(into: &room, at: start)
        guard got == block.sizeBytes else { throw .truncated(at: next.offset + UInt64(got)) }
        isIntact = isSumRight(block)
        next.offset += UInt64(block.sizeBytes)
        // A tape's record may be longer than its block: filled up to a minimum, or to a multiple.
        let end = try nextRecord(behind: position.offset, file)
        guard end > next.offset, next.offset < file.lengthBytes else { return }
        if BaculaBlock(try file.bytes(BaculaBlock.headerBytes, at: next.offset)) == nil { next.offset = end }
    }

    private func nextRecord(behind offset: UInt64, _ file: any TapeFileBytes) throws(FormatError) -> UInt64 {
        guard let index = try file.recordIndex(holding: offset), let record = try file.record(index) else {
            return file.lengthBytes
        }
        return max(record.offset + UInt64(max(record.lengthBytes, 0)), offset + 1)
    }
}
