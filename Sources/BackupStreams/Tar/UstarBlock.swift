// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The 512-byte header block of tar (POSIX.1-2001, pax, "ustar Interchange Format"; GNU tar's own fields).
struct UstarBlock {
    static let size = 512
    private let bytes: [UInt8]

    /// Field places: start and length.
    enum Field {
        static let name = 0..<100
        static let mode = 100..<108
        static let owner = 108..<116
        static let group = 116..<124
        static let size = 124..<136
        static let modified = 136..<148
        static let checksum = 148..<156
        static let type = 156
        static let link = 157..<257
        static let magic = 257..<265
        static let deviceMajor = 329..<337
        static let deviceMinor = 337..<345
        static let prefix = 345..<500
        /// GNU tar: where in the file the content of a continuation belongs.
        static let volumeOffset = 369..<381
        /// GNU tar: four sparse stretches, whether more follow, and the size with its holes.
        static let sparse = 386..<482
        static let sparseMore = 482
        static let realSize = 483..<495
    }

    /// - Parameter bytes: 512.
    init(_ bytes: [UInt8]) {
        precondition(bytes.count == Self.size, "a tar block has 512 bytes")
        self.bytes = bytes
    }

    var isZero: Bool { bytes.allSatisfy { $0 == 0 } }
    var type: UInt8 { bytes[Field.type] }
    /// "ustar", 0, "00".
    var isPOSIX: Bool { bytes[Field.magic].starts(with: [0x75, 0x73, 0x74, 0x61, 0x72, 0]) }
    /// "ustar  ", 0.
    var isGNU: Bool { bytes[Field.magic].elementsEqual([0x75, 0x73, 0x74, 0x61, 0x72, 0x20, 0x20, 0]) }
    /// - Parameter index: below 512.
    func byte(_ index: Int) -> UInt8 { bytes[index] }
    var hasMoreSparse: Bool { bytes[Field.sparseMore] != 0 }

    /// The sum of all bytes, those of the checksum field counted as spaces. Some old programs summed signed bytes.
    var hasGoodChecksum: Bool {
        guard let written = number(Field.checksum) else { return false }
        var unsigned: Int64 = 0
        var signed: Int64 = 0
        for (index, byte) in bytes.enumerated() {
            let counted = Field.checksum.contains(index) ? 0x20 : byte
            unsigned += Int64(counted)
            signed += Int64(Int8(bitPattern: counted))
        }
        return written == unsigned || written == signed
    }

    /// Up to the first 0.
    func text(_ field: Range<Int>) -> [UInt8] {
        Array(bytes[field].prefix { $0 != 0 })
    }

    /// Octal digits among spaces and zeros, or GNU's base 256; 0 for an empty field, nil for anything else.
    func number(_ field: Range<Int>) -> Int64? {
        Self.number(bytes[field])
    }

    static func number(_ field: ArraySlice<UInt8>) -> Int64? {
        guard let first = field.first else { return nil }
        if first & 0x80 != 0 { return wideNumber(field) }
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        var value: Int64 = 0
        for digit in digits {
            guard (0x30...0x37).contains(digit), value <= Int64.max >> 3 else { return nil }
            value = value << 3 | Int64(digit - 0x30)
        }
        return value
    }

    /// Two's complement, big-endian, the very first bit being only the mark.
    private static func wideNumber(_ field: ArraySlice<UInt8>) -> Int64? {
        guard let first = field.first else { return nil }
        let isNegative = first & 0x40 != 0
        var value: Int64 = isNegative ? -1 : 0
        for (index, byte) in field.enumerated() {
            let part = index == 0 ? (isNegative ? byte | 0x80 : byte & 0x7F) : byte
            guard value >= Int64.min >> 8, value <= Int64.max >> 8 else { return nil }
            value = value << 8 | Int64(part)
        }
        return value
    }

    /// Sets the type of the last block of `header`.
    static func setType(_ type: UInt8, ofLastBlockIn header: inout [UInt8]) {
        guard header.count >= size else { return }
        var block = Array(header.suffix(size))
        block[Field.type] = type
        seal(&block)
        header.replaceSubrange((header.count - size)..., with: block)
    }

    /// The block before pax records.
    static var extendedHeader: [UInt8] {
        var block = [UInt8](repeating: 0, count: size)
        block.replaceSubrange(0..<10, with: Array("PaxHeaders".utf8))
        block[Field.type] = UInt8(ascii: "x")
        write(0o644, digits: 7, at: Field.mode.lowerBound, in: &block)
        for field in [Field.owner, Field.group] { write(0, digits: 7, at: field.lowerBound, in: &block) }
        write(0, digits: 11, at: Field.modified.lowerBound, in: &block)
        block.replaceSubrange(Field.magic, with: [0x75, 0x73, 0x74, 0x61, 0x72, 0, 0x30, 0x30])
        return block
    }

    /// Sets the size of a header block of its own.
    static func setSize(_ count: Int, of block: inout [UInt8]) {
        write(count, digits: 11, at: Field.size.lowerBound, in: &block)
        seal(&block)
    }

    private static func seal(_ block: inout [UInt8]) {
        for index in Field.checksum { block[index] = 0x20 }
        let sum = block.reduce(0) { $0 + Int($1) }
        write(sum, digits: 6, at: Field.checksum.lowerBound, in: &block)
        block[Field.checksum.lowerBound + 6] = 0
    }

    private static func write(_ number: Int, digits: Int, at start: Int, in block: inout [UInt8]) {
        for index in 0..<digits {
            block[start + index] = 0x30 + UInt8(truncatingIfNeeded: number >> (3 * (digits - 1 - index)) & 7)
        }
    }
}
