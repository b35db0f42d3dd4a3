// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The six bytes before each chunk of an AWSTAPE image, and of Hercules' HET, which is the same with compression: length of
/// this chunk and of the one before, 16 bits each and little-endian, and two bytes of flags.
struct AWSHeader: Equatable {
    static let size = 6
    static let largestChunk = 65_535

    struct Flags: OptionSet {
        let rawValue: UInt16

        /// First byte: a record begins, a tape mark, a record ends; compressed with zlib or bzip2 (HET).
        static let begin = Self(rawValue: 0x0080)
        static let tapeMark = Self(rawValue: 0x0040)
        static let end = Self(rawValue: 0x0020)
        static let zlib = Self(rawValue: 0x0001)
        static let bzip2 = Self(rawValue: 0x0002)
        /// Second byte: zlib as Bus-Tech's devices write it.
        static let busTechZlib = Self(rawValue: 0x8000)

        static let compression: Self = [.zlib, .bzip2, .busTechZlib]
        static let known: Self = [.begin, .tapeMark, .end, .zlib, .bzip2, .busTechZlib]
    }

    var length: Int
    var previousLength: Int
    var flags: Flags

    init(length: Int, previousLength: Int, flags: Flags) {
        self.length = length
        self.previousLength = previousLength
        self.flags = flags
    }

    /// - Parameter number: the six bytes as a little-endian number.
    init(_ number: UInt64) {
        length = Int(number & 0xFFFF)
        previousLength = Int(number >> 16 & 0xFFFF)
        flags = Flags(rawValue: UInt16(truncatingIfNeeded: number >> 32))
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian16(UInt16(truncatingIfNeeded: length))
        bytes.appendLittleEndian16(UInt16(truncatingIfNeeded: previousLength))
        bytes.appendLittleEndian16(flags.rawValue)
        return bytes
    }
}
