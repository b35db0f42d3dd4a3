// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Prints a structure for the trace as `name=value` items. Payloads and secrets appear only as a length.
package struct XDRPrinter: XDRPass {
    package let version: Int
    package private(set) var text = ""

    /// Characters of one string that are shown; the rest is replaced by its length.
    package static let shownStringBytes = 120
    /// Elements of one array that are shown.
    package static let shownElements = 8

    package init(version: Int) {
        self.version = version
    }

    private mutating func add(_ name: String, _ value: String) {
        if !text.isEmpty, !text.hasSuffix("{") { text += " " }
        text += "\(name)=\(value)"
    }

    package mutating func u32(_ value: inout UInt32, _ name: String) throws(XDRError) {
        add(name, value == .max ? "all-ones" : String(value))
    }

    package mutating func quad(_ value: inout UInt64, _ name: String) throws(XDRError) {
        add(name, value == .max ? "all-ones" : String(value))
    }

    package mutating func i16(_ value: inout Int16, _ name: String) throws(XDRError) {
        add(name, String(value))
    }

    package mutating func enumeration<E: XDREnumeration>(_ value: inout E, _ name: String) throws(XDRError) {
        add(name, value.text)
    }

    package mutating func string(
        _ value: inout XDRString,
        limit: Int,
        secret: Bool,
        _ name: String
    ) throws(XDRError) {
        add(name, secret ? "(\(value.bytes.count) bytes)" : Self.quoted(value.bytes))
    }

    package mutating func opaque(_ value: inout [UInt8], limit: Int, _ name: String) throws(XDRError) {
        add(name, "(\(value.count) bytes)")
    }

    package mutating func fixedOpaque(_ value: inout [UInt8], count: Int, _ name: String) throws(XDRError) {
        add(name, "(\(count) bytes)")
    }

    package mutating func payload(_ value: inout XDRPayload, limit: Int, _ name: String) throws(XDRError) {
        add(name, "(\(value.count) bytes)")
    }

    package mutating func array<T>(
        _ value: inout [T],
        of blank: T,
        limit: Int,
        _ name: String,
        item: (inout XDRPrinter, inout T) throws(XDRError) -> Void
    ) throws(XDRError) {
        add("\(name)[\(value.count)]", "{")
        for (index, element) in value.prefix(Self.shownElements).enumerated() {
            if index > 0 { text += ";" }
            var element = element
            try item(&self, &element)
        }
        text += value.count > Self.shownElements ? "; ...}" : "}"
    }

    /// Printable ASCII as it is, everything else as `\xNN`, cut to `shownStringBytes`.
    package static func quoted(_ bytes: [UInt8]) -> String {
        var result = "\""
        for byte in bytes.prefix(shownStringBytes) {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += "\\" + String(UnicodeScalar(byte))
            case 0x20..<0x7f: result += String(UnicodeScalar(byte))
            default: result += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return result + (bytes.count > shownStringBytes ? "\"...(\(bytes.count) bytes)" : "\"")
    }
}

extension XDRPrinter {
    package static func describe<T: XDRStruct>(_ value: T, version: Int) -> String {
        var printer = XDRPrinter(version: version)
        var value = value
        // The printer's own methods never throw; the signature is shared with the other passes.
        do throws(XDRError) { try value.fields(&printer) } catch { printer.add("error", error.description) }
        return printer.text
    }
}
