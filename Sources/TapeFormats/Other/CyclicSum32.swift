// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The CRC of ISO 3309 and ITU-T V.42 (polynomial 04C11DB7, reflected), eight bytes at a time.
enum CyclicSum32 {
    /// Eight tables behind one another: what a byte does that is followed by 0 to 7 others.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for value in 0..<256 {
            var sum = UInt32(value)
            for _ in 0..<8 { sum = sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1 }
            tables[value] = sum
        }
        for value in 256..<8 * 256 {
            let before = tables[value - 256]
            tables[value] = before >> 8 ^ tables[Int(before & 0xFF)]
        }
        return tables
    }()

    static func of(_ bytes: Span<UInt8>) -> UInt32 {
        let tables = tables.span
        var sum: UInt32 = 0xFFFF_FFFF
        var at = 0
        while at + 8 <= bytes.count {
            let low =
                sum
                ^ (UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16
                    | UInt32(bytes[at + 3]) << 24)
            sum =
                tables[1792 + Int(low & 0xFF)] ^ tables[1536 + Int(low >> 8 & 0xFF)]
                ^ tables[1280 + Int(low >> 16 & 0xFF)] ^ tables[1024 + Int(low >> 24)]
            sum ^=
                tables[768 + Int(bytes[at + 4])] ^ tables[512 + Int(bytes[at + 5])]
                ^ tables[256 + Int(bytes[at + 6])] ^ tables[Int(bytes[at + 7])]
            at += 8
        }
        while at < bytes.count {
            sum = sum >> 8 ^ tables[Int((sum ^ UInt32(bytes[at])) & 0xFF)]
            at += 1
        }
        return ~sum
    }
}
