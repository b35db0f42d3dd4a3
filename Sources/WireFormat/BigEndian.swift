// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Reads big-endian fields from a byte array, front to back. A field that does not fit gives nil and consumes nothing.
package struct ByteReader: Sendable {
    private let bytes: [UInt8]
    /// Offset of the next byte to be read.
    package private(set) var offset = 0

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Bytes not read yet.
    package var remaining: Int { bytes.count - offset }

    package mutating func u8() -> UInt8? {
        guard remaining >= 1 else { return nil }
        defer { offset += 1 }
        return bytes[offset]
    }

    package mutating func u16() -> UInt16? {
        unsigned(width: 2).map { UInt16(truncatingIfNeeded: $0) }
    }

    /// Three bytes, in the low 24 bits.
    package mutating func u24() -> UInt32? {
        unsigned(width: 3).map { UInt32(truncatingIfNeeded: $0) }
    }

    package mutating func u32() -> UInt32? {
        unsigned(width: 4).map { UInt32(truncatingIfNeeded: $0) }
    }

    /// Six bytes, in the low 48 bits.
    package mutating func u48() -> UInt64? {
        unsigned(width: 6)
    }

    package mutating func u64() -> UInt64? {
        unsigned(width: 8)
    }

    /// The next `count` bytes; nil when fewer remain.
    package mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count >= 0, remaining >= count else { return nil }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    /// Passes over `count` bytes; false, and nothing consumed, when fewer remain.
    package mutating func skip(_ count: Int) -> Bool {
        guard count >= 0, remaining >= count else { return false }
        offset += count
        return true
    }

    private mutating func unsigned(width: Int) -> UInt64? {
        guard remaining >= width else { return nil }
        var value: UInt64 = 0
        for index in offset..<offset + width {
            value = value << 8 | UInt64(bytes[index])
        }
        offset += width
        return value
    }
}

/// Builds a byte array from big-endian fields.
package struct ByteWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package init(reservingCapacity capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    package var count: Int { bytes.count }

    package mutating func u8(_ value: UInt8) {
        bytes.append(value)
    }

    package mutating func u16(_ value: UInt16) {
        unsigned(UInt64(value), width: 2)
    }

    /// The low 24 bits of `value`.
    package mutating func u24(_ value: UInt32) {
        unsigned(UInt64(value), width: 3)
    }

    package mutating func u32(_ value: UInt32) {
        unsigned(UInt64(value), width: 4)
    }

    /// The low 48 bits of `value`.
    package mutating func u48(_ value: UInt64) {
        unsigned(value, width: 6)
    }

    package mutating func u64(_ value: UInt64) {
        unsigned(value, width: 8)
    }

    package mutating func append(_ more: [UInt8]) {
        bytes.append(contentsOf: more)
    }

    package mutating func zeros(_ count: Int) {
        bytes.append(contentsOf: repeatElement(0, count: max(0, count)))
    }

    /// Text left justified in `width` bytes, padded with spaces, cut when longer; bytes outside printable ASCII
    /// become spaces.
    package mutating func ascii(_ text: String, width: Int) {
        let printable = text.utf8.prefix(width).map { (0x20...0x7E).contains($0) ? $0 : 0x20 }
        bytes.append(contentsOf: printable)
        bytes.append(contentsOf: repeatElement(0x20, count: width - printable.count))
    }

    /// The low `width` bytes of `value`.
    package mutating func unsigned(_ value: UInt64, width: Int) {
        for index in stride(from: (width - 1) * 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: index < 64 ? value >> UInt64(index) : 0))
        }
    }

    package mutating func patch8(at offset: Int, _ value: UInt8) {
        patch(UInt64(value), at: offset, width: 1)
    }

    package mutating func patch16(at offset: Int, _ value: UInt16) {
        patch(UInt64(value), at: offset, width: 2)
    }

    package mutating func patch24(at offset: Int, _ value: UInt32) {
        patch(UInt64(value), at: offset, width: 3)
    }

    package mutating func patch32(at offset: Int, _ value: UInt32) {
        patch(UInt64(value), at: offset, width: 4)
    }

    /// Overwrites bytes already written, for lengths known only at the end.
    private mutating func patch(_ value: UInt64, at offset: Int, width: Int) {
        precondition(offset >= 0 && offset + width <= bytes.count, "a patch lies inside what was written")
        for index in 0..<width {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64((width - 1 - index) * 8))
        }
    }
}
