// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

package struct NotifyDataHaltedPost: XDRStruct, Equatable {
    package var reason: DataHaltReason = .notApplicable
    package var text: XDRString = XDRString()

    package init() {}

    package init(reason: DataHaltReason = .notApplicable, text: XDRString = XDRString()) {
        self.reason = reason
        self.text = text
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&reason, "reason")
        if pass.version <= 3 { try pass.string(&text, limit: NDMPLimits.textBytes, "text_reason") }
    }
}

/// NOTIFY_CONNECTED, called NOTIFY_CONNECTION_STATUS in v4. The same bytes in every version.
package struct NotifyConnectedPost: XDRStruct, Equatable {
    package var reason: ConnectionReason = .connected
    package var protocolVersion: UInt16 = 0
    package var text: XDRString = XDRString()

    package init() {}

    package init(reason: ConnectionReason = .connected, protocolVersion: UInt16 = 0, text: XDRString = XDRString()) {
        self.reason = reason
        self.protocolVersion = protocolVersion
        self.text = text
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&reason, "reason")
        try pass.u16(&protocolVersion, "protocol_version")
        try pass.string(&text, limit: NDMPLimits.textBytes, "text_reason")
    }
}

package struct NotifyMoverHaltedPost: XDRStruct, Equatable {
    package var reason: MoverHaltReason = .notApplicable
    package var text: XDRString = XDRString()

    package init() {}

    package init(reason: MoverHaltReason = .notApplicable, text: XDRString = XDRString()) {
        self.reason = reason
        self.text = text
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&reason, "reason")
        if pass.version <= 3 { try pass.string(&text, limit: NDMPLimits.textBytes, "text_reason") }
    }
}

package struct NotifyMoverPausedPost: XDRStruct, Equatable {
    package var reason: MoverPauseReason = .notApplicable
    package var seekPosition: UInt64 = 0

    package init() {}

    package init(reason: MoverPauseReason = .notApplicable, seekPosition: UInt64 = 0) {
        self.reason = reason
        self.seekPosition = seekPosition
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&reason, "reason")
        try pass.quad(&seekPosition, "seek_position")
    }
}

package struct NotifyDataReadPost: XDRStruct, Equatable {
    package var offset: UInt64 = 0
    package var length: UInt64 = 0

    package init() {}

    package init(offset: UInt64 = 0, length: UInt64 = 0) {
        self.offset = offset
        self.length = length
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.quad(&offset, "offset")
        try pass.quad(&length, "length")
    }
}
