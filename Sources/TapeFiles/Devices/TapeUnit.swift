// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Logging
import LogicalUnits
import SCSI
import TapeLibrary

/// One drive as the tape device files `nst` and `st` share it: one open at a time, and what outlives an open.
final class TapeUnit: Sendable {
    let station: DriveStation
    let nexus: Nexus
    let logger: Logger
    /// Lock order: this, then the drive.
    private let state: Guarded<TapeState>
    private let occupancy = Awaited(Occupancy())

    /// Whether one of our files has the drive.
    private struct Occupancy {
        var isHeld = false
        /// A descriptor of it was closed and nothing was done since: the kernel's RELEASE is on its way, most likely.
        var isLeaving = false
        /// Counts opens: who waits for one to end does not wait for the next.
        var opens: UInt64 = 0
    }

    /// RELEASE comes behind close(2), on its own. Whoever opens next waits for it, but not for ever: a descriptor may
    /// also have been closed by one of two that share the open.
    static let releaseWait = Duration.seconds(2)

    init(station: DriveStation, nexus: Nexus, logger: Logger) {
        self.station = station
        self.nexus = nexus
        self.logger = logger
        self.state = Guarded(TapeState(driveName: station.name, nexus: nexus), name: "tape device \(station.index)")
    }

    /// Takes the drive for one open file.
    ///
    /// - Throws: EBUSY.
    func claim() throws(FileError) {
        let answer = occupancy.wait(upTo: Self.releaseWait) { occupancy -> Result<Void, FileError>? in
            guard !occupancy.isHeld else {
                return occupancy.isLeaving ? nil : .failure(FileError(EBUSY, "\(station.name) is open already"))
            }
            do throws(DeviceBusy) {
                try station.open(as: nexus)
            } catch {
                return .failure(FileError(error))
            }
            occupancy = Occupancy(isHeld: true, opens: occupancy.opens &+ 1)
            return .success(())
        }
        guard let answer else {
            throw FileError(EBUSY, "\(station.name) was closed, but is still open by another descriptor")
        }
        try answer.get()
    }

    /// Waits for the close that is on its way, as an open does, but for no other.
    func settle() {
        let present = occupancy.update { $0.opens }
        _ = occupancy.wait(upTo: Self.releaseWait) { occupancy -> Bool? in
            occupancy.isHeld && occupancy.isLeaving && occupancy.opens == present ? nil : true
        }
    }

    func giveBack() {
        station.close(nexus)
        occupancy.update { $0 = Occupancy(opens: $0.opens) }
    }

    func setLeaving(_ isLeaving: Bool) {
        occupancy.update { $0.isLeaving = isLeaving }
    }

    /// Uses the drive for one operation.
    ///
    /// - Throws: EBUSY when a mover has it, and what `body` throws.
    func using<R>(_ body: (TapeDrive, inout TapeState) throws(FileError) -> R) throws(FileError) -> R {
        let outcome: Result<R, FileError> = state.withLock { state in
            do throws(DeviceBusy) {
                return try station.perform(as: nexus) { drive -> Result<R, FileError> in
                    do throws(FileError) {
                        return .success(try body(drive, &state))
                    } catch {
                        return .failure(error)
                    }
                }
            } catch {
                return .failure(FileError(error))
            }
        }
        return try outcome.get()
    }
}
