// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import LogicalUnits
import TapeLibrary

/// The tree of a library as files: `library.json`, `changer`, `drives`, `slots`, `mail`, `shelf`, `cartridges`.
///
/// Owns: names, links, attributes and the small texts; what other doors changed, told to the kernel.
/// Promises: what a call answers is the inventory at the moment of the call; a cartridge's name is in exactly one place;
/// names that are listed can be looked up, but for what moves meanwhile.
/// Leaves to others: what is below `cartridges/BARCODE` (``CartridgeSubtree``), the device files (``DeviceOpener``), who
/// may move what (the library).
///
/// Lock order: a stored source, then this tree's state; neither is held while the library, a drive or a cartridge works.
package final class MountedTree: ServedTree {
    let source: any TreeSource
    let cartridges: any CartridgeSubtree
    let devices: (any DeviceOpener)?
    let clock: any LibraryClock
    /// When this tree was made: the time of whatever has not changed since. Nanoseconds since 1970.
    let began: Int64
    let state: Guarded<TreeState>
    private let learnerThread: DeviceThread
    /// Where cartridges are looked into that statfs did not wait for.
    let learner: ThreadGate
    private let watcher = Guarded<Task<Void, Never>?>(nil, name: "watcher of the mounted tree")

    /// The tree of a library that this process serves.
    package convenience init(
        library: Library,
        cartridges: any CartridgeSubtree,
        devices: any DeviceOpener,
        clock: any LibraryClock = SystemClock()
    ) {
        self.init(source: LiveSource(served: library), cartridges: cartridges, devices: devices, clock: clock)
        watch(library.subscribe())
    }

    /// The tree of a store, read-only, without devices. Takes no lock: a daemon may serve the store meanwhile, and what
    /// it changes is seen.
    ///
    /// - Throws: `.storeUnusable` when there is no library in `store`, `.inventoryDamaged`, `.inventoryTooNew`.
    package convenience init(
        store: String,
        disk: any Disk,
        cartridges: any CartridgeSubtree,
        clock: any LibraryClock = SystemClock()
    ) throws(LibraryError) {
        let source = try StoredSource(store: store, disk: disk)
        self.init(source: source, cartridges: cartridges, devices: nil, clock: clock)
    }

    private init(
        source: any TreeSource,
        cartridges: any CartridgeSubtree,
        devices: (any DeviceOpener)?,
        clock: any LibraryClock
    ) {
        self.source = source
        self.cartridges = cartridges
        self.devices = devices
        self.clock = clock
        let thread = DeviceThread(name: "statfs")
        self.learnerThread = thread
        self.learner = ThreadGate(thread)
        self.began = nanoseconds(clock.now())
        let (number, inventory) = source.first
        self.state = Guarded(
            TreeState(inventory, number: number, began: nanoseconds(clock.now())),
            name: "mounted tree"
        )
    }

    deinit { close() }

    /// Ends ``changes()``. The tree still answers, so that files which are open can be read to their end.
    package func close() {
        watcher.withLock { $0?.cancel() }
        finish()
        learnerThread.stop()
    }

    private func finish() {
        // Outside of the lock: finishing a stream unsubscribes it.
        for subscriber in state.withLock({ $0.takeSubscribers() }) { subscriber.finish() }
    }

    /// Whether the library can be changed through this tree.
    var isLive: Bool { source.library != nil }

    // MARK: The inventory

    /// The inventory as it is now.
    func current(at time: Int64? = nil) throws(FileError) -> TreeInventory {
        let known = state.withLock { $0.inventory.number }
        guard let fresh = try source.look(after: known) else { return state.withLock { $0.inventory } }
        let time = time ?? nanoseconds(clock.now())
        let (inventory, difference) = state.withLock { state in
            let difference = state.absorb(fresh.inventory, number: fresh.number, at: time)
            return (state.inventory, difference)
        }
        for barcode in difference?.barcodes ?? [] { cartridges.changed(barcode) }
        return inventory
    }

    private func watch(_ events: AsyncStream<LibraryEvent>) {
        let task = Task { [weak self] in
            for await event in events {
                guard let self else { return }
                self.noticed(event)
            }
            // The library is closed.
            self?.finish()
        }
        watcher.withLock { $0 = task }
    }

    /// An event says that something is new; what is new is found by comparing, so that none can be missed.
    private func noticed(_ event: LibraryEvent) {
        if let barcode = event.barcode {
            state.withLock { _ = $0.used.removeValue(forKey: barcode) }
            if event.kind == .cartridgeChanged { cartridges.changed(barcode) }
        }
        // A live library's inventory can always be had.
        _ = try? current(at: nanoseconds(event.time))
    }

    package func changes() -> AsyncStream<TreeChange> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: TreeChange.self,
            bufferingPolicy: .bufferingNewest(TreeState.changeQueue)
        )
        guard let number = state.withLock({ $0.subscribe(continuation) }) else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.unsubscribe(number) }
        }
        return stream
    }

    /// A cartridge of the store, for what is below `cartridges/`.
    func stored(_ barcode: String) -> StoredCartridge {
        StoredCartridge(
            barcode: barcode,
            directory: StoredLibrary.directory(of: barcode, in: source.store)
        )
    }
}

/// Of a clock's milliseconds; far beyond any clock's range it stays at the end.
func nanoseconds(_ milliseconds: UInt64) -> Int64 {
    let (product, overflows) = Int64(clamping: milliseconds).multipliedReportingOverflow(by: 1_000_000)
    return overflows ? .max : product
}
