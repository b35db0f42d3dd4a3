// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SimulatedDisk
import Testing

@testable import TapeImages

@Suite("AWSTAPE and HET images")
struct AWSTests {
    /// From the description of the format in Hercules' documents: length of this chunk, of the one before, flags.
    static let image: [UInt8] = [
        0x03, 0x00, 0x00, 0x00, 0xA0, 0x00, 0x41, 0x42, 0x43,  // a record of 3 bytes in one chunk
        0x00, 0x00, 0x03, 0x00, 0x40, 0x00,  // a tape mark
        0x02, 0x00, 0x00, 0x00, 0x80, 0x00, 0x44, 0x45,  // a record in three chunks
        0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x46,
        0x02, 0x00, 0x01, 0x00, 0x20, 0x00, 0x47, 0x48,
        0x00, 0x00, 0x02, 0x00, 0x40, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x40, 0x00,
    ]
    static let pieces: [Piece] = [
        .record([0x41, 0x42, 0x43]), .mark, .record([0x44, 0x45, 0x46, 0x47, 0x48]), .mark, .mark,
    ]

    @Test("records in one chunk and in several, and tape marks, are read")
    func reading() throws { #expect(try Images.read(Self.image) == Self.pieces) }

    @Test("an image is written with one chunk for each record that fits into one")
    func writing() throws {
        let disk = try Images.disk([])
        let writer = AWSWriter(try ImageFileOutput("/images/new", on: disk, replaces: false), compression: .none)
        try Images.write(Self.pieces, to: writer)
        let expected: [UInt8] = [
            0x03, 0x00, 0x00, 0x00, 0xA0, 0x00, 0x41, 0x42, 0x43, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00,
            0x05, 0x00, 0x00, 0x00, 0xA0, 0x00, 0x44, 0x45, 0x46, 0x47, 0x48, 0x00, 0x00, 0x05, 0x00, 0x40, 0x00,
            0x00, 0x00, 0x00, 0x00, 0x40, 0x00,
        ]
        #expect(disk.bytes(of: "/images/new") == expected)
        #expect(writer.notes.isEmpty)
    }

    @Test("a record longer than a chunk takes several, and the report says that Hercules cannot read it")
    func longRecord() throws {
        let disk = try Images.disk([])
        let record = [UInt8](repeating: 9, count: 65_537)
        let writer = AWSWriter(try ImageFileOutput("/images/new", on: disk, replaces: false), compression: .none)
        try Images.write([.record(record)], to: writer)
        let image = try #require(disk.bytes(of: "/images/new"))
        #expect(image.count == 65_537 + 12)
        #expect(Array(image[..<6]) == [0xFF, 0xFF, 0, 0, 0x80, 0])
        #expect(Array(image[65_541..<65_547]) == [2, 0, 0xFF, 0xFF, 0x20, 0])
        #expect(writer.notes.count == 1)
        #expect(try Images.read(image) == [.record(record)])
    }

    /// "aaaa…" (100 times) through Python's zlib.compress(…, 4) and bz2.compress, each in one chunk.
    static let zlib: [UInt8] = [
        0x0C, 0x00, 0x00, 0x00, 0xA1, 0x00, 0x78, 0x5E, 0x4B, 0x4C, 0xA4, 0x3D, 0x00, 0x00, 0x7A, 0x47,
        0x25, 0xE5,
    ]
    static let bzip2: [UInt8] = [
        0x25, 0x00, 0x00, 0x00, 0xA2, 0x00, 0x42, 0x5A, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59,
        0x8A, 0x57, 0x21, 0xBD, 0x00, 0x00, 0x02, 0x01, 0x00, 0x60, 0x00, 0x20, 0x00, 0x21, 0x00, 0x82,
        0x0B, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, 0x8A, 0x57, 0x21, 0xBD,
    ]

    @Test(
        "compressed records of other programs are unpacked, also Bus-Tech's",
        arguments: [(0xA1, 0), (0xA2, 0), (0xA0, 0x80)] as [(UInt8, UInt8)]
    )
    func foreign(flags: UInt8, more: UInt8) throws {
        var image = flags == 0xA2 ? Self.bzip2 : Self.zlib
        image[4] = flags
        image[5] = more
        let disk = try Images.disk(image)
        let reader = try ImageFiles.reader(Images.path, format: nil, on: disk)
        #expect(try Images.pieces(reader) == [.record([UInt8](repeating: 0x61, count: 100))])
        #expect(reader.format == .het)
    }

    @Test("HET images come back as they were, compressed or not", arguments: ImageCompression.allCases)
    func compression(method: ImageCompression) throws {
        var generator = SeededGenerator(seed: 5)
        let pieces: [Piece] = [
            .record([UInt8](repeating: 0x20, count: 32_760)), .record([1]), .mark,
            .record(Images.random(40_000, &generator)), .record([UInt8](repeating: 0, count: 16_777_215)), .mark,
        ]
        let disk = try Images.disk([])
        let writer = AWSWriter(try ImageFileOutput("/images/new.het", on: disk, replaces: false), compression: method)
        try Images.write(pieces, to: writer)
        let reader = try ImageFiles.reader("/images/new.het", format: nil, on: disk)
        #expect(try Images.pieces(reader) == pieces)
        let size = try #require(disk.bytes(of: "/images/new.het")).count
        #expect(method == .none ? size > 16_000_000 : size < 100_000)
    }

    @Test(
        "lies are named with their place",
        arguments: [
            (4, 0x20, 0), (4, 0x90, 0), (11, 0x04, 9), (9, 0x01, 9), (19, 0xC0, 15), (27, 0x80, 15), (27, 0x01, 23),
            (25, 0x05, 23), (0, 0xFF, 0),
        ] as [(Int, UInt8, UInt64)]
    )
    func lies(byte: Int, value: UInt8, place: UInt64) throws {
        var image = Self.image
        image[byte] = value
        do {
            _ = try Images.read(image, as: .aws)
            Issue.record("no error")
        } catch let error as ImageError {
            guard case .malformed(Images.path, place, _) = error else { throw error }
        }
    }

    @Test("a compressed record that is damaged, or a bomb, is an error at its place")
    func bomb() throws {
        var image = Self.zlib
        image[10] ^= 0xFF
        #expect(throws: ImageError.self) { try Images.read(image, as: .het) }
        // 32 MiB of nothing, more than any record has.
        let bomb = try #require(Zlib.compress([UInt8](repeating: 0, count: 32 << 20)))
        let header = AWSHeader(length: bomb.count, previousLength: 0, flags: [.begin, .end, .zlib])
        #expect(throws: ImageError.self) { try Images.read(header.bytes + bomb, as: .het) }
    }

    @Test("an image that is cut off anywhere but between two objects is an error")
    func cut() throws {
        let whole: Set = [0, 9, 15, 38, 44, 50]
        for length in 0...Self.image.count {
            let image = Array(Self.image[..<length])
            if whole.contains(length) {
                _ = try Images.read(image, as: .aws)
            } else {
                #expect(throws: ImageError.self, "\(length)") { try Images.read(image, as: .aws) }
            }
        }
    }
}
