// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A stream that is not NDMP, or that asks for more than the limits allow. The connection cannot go on:
/// nobody knows where the next message starts.
package enum RecordMarkError: Error, Sendable, Equatable, CustomStringConvertible {
    case messageTooLong(bytes: Int, limit: Int)
    case tooManyFragments

    package var description: String {
        switch self {
        case .messageTooLong(let bytes, let limit): "a message of \(bytes) bytes is above \(limit)"
        case .tooManyFragments: "a message has more than \(NDMPLimits.messageFragments) fragments"
        }
    }
}

/// Record marking of ONC RPC (RFC 5531, 11): a word in front of each fragment, its top bit set on a message's
/// last fragment, the other 31 bits its length. The decoder is fed words and byte counts and keeps no bytes.
///
///     expecting a mark ──mark──▶ inside a fragment ──length reached──▶ expecting a mark
///                                        └──length reached, last──▶ message complete
package struct RecordMarkDecoder: Sendable {
    package static let markBytes = 4

    /// Bytes of the present message so far.
    package private(set) var messageBytes = 0
    /// Bytes still to come of the present fragment; nil while a mark is expected.
    package private(set) var fragmentRemaining: Int?
    package private(set) var isLastFragment = false
    private var fragments = 0

    package init() {}

    /// A mark has come. Only to be called while one is expected.
    ///
    /// - Parameter limit: bytes that the whole message may have.
    package mutating func mark(
        _ word: UInt32,
        limit: Int = NDMPLimits.messageBytes
    ) throws(RecordMarkError) {
        precondition(fragmentRemaining == nil)
        let length = Int(word & 0x7fff_ffff)
        guard messageBytes + length <= limit else {
            throw .messageTooLong(bytes: messageBytes + length, limit: limit)
        }
        fragments += 1
        guard fragments <= NDMPLimits.messageFragments else { throw .tooManyFragments }
        isLastFragment = word & 0x8000_0000 != 0
        fragmentRemaining = length
    }

    /// `count` bytes of the present fragment have come.
    ///
    /// - Returns: true when the message is complete; the decoder is ready for the next one then.
    package mutating func advance(_ count: Int) -> Bool {
        guard let remaining = fragmentRemaining else { preconditionFailure("bytes came before a mark") }
        precondition(count <= remaining)
        messageBytes += count
        guard count == remaining else {
            fragmentRemaining = remaining - count
            return false
        }
        fragmentRemaining = nil
        guard isLastFragment else { return false }
        self = RecordMarkDecoder()
        return true
    }
}
