// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO

/// Reads a cartridge of mhvtl: the directory with `data`, `indx` and `meta` (format versions 3 to 5) or `data.0`, `indx.0`
/// and so on for each partition (6). Blocks are plain or compressed with zlib.
package final class MHVTLReader: ImageReader {
    package let format = ImageFormat.mhvtl
    package let tape: TapeDescription
    package private(set) var notes: [String] = []

    private let directory: String
    private let disk: any Disk
    /// Names of the data and index files of each partition.
    private let names: [(data: String, index: String)]
    private var data: ImageInput
    private var index: ImageInput
    private var partition = 0
    private var block: UInt64 = 0
    private var done: UInt64 = 0
    private let total: UInt64
    private var hasEnded = false
    private var damaged: UInt64 = 0

    /// Whether a directory looks like one.
    static func recognises(_ directory: String, on disk: any Disk) -> Bool { !names(in: directory, on: disk).isEmpty }

    private static func names(in directory: String, on disk: any Disk) -> [(data: String, index: String)] {
        var names: [(data: String, index: String)] = []
        for partition in 0..<CartridgeLimits.partitions {
            let suffixes = partition == 0 ? ["", ".0"] : [".\(partition)"]
            guard
                let suffix = suffixes.first(where: {
                    disk.exists("\(directory)/data\($0)") && disk.exists("\(directory)/indx\($0)")
                })
            else { break }
            names.append(("data" + suffix, "indx" + suffix))
        }
        return names
    }

    package init(_ path: String, on disk: any Disk) throws(ImageError) {
        let directory = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        self.directory = directory
        self.disk = disk
        let memory = try MHVTLMemory(in: directory, on: disk)
        let names = Self.names(in: directory, on: disk)
        guard let first = names.first else {
            throw .notRecognised(
                file: directory,
                hint: "a cartridge of mhvtl is a directory with the files data and indx"
            )
        }
        self.names = names
        var total: UInt64 = 0
        for name in names { total += try ImageInput(directory + "/" + name.index, on: disk).length }
        self.total = total
        data = try ImageInput(directory + "/" + first.data, on: disk)
        index = try ImageInput(directory + "/" + first.index, on: disk)
        var partitions = names.map { _ in TapeDescription.Partition() }
        if names.count == 1 { partitions[0].capacityBytes = memory.capacityBytes }
        tape = TapeDescription(barcode: memory.barcode, partitions: partitions, attributes: memory.attributes)
        notes.append("mhvtl tape format \(memory.version)\(memory.barcode.map { ", cartridge \($0)" } ?? "")")
    }

    package var position: (done: UInt64, total: UInt64) { (done + index.offset, total) }

    package func next(into record: inout [UInt8]) throws(ImageError) -> ImageObject {
        guard !hasEnded else { return .endOfMedium }
        let begin = index.offset
        guard let header = try MHVTLHeader(index), header.type != MHVTLHeader.endOfData else {
            return try nextPartition()
        }
        guard UInt64(header.number) == block, header.offset == data.offset else {
            throw index.malformed(
                "block \(block) has number \(header.number) and lies at byte \(header.offset), not \(data.offset); "
                    + "the index is damaged or laid out in a way that is not known",
                at: begin
            )
        }
        block += 1
        switch header.type {
        case MHVTLHeader.filemark: return .filemark
        case MHVTLHeader.data: return try read(header, into: &record, begin)
        default:
            throw index.malformed("block \(header.number) is of type \(header.type), which is not known", at: begin)
        }
    }

    private func nextPartition() throws(ImageError) -> ImageObject {
        guard data.remaining == 0 else {
            throw data.malformed("\(data.remaining) bytes belong to no block")
        }
        done += index.length
        guard partition + 1 < names.count else {
            hasEnded = true
            done -= index.offset
            if damaged > 0 {
                notes.append(
                    Numbers.text(damaged, "block") + " without a matching checksum, damaged on the cartridge too"
                )
            }
            return .endOfMedium
        }
        partition += 1
        block = 0
        data = try ImageInput(directory + "/" + names[partition].data, on: disk)
        index = try ImageInput(directory + "/" + names[partition].index, on: disk)
        return .partition(partition)
    }

    private func read(
        _ header: MHVTLHeader,
        into record: inout [UInt8],
        _ begin: UInt64
    ) throws(ImageError) -> ImageObject {
        guard header.flags.isDisjoint(with: .encrypted) else {
            throw refused(header, "is encrypted", "restore it with mhvtl and its key, or leave this cartridge")
        }
        guard header.flags.isDisjoint(with: .lzo) else {
            throw refused(
                header,
                "is compressed with LZO, which is not read here",
                "copy the tape in mhvtl with compression off or zlib"
            )
        }
        let lengths = 1...UInt32(ImageLimits.recordBytes)
        guard lengths.contains(header.bytes), header.storedBytes <= lengths.upperBound else {
            throw index.malformed("block \(header.number) of \(header.bytes) bytes cannot be", at: begin)
        }
        let place = data.offset
        record.removeAll(keepingCapacity: true)
        try data.append(Int(header.storedBytes), to: &record, of: "block \(header.number)", from: place)
        if header.flags.contains(.zlib) {
            guard let bytes = Zlib.decompress(record, limit: Int(header.bytes)), bytes.count == Int(header.bytes) else {
                damaged += 1
                record.removeAll(keepingCapacity: true)
                return .damagedRecord(lengthBytes: 0)
            }
            record = bytes
        }
        guard record.count == Int(header.bytes) else {
            throw index.malformed(
                "block \(header.number) has \(header.bytes) bytes, of which \(header.storedBytes) are stored",
                at: begin
            )
        }
        guard header.flags.contains(.checksum), crc32c(record.span) != header.checksum else {
            return .record(lengthBytes: record.count)
        }
        damaged += 1
        return .damagedRecord(lengthBytes: record.count)
    }

    private func refused(_ header: MHVTLHeader, _ reason: String, _ hint: String) -> ImageError {
        .unsupported(
            file: directory + "/" + names[partition].data,
            reason: "block \(header.number) of the cartridge \(reason)",
            hint: hint
        )
    }
}
