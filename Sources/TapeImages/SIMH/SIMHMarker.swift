// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A 32-bit little-endian word of a SIMH image: the four high bits are a class.
///
/// "SIMH magtape representation and handling" (R. Supnik): class 0 is a good record or, as zero, a tape mark; 8 a bad
/// record; F single markers. The extended format (SIMH 3.12) adds private records 1 to 6, private markers 7 and
/// description records E, and widens the length from 24 to 28 bits.
enum SIMHMarker {
    static let tapeMark: UInt32 = 0
    static let endOfMedium: UInt32 = 0xFFFF_FFFF
    static let eraseGap: UInt32 = 0xFFFF_FFFE
    /// What is read two bytes into an erase gap: a gap whose first half was overwritten.
    static let halfGap: UInt32 = 0xFFFE_FFFF
    static let badRecord: UInt32 = 0x8000_0000
    static let lengthMask: UInt32 = 0x0FFF_FFFF

    enum Kind: Equatable {
        case tapeMark, endOfMedium
        case gap, halfGap
        case record(Int), badRecord(Int)
        /// Records that are no data of the tape: private ones and descriptions.
        case otherRecord(Int)
        case privateMarker
        case reserved
    }

    static func kind(of word: UInt32) -> Kind {
        let length = Int(word & lengthMask)
        return switch (word, word >> 28) {
        case (tapeMark, _): .tapeMark
        case (endOfMedium, _): .endOfMedium
        case (eraseGap, _): .gap
        case (halfGap, _): .halfGap
        case (_, 0): .record(length)
        case (_, 8): .badRecord(length)
        case (_, 1...6), (_, 14): .otherRecord(length)
        case (_, 7): .privateMarker
        default: .reserved
        }
    }
}
