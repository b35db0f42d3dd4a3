// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The bytes of one file of a session, read along its records. Going back starts at the nearest place it remembers.
final class BaculaMemberReader: ContentReader {
    /// Where the record of its attributes begins.
    struct Start: Equatable {
        var block = BaculaBlocks.Position(file: 0, offset: 0)
        /// In bytes from the beginning of the block.
        var record = 0

        init() {}

        init(_ block: BaculaBlocks.Position, record: Int) {
            self.block = block
            self.record = record
        }

        /// As the two numbers that a table of contents keeps. A block's records are below 2^25.
        var locator: UInt64 { block.offset }
        var second: UInt64 { UInt64(block.file) << 25 | UInt64(record) }

        init?(locator: UInt64, second: UInt64) {
            guard let file = Int(exactly: second >> 25) else { return nil }
            block = BaculaBlocks.Position(file: file, offset: locator)
            record = Int(second & 0x1FF_FFFF)
        }
    }

    /// Longest record that is gathered: Bacula's are its network buffer's size, 64 KiB to 1 MiB as a rule.
    static let maximumRecordBytes = 16 << 20
    /// A record that is unpacked may grow to this; Bacula packs its buffer of at most 1 MiB at once.
    static let maximumUnpackedBytes = 16 << 20
    /// Places to go back to; when there are more, every other one is forgotten.
    static let maximumPlaces = 4096

    private struct Place {
        var offset: UInt64
        var start: Start
    }

    private let files: [any TapeFileBytes]
    private let start: Start
    private let lengthBytes: UInt64
    private var places: [Place] = []
    private var spacing: UInt64 = 1 << 20

    private var blocks: BaculaBlocks
    private var block: BaculaBlock?
    /// Of the next record in the block.
    private var nextRecord = 0
    private var session: BaculaBlock.Session?
    private var fileIndex: Int32 = 0
    /// Bytes that are unpacked, and where in the file they belong.
    private var chunk: [UInt8] = []
    private var chunkOffset: UInt64 = 0
    private var isAtEnd = false
    private var backupRead = BackupReadFilter()

