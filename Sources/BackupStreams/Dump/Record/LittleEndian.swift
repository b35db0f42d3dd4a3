// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

// Fields at fixed offsets of a record, least significant byte first. Offsets are constants of the format; a record that is
// too short for one is our own mistake.
extension [UInt8] {
    func little16(_ offset: Int) -> UInt16 {
        UInt16(self[offset]) | UInt16(self[offset + 1]) << 8
    }

    func little32(_ offset: Int) -> UInt32 {
        UInt32(little16(offset)) | UInt32(little16(offset + 2)) << 16
    }

    func little64(_ offset: Int) -> UInt64 {
        UInt64(little32(offset)) | UInt64(little32(offset + 4)) << 32
    }

    mutating func setLittle16(_ offset: Int, _ value: UInt16) {
        self[offset] = UInt8(truncatingIfNeeded: value)
        self[offset + 1] = UInt8(truncatingIfNeeded: value >> 8)
    }

    mutating func setLittle32(_ offset: Int, _ value: UInt32) {
        setLittle16(offset, UInt16(truncatingIfNeeded: value))
        setLittle16(offset + 2, UInt16(truncatingIfNeeded: value >> 16))
    }

    mutating func setLittle64(_ offset: Int, _ value: UInt64) {
        setLittle32(offset, UInt32(truncatingIfNeeded: value))
        setLittle32(offset + 4, UInt32(truncatingIfNeeded: value >> 32))
    }

    /// Text in a field of `width` bytes, cut so that a closing 0 remains.
    mutating func setText(_ offset: Int, width: Int, _ text: [UInt8]) {
        for (index, byte) in text.prefix(width - 1).enumerated() { self[offset + index] = byte }
    }

    func text(_ offset: Int, width: Int) -> [UInt8] {
        Array(self[offset..<offset + width].prefix { $0 != 0 })
    }
}
