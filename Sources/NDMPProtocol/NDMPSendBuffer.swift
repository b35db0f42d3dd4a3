// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// Messages on their way out on a control connection, each one record-marked fragment.
///
/// The owner sends `pending` of `bytes` and tells with `sent` how much went out. Room that has been used once
/// stays, so that a steady stream of messages costs no allocation.
package struct NDMPSendBuffer: Sendable {
    /// Room at the start and while idle.
    package static let idleRoomBytes = 16 << 10

    package private(set) var bytes: [UInt8]
    private var head = 0
    private var tail = 0

    package init() {
        bytes = Array(repeating: 0, count: Self.idleRoomBytes)
    }

    /// What is still to be sent, as a range of `bytes`.
    package var pending: Range<Int> { head..<tail }

    package var isEmpty: Bool { head == tail }

    package mutating func sent(_ count: Int) {
        precondition(count <= tail - head)
        head += count
        if isEmpty {
            head = 0
            tail = 0
        }
    }

    /// Appends one message. On an error nothing is appended.
    ///
    /// - Parameter source: the message that `.inMessage` payloads of the body lie in.
    package mutating func append<Body: XDRStruct>(
        _ header: NDMPHeader,
        _ body: Body,
        version: Int,
        source: [UInt8] = []
    ) throws(XDRError) {
        try write(version: version, source: source) { (writer) throws(XDRError) in
            try writer.encode(header)
            try writer.encode(body)
        }
    }

    /// Appends a message without a body: a reply with a header error, or a request that has none.
    package mutating func append(_ header: NDMPHeader) {
        // A header has no field that could be too long.
        try? append(header, EmptyBody(), version: NDMPCatalogue.versions.upperBound)
    }

    /// Appends the reply to TAPE_READ. `fill` puts the record into the room it is lent and answers how long it is;
    /// with an error the length is 0.
    ///
    /// - Parameter capacity: the count of the request, checked by the caller against the record limit.
    package mutating func appendTapeRead(
        _ header: NDMPHeader,
        capacity: Int,
        version: Int,
        _ fill: (inout MutableSpan<UInt8>) -> (error: NDMPError, count: Int)
    ) {
        let start = tail
        append(header)
        // error, length, payload, padding
        let payload = tail + 8
        ensureRoom(upTo: payload + capacity + 3)
        var all = bytes.mutableSpan
        var window = all._mutatingExtracting(payload..<payload + capacity)
        let (error, count) = fill(&window)
        precondition(count >= 0 && count <= capacity)
        let padded = (count + 3) & ~3
        for index in count..<padded { bytes[payload + index] = 0 }
        put(UInt32(bitPattern: error.wireValue(version: version)), at: tail)
        put(UInt32(count), at: tail + 4)
        tail = payload + padded
        mark(from: start)
    }

    /// Gives back the room that a bulky message needed. For a session that has become idle.
    package mutating func releaseSpareRoom() {
        guard isEmpty, bytes.count > Self.idleRoomBytes else { return }
        self = NDMPSendBuffer()
    }

    private mutating func write(
        version: Int,
        source: [UInt8],
        _ body: (inout XDRWriter) throws(XDRError) -> Void
    ) throws(XDRError) {
        let start = tail
        var room: [UInt8] = []
        swap(&room, &bytes)
        var writer = XDRWriter(
            into: consume room,
            at: start + RecordMarkDecoder.markBytes,
            version: version,
            source: source
        )
        defer { bytes = writer.takeBytes() }
        try body(&writer)
        tail = writer.offset
        writer.patch(Self.mark(tail - start), at: start)
    }

    private mutating func mark(from start: Int) {
        put(Self.mark(tail - start), at: start)
    }

    /// The mark of a message that takes `count` bytes with its mark.
    private static func mark(_ count: Int) -> UInt32 {
        0x8000_0000 | UInt32(count - RecordMarkDecoder.markBytes)
    }

    private mutating func put(_ word: UInt32, at offset: Int) {
        for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: word >> (24 - 8 * index)) }
    }

    private mutating func ensureRoom(upTo end: Int) {
        guard end > bytes.count else { return }
        let room = max(end, bytes.count * 2)
        bytes.append(contentsOf: Array(repeating: 0, count: room - bytes.count))
    }
}
