// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import FoundationEssentials

/// Reads a tape that was written as a directory, or made by hand. Checksums are verified where they are given.
package final class FolderReader: ImageReader {
    package let format = ImageFormat.directory
    package let tape: TapeDescription
    package let notes: [String] = []

    private struct Row {
        var partition: Int
        var kind: TapeFolder.Kind
        var bytes: Int
        var checksum: String
    }

    private let path: String
    private let disk: any Disk
    private let blocks: ImageInput
    private var records: ImageInput?
    private var partition = 0
    private var block: UInt64 = 0
    private var filemarks: UInt64 = 0
    private var objects: UInt64 = 0
    private var pending: Row?
    private var hasEnded = false

    package init(_ path: String, on disk: any Disk) throws(ImageError) {
        let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        self.path = path
        self.disk = disk
        let file = path + "/" + TapeFolder.descriptionName
        let json = try onDisk { () throws(DiskError) in
            try disk.readContents(of: file, limit: ImageLimits.descriptionBytes)
        }
        guard let description = try? JSONDecoder().decode(TapeFolder.Description.self, from: Data(json)) else {
            throw .malformed(file: file, offset: 0, reason: "it does not describe a tape")
        }
        guard description.capstanTape == TapeFolder.version else {
            throw .unsupported(
                file: file,
                reason: "version \(description.capstanTape) of tape directories is not known",
                hint: "this program reads version \(TapeFolder.version)"
            )
        }
        tape = description.tape
        blocks = try ImageInput(path + "/" + TapeFolder.blocksName, on: disk)
        guard try blocks.line() == TapeFolder.header else {
            throw blocks.malformed("the first line is not \"\(TapeFolder.header)\"", at: 0)
        }
    }

    package var position: (done: UInt64, total: UInt64) { (blocks.offset, blocks.length) }

    package func next(into record: inout [UInt8]) throws(ImageError) -> ImageObject {
        guard !hasEnded else { return .endOfMedium }
        let begin = blocks.offset
        let next: Row
        if let pending { next = pending } else { next = try row() }
        pending = nil
        guard next.partition == partition || next.kind == .end else {
            guard next.partition > partition, next.partition < tape.partitions.count else {
                throw blocks.malformed("partition \(next.partition) is not the one that follows", at: begin)
            }
            try leaveFile()
            (partition, block, filemarks) = (next.partition, 0, 0)
            pending = next
            return .partition(partition)
        }
        switch next.kind {
        case .record, .damaged:
            record.removeAll(keepingCapacity: true)
            try read(next, into: &record, begin)
            block += 1
            objects += 1
            return next.kind == .record ? .record(lengthBytes: next.bytes) : .damagedRecord(lengthBytes: next.bytes)
        case .filemark:
            try leaveFile()
            filemarks += 1
            block += 1
            objects += 1
            return .filemark
        case .end:
            try leaveFile()
            hasEnded = true
            return .endOfMedium
        }
    }

    private func row() throws(ImageError) -> Row {
        let begin = blocks.offset
        guard let line = try blocks.line() else {
            throw blocks.malformed("the file ends without a line \"\(TapeFolder.Kind.end.rawValue)\"", at: begin)
        }
        let fields = line.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count == 5, let number = UInt64(fields[1]), let kind = TapeFolder.Kind(rawValue: String(fields[2]))
        else { throw blocks.malformed("\"\(line.prefix(80))\" is no line of the index", at: begin) }
        guard kind != .end else {
            guard number == objects, blocks.remaining == 0 else {
                throw blocks.malformed("the last line counts \(number) lines, there are \(objects)", at: begin)
            }
            return Row(partition: partition, kind: kind, bytes: 0, checksum: "")
        }
        guard let partition = Int(fields[0]), number == (partition == self.partition ? block : 0) else {
            throw blocks.malformed("\"\(line.prefix(80))\" has the wrong number", at: begin)
        }
        let bytes = kind == .filemark ? 0 : Int(fields[3]) ?? -1
        guard bytes >= (kind == .record ? 1 : 0), bytes <= ImageLimits.recordBytes else {
            throw blocks.malformed(
                "\"\(line.prefix(80))\" has a length that no record can have (1 to \(ImageLimits.recordBytes))",
                at: begin
            )
        }
        return Row(partition: partition, kind: kind, bytes: bytes, checksum: String(fields[4]))
    }

    private func read(_ row: Row, into record: inout [UInt8], _ begin: UInt64) throws(ImageError) {
        guard row.bytes > 0 else { return }
        let input: ImageInput
        if let records {
            input = records
        } else {
            let name = TapeFolder.fileName(partition: partition, number: filemarks)
            input = try ImageInput(path + "/" + name, on: disk)
            records = input
        }
        let place = input.offset
        try input.append(row.bytes, to: &record, of: "a record", from: place)
        guard row.kind == .record, !row.checksum.isEmpty else { return }
        guard FolderWriter.checksum(record) == row.checksum.lowercased() else {
            throw input.malformed(
                "the record of \(row.bytes) bytes does not match its checksum in \(TapeFolder.blocksName)",
                at: place
            )
        }
    }

    /// The tape file is over.
    private func leaveFile() throws(ImageError) {
        defer { records = nil }
        guard let records, records.remaining > 0 else { return }
        throw records.malformed("\(records.remaining) bytes belong to no record")
    }
}
