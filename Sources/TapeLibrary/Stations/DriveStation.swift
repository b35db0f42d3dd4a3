// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import LogicalUnits
import SCSI

/// One drive and everything around it that doors share: exclusive access, the open, the lease, the published status.
///
/// Blocking calls belong on a thread of the caller's own; callers that must not block use the `async` ones, which hop
/// to the station's device thread. A drive never calls the library.
package final class DriveStation: Sendable {
    /// From 0.
    package let index: Int
    package let identity: DriveIdentity
    package let model: DriveModel
    /// `nst0`, …
    package let deviceName: String
    /// `drive 0`, …
    package let name: String

    private let device: Guarded<DriveBox>
    private let claims: Claims
    private let published: Guarded<DriveStatus>
    private let thread: DeviceThread
    private let gate: ThreadGate
    private let events: EventLog
    private let trace: (any CommandTrace)?

    /// The one reference to the drive; used under the lock, or by the holder of the lease.
    final class DriveBox {
        let drive: TapeDrive

        init(_ drive: TapeDrive) {
            self.drive = drive
        }
    }

    init(index: Int, drive: TapeDrive, identity: DriveIdentity, model: DriveModel, seams: LibrarySeams, events: EventLog) {
        self.index = index
        self.identity = identity
        self.model = model
        self.deviceName = "nst\(index)"
        self.name = "drive \(index)"
        self.claims = Claims(device: "drive \(index)")
        self.published = Guarded(drive.status, name: "status of drive \(index)")
        self.device = Guarded(DriveBox(drive), name: "drive \(index)")
        let thread = DeviceThread(name: "drive \(index)")
        self.thread = thread
        self.gate = ThreadGate(thread)
        self.events = events
        self.trace = seams.trace
    }

    // MARK: Commands

    /// Executes one CDB on the calling thread; waits for a command of another door, but never for a lease.
    ///
    /// - Throws: the drive is leased (also by this nexus: the holder has the drive itself).
    package func execute(
        cdb: [UInt8],
        dataOut: Span<UInt8>,
        dataInLimit: Int,
        nexus: Nexus
    ) throws(DeviceBusy) -> CommandResult {
        let started = ContinuousClock.now
        let result = try exclusively { drive in
            drive.execute(cdb: cdb, dataOut: dataOut, dataInLimit: dataInLimit, nexus: nexus)
        }
        traceCommand(cdb, nexus: nexus, result: result, since: started)
        return result
    }

    /// The same for callers that must not block.
    package func execute(
        cdb: [UInt8],
        dataOut: [UInt8],
        dataInLimit: Int,
        nexus: Nexus
    ) async throws(DeviceBusy) -> CommandResult {
        try await gate.run { () throws(DeviceBusy) in
            try self.execute(cdb: cdb, dataOut: dataOut.span, dataInLimit: dataInLimit, nexus: nexus)
        }
    }

    /// Uses the drive's typed operations on the calling thread: one short operation, such as one record.
    ///
    /// - Throws: the drive is leased.
    package func perform<Result>(
        as nexus: Nexus,
        _ body: (TapeDrive) -> Result
    ) throws(DeviceBusy) -> Result {
        try exclusively(body)
    }

    /// The same for operations that end with CHECK CONDITION.
    package func perform<Success>(
        as nexus: Nexus,
        _ body: (TapeDrive) throws(CheckCondition) -> Success
    ) throws(DeviceBusy) -> Result<Success, CheckCondition> {
        try exclusively { drive in
            do throws(CheckCondition) {
                return .success(try body(drive))
            } catch {
                return .failure(error)
            }
        }
    }

    private func exclusively<Result>(_ body: (TapeDrive) -> Result) throws(DeviceBusy) -> Result {
        try device.withLock { (box) throws(DeviceBusy) in
            try claims.checkNotLeased()
            let result = body(box.drive)
            publish(box.drive)
            return result
        }
    }

    private func traceCommand(_ cdb: [UInt8], nexus: Nexus, result: CommandResult, since start: ContinuousClock.Instant) {
        guard let trace else { return }
        let description = device.withLock { $0.drive.describe(cdb: cdb) }
        trace.command(
            door: nexus.door,
            nexus: nexus,
            unit: name,
            cdb: cdb,
            description: description,
            result: result,
            duration: ContinuousClock.now - start
        )
    }

    // MARK: Who has it

    /// Opens the drive for one door's session alone. Moves by the robot stay possible, as in libraries that eject by
    /// themselves.
    ///
    /// - Throws: another session, or this one, has it open.
    package func open(as nexus: Nexus) throws(DeviceBusy) {
        try claims.open(as: nexus)
    }

    /// Ends the open of this nexus; does nothing when it has none.
    package func close(_ nexus: Nexus) {
        claims.close(nexus)
    }

    /// Takes the drive for a mover. Waits for the command that runs, if any.
    ///
    /// - Throws: it is leased, or another nexus has it open.
    package func lease(as nexus: Nexus, purpose: String) throws(DeviceBusy) -> DriveLease {
        try device.withLock { (box) throws(DeviceBusy) in
            let number = try claims.lease(as: nexus, purpose: purpose)
            return DriveLease(station: self, number: number, nexus: nexus)
        }
    }

    /// The session behind the nexus is gone: its open, reservation, prevention and attentions go. A lease is revoked
    /// and ends when its holder lets go.
    package func nexusLost(_ nexus: Nexus) {
        device.withLock { box in
            guard claims.lose(nexus) else { return }
            box.drive.nexusLost(nexus)
            publish(box.drive)
        }
    }

    /// Who has the drive open or leased.
    package var holder: Holder? { claims.holder }

    /// The drive as last published; never waits for it.
    package var status: DriveStatus { published.withLock { $0 } }

    // MARK: For leases

    var driveOfLeaseHolder: TapeDrive { device.withLock { $0.drive } }

    func isRevoked(_ lease: UInt64) -> Bool { claims.isRevoked(lease) }

    func publishFromLease(_ lease: UInt64) {
        guard claims.lease?.number == lease else { return }
        publish(driveOfLeaseHolder)
    }

    func endLease(_ lease: UInt64) {
        device.withLock { box in
            guard let lost = claims.endLease(lease) else { return }
            for nexus in lost {
                box.drive.nexusLost(nexus)
            }
            publish(box.drive)
        }
    }

    private func publish(_ drive: TapeDrive) {
        let status = drive.status
        published.withLock { $0 = status }
    }

    // MARK: For the robot

    /// Uses the drive for a move.
    ///
    /// - Throws: the holder of the lease.
    func withDrive<Success>(
        _ body: (TapeDrive) throws(CheckCondition) -> Success
    ) throws(DeviceBusy) -> Result<Success, CheckCondition> {
        try exclusively { drive in
            do throws(CheckCondition) {
                return .success(try body(drive))
            } catch {
                return .failure(error)
            }
        }
    }

    /// Ends the device thread once its queue is empty.
    func stop() {
        thread.stop()
    }
}

extension Nexus {
    /// First word of the name: `ndmp`, `iscsi`, `fuse`, `console`.
    var door: String {
        String(name.prefix { $0 != " " })
    }
}
