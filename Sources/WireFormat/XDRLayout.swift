// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Lists a structure's fields for the reference pages: `name type`, in wire order, one version at a time.
///
/// Of a union only the discriminant is listed.
package struct XDRLayout: XDRPass {
    package let version: Int
    private var items: [String] = []

    private init(version: Int) {
        self.version = version
    }

    /// The fields of a structure; empty when it has none in this version.
    package static func describe<T: XDRStruct>(_ type: T.Type, version: Int) -> String {
        var layout = XDRLayout(version: version)
        var value = T()
        do throws(XDRError) { try value.fields(&layout) } catch { layout.add("error", error.description) }
        return layout.items.joined(separator: ", ")
    }

    private mutating func add(_ name: String, _ type: String) {
        items.append("\(name) \(type)")
    }

    package mutating func u32(_ value: inout UInt32, _ name: String) throws(XDRError) {
        add(name, "u32")
    }

    package mutating func u16(_ value: inout UInt16, _ name: String) throws(XDRError) {
        add(name, "u16")
    }

    package mutating func i16(_ value: inout Int16, _ name: String) throws(XDRError) {
        add(name, "i16")
    }

    package mutating func u8(_ value: inout UInt8, _ name: String) throws(XDRError) {
        add(name, "u8")
    }

    package mutating func quad(_ value: inout UInt64, _ name: String) throws(XDRError) {
        add(name, "u64")
    }

    package mutating func enumeration<E: XDREnumeration>(_ value: inout E, _ name: String) throws(XDRError) {
        add(name, "enum")
    }

    package mutating func discriminant<E: XDREnumeration>(_ value: inout E, _ name: String) throws(XDRError) {
        add(name, "union")
    }

    package mutating func string(
        _ value: inout XDRString,
        limit: Int,
        secret: Bool,
        _ name: String
    ) throws(XDRError) {
        add(name, "string")
    }

    package mutating func opaque(_ value: inout [UInt8], limit: Int, _ name: String) throws(XDRError) {
        add(name, "opaque")
    }

    package mutating func fixedOpaque(_ value: inout [UInt8], count: Int, _ name: String) throws(XDRError) {
        add(name, "opaque[\(count)]")
    }

    package mutating func payload(_ value: inout XDRPayload, limit: Int, _ name: String) throws(XDRError) {
        add(name, "opaque")
    }

    package mutating func array<T>(
        _ value: inout [T],
        of blank: T,
        limit: Int,
        _ name: String,
        item: (inout XDRLayout, inout T) throws(XDRError) -> Void
    ) throws(XDRError) {
        var layout = XDRLayout(version: version)
        var element = blank
        try item(&layout, &element)
        add(name, "[\(layout.items.joined(separator: ", "))] (at most \(limit))")
    }
}
