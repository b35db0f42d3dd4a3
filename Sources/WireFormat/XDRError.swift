// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Why a body could not be decoded or encoded, and at which field.
///
/// A server answers a decode failure with its protocol's own error and stays connected.
package struct XDRError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Reason: Sendable, Equatable {
        /// The message ends before the field does.
        case truncated
        /// A count or length is above the field's limit, or above what the rest of the message can hold.
        case tooLong(count: Int, limit: Int)
        /// A value does not fit its type, such as 65536 in a 16-bit field.
        case outOfRange(UInt32)
        /// The writer was given a payload that lies in a message it does not have.
        case payloadUnavailable
    }

    package var reason: Reason
    package var field: String
    /// Bytes from the start of the message buffer.
    package var offset: Int

    package init(_ reason: Reason, field: String, offset: Int) {
        self.reason = reason
        self.field = field
        self.offset = offset
    }

    package var description: String {
        switch reason {
        case .truncated: "\(field): the message ends early, at byte \(offset)"
        case .tooLong(let count, let limit): "\(field): \(count) is above the limit of \(limit), at byte \(offset)"
        case .outOfRange(let value): "\(field): \(value) does not fit, at byte \(offset)"
        case .payloadUnavailable: "\(field): the payload is not in this message"
        }
    }
}
