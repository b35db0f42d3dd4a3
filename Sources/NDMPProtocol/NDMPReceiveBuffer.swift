// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// The bytes that came in on a control connection, taken apart into messages in the place where they lie.
///
/// The owner receives straight into `withFreeSpace` and asks `nextMessage` until it answers nil. A message stays
/// valid until the next call of either. One large message is not copied: inside a fragment the free space ends
/// where the fragment does, so that its neighbours in the message come to lie next to it. The buffer grows
/// with the bytes that have come, never with the length that a peer claims, and keeps its size for the next
/// message until `releaseSpareRoom`.
package struct NDMPReceiveBuffer: Sendable {
    /// Room at the start and while idle: enough for every message but the bulky ones.
    package static let idleRoomBytes = 16 << 10
    /// Room grows at least by this much.
    private static let growthBytes = 64 << 10

    /// What decoded payload ranges count in.
    package private(set) var bytes: [UInt8]
    /// Bytes that a message may have from here on. Lower it for a peer that is not known yet.
    package var messageLimit = NDMPLimits.messageBytes
    private var decoder = RecordMarkDecoder()
    /// The present message as far as it has come.
    private var messageStart = 0
    private var messageEnd = 0
    /// Bytes that have come and are not taken apart yet.
    private var rawStart = 0
    private var rawEnd = 0

    package init() {
        bytes = Array(repeating: 0, count: Self.idleRoomBytes)
    }

    /// Lends the free space to `body`, which puts bytes at its start and answers how many.
    package mutating func withFreeSpace<E: Error>(
        _ body: (inout MutableSpan<UInt8>) throws(E) -> Int
    ) throws(E) -> Int {
        prepareFreeSpace()
        let start = rawEnd
        let end = min(bytes.count, start + wantedBytes)
        var all = bytes.mutableSpan
        var window = all._mutatingExtracting(start..<end)
        let count = try body(&window)
        precondition(count >= 0 && count <= end - start)
        rawEnd += count
        return count
    }

    /// The next whole message, header included, or nil when more bytes are needed.
    package mutating func nextMessage() throws(RecordMarkError) -> Range<Int>? {
        while true {
            if let remaining = decoder.fragmentRemaining {
                let count = min(remaining, rawEnd - rawStart)
                join(count)
                if decoder.advance(count) {
                    let message = messageStart..<messageEnd
                    messageStart = rawStart
                    messageEnd = rawStart
                    return message
                }
                if decoder.fragmentRemaining != nil { return nil }
            } else {
                guard rawEnd - rawStart >= RecordMarkDecoder.markBytes else { return nil }
                var word: UInt32 = 0
                for index in rawStart..<rawStart + RecordMarkDecoder.markBytes {
                    word = word << 8 | UInt32(bytes[index])
                }
                try decoder.mark(word, limit: messageLimit)
                rawStart += RecordMarkDecoder.markBytes
                if decoder.messageBytes == 0 {
                    messageStart = rawStart
                    messageEnd = rawStart
                }
            }
        }
    }

    /// True when a message has begun to come and is not complete.
    package var isInsideMessage: Bool {
        rawEnd > rawStart || decoder.messageBytes > 0 || decoder.fragmentRemaining != nil
    }

    /// Gives back the room that a bulky message needed. For a session that has become idle.
    package mutating func releaseSpareRoom() {
        guard !isInsideMessage, bytes.count > Self.idleRoomBytes else { return }
        let limit = messageLimit
        self = NDMPReceiveBuffer()
        messageLimit = limit
    }

    /// How many bytes to receive at most.
    private var wantedBytes: Int {
        guard let remaining = decoder.fragmentRemaining else { return bytes.count }
        return remaining + (decoder.isLastFragment ? 0 : RecordMarkDecoder.markBytes)
    }

    /// Appends the next `count` raw bytes to the message. Nothing moves unless a mark lies between.
    private mutating func join(_ count: Int) {
        if messageEnd != rawStart { move(from: rawStart, to: messageEnd, count: count) }
        messageEnd += count
        rawStart += count
    }

    private mutating func move(from: Int, to: Int, count: Int) {
        var all = bytes.mutableSpan
        for index in 0..<count { all[to + index] = all[from + index] }
    }

    private mutating func prepareFreeSpace() {
        // The mark that was just taken apart gives its room to the fragment behind it.
        if rawStart == rawEnd {
            rawStart = messageEnd
            rawEnd = messageEnd
        }
        if messageStart == messageEnd && rawStart == rawEnd {
            messageStart = 0
            messageEnd = 0
            rawStart = 0
            rawEnd = 0
        }
        let wanted = min(wantedBytes, Self.growthBytes)
        guard bytes.count - rawEnd < wanted else { return }
        // Moving pays only for a good stretch of room; else a message that is a few bytes too long would move each time.
        if messageStart > (rawEnd - messageStart) / 2 { moveToFront() }
        // While a mark is expected any room will do; inside a fragment the rest of it must fit, step by step.
        let needed = decoder.fragmentRemaining == nil ? RecordMarkDecoder.markBytes : wanted
        guard bytes.count - rawEnd < needed else { return }
        let added = max(Self.growthBytes, min(bytes.count, NDMPLimits.messageBytes))
        bytes.append(contentsOf: Array(repeating: 0, count: added))
    }

    private mutating func moveToFront() {
        let shift = messageStart
        move(from: shift, to: 0, count: rawEnd - shift)
        messageStart -= shift
        messageEnd -= shift
        rawStart -= shift
        rawEnd -= shift
    }
}
