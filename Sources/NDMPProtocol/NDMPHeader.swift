// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// Whether a message asks or answers.
package struct NDMPMessageType: XDREnumeration {
    package var rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// A request or a post.
    package static let request = Self(rawValue: 0)
    package static let reply = Self(rawValue: 1)

    package var name: String? {
        switch self {
        case .request: "request"
        case .reply: "reply"
        default: nil
        }
    }
}

/// The 24 bytes in front of every message, the same in all versions (NDMP v4 draft, 2.2).
package struct NDMPHeader: XDRStruct, Equatable {
    /// Counts the messages of one side, from 1.
    package var sequence: UInt32 = 0
    /// Seconds since 1970.
    package var timeStamp: UInt32 = 0
    package var messageType: NDMPMessageType = .request
    /// The raw code: one that `NDMPMessageCode` does not know must be answered too.
    package var code: UInt32 = 0
    /// The sequence of the request that a reply answers; else 0.
    package var replySequence: UInt32 = 0
    /// In a reply: set means that no body follows.
    package var error: NDMPError = .noError

    package static let byteCount = 24

    package init() {}

    package init(request code: NDMPMessageCode, sequence: UInt32, timeStamp: UInt32) {
        self.sequence = sequence
        self.timeStamp = timeStamp
        self.code = code.rawValue
    }

    /// The header of the reply to `request`.
    package init(
        replyTo request: NDMPHeader,
        sequence: UInt32,
        timeStamp: UInt32,
        error: NDMPError = .noError
    ) {
        self.sequence = sequence
        self.timeStamp = timeStamp
        self.messageType = .reply
        self.code = request.code
        self.replySequence = request.sequence
        self.error = error
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.u32(&sequence, "sequence")
        try pass.u32(&timeStamp, "time_stamp")
        try pass.enumeration(&messageType, "message_type")
        try pass.u32(&code, "message")
        try pass.u32(&replySequence, "reply_sequence")
        try pass.enumeration(&error, "error")
    }
}
