// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// Who holds a device, for status and for messages.
package struct Holder: Sendable, Equatable {
    package let nexus: Nexus
    /// In a few words; empty for a plain open.
    package let purpose: String
}

/// The door-level exclusive open of one device, and its lease. Small and never held while a device works, so that a
/// door learns at once that it has to go away.
final class Claims: Sendable {
    private struct State {
        var opener: Nexus?
        var lease: Lease?
        var nextLease: UInt64 = 1
        var waitingLosses: [Nexus] = []
    }

    struct Lease: Sendable {
        let number: UInt64
        let nexus: Nexus
        let purpose: String
        /// Who has left something in the drive. Nobody can be added while it is leased, so only their loss matters.
        let known: Set<Nexus>
        var isRevoked = false
    }

    /// As messages name it, for example `drive 0`.
    let device: String
    private let state: Guarded<State>

    init(device: String) {
        self.device = device
        self.state = Guarded(State(), name: "claims of \(device)")
    }

    func open(as nexus: Nexus) throws(DeviceBusy) {
        try state.withLock { (state) throws(DeviceBusy) in
            if let opener = state.opener {
                throw DeviceBusy(device: device, holder: opener.name)
            }
            if let lease = state.lease, lease.nexus != nexus {
                throw DeviceBusy(device: device, holder: lease.nexus.name, purpose: lease.purpose)
            }
            state.opener = nexus
        }
    }

    /// True when the nexus had it open.
    @discardableResult
    func close(_ nexus: Nexus) -> Bool {
        state.withLock { state in
            guard state.opener == nexus else { return false }
            state.opener = nil
            return true
        }
    }

    func checkNotLeased() throws(DeviceBusy) {
        guard let lease = state.withLock({ $0.lease }) else { return }
        throw DeviceBusy(device: device, holder: lease.nexus.name, purpose: lease.purpose)
    }

    /// - Parameter known: the nexuses that the logical unit keeps something for.
    /// - Throws: when another nexus has the device open, or any nexus leases it.
    func lease(as nexus: Nexus, purpose: String, known: Set<Nexus>) throws(DeviceBusy) -> UInt64 {
        try state.withLock { (state) throws(DeviceBusy) in
            if let lease = state.lease {
                throw DeviceBusy(device: device, holder: lease.nexus.name, purpose: lease.purpose)
            }
            if let opener = state.opener, opener != nexus {
                throw DeviceBusy(device: device, holder: opener.name)
            }
            defer { state.nextLease += 1 }
            state.lease = Lease(number: state.nextLease, nexus: nexus, purpose: purpose, known: known)
            return state.nextLease
        }
    }

    /// The nexuses that were lost while the device was leased; nil when that lease had ended before.
    func endLease(_ number: UInt64) -> [Nexus]? {
        state.withLock { state in
            guard state.lease?.number == number else { return nil }
            state.lease = nil
            defer { state.waitingLosses = [] }
            return state.waitingLosses
        }
    }

    func isRevoked(_ number: UInt64) -> Bool {
        state.withLock { $0.lease?.number != number || $0.lease?.isRevoked == true }
    }

    /// Drops the nexus's open and revokes its lease. True: the logical unit may be told now; false: it is leased and
    /// is told when the lease ends.
    func lose(_ nexus: Nexus) -> Bool {
        state.withLock { state in
            if state.opener == nexus {
                state.opener = nil
            }
            guard let lease = state.lease else { return true }
            if lease.nexus == nexus {
                state.lease?.isRevoked = true
            }
            if lease.nexus == nexus || lease.known.contains(nexus) {
                state.waitingLosses.append(nexus)
            }
            return false
        }
    }

    var holder: Holder? {
        state.withLock { state in
            if let lease = state.lease {
                return Holder(nexus: lease.nexus, purpose: lease.purpose)
            }
            return state.opener.map { Holder(nexus: $0, purpose: "") }
        }
    }

    var lease: Lease? { state.withLock { $0.lease } }
}
