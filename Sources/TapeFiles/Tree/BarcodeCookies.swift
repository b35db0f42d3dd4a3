// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Where readdir goes on behind a barcode: a number that follows from the barcode alone and grows as barcodes do, so
/// that a listing stays right while cartridges come and go.
///
/// Barcodes of up to 11 characters (LTO's have 8) are numbers of base 39; they come first, in their order. Longer ones
/// get numbers as they are first seen, behind all others.
struct BarcodeCookies {
    /// 39 to the power of 11 is below this bit.
    private static let longBit: UInt64 = 1 << 60
    private static let exactCharacters = 11
    private var long: [String: UInt64] = [:]

    mutating func cookie(of barcode: String) -> UInt64 {
        guard barcode.utf8.count > Self.exactCharacters else { return Self.exact(barcode) }
        if let known = long[barcode] { return known }
        let next = Self.longBit + UInt64(long.count) + 1
        long[barcode] = next
        return next
    }

    /// In the order of ASCII: `-`, digits, letters, `_`. 0 stands for the end, so that a prefix comes first.
    static func exact(_ barcode: String) -> UInt64 {
        var cookie: UInt64 = 0
        var count = 0
        for character in barcode.utf8.prefix(exactCharacters) {
            cookie = cookie * 39 + digit(character)
            count += 1
        }
        while count < exactCharacters {
            cookie *= 39
            count += 1
        }
        return cookie
    }

    private static func digit(_ character: UInt8) -> UInt64 {
        switch character {
        case UInt8(ascii: "-"): 1
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(character - UInt8(ascii: "0")) + 2
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt64(character - UInt8(ascii: "A")) + 12
        default: 38
        }
    }
}
