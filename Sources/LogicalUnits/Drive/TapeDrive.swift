// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI

/// A tape drive: one tape state machine with two faces. The typed operations in the extensions are the only
/// implementation of tape semantics; the CDB interpreter and every other door call them.
///
/// Owns the cartridge while it is loaded, the position, mode parameters, TapeAlert flags and what is kept per nexus.
/// Promises that the position moves only after the disk did what was asked. Leaves locking, threads and exclusive use
/// by doors to the library. Reservations and unit attentions act on CDBs only; what the typed face changes is
/// announced to every nexus.
package final class TapeDrive {
    package let identity: DriveIdentity
    package let model: DriveModel
    let clock: any LibraryClock

    var medium: LoadedMedium?
    var partition = 0
    /// The next object.
    var block = BlockAddress.zero
    /// Something was written that is not known to be on stable storage.
    var isUnsynchronised = false
    var tail = TapeTail()
    var isExecutingCDB = false
    /// ALLOW OVERWRITE's licence; used up by the next write.
    var overwriteLicence: OverwriteLicence?

    var unit = UnitState()
    var modePages: ModePages { didSet { rules = WriteRules(modePages) } }
    /// What every write asks of the mode pages.
    private(set) var rules: WriteRules
    /// BLOCK LENGTH of the mode block descriptor; 0 is variable.
    package var fixedBlockLength = 0
    /// BUFFERED MODE of the mode header; 0 makes every WRITE durable.
    var bufferedMode: UInt8 = 1
    package internal(set) var alerts = TapeAlerts()
    var counters = DriveCounters()
    /// Times that a medium was threaded; tells one load from the next.
    var loadNumber: UInt64 = 0

    package init(identity: DriveIdentity, model: DriveModel, clock: any LibraryClock) {
        self.identity = identity
        self.model = model
        self.clock = clock
        self.modePages = TapeModePages.pages(for: model)
        self.rules = WriteRules(modePages)
    }

    /// Records are up to 16 MiB - 1: the whole range of the 24-bit TRANSFER LENGTH.
    ///
    /// Deviation: IBM drives report 8 MiB. The store holds more, HP drives report this value, and clients take it as
    /// an upper bound only.
    package static let maximumBlockLength = CartridgeLimits.recordBytes

    /// The cartridge in the drive, threaded or not.
    package var loaded: Cartridge? { medium?.cartridge }

    package var condition: MediumCondition { medium?.condition ?? .empty }

    /// Removal is prevented by some nexus.
    package var isRemovalPrevented: Bool { unit.isRemovalPrevented }

    /// The cartridge that data commands work on.
    ///
    /// - Throws: 2/3A/00, or what else keeps the medium from being ready.
    func requireReady() throws(CheckCondition) -> LoadedMedium {
        guard let medium, medium.condition == .ready else {
            throw CheckCondition(notReadySense)
        }
        return medium
    }

    /// Why medium commands do not run.
    var notReadySense: SenseData {
        switch condition {
        case .empty, .ejected: SenseData(.notReady, .mediumNotPresent)
        case .held: SenseData(.notReady, .initializingCommandRequired)
        case .cleaning: SenseData(.notReady, .cleaningCartridgeInstalled)
        case .cleaningExpired: SenseData(.notReady, .cleaningCartridgeExpired)
        case .unsupported: SenseData(.notReady, .incompatibleMedium)
        case .ready: SenseData(.noSense, .none)
        }
    }

    /// The unit attentions and other things of a nexus that went away.
    package func nexusLost(_ nexus: Nexus) {
        unit.nexusLost(nexus)
        alerts.forget(nexus)
    }

    /// Every nexus that something is kept for.
    package var nexuses: Set<Nexus> {
        var nexuses = unit.preventing.union(unit.attentions.nexuses)
        if let holder = unit.reservedBy { nexuses.insert(holder) }
        return nexuses
    }

    /// Makes a nexus known without a power-on condition: for a door whose host has taken that one before.
    package func introduce(_ nexus: Nexus) {
        unit.attentions.introduce(nexus, with: nil)
    }
}

/// What is in the drive.
package enum MediumCondition: String, Sendable, Hashable {
    case empty
    /// Threaded; data commands work.
    case ready
    /// Seated but not threaded (LOAD UNLOAD with HOLD): only its memory can be read.
    case held
    /// Unloaded by command; waits to be taken out or loaded again.
    case ejected
    /// A cleaning cartridge that has done its work.
    case cleaning
    /// A cleaning cartridge without uses left.
    case cleaningExpired
    /// A generation this drive cannot read.
    case unsupported
}

/// A cartridge and what the drive knows about it for this load.
struct LoadedMedium {
    let cartridge: Cartridge
    let format: MediumFormat?
    var condition: MediumCondition
    /// The volume change reference was bumped since the load.
    var isMarkedChanged = false

    var isWORM: Bool { cartridge.metadata.kind == .worm }
}

/// Where ALLOW OVERWRITE permits one write, or one format.
struct OverwriteLicence: Equatable {
    enum Scope {
        case position
        case format
    }
    var scope: Scope
    var partition: Int
    var block: BlockAddress
}

/// Taken out of the mode pages when they change, so that a write need not search them.
struct WriteRules {
    let isSoftwareProtected: Bool
    let isAppendOnly: Bool
    /// Size of the zone before early warning; 0 is none.
    let programmableEarlyWarningBytes: UInt64

    init(_ pages: ModePages) {
        isSoftwareProtected =
            pages[TapeModePages.softwareWriteProtect] == 1 || pages[TapeModePages.deviceSoftwareWriteProtect] == 1
        isAppendOnly = pages[TapeModePages.writeMode] == 1
        programmableEarlyWarningBytes = pages[TapeModePages.programmableEarlyWarning] * 1_000_000
    }
}

/// Counted by the drive for log pages and MAM; the load's part is folded into the cartridge when it unloads.
struct DriveCounters: Sendable {
    struct Traffic: Sendable, Equatable {
        var recordsWritten: UInt64 = 0
        var recordsRead: UInt64 = 0
        var bytesWritten: UInt64 = 0
        var bytesRead: UInt64 = 0
        var filemarksWritten: UInt64 = 0
        var writeErrors: UInt64 = 0
        var readErrors: UInt64 = 0
    }

    /// Since the cartridge was loaded.
    var load = Traffic()
    /// Of this load, what is already in the cartridge's metadata.
    var stored = Traffic()
    /// Since power on, or since LOG SELECT reset them.
    var drive = Traffic()
    var loads: UInt64 = 0
    var cleanings: UInt64 = 0

    mutating func wrote(records: Int, bytes: Int) {
        load.recordsWritten += UInt64(records)
        load.bytesWritten += UInt64(bytes)
        drive.recordsWritten += UInt64(records)
        drive.bytesWritten += UInt64(bytes)
    }

    mutating func wroteFilemarks(_ count: Int) {
        load.filemarksWritten += UInt64(count)
        drive.filemarksWritten += UInt64(count)
    }

    mutating func read(records: Int, bytes: Int) {
        load.recordsRead += UInt64(records)
        load.bytesRead += UInt64(bytes)
        drive.recordsRead += UInt64(records)
        drive.bytesRead += UInt64(bytes)
    }

    mutating func failedToWrite() {
        load.writeErrors += 1
        drive.writeErrors += 1
    }

    mutating func failedToRead() {
        load.readErrors += 1
        drive.readErrors += 1
    }
}
