// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams

/// A header record of a dump of any origin: Linux, BSD and NetApp (magic 60012), 4.2BSD (60011), FreeBSD's UFS2; words
/// of either byte order.
///
/// Documents: dump(5) of BSD, `protocols/dumprestore.h` of FreeBSD for UFS2. 1024 bytes whose 32-bit words add up to
/// 84446.
struct DumpTapeHeader: Equatable {
    enum Kind: UInt32 {
        case tape = 1
        case inode = 2
        case dumpedMap = 3
        case addresses = 4
        case end = 5
        case usedMap = 6
        /// Solaris and NetApp: access control lists.
        case accessControl = 7
    }

    enum Variant {
        case new
        case old
        case second
    }

    /// What every header has.
    var kind: Kind
    var variant: Variant
    var isBigEndian: Bool
    var inode: UInt32
    var flags: UInt32
    /// Records in `map`; of a bit map those that follow.
    var count: UInt32
    /// A byte for each record: 0 is a hole, which is not in the stream.
    var map: [UInt8]
    private let record: [UInt8]

    static let recordBytes = 1024
    static let recordsPerHeader = 512
    /// Bit maps of 2^31 inodes, the most that a dump has.
    private static let maximumMapRecords: UInt32 = 1 << 18

    /// Nil when the bytes are no header.
    init?(_ record: [UInt8]) {
        guard record.count == Self.recordBytes else { return nil }
        let magic = Self.word(record, 24, big: false)
        switch magic {
        case DumpFormat.magic, DumpFormat.magic.byteSwapped: variant = .new
        case DumpFormat.oldMagic, DumpFormat.oldMagic.byteSwapped: variant = .old
        case DumpFormat.secondMagic, DumpFormat.secondMagic.byteSwapped: variant = .second
        default: return nil
        }
        let big = ![DumpFormat.magic, DumpFormat.oldMagic, DumpFormat.secondMagic].contains(magic)
        var sum: UInt32 = 0
        for start in stride(from: 0, to: Self.recordBytes, by: 4) { sum &+= Self.word(record, start, big: big) }
        guard sum == DumpFormat.checksum, let kind = Kind(rawValue: Self.word(record, 0, big: big)) else { return nil }
        self.kind = kind
        self.record = record
        isBigEndian = big
        inode = Self.word(record, 20, big: big)
        flags = Self.word(record, 888, big: big)
        count = Self.word(record, 160, big: big)
        map = []
        if kind == .inode || kind == .addresses || kind == .accessControl {
            guard count <= Self.recordsPerHeader else { return nil }
            map = Array(record[164..<164 + Int(count)])
        }
    }

    private static func word(_ record: [UInt8], _ at: Int, big: Bool) -> UInt32 {
        let bytes = record.span
        let little =
            UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
        return big ? little.byteSwapped : little
    }

    private func word(_ at: Int) -> UInt32 { Self.word(record, at, big: isBigEndian) }

    private func half(_ at: Int) -> UInt16 {
        let little = UInt16(record[at]) | UInt16(record[at + 1]) << 8
        return isBigEndian ? little.byteSwapped : little
    }

    /// Two words in the order of the machine: the upper half first on a big-endian one.
    private func long(_ at: Int) -> UInt64 {
        isBigEndian ? UInt64(word(at)) << 32 | UInt64(word(at + 4)) : UInt64(word(at + 4)) << 32 | UInt64(word(at))
    }

    private func text(_ at: Int, _ width: Int) -> String {
        ContentNames.shown(record[at..<at + width].prefix { $0 != 0 })
    }

    /// Records behind this header that belong to it.
    var dataRecords: UInt64 {
        switch kind {
        case .inode, .addresses, .accessControl: UInt64(map.reduce(0) { $0 + ($1 == 0 ? 0 : 1) })
        case .dumpedMap, .usedMap: UInt64(min(count, Self.maximumMapRecords))
        case .tape, .end: 0
        }
    }

    // MARK: The tape

    var volume: UInt32 { word(12) }
    var dateSeconds: Int64 { variant == .second ? Int64(bitPattern: long(896)) : Int64(word(4)) }
    var baseDateSeconds: Int64 { variant == .second ? Int64(bitPattern: long(904)) : Int64(word(8)) }
    var label: String { text(676, 16) }
    var level: UInt32 { word(692) }
    var fileSystem: String { text(696, 64) }
    var device: String { text(760, 64) }
    var host: String { text(824, 64) }
    /// The data is compressed, as Linux' dump -z, -j and -y write it.
    var isCompressed: Bool { variant == .new && kind == .tape && flags & DumpFlags.compressed != 0 }
    var holdsAttributes: Bool { flags & DumpFlags.attributes != 0 }

    // MARK: The inode

    var mode: UInt16 { half(32) }
    var lengthBytes: UInt64 { long(40) }

    var entry: ContentEntry {
        let kind: ContentEntry.Kind =
            switch mode & 0o170000 {
            case 0o040000: .directory
            case 0o100000: .regular
            case 0o120000: .symbolicLink
            default: .other
            }
        // The old inode has owners of 16 bits, which Linux' and BSD's new ones keep as 0.
        let isOld = variant == .old
        let seconds = variant == .second ? Int64(bitPattern: long(96)) : Int64(Int32(bitPattern: word(56)))
        var nanoseconds = variant == .second ? word(60) : min(word(60), 999_999) &* 1000
        nanoseconds = min(nanoseconds, 999_999_999)
        return ContentEntry(
            kind: kind,
            permissions: mode & 0o7777,
            user: isOld ? UInt32(half(36)) : word(144),
            group: isOld ? UInt32(half(38)) : word(148),
            lengthBytes: kind == .regular ? lengthBytes : 0,
            modifiedNanoseconds: ContentEntry.nanoseconds(seconds, nanoseconds),
            links: variant == .second ? 1 : max(1, UInt32(half(34)))
        )
    }

    /// The names in one record of a directory, without `.` and `..`.
    ///
    /// - Returns: false when something in it is not as it should be.
    func names(in data: [UInt8], _ take: (UInt32, ArraySlice<UInt8>) -> Void) -> Bool {
        var at = 0
        var isSound = true
        while at + 8 <= data.count {
            let number = Self.word(data, at, big: isBigEndian)
            let raw = UInt16(data[at + 4]) | UInt16(data[at + 5]) << 8
            let length = Int(isBigEndian ? raw.byteSwapped : raw)
            guard length >= 8, length & 3 == 0, at + length <= data.count else {
                // The chain is broken: the next block starts a new one.
                if length != 0 || number != 0 { isSound = false }
                at = (at / DumpFormat.directoryBlockBytes + 1) * DumpFormat.directoryBlockBytes
                continue
            }
            defer { at += length }
            guard number != 0 else { continue }
            // Older directories have no type, and 16 bits for the length.
            var nameBytes = Int(data[at + 7])
            if nameBytes == 0, !isBigEndian { nameBytes = Int(data[at + 6]) }
            guard nameBytes > 0, 8 + nameBytes <= length else {
                isSound = false
                continue
            }
            let name = data[at + 8..<at + 8 + nameBytes]
            if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
            take(number, name)
        }
        return isSound
    }
}
