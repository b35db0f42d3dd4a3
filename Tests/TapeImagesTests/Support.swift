// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import SimulatedDisk
import Testing

@testable import TapeImages

/// One object of a tape with its bytes, as tests write tapes down.
enum Piece: Equatable {
    case record([UInt8])
    case damaged([UInt8])
    case mark
    case gap(UInt64)
    case partition(Int)
}

enum Images {
    static let path = "/images/tape"

    /// A disk with one image on it.
    static func disk(_ image: [UInt8], at path: String = path) throws -> SimulatedDisk {
        let disk = SimulatedDisk()
        try disk.makeDirectory("/images")
        disk.setBytes(image, of: path)
        return disk
    }

    static func pieces(_ reader: any ImageReader) throws(ImageError) -> [Piece] {
        var pieces: [Piece] = []
        var record: [UInt8] = []
        while true {
            switch try reader.next(into: &record) {
            case .record(let length):
                #expect(length == record.count)
                pieces.append(.record(record))
            case .damagedRecord(let length):
                #expect(length == record.count)
                pieces.append(.damaged(record))
            case .filemark: pieces.append(.mark)
            case .gap(let length): pieces.append(.gap(length))
            case .partition(let number): pieces.append(.partition(number))
            case .endOfMedium: return pieces
            }
        }
    }

    /// What a reader finds in an image of these bytes.
    static func read(_ image: [UInt8], as format: ImageFormat? = nil, name: String = path) throws -> [Piece] {
        try pieces(try ImageFiles.reader(name, format: format, on: try disk(image, at: name)))
    }

    static func write(_ pieces: [Piece], to writer: any ImageWriter) throws {
        for piece in pieces {
            switch piece {
            case .record(let bytes): try writer.write(.record(lengthBytes: bytes.count), bytes)
            case .damaged(let bytes): try writer.write(.damagedRecord(lengthBytes: bytes.count), bytes)
            case .mark: try writer.write(.filemark, [])
            case .gap(let length): try writer.write(.gap(lengthBytes: length), [])
            case .partition(let number): try writer.write(.partition(number), [])
            }
        }
        try writer.finish()
    }

    static func random(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        for index in bytes.indices where index % 8 == 0 {
            let number = generator.next()
            for position in index..<min(index + 8, count) {
                bytes[position] = UInt8(truncatingIfNeeded: number >> UInt64(8 * (position - index)))
            }
        }
        return bytes
    }
}

/// A cartridge on a simulated disk.
struct TestCartridge {
    static let directory = "/store/CAP001L8"
    let disk: SimulatedDisk

    init(capacity: ByteCount = .mebibytes(64), seed: UInt64 = 0, partitions: Int = 1) throws {
        disk = SimulatedDisk(seed: seed)
        try disk.makeDirectory("/store")
        let specification = CartridgeSpecification(barcode: "CAP001L8", generation: 8, capacity: capacity)
        try Cartridge.create(at: Self.directory, on: disk, specification)
        guard partitions > 1 else { return }
        let share = ByteCount(capacity.rawValue / UInt64(partitions))
        try change { (cartridge) throws(CartridgeError) in
            try cartridge.format(partitionCapacities: Array(repeating: share, count: partitions))
        }
    }

    func change(_ body: (Cartridge) throws(CartridgeError) -> Void) throws {
        let cartridge = try Cartridge(opening: Self.directory, on: disk, access: .readWrite)
        try body(cartridge)
        try cartridge.close()
    }

    func write(_ pieces: [Piece]) throws {
        try change { (cartridge) throws(CartridgeError) in
            var partition = 0
            for piece in pieces {
                let end = cartridge.endOfData(partition)
                switch piece {
                case .record(let bytes): try cartridge.writeRecord(bytes.span, at: end, partition: partition)
                case .damaged(let bytes): try cartridge.writeDamagedRecord(bytes.span, at: end, partition: partition)
                case .mark: try cartridge.writeFilemarks(1, at: end, partition: partition)
                case .partition(let number): partition = number
                case .gap: break
                }
            }
        }
    }

    /// What a drive would read, damaged records with the bytes that can be salvaged.
    var contents: [Piece] {
        get throws {
            let cartridge = try Cartridge(opening: Self.directory, on: disk, access: .readOnly)
            var pieces: [Piece] = []
            for partition in 0..<cartridge.partitionCount {
                if cartridge.partitionCount > 1 { pieces.append(.partition(partition)) }
                var address = BlockAddress.zero
                while let object = try cartridge.object(at: address, partition: partition) {
                    pieces.append(try piece(object, address, partition, cartridge))
                    address += 1
                }
            }
            return pieces
        }
    }

    private func piece(
        _ object: TapeObject,
        _ address: BlockAddress,
        _ partition: Int,
        _ cartridge: Cartridge
    ) throws -> Piece {
        guard case .record(let length) = object else { return .mark }
        var bytes = [UInt8](repeating: 0, count: length)
        var span = bytes.mutableSpan
        do throws(CartridgeError) {
            _ = try cartridge.readRecord(at: address, partition: partition, into: &span)
            return .record(bytes)
        } catch .corruptRecord {
            let count = try cartridge.salvageRecord(at: address, partition: partition, into: &span)
            return .damaged(Array(bytes[..<count]))
        }
    }

    var files: [String] { get throws { try disk.list("/store") + disk.list(Self.directory) } }

    /// As `capstan cartridge export` does it.
    @discardableResult
    func export(
        _ format: ImageFormat,
        to path: String,
        options: ImageExport.Options = .init()
    ) throws(ImageError) -> ImageExport {
        let disk = disk
        let export = ImageExport(format, options: options) { (tape) throws(ImageError) in
            try ImageFiles.writer(format, to: path, on: disk, tape: tape, options: options, standardOutput: nil)
        }
        do throws(ImageError) {
            guard let stream = try? CartridgeStream(opening: Self.directory, on: disk) else {
                throw .notRecognised(file: Self.directory, hint: "")
            }
            while let piece = try? stream.next(about: 100_000) { try export.take(piece) }
            try export.finish()
        } catch {
            export.discard()
            throw error
        }
        return export
    }

    /// As `capstan cartridge import` does it.
    @discardableResult
    func fill(from path: String, as format: ImageFormat? = nil) throws -> (CartridgeFilling, ImageImport) {
        let image = ImageImport(try ImageFiles.reader(path, format: format, on: disk))
        let filling = try CartridgeFilling(Self.directory, on: disk)
        do {
            while let piece = try image.next(about: 100_000) { try filling.write(piece) }
            try filling.finish()
        } catch {
            filling.abandon()
            throw error
        }
        return (filling, image)
    }
}
