// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import LogicalUnits
import SCSI

/// What the kernel's tape driver would know of one drive: options, what the last operation was, which end of the tape
/// was met. The drive knows the rest.
///
/// Every rule about errno, zero-length reads and filemarks on close is in the extensions of this type; each method is
/// called with the drive's lock held. What the driver remembers is about one place on one medium: when the drive is
/// found elsewhere (another door moved the tape), it starts anew there.
struct TapeState {
    /// What the last operation of this open was, as far as closing cares.
    enum Activity {
        case idle
        case reading
        case writing
    }

    /// The end that was met, and how often it has been told.
    enum End: Int, Comparable {
        case none
        /// A read returned 0 for a filemark, or the tape was spaced over one: the position is behind it.
        case behindFilemark
        /// A write came behind early warning: the next one is refused.
        case earlyWarning
        /// That one was refused: the next one may try.
        case warned
        /// A read behind `warned` returned 0 once.
        case endedOnce
        /// Nothing follows, and a read has been told so.
        case ended

        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    enum Lock {
        case unlocked
        case byRequest
        case automatic
    }

    let driveName: String
    let nexus: Nexus
    var options = TapeOptions.standard
    var end = End.none
    var activity = Activity.idle
    var lock = Lock.unlocked
    /// Which load of the drive this open is about; nil while it has not met a medium.
    var load: UInt64?
    /// Where the last operation left the tape.
    var place: MediumPlace?
    /// MTSETPART: to be changed with the next operation.
    var wantedPartition: Int?
    /// Where each partition was left.
    var lastVisited: [Int: UInt64] = [:]
    /// Fixed-block mode: what a read left of the block that it ended in.
    var remainder: [UInt8] = []
    /// The open allows writing.
    var mayWrite = false
    /// MTOFFL or MTUNLOAD came: closing does not rewind.
    var isOffline = false

    init(driveName: String, nexus: Nexus) {
        self.driveName = driveName
        self.nexus = nexus
    }

    // MARK: Open

    /// A new open of the device.
    ///
    /// - Throws: EBUSY when reserved by another initiator; without O_NONBLOCK ENOMEDIUM, EIO (no usable medium), EROFS.
    mutating func open(_ drive: TapeDrive, _ request: OpenRequest) throws(FileError) {
        activity = .idle
        load = nil
        isOffline = false
        remainder = []
        wantedPartition = nil
        mayWrite = request.writes
        takeAttentions(of: drive)
        guard !drive.isReserved(againstUseBy: nexus) else {
            throw FileError(EBUSY, "\(driveName) is reserved by another initiator")
        }
        if !request.isNonblocking {
            try requireMedium(drive)
            guard !request.writes || !drive.isWriteProtected else {
                throw FileError(EROFS, "the cartridge in \(driveName) is write-protected")
            }
        } else if drive.condition == .ready {
            try requireMedium(drive)
        }
    }

    /// The driver tests the drive until no unit attention is left, so that nobody else meets them.
    private func takeAttentions(of drive: TapeDrive) {
        for _ in 0..<Self.mostAttentions {
            let result = drive.execute(
                cdb: [UInt8](repeating: 0, count: 6),
                dataOut: [UInt8]().span,
                dataInLimit: 0,
                nexus: nexus
            )
            guard result.sense?.key == .unitAttention else { return }
        }
    }

    /// More than a drive keeps per nexus.
    private static let mostAttentions = 16

    // MARK: Before an operation

    /// The medium that this open is about is ready, and the state is about where the tape stands.
    ///
    /// - Throws: ENOMEDIUM, EIO (not usable, or another one than before).
    mutating func requireMedium(_ drive: TapeDrive) throws(FileError) {
        guard let now = drive.place else {
            switch drive.condition {
            case .empty: throw FileError(ENOMEDIUM, "\(driveName) is empty")
            case .ejected: throw FileError(ENOMEDIUM, "the cartridge in \(driveName) is unloaded")
            default: throw FileError(EIO, "the cartridge in \(driveName) is not ready (\(drive.condition.rawValue))")
            }
        }
        if let load, load != now.load {
            throw FileError(EIO, "another cartridge was loaded into \(driveName) since it was opened")
        }
        load = now.load
        drive.expectClose(false)
        if now != place {
            end = drive.isBehindFilemark ? .behindFilemark : .none
            activity = .idle
            remainder = []
            if now.load != place?.load {
                lastVisited = [:]
                wantedPartition = nil
            }
            place = now
        }
    }

