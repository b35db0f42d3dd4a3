// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Writes a map of inodes: a bit for each number from 1, the lowest bit of each byte first.
struct DumpMapWriter {
    private static let bitsPerRecord = UInt32(DumpFormat.recordBytes * 8)

    private let output: DumpOutput
    private let highest: UInt32

    init(_ output: DumpOutput, highest: UInt32) {
        self.output = output
        self.highest = highest
    }

    /// - Parameters:
    ///   - rows: sorted by inode.
    ///   - isFull: every number is in the map.
    func write(
        _ kind: DumpRecordKind,
        _ rows: [DumpRow],
        isFull: Bool = false,
        where isIn: (DumpRow) -> Bool
    ) throws(StreamError) {
        let records = (highest - 1) / Self.bitsPerRecord + 1
        var header = output.header(kind, inode: kind == .usedMap ? highest : DumpFormat.rootInode)
        header.count = records
        header.file.size = UInt64(records) * UInt64(DumpFormat.recordBytes)
        try output.write(header)
        var row = 0
        let blank = [UInt8](repeating: isFull ? 0xFF : 0, count: DumpFormat.recordBytes)
        for number in 0..<records {
            var record = blank
            let first = number * Self.bitsPerRecord + 1
            while row < rows.count, rows[row].inode - first < Self.bitsPerRecord {
                if isIn(rows[row]) {
                    let bit = Int(rows[row].inode - first)
                    record[bit / 8] |= 1 << UInt8(bit % 8)
                }
                row += 1
            }
            try output.write(record.span)
        }
    }
}
