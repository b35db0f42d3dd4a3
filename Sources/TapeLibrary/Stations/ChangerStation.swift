// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import SCSI

/// The robot as doors see it: CDBs, the exclusive open, nothing else. Moves asked for by the operator are methods of
/// `Library` and go through the same elements.
package final class ChangerStation: Sendable {
    /// `sg0`.
    package let deviceName = "sg0"
    /// As INQUIRY gives it.
    package let identity: LibraryIdentity

    private let core: Guarded<LibraryCore>
    private let claims = Claims(device: "changer")
    private let gate: ThreadGate
    private let trace: (any CommandTrace)?

    init(identity: LibraryIdentity, core: Guarded<LibraryCore>, gate: ThreadGate, trace: (any CommandTrace)?) {
        self.identity = identity
        self.core = core
        self.gate = gate
        self.trace = trace
    }

    /// Executes one CDB on the calling thread. A move waits for its drives' running commands, never for a lease. BUSY
    /// once the library is closed.
    package func execute(cdb: [UInt8], dataOut: Span<UInt8>, dataInLimit: Int, nexus: Nexus) -> CommandResult {
        let started = ContinuousClock.now
        let (result, description) = core.withLock { core in
            guard !core.isClosed else { return (CommandResult(status: .busy), "") }
            core.actor = nexus.name
            defer { core.actor = nil }
            let result = core.changer.execute(cdb: cdb, dataOut: dataOut, dataInLimit: dataInLimit, nexus: nexus)
            return (result, trace == nil ? "" : core.changer.describe(cdb: cdb))
        }
        trace?.command(
            door: nexus.door,
            nexus: nexus,
            unit: "changer",
            cdb: cdb,
            description: description,
            result: result,
            duration: ContinuousClock.now - started
        )
        return result
    }

    /// The same for callers that must not block.
    package func execute(cdb: [UInt8], dataOut: [UInt8], dataInLimit: Int, nexus: Nexus) async -> CommandResult {
        await gate.run {
            self.execute(cdb: cdb, dataOut: dataOut.span, dataInLimit: dataInLimit, nexus: nexus)
        }
    }

    /// Opens the changer for one door's session alone. The session takes over the door's own acquaintance with the
    /// robot, so that its first command is not answered by the power-on attention.
    ///
    /// - Throws: another session, or this one, has it open.
    package func open(as nexus: Nexus) throws(DeviceBusy) {
        try claims.open(as: nexus)
        core.withLock { $0.changer.introduce(nexus) }
    }

    /// Ends the open of this nexus; does nothing when it has none.
    package func close(_ nexus: Nexus) {
        claims.close(nexus)
    }

    /// Makes a nexus known that sends CDBs without an open, as a host does that has taken the power-on attention when
    /// it looked for devices.
    package func introduce(_ nexus: Nexus) {
        core.withLock { $0.changer.introduce(nexus) }
    }

    /// The session behind the nexus is gone: its open, reservation, prevention and attentions go.
    package func nexusLost(_ nexus: Nexus) {
        _ = claims.lose(nexus)
        core.withLock { $0.changer.nexusLost(nexus) }
    }

    /// Who has the changer open.
    package var holder: Holder? { claims.holder }
}
