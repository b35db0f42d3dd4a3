// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// An entry of mhvtl's `indx` file: 512 bytes in the order of the host, here little-endian, for each block and filemark.
/// The same in format versions 3 to 6.
struct MHVTLHeader {
    static let size = 512

    /// Numbers of `type`.
    static let filemark: UInt32 = 3
    static let endOfData: UInt32 = 5
    static let data: UInt32 = 11

    struct Flags: OptionSet {
        let rawValue: UInt32

        static let zlib = Self(rawValue: 1)
        static let encrypted = Self(rawValue: 2)
        static let lzo = Self(rawValue: 4)
        /// `checksum` counts: CRC32C of the block as it was written.
        static let checksum = Self(rawValue: 8)
    }

    /// In the data file.
    let offset: UInt64
    let type: UInt32
    let flags: Flags
    let number: UInt32
    /// As written by the initiator.
    let bytes: UInt32
    /// In the data file.
    let storedBytes: UInt32
    let checksum: UInt32

    /// Reads the entry that `input` stands at; nil at the end of the file.
    init?(_ input: ImageInput) throws(ImageError) {
        guard input.remaining > 0 else { return nil }
        guard input.remaining >= UInt64(Self.size) else { throw input.malformed("the index ends inside of an entry") }
        func word(_ distance: Int) throws(ImageError) -> UInt32 { try input.word(at: distance) ?? 0 }
        offset = try input.number(bytes: 8) ?? 0
        type = try word(8)
        flags = Flags(rawValue: try word(12))
        number = try word(16)
        bytes = try word(20)
        storedBytes = try word(24)
        checksum = try word(28)
        input.skip(UInt64(Self.size))
    }
}
