// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// LOG_LOG, v2.
package struct LogTextPost: XDRStruct, Equatable {
    package var entry: XDRString = XDRString()

    package init() {}

    package init(entry: XDRString) {
        self.entry = entry
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&entry, limit: NDMPLimits.textBytes, "entry")
    }
}

/// LOG_DEBUG, v2. Levels 0 to 2 are for the user, 3 to 8 for those who mend programs.
package struct LogDebugPost: XDRStruct, Equatable {
    package var level: UInt32 = 0
    package var message: XDRString = XDRString()

    package init() {}

    package init(level: UInt32 = 0, message: XDRString = XDRString()) {
        self.level = level
        self.message = message
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.u32(&level, "level")
        try pass.string(&message, limit: NDMPLimits.textBytes, "message")
    }
}

/// LOG_MESSAGE, v3 and v4.
package struct LogMessagePost: XDRStruct, Equatable {
    package var type: LogType = .normal
    package var messageID: UInt32 = 0
    package var entry: XDRString = XDRString()
    /// 1 when the sequence number below means something.
    package var associatedMessageValid: UInt32 = 0
    package var associatedMessageSequence: UInt32 = 0

    package init() {}

    package init(
        type: LogType = .normal,
        messageID: UInt32 = 0,
        entry: XDRString = XDRString(),
        associatedMessageValid: UInt32 = 0,
        associatedMessageSequence: UInt32 = 0
    ) {
        self.type = type
        self.messageID = messageID
        self.entry = entry
        self.associatedMessageValid = associatedMessageValid
        self.associatedMessageSequence = associatedMessageSequence
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&type, "log_type")
        try pass.u32(&messageID, "message_id")
        try pass.string(&entry, limit: NDMPLimits.textBytes, "entry")
        if pass.version >= 4 {
            try pass.u32(&associatedMessageValid, "associated_message_valid")
            try pass.u32(&associatedMessageSequence, "associated_message_sequence")
        }
    }
}

/// LOG_FILE: how one entry of a recover list ended. v2 and v3 send the error code, v4 the recovery status.
package struct LogFilePost: XDRStruct, Equatable {
    package var name: XDRString = XDRString()
    package var ssid: UInt16 = 0
    package var error: NDMPError = .noError
    package var recoveryStatus: RecoveryStatus = .successful

    package init() {}

    package init(
        name: XDRString = XDRString(),
        ssid: UInt16 = 0,
        error: NDMPError = .noError,
        recoveryStatus: RecoveryStatus = .successful
    ) {
        self.name = name
        self.ssid = ssid
        self.error = error
        self.recoveryStatus = recoveryStatus
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&name, limit: NDMPLimits.pathBytes, "name")
        if pass.version == 2 { try pass.u16(&ssid, "ssid") }
        if pass.version <= 3 { try pass.enumeration(&error, "error") }
        if pass.version >= 4 { try pass.enumeration(&recoveryStatus, "recovery_status") }
    }
}
