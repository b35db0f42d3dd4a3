// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A map of inodes as the stream has it; records without a bit take no memory.
struct DumpMap: Sendable {
    private var records: [UInt32: [UInt8]] = [:]
    private static let bitsPerRecord = UInt32(DumpFormat.recordBytes * 8)

    var isEmpty: Bool { records.isEmpty }

    mutating func set(_ index: UInt32, _ bytes: Span<UInt8>) {
        var record: [UInt8] = []
        var bits: UInt8 = 0
        record.reserveCapacity(bytes.count)
        for position in bytes.indices {
            bits |= bytes[position]
            record.append(bytes[position])
        }
        if bits != 0 { records[index] = record }
    }

    func contains(_ inode: UInt32) -> Bool {
        guard inode > 0, let record = records[(inode - 1) / Self.bitsPerRecord] else { return false }
        let bit = Int((inode - 1) % Self.bitsPerRecord)
        return record[bit / 8] & 1 << UInt8(bit % 8) != 0
    }
}
