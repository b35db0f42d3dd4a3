// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import LogicalUnits
import SCSI

/// A tape library: its store, robot and drives. The one object that doors share.
///
/// Owns the store's lock, the inventory, the stations and the events. Everything here may be called from any thread.
/// What throws `LibraryError` may block (robot, drive and disk): call it on a thread of your own or through
/// `perform(_:)`. Moves asked for here and MOVE MEDIUM are the same code, with the same rules.
///
/// Lock order: library, then drive, then claims, status or events. A drive never calls the library.
package final class Library: Sendable {
    /// By number, from 0.
    package let drives: [DriveStation]
    package let changer: ChangerStation
    package let configuration: LibraryConfiguration
    package let identity: LibraryIdentity
    /// Directory of the store.
    package let store: String

    let core: Guarded<LibraryCore>
    let log: EventLog
    let published: Guarded<InventorySnapshot>
    private let thread: DeviceThread
    private let gate: ThreadGate
    private let lock: any DiskLock

    init(core: LibraryCore, lock: any DiskLock) {
        self.core = Guarded(core, name: "library")
        self.lock = lock
        self.drives = core.stations
        self.configuration = core.configuration
        self.identity = core.identity
        self.store = core.paths.store
        self.log = core.events
        self.published = core.published
        let thread = DeviceThread(name: "library")
        let gate = ThreadGate(thread)
        self.thread = thread
        self.gate = gate
        self.changer = ChangerStation(
            identity: core.identity,
            core: self.core,
            gate: gate,
            trace: core.seams.trace
        )
    }

    /// Opens the library in a store, and makes the store when there is none.
    ///
    /// - Parameters:
    ///   - store: directory; made when it does not exist.
    ///   - configuration: nil: what the store says, or the default library for a new store. Otherwise the library
    ///     becomes as given; cartridges of elements that are gone lie on the shelf. The cartridges to begin with are
    ///     made only for a new store.
    /// - Throws: `.storeInUse` with the pid, `.inventoryDamaged` (never replaced silently), `.configurationInvalid`,
    ///   `.storeUnusable`, `.diskFull`. A damaged or missing cartridge is an event, not an error.
    package static func open(
        store: String,
        disk: any Disk,
        configuration: LibraryConfiguration? = nil,
        seams: LibrarySeams = LibrarySeams()
    ) throws(LibraryError) -> Library {
        try LibraryOpener(store: store, disk: disk, seams: seams).open(configuration)
    }

    /// The library as of its last change; never waits.
    package func inventory() -> InventorySnapshot {
        published.withLock { $0 }
    }

    /// Runs `body` on the library's own thread, for callers that must not block.
    package func perform<Result: Sendable>(
        _ body: @Sendable (Library) throws(LibraryError) -> Result
    ) async throws(LibraryError) -> Result {
        try await gate.run { () throws(LibraryError) in try body(self) }
    }

    /// The session behind the nexus is gone: everything it holds on any device is released.
    package func nexusLost(_ nexus: Nexus) {
        for drive in drives {
            drive.nexusLost(nexus)
        }
        changer.nexusLost(nexus)
    }

    // MARK: Events

    /// The latest events, oldest first: those after `sequence`, at most `limit`.
    package func events(after sequence: UInt64 = 0, limit: Int = EventLog.capacity) -> [LibraryEvent] {
        log.events(after: sequence, limit: limit)
    }

    /// Events as they happen. A subscriber that does not keep up loses the oldest ones waiting for it, which shows as
    /// a gap in the sequence numbers.
    package func subscribe() -> AsyncStream<LibraryEvent> {
        log.subscribe()
    }

    // MARK: End

    /// Writes back and closes every cartridge (they stay in their drives), ends the threads, frees the store.
    ///
    /// - Throws: what failed; the store is freed all the same. A second call does nothing.
    package func close() throws(LibraryError) {
        let outcome = core.withLock { $0.close() }
        drives.forEach { $0.stop() }
        thread.stop()
        guard let outcome else { return }
        lock.release()
        log.finish()
        try outcome.get()
    }
}
