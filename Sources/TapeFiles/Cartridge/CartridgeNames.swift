// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import LogicalUnits

/// Names below `cartridges/BARCODE`, both ways.
enum CartridgeNames {
    static let label = "label.json"
    static let attributes = "attributes"
    static let contents = "contents"
    static let data = "data"
    static let information = "info.json"

    /// `blocks.csv`, `blocks-p1.csv`
    static func blocks(_ partition: Int) -> String { partition == 0 ? "blocks.csv" : "blocks-p\(partition).csv" }
    /// `files`, `files-p1`
    static func files(_ partition: Int) -> String { partition == 0 ? "files" : "files-p\(partition)" }

    /// `0001` for file number 0: at least four digits.
    static func file(_ number: UInt64) -> String {
        let digits = String(number + 1)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// The file number; nil for any spelling but the one that ``file(_:)`` gives.
    static func fileNumber(_ name: [UInt8]) -> UInt64? {
        guard (4...10).contains(name.count), name.count == 4 || name[0] != UInt8(ascii: "0") else { return nil }
        var number: UInt64 = 0
        for digit in name {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + UInt64(digit - UInt8(ascii: "0"))
        }
        return number == 0 ? nil : number - 1
    }

    /// `0806-barcode`; of another partition than 0 `p1-0806-barcode`.
    static func attribute(_ attribute: MediumAttribute) -> String {
        let identifier = hexadecimal(attribute.identifier)
        let prefix = attribute.partition == 0 ? "" : "p\(attribute.partition)-"
        guard let name = attributeName(attribute.identifier) else { return prefix + identifier }
        var words: [Substring] = name.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        words.insert(Substring(identifier), at: 0)
        return prefix + words.joined(separator: "-")
    }

    static func attributeName(_ identifier: UInt16) -> String? {
        MediumAttributes.rows.first { $0.identifier == identifier }?.name
    }

    /// Four digits, as the standards write them.
    static func hexadecimal(_ value: UInt16) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// The bytes of an attribute's file: a text without its padding and with a line feed; anything else as it is stored.
enum AttributeFile {
    static func bytes(_ attribute: MediumAttribute) -> [UInt8] {
        attribute.format == 0 ? attribute.value : trimmed(attribute.value) + [0x0A]
    }

    /// Text attributes are padded with blanks or ended with NUL.
    static func trimmed(_ value: [UInt8]) -> [UInt8] {
        var text = value.prefix { $0 != 0 }
        while text.last == UInt8(ascii: " ") { text.removeLast() }
        return Array(text)
    }
}
