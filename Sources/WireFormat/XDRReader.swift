// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Reads a structure from a range of a message buffer.
///
/// Nothing is allocated on the peer's word alone: a length or count is checked against the field's limit and
/// against the bytes that are really there first. Bytes behind the last field are left alone.
package struct XDRReader: XDRPass {
    package let version: Int
    private let bytes: [UInt8]
    private let end: Int
    /// Position of the next byte, counted from the start of the buffer.
    package private(set) var offset: Int

    /// Memory is reserved for at most this many array elements ahead of reading them.
    private static let reservedElements = 64

    package init(_ bytes: [UInt8], in range: Range<Int>, version: Int) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        self.bytes = bytes
        self.offset = range.lowerBound
        self.end = range.upperBound
        self.version = version
    }

    package init(_ bytes: [UInt8], version: Int) {
        self.init(bytes, in: 0..<bytes.count, version: version)
    }

    package var remaining: Int { end - offset }

    private mutating func word(_ name: String) throws(XDRError) -> UInt32 {
        guard remaining >= 4 else { throw XDRError(.truncated, field: name, offset: offset) }
        var value: UInt32 = 0
        for index in offset..<offset + 4 { value = value << 8 | UInt32(bytes[index]) }
        offset += 4
        return value
    }

    /// The range of `count` bytes and the position behind their padding.
    private mutating func take(_ count: Int, _ name: String) throws(XDRError) -> Range<Int> {
        let padded = (count + 3) & ~3
        guard padded <= remaining else { throw XDRError(.truncated, field: name, offset: offset) }
        let range = offset..<offset + count
        offset += padded
        return range
    }

    private mutating func length(limit: Int, _ name: String) throws(XDRError) -> Int {
        let start = offset
        let count = Int(try word(name))
        guard count <= limit else {
            throw XDRError(.tooLong(count: count, limit: limit), field: name, offset: start)
        }
        return count
    }

    package mutating func u32(_ value: inout UInt32, _ name: String) throws(XDRError) {
        value = try word(name)
    }

    package mutating func quad(_ value: inout UInt64, _ name: String) throws(XDRError) {
        let high = try word(name)
        value = UInt64(high) << 32 | UInt64(try word(name))
    }

    package mutating func enumeration<E: XDREnumeration>(_ value: inout E, _ name: String) throws(XDRError) {
        value = E(rawValue: Int32(bitPattern: try word(name)))
    }

    package mutating func string(
        _ value: inout XDRString,
        limit: Int,
        secret: Bool,
        _ name: String
    ) throws(XDRError) {
        let count = try length(limit: limit, name)
        value = XDRString(bytes: Array(bytes[try take(count, name)]))
    }

    package mutating func opaque(_ value: inout [UInt8], limit: Int, _ name: String) throws(XDRError) {
        let count = try length(limit: limit, name)
        value = Array(bytes[try take(count, name)])
    }

    package mutating func fixedOpaque(_ value: inout [UInt8], count: Int, _ name: String) throws(XDRError) {
        value = Array(bytes[try take(count, name)])
    }

    package mutating func payload(_ value: inout XDRPayload, limit: Int, _ name: String) throws(XDRError) {
        let count = try length(limit: limit, name)
        value = .inMessage(try take(count, name))
    }

    package mutating func array<T>(
        _ value: inout [T],
        of blank: T,
        limit: Int,
        _ name: String,
        item: (inout XDRReader, inout T) throws(XDRError) -> Void
    ) throws(XDRError) {
        let count = try length(limit: min(limit, remaining / 4), name)
        var items: [T] = []
        items.reserveCapacity(min(count, Self.reservedElements))
        for _ in 0..<count {
            var element = blank
            try item(&self, &element)
            items.append(element)
        }
        value = items
    }
}

extension XDRReader {
    /// Decodes one structure from the front of what remains.
    package mutating func decode<T: XDRStruct>(_ type: T.Type = T.self) throws(XDRError) -> T {
        var value = T()
        try value.fields(&self)
        return value
    }
}
