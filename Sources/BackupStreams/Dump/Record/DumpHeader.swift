// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A header record: 1024 bytes whose 32-bit words add up to 84446.
///
/// Linux' layout: type, date, base date, volume, number of this record, inode, magic, checksum (0 ... 31); the inode
/// (32 ... 159); count and address map (160 ... 675); label, level, file system, device and host (676 ... 887); flags, first
/// record, records a block, kind of attribute (888 ... 903).
package struct DumpHeader: Sendable, Equatable {
    package var kind: DumpRecordKind
    /// Moment of the dump, seconds since 1970; 32 bits in the record, taken as unsigned.
    package var date: UInt32 = 0
    /// The date that this dump compares with; 0 at level 0.
    package var baseDate: UInt32 = 0
    package var volume: UInt32 = 1
    /// Number of this record in the stream, modulo 2^32.
    package var record: UInt32 = 0
    package var inode: UInt32 = 0
    package var file = DumpInode()
    /// Records that follow, or that the address map tells of.
    package var count: UInt32 = 0
    /// A byte for each record: 0 is a hole, which is not in the stream. As long as `count` at most 512.
    package var addresses: [UInt8] = []
    package var label: [UInt8] = []
    package var level: UInt32 = 0
    package var fileSystem: [UInt8] = []
    package var device: [UInt8] = []
    package var host: [UInt8] = []
    package var flags: UInt32 = DumpFlags.newInode
    package var firstRecord: UInt32 = 0
    package var recordsPerBlock: UInt32 = 0
    package var attributeKind: UInt32 = 0

    package init(_ kind: DumpRecordKind) {
        self.kind = kind
    }

    package var holdsAttributes: Bool { flags & DumpFlags.attributes != 0 }

    /// Records of data behind this header.
    package var dataRecords: Int {
        switch kind {
        case .usedMap, .dumpedMap: Int(min(count, DumpFormat.maximumInode / 8192))
        case .inode, .addresses: addresses.reduce(0) { $0 + ($1 == 0 ? 0 : 1) }
        case .tape, .end: 0
        }
    }
}

/// Why a record is no header.
package enum DumpHeaderError: Error, Sendable, Equatable {
    case notAHeader
    case otherByteOrder
    case oldFormat
    case checksum
    case unknownKind(UInt32)
    /// More records than a header can tell of.
    case count(UInt32)

    package var sentence: String {
        switch self {
        case .notAHeader: "it is no dump header"
        case .otherByteOrder: "it was written on a machine with big-endian words, which is not supported"
        case .oldFormat: "it is in an older or other dump format (not magic 60012), which is not supported"
        case .checksum: "its checksum is wrong"
        case .unknownKind(let kind): "its type \(kind) is unknown"
        case .count(let count): "it tells of \(count) records, more than 512"
        }
    }
}

extension DumpHeader {
    private enum Field {
        static let kind = 0
        static let date = 4
        static let baseDate = 8
        static let volume = 12
        static let record = 16
        static let inode = 20
        static let magic = 24
        static let checksum = 28
        static let count = 160
        static let addresses = 164
        static let label = 676
        static let labelBytes = 16
        static let level = 692
        static let fileSystem = 696
        static let device = 760
        static let host = 824
        static let nameBytes = 64
        static let flags = 888
        static let firstRecord = 892
        static let recordsPerBlock = 896
        static let attributeKind = 900
    }

    /// The 1024 bytes, with their checksum.
    package func encoded() -> [UInt8] {
        var record = [UInt8](repeating: 0, count: DumpFormat.recordBytes)
        record.setLittle32(Field.kind, kind.rawValue)
        record.setLittle32(Field.date, date)
        record.setLittle32(Field.baseDate, baseDate)
        record.setLittle32(Field.volume, volume)
        record.setLittle32(Field.record, self.record)
        record.setLittle32(Field.inode, inode)
        record.setLittle32(Field.magic, DumpFormat.magic)
        file.write(to: &record)
        record.setLittle32(Field.count, count)
        for (index, byte) in addresses.prefix(DumpFormat.recordsPerHeader).enumerated() {
            record[Field.addresses + index] = byte
        }
        record.setText(Field.label, width: Field.labelBytes, label)
        record.setLittle32(Field.level, level)
        record.setText(Field.fileSystem, width: Field.nameBytes, fileSystem)
        record.setText(Field.device, width: Field.nameBytes, device)
        record.setText(Field.host, width: Field.nameBytes, host)
        record.setLittle32(Field.flags, flags)
        record.setLittle32(Field.firstRecord, firstRecord)
        record.setLittle32(Field.recordsPerBlock, recordsPerBlock)
        record.setLittle32(Field.attributeKind, attributeKind)
        record.setLittle32(Field.checksum, DumpFormat.checksum &- Self.sum(record))
        return record
    }

    /// - Parameter record: 1024 bytes.
    package init(_ record: [UInt8]) throws(DumpHeaderError) {
        precondition(record.count == DumpFormat.recordBytes)
        let magic = record.little32(Field.magic)
        switch magic {
        case DumpFormat.magic: break
        case DumpFormat.magic.byteSwapped: throw .otherByteOrder
        case DumpFormat.oldMagic, DumpFormat.secondMagic, DumpFormat.oldMagic.byteSwapped,
            DumpFormat.secondMagic.byteSwapped:
            throw .oldFormat
        default: throw .notAHeader
        }
        guard Self.sum(record) == DumpFormat.checksum else { throw .checksum }
        let number = record.little32(Field.kind)
        guard let kind = DumpRecordKind(rawValue: number) else { throw .unknownKind(number) }
        self.init(kind)
        date = record.little32(Field.date)
        baseDate = record.little32(Field.baseDate)
        volume = record.little32(Field.volume)
        self.record = record.little32(Field.record)
        inode = record.little32(Field.inode)
        file = DumpInode(from: record)
        count = record.little32(Field.count)
        if kind == .inode || kind == .addresses {
            guard count <= DumpFormat.recordsPerHeader else { throw .count(count) }
            addresses = Array(record[Field.addresses..<Field.addresses + Int(count)])
        }
        label = record.text(Field.label, width: Field.labelBytes)
        level = record.little32(Field.level)
        fileSystem = record.text(Field.fileSystem, width: Field.nameBytes)
        device = record.text(Field.device, width: Field.nameBytes)
        host = record.text(Field.host, width: Field.nameBytes)
        flags = record.little32(Field.flags)
        firstRecord = record.little32(Field.firstRecord)
        recordsPerBlock = record.little32(Field.recordsPerBlock)
        attributeKind = record.little32(Field.attributeKind)
    }

    private static func sum(_ record: [UInt8]) -> UInt32 {
        var sum: UInt32 = 0
        let bytes = record.span
        var index = 0
        while index < bytes.count {
            sum &+=
                UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16
                | UInt32(bytes[index + 3]) << 24
            index += 4
        }
        return sum
    }
}
