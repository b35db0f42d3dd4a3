// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Text on the wire: bytes without a declared character set. Kept as they came, compared byte by byte.
package struct XDRString: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    package var bytes: [UInt8]

    package init(bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    package init(_ text: String) {
        self.bytes = Array(text.utf8)
    }

    package init(stringLiteral value: String) {
        self.init(value)
    }

    package var isEmpty: Bool { bytes.isEmpty }

    /// The bytes as UTF-8; what is not UTF-8 is replaced. For people and for names, never to send back.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    package var description: String { text }
}

/// A bulk payload: where it lies in the message it came in, or bytes of its own.
///
/// The reader always answers `.inMessage`, so that a tape record is handed on without a copy; the range counts
/// from the start of the buffer the reader was given and is valid as long as that buffer holds the message.
package enum XDRPayload: Hashable, Sendable {
    case inMessage(Range<Int>)
    case bytes([UInt8])

    package var count: Int {
        switch self {
        case .inMessage(let range): range.count
        case .bytes(let bytes): bytes.count
        }
    }

    /// Lends the payload to `body`. `message` is the buffer that was decoded.
    package func withSpan<R, E: Error>(
        in message: [UInt8],
        _ body: (Span<UInt8>) throws(E) -> R
    ) throws(E) -> R {
        switch self {
        case .inMessage(let range): try body(message.span.extracting(range))
        case .bytes(let bytes): try body(bytes.span)
        }
    }

    /// The payload as an array of its own: for small payloads such as a CDB.
    package func copy(from message: [UInt8]) -> [UInt8] {
        switch self {
        case .inMessage(let range): Array(message[range])
        case .bytes(let bytes): bytes
        }
    }
}

/// An enumeration on the wire. Every 32-bit value can be held, so that an unknown one reaches the code
/// that knows the right answer to it.
package protocol XDREnumeration: RawRepresentable, Hashable, Sendable where RawValue == Int32 {
    init(rawValue: Int32)
    /// The standard's word for the value, or nil when it has none.
    var name: String? { get }
    /// The value to send in a session of this version.
    func wireValue(version: Int) -> Int32
}

extension XDREnumeration {
    package func wireValue(version: Int) -> Int32 { rawValue }
    package var text: String { name ?? "\(rawValue)" }
}

/// A structure that lists its fields once, in wire order, for reading, writing and printing alike.
package protocol XDRStruct: Sendable {
    init()
    mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError)
}

/// One walk over a structure's fields: reading fills them, writing and printing leave them as they are.
///
/// XDR: RFC 4506. Every item takes a multiple of four bytes, big-endian. Each variable-length field
/// names its limit. `version` is the protocol version of the session and guards fields.
package protocol XDRPass {
    var version: Int { get }

    mutating func u32(_ value: inout UInt32, _ name: String) throws(XDRError)
    /// A 16-bit value; like every item it takes four bytes.
    mutating func u16(_ value: inout UInt16, _ name: String) throws(XDRError)
    mutating func u8(_ value: inout UInt8, _ name: String) throws(XDRError)
    mutating func quad(_ value: inout UInt64, _ name: String) throws(XDRError)
    /// A signed 16-bit value, sign-extended to four bytes.
    mutating func i16(_ value: inout Int16, _ name: String) throws(XDRError)
    mutating func enumeration<E: XDREnumeration>(_ value: inout E, _ name: String) throws(XDRError)
    /// The enumeration that tells which arm of a union follows.
    mutating func discriminant<E: XDREnumeration>(_ value: inout E, _ name: String) throws(XDRError)
    /// `secret`: the printer shows only the length.
    mutating func string(_ value: inout XDRString, limit: Int, secret: Bool, _ name: String) throws(XDRError)
    mutating func opaque(_ value: inout [UInt8], limit: Int, _ name: String) throws(XDRError)
    /// Exactly `count` bytes without a length word.
    mutating func fixedOpaque(_ value: inout [UInt8], count: Int, _ name: String) throws(XDRError)
    mutating func payload(_ value: inout XDRPayload, limit: Int, _ name: String) throws(XDRError)
    /// A counted array; `item` lists one element's fields. An element takes at least four bytes.
    mutating func array<T>(
        _ value: inout [T],
        of blank: T,
        limit: Int,
        _ name: String,
        item: (inout Self, inout T) throws(XDRError) -> Void
    ) throws(XDRError)
}

extension XDRPass {
    package mutating func string(_ value: inout XDRString, limit: Int, _ name: String) throws(XDRError) {
        try string(&value, limit: limit, secret: false, name)
    }

    package mutating func u16(_ value: inout UInt16, _ name: String) throws(XDRError) {
        var wide = UInt32(value)
        try u32(&wide, name)
        guard let narrow = UInt16(exactly: wide) else { throw XDRError(.outOfRange(wide), field: name, offset: 0) }
        value = narrow
    }

    package mutating func discriminant<E: XDREnumeration>(_ value: inout E, _ name: String) throws(XDRError) {
        try enumeration(&value, name)
    }

    package mutating func i16(_ value: inout Int16, _ name: String) throws(XDRError) {
        var wide = UInt32(bitPattern: Int32(value))
        try u32(&wide, name)
        guard let narrow = Int16(exactly: Int32(bitPattern: wide)) else {
            throw XDRError(.outOfRange(wide), field: name, offset: 0)
        }
        value = narrow
    }

    package mutating func u8(_ value: inout UInt8, _ name: String) throws(XDRError) {
        var wide = UInt32(value)
        try u32(&wide, name)
        guard let narrow = UInt8(exactly: wide) else { throw XDRError(.outOfRange(wide), field: name, offset: 0) }
        value = narrow
    }

    package mutating func array<T: XDRStruct>(_ value: inout [T], limit: Int, _ name: String) throws(XDRError) {
        try array(&value, of: T(), limit: limit, name) { (pass, item) throws(XDRError) in try item.fields(&pass) }
    }

    package mutating func array<E: XDREnumeration>(
        _ value: inout [E],
        limit: Int,
        _ name: String
    ) throws(XDRError) {
        try array(&value, of: E(rawValue: 0), limit: limit, name) { (pass, item) throws(XDRError) in
            try pass.enumeration(&item, name)
        }
    }

    package mutating func array(_ value: inout [UInt16], limit: Int, _ name: String) throws(XDRError) {
        try array(&value, of: 0, limit: limit, name) { (pass, item) throws(XDRError) in try pass.u16(&item, name) }
    }
}
