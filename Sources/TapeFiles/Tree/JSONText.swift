// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// JSON text with its keys in the order in which they are given, two blanks per level, a line feed at the end: the same
/// facts are the same bytes, which people compare and scripts read.
package struct JSONText {
    package private(set) var bytes: [UInt8] = []
    private var depth = 0
    private var isFirst = true

    /// An object; `body` gives its members.
    package static func object(_ body: (inout JSONText) -> Void) -> [UInt8] {
        var text = JSONText()
        text.enclose("{", "}", body)
        text.bytes.append(0x0A)
        return text.bytes
    }

    // MARK: Members of an object

    package mutating func member(_ key: String, _ value: String?) {
        begin(key)
        if let value { quote(value) } else { put("null") }
    }

    package mutating func member(_ key: String, _ value: Bool) {
        begin(key)
        put(value ? "true" : "false")
    }

    package mutating func member<Number: FixedWidthInteger>(_ key: String, _ value: Number?) {
        begin(key)
        put(value.map { String($0) } ?? "null")
    }

    /// An object in the object; nil is `null`.
    package mutating func object(_ key: String, isNull: Bool = false, _ body: (inout JSONText) -> Void) {
        begin(key)
        guard !isNull else { return put("null") }
        enclose("{", "}", body)
    }

    /// An array of objects; empty: `[]`.
    package mutating func array<Element>(
        _ key: String,
        _ elements: some Sequence<Element>,
        _ body: (inout JSONText, Element) -> Void
    ) {
        begin(key)
        enclose("[", "]") { text in
            for element in elements {
                text.begin(nil)
                text.enclose("{", "}") { body(&$0, element) }
            }
        }
    }

    /// An array of numbers in one line.
    package mutating func numbers<Number: FixedWidthInteger>(_ key: String, _ values: [Number]) {
        begin(key)
        put("[" + values.map { String($0) }.joined(separator: ", ") + "]")
    }

    /// An array of texts, one a line.
    package mutating func texts(_ key: String, _ values: [String]) {
        begin(key)
        enclose("[", "]") { text in
            for value in values {
                text.begin(nil)
                text.quote(value)
            }
        }
    }

    // MARK: Pieces

    private mutating func begin(_ key: String?) {
        if !isFirst { put(",") }
        isFirst = false
        newLine()
        guard let key else { return }
        quote(key)
        put(": ")
    }

    private mutating func enclose(_ open: String, _ close: String, _ body: (inout JSONText) -> Void) {
        put(open)
        depth += 1
        isFirst = true
        body(&self)
        depth -= 1
        if !isFirst { newLine() }
        isFirst = false
        put(close)
    }

    private mutating func newLine() {
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: depth * 2))
    }

    private mutating func put(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    /// RFC 8259, 7: quotation mark, reverse solidus and control characters are escaped; all else is UTF-8 as it is.
    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0A: put("\\n")
            case 0x0D: put("\\r")
            case 0x09: put("\\t")
            case 0..<0x20, 0x7F:
                let digits = String(byte, radix: 16)
                put("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
