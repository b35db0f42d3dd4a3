// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The rule for barcodes, which are also directory names.
package enum Barcode {
    /// 1 to 32 characters of A to Z, 0 to 9, `-` and `_`.
    package static func isValid(_ barcode: String) -> Bool {
        let characters = barcode.utf8
        guard (1...CartridgeLimits.barcodeCharacters).contains(characters.count) else { return false }
        return characters.allSatisfy { character in
            switch character {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
    }
}
