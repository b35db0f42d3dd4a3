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

    private let device: Guarded<Device>
    private let claims: Claims
    private let published: Guarded<DriveStatus>
    private let thread: DeviceThread
    private let gate: ThreadGate
    private let trace: (any CommandTrace)?

    /// The one reference to the drive; used under the lock, or by the holder of the lease.
    private struct Device {
        let drive: TapeDrive
        /// When the status is worth taking again.
        var nextPublication = ContinuousClock.now
    }

    /// Taking the status costs a look at the cartridge's index: too much for every record.
    private static let publicationInterval = Duration.milliseconds(200)

    init(index: Int, drive: TapeDrive, trace: (any CommandTrace)?) {
        self.index = index
        self.identity = drive.identity
        self.model = drive.model
        self.deviceName = "nst\(index)"
        self.name = "drive \(index)"
        self.claims = Claims(device: "drive \(index)")
        self.published = Guarded(drive.status, name: "status of drive \(index)")
        self.device = Guarded(Device(drive: drive), name: "drive \(index)")
        let thread = DeviceThread(name: "drive \(index)")
        self.thread = thread
        self.gate = ThreadGate(thread)
        self.trace = trace
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
        try device.withLock { (device) throws(DeviceBusy) in
            try claims.checkNotLeased()
            let condition = device.drive.condition
            let result = body(device.drive)
            if device.drive.condition != condition || ContinuousClock.now >= device.nextPublication {
                publish(&device)
            }
            return result
        }
    }

    private func traceCommand(_ cdb: [UInt8], nexus: Nexus, result: CommandResult, since start: ContinuousClock.Instant)
    {
        guard let trace else { return }
        let description = TapeCommands.table.describe(cdb: cdb)
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
    /// themselves. The session takes over the door's own acquaintance with the drive, so that its first command is not
    /// answered by the power-on attention.
    ///
    /// - Throws: another session, or this one, has it open.
    package func open(as nexus: Nexus) throws(DeviceBusy) {
        try claims.open(as: nexus)
        // While the drive is leased (to this nexus) it has long been introduced.
        guard claims.lease == nil else { return }
        device.withLock { device in
            device.drive.introduce(nexus)
            device.drive.forgetTail()
        }
    }

    /// Ends the open of this nexus; does nothing when it has none.
    package func close(_ nexus: Nexus) {
        claims.close(nexus)
    }

    /// Makes a nexus known that sends CDBs without an open, as a host does that has taken the power-on attention when
    /// it looked for devices. Does nothing while the drive is leased.
    package func introduce(_ nexus: Nexus) {
        device.withLock { device in
            guard claims.lease == nil else { return }
            device.drive.introduce(nexus)
        }
    }

    /// Takes the drive for a mover. Waits for the command that runs, if any.
    ///
    /// - Throws: it is leased, or another nexus has it open.
    package func lease(as nexus: Nexus, purpose: String) throws(DeviceBusy) -> DriveLease {
        try device.withLock { (device) throws(DeviceBusy) in
            let number = try claims.lease(as: nexus, purpose: purpose, known: device.drive.nexuses)
            publish(&device)
            return DriveLease(station: self, number: number, nexus: nexus)
        }
    }

    /// The session behind the nexus is gone: its open, reservation, prevention and attentions go. A lease is revoked
    /// and ends when its holder lets go.
    package func nexusLost(_ nexus: Nexus) {
        device.withLock { device in
            guard claims.lose(nexus) else { return }
            device.drive.nexusLost(nexus)
            publish(&device)
        }
    }

    /// Who has the drive open or leased.
    package var holder: Holder? { claims.holder }

    /// The drive as it is, or as last published when it is at work; never waits for it.
    package var status: DriveStatus {
        device.withLockIfFree { device in
            if claims.lease == nil {
                publish(&device)
            }
        }
        return published.withLock { $0 }
    }

    // MARK: For leases

    var driveOfLeaseHolder: TapeDrive { device.withLock { $0.drive } }

    func isRevoked(_ lease: UInt64) -> Bool { claims.isRevoked(lease) }

    func publishFromLease(_ lease: UInt64) {
        guard claims.lease?.number == lease else { return }
        device.withLock { device in
            guard ContinuousClock.now >= device.nextPublication else { return }
            publish(&device)
        }
    }

    func endLease(_ lease: UInt64) {
        device.withLock { device in
            guard let lost = claims.endLease(lease) else { return }
            for nexus in lost {
                device.drive.nexusLost(nexus)
            }
            publish(&device)
        }
    }

    private func publish(_ device: inout Device) {
        let status = device.drive.status
        published.withLock { $0 = status }
        device.nextPublication = ContinuousClock.now + Self.publicationInterval
    }

    // MARK: For the robot

    /// Uses the drive for a move, whoever has it open.
    ///
    /// - Parameter unlessOpen: also an open by a door is in the way. One that opens the drive meanwhile waits here and
    ///   finds it as the move left it.
    /// - Throws: `.driveLeased`, and what `body` throws.
    func forRobot<Result>(
        unlessOpen: Bool = false,
        _ body: (TapeDrive) throws(LibraryError) -> Result
    ) throws(LibraryError) -> Result {
        try device.withLock { (device) throws(LibraryError) in
            if let nexus = unlessOpen ? claims.holder?.nexus : claims.lease?.nexus {
                throw .driveLeased(drive: index, holder: nexus.name)
            }
            defer { publish(&device) }
            return try body(device.drive)
        }
    }

    /// Loads a cartridge, or takes the drive to its end, before and after doors are open.
    func whileClosed(_ body: (TapeDrive) -> Void) {
        device.withLock { device in
            body(device.drive)
            publish(&device)
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
