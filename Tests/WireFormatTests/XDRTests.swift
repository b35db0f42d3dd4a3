// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing
import WireFormat

/// A structure with every kind of field.
private struct Sample: XDRStruct, Equatable {
    var number: UInt32 = 0
    var narrow: UInt16 = 0
    var signed: Int16 = 0
    var octet: UInt8 = 0
    var large: UInt64 = 0
    var name = XDRString()
    var key: [UInt8] = []
    var values: [UInt16] = []
    var data = XDRPayload.bytes([])

    mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.u32(&number, "number")
        try pass.u16(&narrow, "narrow")
        try pass.i16(&signed, "signed")
        try pass.u8(&octet, "octet")
        if pass.version >= 2 { try pass.quad(&large, "large") }
        try pass.string(&name, limit: 8, "name")
        try pass.fixedOpaque(&key, count: 4, "key")
        try pass.array(&values, limit: 3, "values")
        try pass.payload(&data, limit: 16, "data")
    }
}

@Suite("XDR passes")
struct XDRTests {
    /// RFC 4506: 4.1, 4.2, 4.5, 4.9, 4.10, 4.11, 4.13.
    private let encoded: [UInt8] = [
        0x01, 0x02, 0x03, 0x04,
        0x00, 0x00, 0xff, 0xfe,
        0xff, 0xff, 0xff, 0xfd,
        0x00, 0x00, 0x00, 0xff,
        0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02,
        0x00, 0x00, 0x00, 0x05, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x00, 0x00, 0x00,
        0xde, 0xad, 0xbe, 0xef,
        0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x09,
        0x00, 0x00, 0x00, 0x03, 0x0a, 0x0b, 0x0c, 0x00,
    ]

    private var sample: Sample {
        var sample = Sample()
        sample.number = 0x0102_0304
        sample.narrow = 0xfffe
        sample.signed = -3
        sample.octet = 0xff
        sample.large = 0x1_0000_0002
        sample.name = "hello"
        sample.key = [0xde, 0xad, 0xbe, 0xef]
        sample.values = [7, 9]
        sample.data = .bytes([10, 11, 12])
        return sample
    }

    @Test("reading gives the fields, and the payload as a range of the buffer")
    func read() throws {
        var reader = XDRReader(encoded, version: 2)
        let value = try reader.decode(Sample.self)
        var expected = sample
        expected.data = .inMessage(56..<59)
        #expect(value == expected)
        #expect(reader.remaining == 0)
        #expect(value.data.copy(from: encoded) == [10, 11, 12])
        #expect(value.data.withSpan(in: encoded) { $0[2] } == 12)
    }

    @Test("writing gives the bytes, from payloads at hand and lent ones")
    func write() throws {
        var writer = XDRWriter(version: 2)
        try writer.encode(sample)
        #expect(writer.written == encoded)
        var lent = sample
        lent.data = .inMessage(1..<4)
        var second = XDRWriter(version: 2, source: [9, 10, 11, 12])
        try second.encode(lent)
        #expect(second.written == encoded)
    }

    @Test("writing over old content leaves nothing of it, also in the padding")
    func dirtyBuffer() throws {
        var writer = XDRWriter(into: Array(repeating: 0x55, count: 200), at: 10, version: 2)
        try writer.encode(sample)
        #expect(Array(writer.bytes[10..<writer.offset]) == encoded)
        #expect(writer.bytes.count == 200)
    }

    @Test("a field of a later version is neither read nor written")
    func versionGuard() throws {
        let older = Array(encoded[..<16] + encoded[24...])
        var reader = XDRReader(older, version: 1)
        let value = try reader.decode(Sample.self)
        #expect(value.large == 0)
        #expect(value.name == "hello")
    }

    @Test("a message that ends early is an error at every length")
    func truncated() {
        for length in 0..<encoded.count {
            var reader = XDRReader(encoded, in: 0..<length, version: 2)
            #expect(throws: XDRError.self) { try reader.decode(Sample.self) }
        }
    }

    @Test("a length above the limit or above what is there is an error", arguments: [9, 0x7fff_ffff, 0xffff_ffff])
    func lengths(length: UInt32) {
        var bytes = encoded
        for index in 0..<4 { bytes[24 + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * index)) }
        var reader = XDRReader(bytes, version: 2)
        #expect(throws: XDRError(.tooLong(count: Int(length), limit: 8), field: "name", offset: 24)) {
            try reader.decode(Sample.self)
        }
    }

    @Test(
        "an array count above the limit or above what is there is an error",
        arguments: [4, 0x1000_0000, 0xffff_ffff]
    )
    func counts(count: UInt32) {
        var bytes = encoded
        for index in 0..<4 { bytes[40 + index] = UInt8(truncatingIfNeeded: count >> (24 - 8 * index)) }
        var reader = XDRReader(bytes, version: 2)
        #expect(throws: XDRError(.tooLong(count: Int(count), limit: 3), field: "values", offset: 40)) {
            try reader.decode(Sample.self)
        }
    }

    @Test("values that do not fit their type are errors")
    func narrowing() {
        var bytes = encoded
        bytes[5] = 1
        var reader = XDRReader(bytes, version: 2)
        #expect(throws: XDRError.self) { try reader.decode(Sample.self) }
    }

    @Test("the writer refuses what is above a limit")
    func writerLimits() {
        var long = sample
        long.name = "ninechars"
        var writer = XDRWriter(version: 2)
        #expect(throws: XDRError.self) { try writer.encode(long) }
        var many = sample
        many.values = [1, 2, 3, 4]
        var second = XDRWriter(version: 2)
        #expect(throws: XDRError.self) { try second.encode(many) }
        var absent = sample
        absent.data = .inMessage(0..<4)
        var third = XDRWriter(version: 2)
        #expect(throws: XDRError.self) { try third.encode(absent) }
    }

    @Test("printing shows names and values, and bytes only as a length")
    func printing() {
        #expect(
            XDRPrinter.describe(sample, version: 2)
                == #"number=16909060 narrow=65534 signed=-3 octet=255 large=4294967298 name="hello" key=(4 bytes) "#
                + "values[2]={values=7; values=9} data=(3 bytes)"
        )
        #expect(XDRPrinter.quoted(Array("a\"b\\c\n\u{e9}".utf8)) == #""a\"b\\c\x0a\xc3\xa9""#)
        #expect(XDRPrinter.quoted(Array(repeating: 0x61, count: 500)).hasSuffix("a\"...(500 bytes)"))
    }
}
