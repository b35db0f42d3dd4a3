// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Foundation
import SimulatedDisk
import Testing

@testable import TapeImages

/// A cartridge of mhvtl, laid out from the structures in its sources (blk_header, raw_header, MAM), little-endian.
struct MHVTLFixture {
    var data: [UInt8] = []
    var index: [UInt8] = []
    var blocks: UInt32 = 0

    static func number(_ value: UInt64, _ bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    mutating func entry(type: UInt32, flags: UInt32 = 0, size: Int = 0, stored: [UInt8] = [], checksum: UInt32 = 0) {
        var entry = Self.number(UInt64(data.count), 8)
        for word in [type, flags, blocks, UInt32(size), UInt32(stored.count), checksum] {
            entry += Self.number(UInt64(word), 4)
        }
        index += entry + [UInt8](repeating: 0, count: 512 - entry.count)
        data += stored
        blocks += 1
    }

    mutating func plain(_ bytes: [UInt8]) { entry(type: 11, size: bytes.count, stored: bytes) }
    mutating func mark() { entry(type: 3) }

    /// Attributes as versions 5 and 6 store them.
    static func memory(version: UInt64) -> [UInt8] {
        var bytes = number(version, 4) + number(4, 4)
        for (identifier, value) in [
            (0x0001, [0, 0, 0, 0, 0x7D, 0, 0, 0]), (0x0801, Array("Bacula".utf8) + [UInt8](repeating: 0x20, count: 26)),
            (0x0806, Array("E01001L8".utf8) + [UInt8](repeating: 0x20, count: 24)), (0x0400, Array("linuxVTL".utf8)),
            (0x0803, [UInt8](repeating: 0, count: 160)),
        ] as [(UInt64, [UInt8])] {
            bytes += number(identifier, 2) + number(UInt64(value.count), 2) + value
        }
        return bytes
    }

    /// The structure of versions 3 and 4.
    static func structure(version: UInt64) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1024)
        bytes.replaceSubrange(0..<8, with: number(version, 4) + number(3, 4))
        bytes.replaceSubrange(16..<24, with: [0, 0, 0, 0, 0x7D, 0, 0, 0])
        bytes.replaceSubrange(340..<346, with: Array("Bacula".utf8))
        bytes.replaceSubrange(553..<585, with: Array("E01001L8".utf8) + [UInt8](repeating: 0x20, count: 24))
        return bytes
    }
}

@Suite("Cartridges of mhvtl")
struct MHVTLTests {
    static let records: [Piece] = [
        .record([1, 2, 3]), .record(Array(repeating: 0x61, count: 100)), .mark, .record([4]), .mark,
    ]

    private func fixture() -> MHVTLFixture {
        var fixture = MHVTLFixture()
        fixture.plain([1, 2, 3])
        let stored = Array(AWSTests.zlib[6...])
        let bytes = [UInt8](repeating: 0x61, count: 100)
        fixture.entry(type: 11, flags: 1 | 8, size: 100, stored: stored, checksum: crc32c(bytes.span))
        fixture.mark()
        fixture.plain([4])
        fixture.mark()
        return fixture
    }

    private func disk(_ files: [String: [UInt8]]) throws -> SimulatedDisk {
        let disk = SimulatedDisk()
        try disk.makeDirectory("/mhvtl/E01001L8")
        for (name, bytes) in files { disk.setBytes(bytes, of: "/mhvtl/E01001L8/" + name) }
        return disk
    }

    private func read(_ files: [String: [UInt8]]) throws -> (pieces: [Piece], reader: any ImageReader) {
        let reader = try ImageFiles.reader("/mhvtl/E01001L8", format: nil, on: try disk(files))
        return (try Images.pieces(reader), reader)
    }

