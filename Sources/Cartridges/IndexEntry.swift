// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// One object of a partition as the index stores it: 32 bytes, little-endian (docs/reference/cartridge-format.md).
struct IndexEntry: Equatable {
    enum Kind: UInt8 {
        case record = 1
        case filemark = 2
    }

    static let size = 32

    /// Where the payload begins, or where it would for a filemark. 48 bits.
    var offset: UInt64
    var kind: Kind
    /// Transformations of the payload; none are defined in version 1.
    var flags: UInt8 = 0
    /// Bytes in the payload file.
    var storedLength: UInt32
    /// Bytes the initiator wrote.
    var logicalLength: UInt32
    /// CRC32C of the stored bytes.
    var checksum: UInt32
    var filemarksBefore: UInt32
    var epoch: UInt32
}

/// Writes and checks entries. The check binds an entry to its cartridge, partition and address, so that a block of
/// another file, or of this one in the wrong place, is never taken for an entry.
struct IndexCodec {
    /// CRC32C of the cartridge's identity and the partition's number.
    private let seed: UInt32

    init(identity: UInt64, partition: Int) {
        var prefix: [UInt8] = []
        prefix.appendLittleEndian(identity)
        prefix.appendLittleEndian(UInt32(partition))
        seed = crc32c(prefix.span)
    }

    /// Appends the entry's 32 bytes.
    func encode(_ entry: IndexEntry, address: UInt64, into bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.appendLittleEndian(
            entry.offset | UInt64(entry.kind.rawValue) << 48 | UInt64(entry.flags) << 56
        )
        bytes.appendLittleEndian(UInt64(entry.storedLength) | UInt64(entry.logicalLength) << 32)
        bytes.appendLittleEndian(UInt64(entry.checksum) | UInt64(entry.filemarksBefore) << 32)
        bytes.appendLittleEndian(entry.epoch)
        bytes.appendLittleEndian(check(bytes.span.extracting(start..<start + 28), address: address))
    }

    /// nil when the bytes are not an entry for this address.
    func decode(_ bytes: Span<UInt8>, address: UInt64) -> IndexEntry? {
        guard bytes.count == IndexEntry.size else { return nil }
        let word = bytes.littleEndian64(at: 0)
        guard bytes.littleEndian32(at: 28) == check(bytes.extracting(0..<28), address: address) else { return nil }
        guard let kind = IndexEntry.Kind(rawValue: UInt8(truncatingIfNeeded: word >> 48)) else { return nil }
        let entry = IndexEntry(
            offset: word & 0xFFFF_FFFF_FFFF,
            kind: kind,
            flags: UInt8(truncatingIfNeeded: word >> 56),
            storedLength: bytes.littleEndian32(at: 8),
            logicalLength: bytes.littleEndian32(at: 12),
            checksum: bytes.littleEndian32(at: 16),
            filemarksBefore: bytes.littleEndian32(at: 20),
            epoch: bytes.littleEndian32(at: 24)
        )
        return entry.isPlausible ? entry : nil
    }

    private func check(_ entry: Span<UInt8>, address: UInt64) -> UInt32 {
        let number = InlineArray<8, UInt8> { UInt8(truncatingIfNeeded: address >> UInt64($0 * 8)) }
        return crc32c(number.span, seed: crc32c(entry, seed: seed))
    }
}

extension IndexEntry {
    /// Values that version 1 can hold, whatever the check says.
    fileprivate var isPlausible: Bool {
        guard flags == 0 else { return false }
        switch kind {
        case .record:
            return storedLength == logicalLength && (1...UInt32(CartridgeLimits.recordBytes)).contains(logicalLength)
        case .filemark:
            return storedLength == 0 && logicalLength == 0 && checksum == 0
        }
    }
}

extension [UInt8] {
    mutating func appendLittleEndian(_ value: some FixedWidthInteger & UnsignedInteger) {
        var rest = UInt64(value)
        for _ in 0..<value.bitWidth / 8 {
            append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }
}

extension Span<UInt8> {
    func littleEndian32(at position: Int) -> UInt32 {
        UInt32(self[position]) | UInt32(self[position + 1]) << 8 | UInt32(self[position + 2]) << 16
            | UInt32(self[position + 3]) << 24
    }

    func littleEndian64(at position: Int) -> UInt64 {
        UInt64(littleEndian32(at: position)) | UInt64(littleEndian32(at: position + 4)) << 32
    }
}
