// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Where a cartridge can be inside of the library, as people say it: `slot 3`, `mail slot 1`, `drive 0`.
///
/// Slots and mail slots count from 1 (as their doors are labelled), drives from 0 (as their device names are).
package enum ElementPlace: Hashable, Sendable {
    case slot(Int)
    case mailSlot(Int)
    case drive(Int)

    /// Reads `slot:3`, `mail:1`, `drive:0`, the same with a blank or nothing between, or a bare number for a slot.
    package init?(_ text: String) {
        let lowered = text.lowercased()
        let letters = lowered.prefix { !$0.isNumber }
        let digits = lowered.dropFirst(letters.count)
        guard !digits.isEmpty, digits.count <= 5, digits.allSatisfy({ $0.isASCII }), let number = Int(digits) else {
            return nil
        }
        let word = letters.filter { !" :/-_".contains($0) }
        switch word {
        case "", "slot", "s": self = .slot(number)
        case "mail", "mailslot", "m", "io": self = .mailSlot(number)
        case "drive", "d", "nst": self = .drive(number)
        default: return nil
        }
    }

    package var kind: Kind {
        switch self {
        case .slot: .slot
        case .mailSlot: .mail
        case .drive: .drive
        }
    }

    package var number: Int {
        switch self {
        case .slot(let number), .mailSlot(let number), .drive(let number): number
        }
    }

    package init(kind: Kind, number: Int) {
        switch kind {
        case .slot: self = .slot(number)
        case .mail: self = .mailSlot(number)
        case .drive: self = .drive(number)
        }
    }

    package enum Kind: String, Codable, Sendable, CaseIterable {
        case slot
        case mail
        case drive
    }
}

extension ElementPlace: CustomStringConvertible {
    package var description: String {
        switch self {
        case .slot(let number): "slot \(number)"
        case .mailSlot(let number): "mail slot \(number)"
        case .drive(let number): "drive \(number)"
        }
    }

    /// As commands take it: `slot:3`.
    package var reference: String { "\(kind.rawValue):\(number)" }
}

/// In JSON a place is its reference: `"slot:3"`.
extension ElementPlace: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard text.contains(":"), let place = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "\"\(text)\" is not a place such as \"slot:3\", \"mail:1\" or \"drive:0\""
            )
        }
        self = place
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(reference)
    }
}
