// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import SCSI

/// Exclusive use of one drive by one thread, without a lock per record: what the mover holds while it moves data.
///
/// Whoever has the lease may hand it to another thread, but `drive` is for one thread at a time: the holder's. Every
/// other door gets DeviceBusy until `end()`, which must be called by (or after joining) the thread that used the drive.
package final class DriveLease: Sendable {
    private let station: DriveStation
    private let number: UInt64
    package let nexus: Nexus

    init(station: DriveStation, number: UInt64, nexus: Nexus) {
        self.station = station
        self.number = number
        self.nexus = nexus
    }

    deinit {
        station.endLease(number)
    }

    /// The drive, for the holder's thread only, until `end()`. Ask once and keep it.
    package var drive: TapeDrive { station.driveOfLeaseHolder }

    /// The session behind the lease is lost: stop using the drive and call `end()`.
    package var isRevoked: Bool { station.isRevoked(number) }

    /// Makes the drive's present status visible to `DriveStation.status`. Call it now and then while data moves, from
    /// the holder's thread; more often than every 200 ms does nothing.
    package func publish() {
        station.publishFromLease(number)
    }

    /// Gives the drive back. A second call does nothing.
    package func end() {
        station.endLease(number)
    }
}
