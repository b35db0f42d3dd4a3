// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// SAM-5 5.3.1: status codes.
package enum SCSIStatus: UInt8, Sendable {
    case good = 0x00
    case checkCondition = 0x02
    case conditionMet = 0x04
    case busy = 0x08
    case reservationConflict = 0x18
    case taskSetFull = 0x28
    case acaActive = 0x30
    case taskAborted = 0x40
}

/// An I_T nexus: one per NDMP session, iSCSI session or FUSE client. Unit attentions, reservations and removal
/// prevention are kept per nexus.
package struct Nexus: Hashable, Sendable {
    package let id: UInt64
    /// For messages and traces, for example `ndmp 192.0.2.7:40112`.
    package let name: String

    package init(id: UInt64, name: String) {
        self.id = id
        self.name = name
    }
}

/// What a logical unit answers to one command.
package struct CommandResult: Sendable {
    package var status: SCSIStatus
    /// The condition reported, also for a door that speaks of conditions rather than bytes.
    package var sense: SenseData?
    /// Autosense, already in the format that the Control mode page asks for; empty when there is none.
    package var senseBytes: [UInt8]
    /// Never longer than the initiator's limit.
    package var dataIn: [UInt8]
    /// Bytes of Data-Out that the command looked at.
    package var dataOutConsumed: Int

    package init(
        status: SCSIStatus,
        sense: SenseData? = nil,
        senseBytes: [UInt8] = [],
        dataIn: [UInt8] = [],
        dataOutConsumed: Int = 0
    ) {
        self.status = status
        self.sense = sense
        self.senseBytes = senseBytes
        self.dataIn = dataIn
        self.dataOutConsumed = dataOutConsumed
    }
}