    init(_ files: [any TapeFileBytes], start: Start, lengthBytes: UInt64) {
        self.files = files
        self.start = start
        self.lengthBytes = lengthBytes
        blocks = BaculaBlocks(files, from: start.block)
        nextRecord = start.record
    }

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
        guard offset < lengthBytes else { return 0 }
        let wanted = Int(min(UInt64(room.count), lengthBytes - offset))
        if session == nil || offset < chunkOffset { goBack(to: offset) }
        var done = 0
        var holeStart = chunkOffset + UInt64(chunk.count)
        while done < wanted {
            let at = offset + UInt64(done)
            let chunkEnd = chunkOffset + UInt64(chunk.count)
            if at < chunkOffset {
                // A hole between two records.
                guard at >= holeStart else { throw .malformed("records of the file go back in it") }
                let count = Int(min(UInt64(wanted - done), chunkOffset - at))
                for index in done..<done + count { room[index] = 0 }
                done += count
            } else if at < chunkEnd {
                let from = Int(at - chunkOffset)
                let count = min(wanted - done, chunk.count - from)
                for index in 0..<count { room[done + index] = chunk[from + index] }
                done += count
            } else {
                guard !isAtEnd else {
                    if done > 0 { return done }
                    throw .unreadable("only its first \(chunkEnd) bytes are on this volume")
                }
                holeStart = chunkEnd
                try readChunk()
            }
        }
        return done
    }

    /// Begins again at the last known place that is not behind `offset`.
    private func goBack(to offset: UInt64) {
        var from = start
        chunkOffset = 0
        if let place = places.last(where: { $0.offset <= offset }) {
            from = place.start
            chunkOffset = place.offset
        }
        blocks = BaculaBlocks(files, from: from.block)
        block = nil
        nextRecord = from.record
        chunk = []
        isAtEnd = false
        if from == start {
            session = nil
            backupRead = BackupReadFilter()
        }
    }

    // MARK: Records

    /// The next block of the session, with `nextRecord` at its first record.
    private func readBlock() throws(FormatError) -> Bool {
        let isFirst = block == nil
        while let next = try blocks.read() {
            if let session, next.session != session { continue }
            guard blocks.isIntact else {
                throw .unreadable("block \(next.number) of session \(next.session.number) has a wrong sum")
            }
            session = next.session
            block = next
            if !isFirst { nextRecord = BaculaBlock.headerBytes }
            return true
        }
        return false
    }

    /// The next record of the session; nil: there is none.
    private func readRecord() throws(FormatError) -> (BaculaRecord, Start)? {
        while true {
            if let block, let record = BaculaRecord(blocks.bytes, at: nextRecord, end: block.sizeBytes) {
                let place = Start(blocks.position, record: nextRecord)
                nextRecord = record.range.upperBound
                return (record, place)
            }
            guard try readBlock() else { return nil }
        }
    }

    /// Reads on to the next record with bytes of the file.
    private func readChunk() throws(FormatError) {
        while true {
            guard let (record, place) = try readRecord() else { return isAtEnd = true }
            if fileIndex == 0 { fileIndex = record.fileIndex }
            guard record.fileIndex == fileIndex else { return isAtEnd = true }
            guard !record.isContinuation, let stream = BaculaStream(type: record.type) else { continue }
            guard !stream.isEncrypted else { throw .opaque("encrypted by Bacula's client") }
            let packed = try whole(record, canBePart: stream.packing == .plain)
            let end = chunkOffset + UInt64(chunk.count)
            var offset = end
            var data = packed[...]
            if stream.hasOffsets {
                guard let stated = packed.bigEndian64(at: 0) else {
                    throw .malformed("a record of a sparse file has no offset")
                }
                guard stated >= end, stated <= UInt64(Int64.max) else {
                    throw .malformed("records of a sparse file go back in it")
                }
                offset = stated
                data = packed.dropFirst(8)
            }
            if !stream.isBackupRead { remember(offset: end, place) }
            var bytes = try Self.unpack(data, stream.packing)
            if stream.isBackupRead { bytes = try backupRead.data(in: bytes) }
            guard !bytes.isEmpty else { continue }
            chunk = bytes
            chunkOffset = offset
            return
        }
    }

    /// All bytes of a record: those here, and those of the next blocks.
    ///
    /// - Parameter canBePart: what is there is of use when the volume ends before the record does.
    private func whole(_ record: BaculaRecord, canBePart: Bool) throws(FormatError) -> [UInt8] {
        guard record.lengthBytes <= Self.maximumRecordBytes else {
            throw .limit("a record of \(record.lengthBytes) bytes is longer than \(Self.maximumRecordBytes)")
        }
        var bytes = Array(blocks.bytes[record.range])
        var missing = record.missingBytes
        while missing > 0 {
            guard let (next, _) = try readRecord() else {
                if canBePart { return bytes }
                throw .unreadable("the rest of it is not on this volume")
            }
            guard next.isContinuation, next.fileIndex == record.fileIndex, next.type == record.type,
                next.lengthBytes == missing, !next.range.isEmpty
            else { throw .malformed("a record of file \(record.fileIndex) does not go on as it should") }
            bytes += blocks.bytes[next.range]
            missing = next.missingBytes
        }
        return bytes
    }

    private func remember(offset: UInt64, _ place: Start) {
        if let last = places.last, offset < last.offset + spacing { return }
        guard offset > 0 else { return }
        places.append(Place(offset: offset, start: place))
        guard places.count > Self.maximumPlaces else { return }
        spacing *= 2
        places = places.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    }

    private static func unpack(
        _ data: ArraySlice<UInt8>,
        _ packing: BaculaStream.Packing
    ) throws(FormatError) -> [UInt8] {
        switch packing {
        case .plain: return Array(data)
        case .zlib: return try Inflate.zlib(data, limit: maximumUnpackedBytes)
        case .headed:
            // Name of the compression, size of what follows, level (2 bytes), version (2 bytes).
            let header = Array(data.prefix(12))
            guard let size = header.bigEndian32(at: 4), header.bigEndian16(at: 10) == 1,
                Int(size) == data.count - 12
            else { throw .malformed("a compressed record has no sound header") }
            switch String(decoding: header.prefix(4), as: UTF8.self) {
            case "NONE": return Array(data.dropFirst(12))
            case "GZIP": return try Inflate.zlib(data.dropFirst(12), limit: maximumUnpackedBytes)
            case "LZOX": return try LempelZivOberhumer.unpack(data.dropFirst(12), limit: maximumUnpackedBytes)
            default: throw .opaque("compressed with \(FieldText.shown(header.prefix(4)))")
            }
        }
    }
}

/// Takes the file's own bytes out of the form in which Windows' BackupRead hands over a file: streams one behind the
/// other, each with a header (WIN32_STREAM_ID: kind, attributes, 8 bytes of size, size of a name, all little-endian).
private struct BackupReadFilter {
    /// Names of streams are at most 32,767 characters of two bytes.
    static let maximumNameBytes = 65_536

    private var header: [UInt8] = []
    private var nameBytes = 0
    private var left: UInt64 = 0
    private var isData = false

    mutating func data(in bytes: [UInt8]) throws(FormatError) -> [UInt8] {
        var data: [UInt8] = []
        var at = 0
        while at < bytes.count {
            if nameBytes > 0 {
                let count = min(nameBytes, bytes.count - at)
                nameBytes -= count
                at += count
            } else if left > 0 {
                let count = Int(min(left, UInt64(bytes.count - at)))
                if isData { data += bytes[at..<at + count] }
                left -= UInt64(count)
                at += count
            } else {
                header.append(bytes[at])
                at += 1
                guard header.count == 20 else { continue }
                guard let kind = header.littleEndian32(at: 0), let size = header.littleEndian64(at: 8),
                    let name = header.littleEndian32(at: 16), name <= Self.maximumNameBytes
                else { throw .malformed("a stream of Windows' backup has no sound header") }
                isData = kind == 1
                left = size
                nameBytes = Int(name)
                header = []
            }
        }
        return data
    }
}