    @Test("format versions 3 to 6: blocks, plain and zlib, filemarks, barcode, capacity, attributes", arguments: 3...6)
    func versions(version: Int) throws {
        let fixture = fixture()
        let suffix = version == 6 ? ".0" : ""
        var files = ["data" + suffix: fixture.data, "indx" + suffix: fixture.index]
        let memory =
            version < 5
            ? MHVTLFixture.structure(version: UInt64(version)) : MHVTLFixture.memory(version: UInt64(version))
        files[version == 3 ? "meta" : "mam"] = memory
        let (pieces, reader) = try read(files)
        #expect(pieces == Self.records)
        #expect(reader.format == .mhvtl)
        #expect(reader.tape.barcode == "E01001L8")
        #expect(reader.tape.partitions == [.init(capacityBytes: 0x7D00_0000)])
        #expect(reader.tape.attributes?.map(\.identifier) == [0x0801])
        #expect(reader.tape.attributes?.first?.value.hasPrefix("426163756c61") == true)
        #expect(reader.position.done == reader.position.total)
    }

    @Test("several partitions, one of them empty")
    func partitions() throws {
        var second = MHVTLFixture()
        second.plain([7])
        let files = [
            "mam": MHVTLFixture.memory(version: 6), "data.0": fixture().data, "indx.0": fixture().index, "data.1": [],
            "indx.1": [], "data.2": second.data, "indx.2": second.index,
        ]
        let (pieces, reader) = try read(files)
        #expect(pieces == Self.records + [.partition(1), .partition(2), .record([7])])
        #expect(reader.tape.partitions.count == 3)
    }

    @Test("a block that does not match its checksum is a damaged record, as it is for mhvtl")
    func damage() throws {
        var fixture = MHVTLFixture()
        fixture.entry(type: 11, flags: 8, size: 2, stored: [1, 2], checksum: 7)
        fixture.entry(type: 11, flags: 1, size: 2, stored: [1, 2])
        let (pieces, reader) = try read([
            "mam": MHVTLFixture.memory(version: 5), "data": fixture.data, "indx": fixture.index,
        ])
        #expect(pieces == [.damaged([1, 2]), .damaged([])])
        #expect(reader.notes.count == 2)
    }

    @Test("encrypted blocks and LZO are refused in words", arguments: [2, 4] as [UInt32])
    func refused(flags: UInt32) throws {
        var fixture = MHVTLFixture()
        fixture.entry(type: 11, flags: flags, size: 3, stored: [1, 2, 3])
        do {
            _ = try read(["mam": MHVTLFixture.memory(version: 5), "data": fixture.data, "indx": fixture.index])
            Issue.record("no error")
        } catch let error as ImageError {
            guard case .unsupported = error else { throw error }
            #expect(error.description.contains(flags == 2 ? "encrypted" : "LZO"))
        }
    }

    @Test("damaged indexes, short data and unknown versions are errors")
    func lies() throws {
        let fixture = fixture()
        let memory = MHVTLFixture.memory(version: 5)
        var moved = fixture.index
        moved[512] = 9
        var typed = fixture.index
        typed[8] = 77
        let wrong: [[String: [UInt8]]] = [
            ["mam": memory, "data": fixture.data, "indx": moved],
            ["mam": memory, "data": fixture.data, "indx": typed],
            ["mam": memory, "data": fixture.data, "indx": Array(fixture.index.dropLast())],
            ["mam": memory, "data": Array(fixture.data.dropLast()), "indx": fixture.index],
            ["mam": memory, "data": fixture.data + [0], "indx": fixture.index],
            ["mam": MHVTLFixture.memory(version: 7), "data": fixture.data, "indx": fixture.index],
            ["mam": Array(memory.dropLast(3)), "data": fixture.data, "indx": fixture.index],
            ["mam": [5, 0, 0], "data": fixture.data, "indx": fixture.index],
            ["data": fixture.data, "indx": fixture.index],
        ]
        for files in wrong { #expect(throws: ImageError.self) { try read(files) } }
    }
}
