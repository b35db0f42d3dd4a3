// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing

@testable import Console

@Suite("SIMH tape images")
struct TapeImageTests {
    /// Written out by hand from the format's definition: lengths are little-endian, data is padded to even.
    static let image: [UInt8] = [
        0x03, 0x00, 0x00, 0x00, 0x41, 0x42, 0x43, 0x00, 0x03, 0x00, 0x00, 0x00,  // a record of 3 bytes, 1 of padding
        0x00, 0x00, 0x00, 0x00,  // a filemark
        0xFE, 0xFF, 0xFF, 0xFF,  // an erase gap
        0x02, 0x00, 0x00, 0x00, 0x44, 0x45, 0x02, 0x00, 0x00, 0x00,  // a record of 2 bytes
        0x00, 0x00, 0x00, 0x00,
        0xFF, 0xFF, 0xFF, 0xFF,  // the end of the medium
        0x99, 0x99,
    ]
    static let elements: [TapeImageReader.Element] = [
        .record([0x41, 0x42, 0x43]), .filemark, .record([0x44, 0x45]), .filemark,
    ]

    private func read(_ image: [UInt8], by step: Int) throws -> [TapeImageReader.Element] {
        var reader = TapeImageReader()
        var elements: [TapeImageReader.Element] = []
        for start in stride(from: 0, to: image.count, by: step) {
            reader.feed(Array(image[start..<min(start + step, image.count)]))
            while let element = try reader.next() { elements.append(element) }
        }
        try reader.finish()
        return elements
    }

    @Test("an image is read whole, byte by byte, and in odd pieces", arguments: [1, 2, 3, 5, 7, 1000])
    func pieces(step: Int) throws { #expect(try read(Self.image, by: step) == Self.elements) }

    @Test("an image that ends without the mark of its end is whole when its last record is")
    func withoutEnd() throws {
        #expect(try read(Array(Self.image[..<16]), by: 4) == Array(Self.elements[..<2]))
        #expect(throws: TapeImageReader.Malformed(offset: 0, reason: "the image ends in the middle of a record")) {
            try read(Array(Self.image[..<10]), by: 4)
        }
    }

    @Test("lengths that differ, and markers that are none, are named with their place")
    func malformed() {
        var image = Self.image
        image[8] = 4
        #expect(
            throws: TapeImageReader.Malformed(
                offset: 0,
                reason: "the lengths before and behind a record of 3 bytes differ"
            )
        ) { try read(image, by: 100) }
        image = Self.image
        image[23] = 0x80  // class 8: the drive could not read this record
        #expect(throws: TapeImageReader.Malformed.self) { try read(image, by: 100) }
        #expect(throws: TapeImageReader.Malformed.self) { try read([1, 2, 3, 0x40], by: 4) }
    }

    @Test("a record takes its length, two markers and the padding")
    func space() {
        #expect(TapeImage.space(forRecord: 3) == 12)
        #expect(TapeImage.space(forRecord: 2) == 10)
        #expect(TapeImage.word(0x0102_0304) == [4, 3, 2, 1])
    }
}
