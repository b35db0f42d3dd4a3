// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing
import WireFormat

@Suite("Big-endian fields")
struct BigEndianTests {
    @Test("every width is read most significant byte first; a field that does not fit consumes nothing")
    func read() {
        var reader = ByteReader([0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A])
        #expect(reader.u8() == 0x01)
        #expect(reader.u16() == 0x0203)
        #expect(reader.u24() == 0x04_0506)
        #expect(reader.remaining == 4)
        #expect(reader.u48() == nil)
        #expect(reader.u64() == nil)
        #expect(reader.skip(5) == false)
        #expect(reader.skip(-1) == false)
        #expect(reader.bytes(-1) == nil)
        #expect(reader.u32() == 0x0708_090A)
        #expect(reader.u8() == nil)
        #expect(reader.bytes(0) == [])
    }

    @Test("every width is written most significant byte first, text is padded, cut and cleaned, lengths are patched")
    func write() {
        var writer = ByteWriter()
        writer.u16(0)
        writer.u8(0xFF)
        writer.u24(0x12_3456)
        writer.u32(0x789A_BCDE)
        writer.u48(0x0102_0304_0506)
        writer.u64(0x1112_1314_1516_1718)
        writer.ascii("A\u{7}B", width: 5)
        writer.ascii("LONGER", width: 4)
        writer.zeros(2)
        writer.patch16(at: 0, 0xCAFE)
        #expect(
            writer.bytes == [
                0xCA, 0xFE, 0xFF, 0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE, 1, 2, 3, 4, 5, 6, 0x11, 0x12, 0x13, 0x14,
                0x15, 0x16, 0x17, 0x18, 0x41, 0x20, 0x42, 0x20, 0x20, 0x4C, 0x4F, 0x4E, 0x47, 0, 0,
            ]
        )
    }

    @Test("numbers of every width come back as they were written")
    func roundTrip() {
        for value in [0, 1, 0x80, 0xFF, 0x8000, 0xFFFF, 0x80_0000, 0xFF_FFFF] as [UInt32] {
            var writer = ByteWriter()
            writer.u24(value)
            writer.u32(value)
            writer.u48(UInt64(value))
            var reader = ByteReader(writer.bytes)
            #expect(reader.u24() == value)
            #expect(reader.u32() == value)
            #expect(reader.u48() == UInt64(value))
        }
    }
}
