// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SimulatedDisk
import Testing

@testable import TapeImages

@Suite("SIMH images")
struct SIMHTests {
    /// Written out by hand from "SIMH magtape representation and handling": lengths are little-endian, data is padded
    /// to even.
    static let image: [UInt8] = [
        0x03, 0x00, 0x00, 0x00, 0x41, 0x42, 0x43, 0x00, 0x03, 0x00, 0x00, 0x00,  // a record of 3 bytes, 1 of padding
        0x00, 0x00, 0x00, 0x00,  // a tape mark
        0xFE, 0xFF, 0xFF, 0xFF,  // an erase gap
        0x02, 0x00, 0x00, 0x00, 0x44, 0x45, 0x02, 0x00, 0x00, 0x00,  // a record of 2 bytes
        0x05, 0x00, 0x00, 0x80, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x00, 0x05, 0x00, 0x00, 0x80,  // a bad record of 5 bytes
        0x00, 0x00, 0x00, 0x00,
        0xFF, 0xFF, 0xFF, 0xFF,  // the end of the medium
    ]
    static let pieces: [Piece] = [
        .record([0x41, 0x42, 0x43]), .mark, .gap(4), .record([0x44, 0x45]), .damaged([0x46, 0x47, 0x48, 0x49, 0x4A]),
        .mark,
    ]

    @Test("an image is read: records of any length, tape marks, gaps, bad records, the end")
    func reading() throws {
        #expect(try Images.read(Self.image, as: .tap) == Self.pieces)
        #expect(try Images.read([], as: .tap) == [])
    }

    @Test("an image is written as the document says, without gaps")
    func writing() throws {
        let disk = try Images.disk([])
        let writer = SIMHWriter(try ImageFileOutput("/images/new.tap", on: disk, replaces: false))
        try Images.write(Self.pieces, to: writer)
        #expect(disk.bytes(of: "/images/new.tap") == Array(Self.image[..<16] + Self.image[20...]))
        #expect(try disk.list("/images") == ["new.tap", "tape"])
    }

    @Test("what lies behind the end of the medium is left out and told")
    func behindTheEnd() throws {
        let reader = try SIMHReader(Images.path, on: try Images.disk(Self.image + [1, 2, 3]))
        #expect(try Images.pieces(reader) == Self.pieces)
        #expect(reader.notes == ["3 bytes behind the end of the medium left out"])
    }

    @Test("an image without the mark of its end is whole when its last object is")
    func withoutEnd() throws {
        #expect(try Images.read(Array(Self.image[..<16]), as: .tap) == Array(Self.pieces[..<2]))
    }

    @Test("a gap whose first half was overwritten is two bytes out of step")
    func halfGap() throws {
        // A gap of three words, two bytes of which a record before it took; the document tells of the marker FFFEFFFFh.
        let gap: [UInt8] = [0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF]
        #expect(try Images.read(gap + [0, 0, 0, 0], as: .tap) == [.gap(10), .mark])
    }

    @Test("private and descriptive records, and private markers, of the extended format are skipped and counted")
    func extended() throws {
        let image: [UInt8] = [
            0x02, 0x00, 0x00, 0x10, 0x01, 0x02, 0x02, 0x00, 0x00, 0x10,  // class 1: private data
            0x34, 0x12, 0x00, 0x70,  // class 7: a private marker
            0x01, 0x00, 0x00, 0x00, 0x55, 0x00, 0x01, 0x00, 0x00, 0x00,
            0x03, 0x00, 0x00, 0xE0, 0x61, 0x62, 0x63, 0x00, 0x03, 0x00, 0x00, 0xE0,  // class 14: a description
        ]
        let reader = try SIMHReader(Images.path, on: try Images.disk(image))
        #expect(try Images.pieces(reader) == [.record([0x55])])
        #expect(reader.notes.count == 2)
    }

    @Test("E11 images, whose records are not padded, are known by their first record of odd length")
    func withoutPadding() throws {
        let image: [UInt8] = [
            0x02, 0x00, 0x00, 0x00, 0x44, 0x45, 0x02, 0x00, 0x00, 0x00,
            0x03, 0x00, 0x00, 0x00, 0x41, 0x42, 0x43, 0x03, 0x00, 0x00, 0x00,
            0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        ]
        let pieces: [Piece] = [.record([0x44, 0x45]), .record([0x41, 0x42, 0x43]), .record([0]), .mark]
        let reader = try SIMHReader(Images.path, on: try Images.disk(image))
        #expect(try Images.pieces(reader) == pieces)
        #expect(reader.format == .e11)
        #expect(try Images.read(image, as: .e11) == pieces)
        // Once padding was seen, a record without it is an error.
        #expect(throws: ImageError.self) { try Images.read(Array(Self.image[..<12]) + image, as: .tap) }
    }

    @Test(
        "lies are named with their place",
        arguments: [
            (8, 4, 0), (3, 0x40, 0), (7, 0xF0, 0), (15, 0x90, 12), (23, 0x9F, 20), (43, 0x00, 30),
        ] as [(Int, UInt8, UInt64)]
    )
    func lies(byte: Int, value: UInt8, place: UInt64) throws {
        var image = Self.image
        image[byte] = value
        if byte == 7 { image = Array(image[..<11]) }
        do {
            _ = try Images.read(image, as: .tap)
            Issue.record("no error")
        } catch let error as ImageError {
            guard case .malformed(Images.path, place, _) = error else { throw error }
        }
    }

    @Test("an image that is cut off anywhere but between two objects is an error")
    func cut() throws {
        let whole: Set = [0, 12, 16, 20, 30, 44, 48, 52]
        for length in 0...Self.image.count {
            let image = Array(Self.image[..<length])
            if whole.contains(length) {
                _ = try Images.read(image, as: .tap)
            } else {
                #expect(throws: ImageError.self, "\(length)") { try Images.read(image, as: .tap) }
            }
        }
    }
}
