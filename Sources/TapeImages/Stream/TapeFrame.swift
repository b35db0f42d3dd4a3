// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The stream in which a cartridge's contents travel between daemon and command, whatever the image's format is.
///
/// Eight bytes of signature, then frames: a little-endian word whose high byte is the kind and whose other 24 bits are a
/// number, then for records and the description that many bytes. The description comes first, the end last, so that a
/// stream that was cut off is never taken for a whole one.
enum TapeFrame {
    static let signature = Array("CAPTAPE1".utf8)

    enum Kind: UInt8 {
        /// JSON of a ``TapeDescription``; the number is its length.
        case description = 1
        case record = 2
        case damagedRecord = 3
        /// So many filemarks.
        case filemarks = 4
        /// What follows is on this partition.
        case partition = 5
        case end = 6

        var hasPayload: Bool { self == .description || self == .record || self == .damagedRecord }
    }

    static let numberLimit = 0xFF_FFFF

    static func word(_ kind: Kind, _ number: Int) -> UInt32 { UInt32(kind.rawValue) << 24 | UInt32(number) }
}

/// Why a stream cannot be read: it is not one, was cut off, or says what cannot be.
package struct TapeStreamError: Error, Equatable, CustomStringConvertible {
    package let description: String
}
