// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Writes a structure into a buffer at a position, and grows the buffer only when it is too short.
///
/// The buffer's count is room, not content: what counts as written ends at `offset`. So a send buffer that has
/// been used before costs no allocation.
package struct XDRWriter: XDRPass {
    package let version: Int
    package private(set) var bytes: [UInt8]
    /// Position of the next byte to write.
    package private(set) var offset: Int
    /// The message that `.inMessage` payloads lie in; empty when there is none.
    private let source: [UInt8]

    package init(into bytes: consuming [UInt8] = [], at offset: Int = 0, version: Int, source: [UInt8] = []) {
        self.bytes = bytes
        self.offset = offset
        self.version = version
        self.source = source
    }

    /// What has been written, from the start of the buffer.
    package var written: [UInt8] { Array(bytes[..<offset]) }

    /// Gives the buffer back and leaves none behind: it is not copied.
    package mutating func takeBytes() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &bytes)
        return taken
    }

    /// Overwrites a word that was written before.
    package mutating func patch(_ word: UInt32, at position: Int) {
        for index in 0..<4 { bytes[position + index] = UInt8(truncatingIfNeeded: word >> (24 - 8 * index)) }
    }

    /// Makes room for `count` more bytes. Doubles, so that a long message is copied a few times only.
    package mutating func reserve(_ count: Int) {
        let needed = offset + count
        guard needed > bytes.count else { return }
        let room = max(needed, bytes.count * 2, 256)
        bytes.append(contentsOf: Array(repeating: 0, count: room - bytes.count))
    }

    private mutating func word(_ value: UInt32) {
        reserve(4)
        bytes[offset] = UInt8(truncatingIfNeeded: value >> 24)
        bytes[offset + 1] = UInt8(truncatingIfNeeded: value >> 16)
        bytes[offset + 2] = UInt8(truncatingIfNeeded: value >> 8)
        bytes[offset + 3] = UInt8(truncatingIfNeeded: value)
        offset += 4
    }

    private mutating func put(_ content: Span<UInt8>) {
        let padded = (content.count + 3) & ~3
        reserve(padded)
        let start = offset
        var target = bytes.mutableSpan
        for index in content.indices { target[start + index] = content[index] }
        for index in content.count..<padded { target[start + index] = 0 }
        offset += padded
    }

    private func check(_ count: Int, _ limit: Int, _ name: String) throws(XDRError) {
        guard count <= limit else {
            throw XDRError(.tooLong(count: count, limit: limit), field: name, offset: offset)
        }
    }

    package mutating func u32(_ value: inout UInt32, _ name: String) throws(XDRError) {
        word(value)
    }

    package mutating func quad(_ value: inout UInt64, _ name: String) throws(XDRError) {
        word(UInt32(truncatingIfNeeded: value >> 32))
        word(UInt32(truncatingIfNeeded: value))
    }

    package mutating func enumeration<E: XDREnumeration>(_ value: inout E, _ name: String) throws(XDRError) {
        word(UInt32(bitPattern: value.wireValue(version: version)))
    }

    package mutating func string(
        _ value: inout XDRString,
        limit: Int,
        secret: Bool,
        _ name: String
    ) throws(XDRError) {
        try opaque(&value.bytes, limit: limit, name)
    }

    package mutating func opaque(_ value: inout [UInt8], limit: Int, _ name: String) throws(XDRError) {
        try check(value.count, limit, name)
        word(UInt32(value.count))
        put(value.span)
    }

    /// Shorter content is filled with zeros.
    package mutating func fixedOpaque(_ value: inout [UInt8], count: Int, _ name: String) throws(XDRError) {
        try check(value.count, count, name)
        let end = offset + ((count + 3) & ~3)
        put(value.span)
        while offset < end { word(0) }
    }

    package mutating func payload(_ value: inout XDRPayload, limit: Int, _ name: String) throws(XDRError) {
        try check(value.count, limit, name)
        if case .inMessage(let range) = value, range.upperBound > source.count {
            throw XDRError(.payloadUnavailable, field: name, offset: offset)
        }
        word(UInt32(value.count))
        switch value {
        case .inMessage(let range):
            let message = source
            put(message.span.extracting(range))
        case .bytes(let content): put(content.span)
        }
    }

    package mutating func array<T>(
        _ value: inout [T],
        of blank: T,
        limit: Int,
        _ name: String,
        item: (inout XDRWriter, inout T) throws(XDRError) -> Void
    ) throws(XDRError) {
        try check(value.count, limit, name)
        word(UInt32(value.count))
        for element in value {
            var element = element
            try item(&self, &element)
        }
    }
}

extension XDRWriter {
    package mutating func encode<T: XDRStruct>(_ value: T) throws(XDRError) {
        var value = value
        try value.fields(&self)
    }
}