    /// Notes where an operation has left the tape.
    mutating func leave(_ drive: TapeDrive) {
        place = drive.place
    }

    /// Makes a CHECK CONDITION an errno.
    func carryOut<R>(_ body: () throws(CheckCondition) -> R) throws(FileError) -> R {
        do throws(CheckCondition) {
            return try body()
        } catch {
            throw FileError(error, of: driveName)
        }
    }

    /// Executes a CDB that must end with GOOD.
    @discardableResult
    func command(_ cdb: [UInt8], data: [UInt8] = [], limit: Int = 0, on drive: TapeDrive) throws(FileError) -> [UInt8] {
        let result = drive.execute(cdb: cdb, dataOut: data.span, dataInLimit: limit, nexus: nexus)
        if let sense = result.sense {
            throw FileError(CheckCondition(sense), of: driveName)
        }
        guard result.status == .good else {
            throw FileError(EIO, "\(driveName) refused a command with status \(result.status)")
        }
        return result.dataIn
    }

    // MARK: Close

    /// What close(2) promises: written data is on stable storage.
    mutating func flush(_ drive: TapeDrive) throws(FileError) {
        guard activity == .writing, isWhereItWas(drive) else { return }
        try carryOut { () throws(CheckCondition) in try drive.synchronize() }
        // The last close comes on its own, and may find that the robot was quicker.
        drive.expectClose(drive.lacksFilemark)
    }

    /// The last close: filemark after writing, next file for System V, rewind of the rewinding device, lock.
    mutating func close(_ drive: TapeDrive, rewinds: Bool) throws(FileError) {
        defer {
            leave(drive)
            load = nil
            activity = .idle
            remainder = []
        }
        defer {
            if lock == .automatic { unlockAfterUse(drive) }
        }
        guard let now = drive.place, now.load == load else { return }
        let isWhereItWas = now == place
        var failure: FileError?
        if isWhereItWas, activity == .writing, drive.lacksFilemark {
            do throws(FileError) {
                try writeClosingMarks(drive)
            } catch {
                failure = error
                // Tried, and not to be tried again before every motion.
                drive.expectClose(false)
            }
        } else if isWhereItWas, activity == .reading, end == .none, options.contains(.systemV), !rewinds {
            let outcome = try carryOut { () throws(CheckCondition) in try drive.space(.filemarks, count: 1) }
            end = outcome.stop == .none ? .behindFilemark : .none
        }
        if rewinds, !isOffline {
            do throws(FileError) {
                try carryOut { () throws(CheckCondition) in try drive.rewind() }
                end = .none
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    private mutating func writeClosingMarks(_ drive: TapeDrive) throws(FileError) {
        let marks = options.contains(.twoFilemarks) ? 2 : 1
        try carryOut { () throws(CheckCondition) in
            _ = try drive.writeFilemarks(marks, immediate: false)
            if marks == 2 { _ = try drive.space(.filemarks, count: -1) }
        }
        end = .behindFilemark
    }

    private func isWhereItWas(_ drive: TapeDrive) -> Bool {
        drive.place != nil && drive.place == place
    }

    // MARK: Lock

    /// PREVENT ALLOW MEDIUM REMOVAL.
    mutating func setLock(_ wanted: Lock, on drive: TapeDrive) throws(FileError) {
        try command([0x1E, 0, 0, 0, wanted == .unlocked ? 0 : 1, 0], on: drive)
        lock = wanted
    }

    mutating func lockForUse(_ drive: TapeDrive) {
        guard options.contains(.autoLock), lock == .unlocked else { return }
        try? setLock(.automatic, on: drive)
    }

    private mutating func unlockAfterUse(_ drive: TapeDrive) {
        try? setLock(.unlocked, on: drive)
    }
}
