// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import DiskIO
import Testing

@Suite("CRC32C")
struct ChecksumTests {
    /// RFC 3720, B.4, and the check value of the CRC catalogues.
    private static let vectors: [([UInt8], UInt32)] = [
        (Array("123456789".utf8), 0xE306_9283),
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        (Array(0...31), 0x46DD_794E),
        (Array((0...31).reversed()), 0x113F_DB5C),
        ([], 0),
    ]

    @Test("The published values come out, in hardware and in software")
    func vectors() {
        for (bytes, expected) in Self.vectors {
            let found = crc32c(bytes.span)
            #expect(found == expected)
            #expect(bytes.withUnsafeBytes { capstan_crc32c_software(0, $0.baseAddress, $0.count) } == expected)
        }
    }

    /// The polynomial division itself, a bit at a time.
    private func reference(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 {
                let carry = crc & 1
                crc >>= 1
                if carry == 1 { crc ^= 0x82F6_3B78 }
            }
        }
        return ~crc
    }

    @Test("Every length and alignment around the stripes gives the same as the definition")
    func lengths() {
        let bytes: [UInt8] = (0..<14_000).map { (value: Int) in UInt8(truncatingIfNeeded: value * 7 + value / 32) }
        for length in [1, 7, 8, 9, 255, 767, 768, 769, 1535, 1537, 12_287, 12_288, 12_289, 13_900] {
            for start in 0..<4 {
                let part = bytes[start..<start + length]
                let expected = reference(part)
                let found = crc32c(bytes.span.extracting(start..<start + length))
                #expect(found == expected, "\(length) from \(start)")
                #expect(part.withUnsafeBytes { capstan_crc32c_software(0, $0.baseAddress, $0.count) } == expected)
            }
        }
    }

    @Test("A checksum continues from the one before")
    func continuation() {
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
        let whole = crc32c(bytes.span)
        for split in [0, 1, 13, 768, 4999, 5000] {
            let first = Array(bytes[..<split])
            let rest = Array(bytes[split...])
            let seed = crc32c(first.span)
            let continued = crc32c(rest.span, seed: seed)
            #expect(continued == whole)
        }
    }
}
