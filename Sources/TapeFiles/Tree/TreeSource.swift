// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import LogicalUnits
import TapeLibrary

/// Where the tree's facts come from: a library that is served, or a store that nobody need serve.
protocol TreeSource: Sendable {
    var store: String { get }
    /// A daemon runs it here: there are devices, and the tree can change the library.
    var library: Library? { get }
    /// The inventory to begin with, and its number.
    var first: (number: UInt64, inventory: InventorySnapshot) { get }
    /// The inventory, and a number that grows with it; nil when it is still the one of number `known`.
    func look(after known: UInt64?) throws(FileError) -> (number: UInt64, inventory: InventorySnapshot)?
    /// Who drive `number` is; nil when there is none.
    func drive(_ number: Int) -> DriveFacts?
}

/// What is known of a drive whether it is served or not.
struct DriveFacts: Sendable, Equatable {
    var identity: DriveIdentity
    /// `LTO-8`
    var generation: String
}

/// A library that is open in this process.
struct LiveSource: TreeSource {
    let served: Library

    var library: Library? { served }
    var store: String { served.store }

    var first: (number: UInt64, inventory: InventorySnapshot) {
        let inventory = served.inventory()
        return (inventory.revision, inventory)
    }

    func look(after known: UInt64?) throws(FileError) -> (number: UInt64, inventory: InventorySnapshot)? {
        let inventory = served.inventory()
        return inventory.revision == known ? nil : (inventory.revision, inventory)
    }

    func drive(_ number: Int) -> DriveFacts? {
        guard served.drives.indices.contains(number) else { return nil }
        let station = served.drives[number]
        return DriveFacts(identity: station.identity, generation: station.model.name)
    }
}

/// A store, read without its lock: a daemon may change it at the same moment.
final class StoredSource: TreeSource {
    private struct State {
        var mark: StoredLibrary.Mark
        var stored: StoredLibrary
        var number: UInt64 = 1
    }

    let store: String
    private let disk: any Disk
    private let state: Guarded<State>

    var library: Library? { nil }

    var first: (number: UInt64, inventory: InventorySnapshot) {
        state.withLock { ($0.number, $0.stored.inventory) }
    }

    init(store: String, disk: any Disk) throws(LibraryError) {
        self.store = store
        self.disk = disk
        // The mark first: what is read may be newer than it, and is then read once more.
        let mark = try StoredLibrary.mark(of: store, on: disk)
        self.state = Guarded(State(mark: mark, stored: try StoredLibrary.read(store, on: disk)), name: "stored library")
    }

    func look(after known: UInt64?) throws(FileError) -> (number: UInt64, inventory: InventorySnapshot)? {
        do throws(LibraryError) {
            return try state.withLock { (state) throws(LibraryError) in
                let mark = try StoredLibrary.mark(of: store, on: disk)
                if mark != state.mark {
                    state.stored = try StoredLibrary.read(store, on: disk)
                    state.mark = mark
                    state.number += 1
                }
                return state.number == known ? nil : (state.number, state.stored.inventory)
            }
        } catch {
            throw FileError(error)
        }
    }

    func drive(_ number: Int) -> DriveFacts? {
        state.withLock { state in
            guard state.stored.drives.indices.contains(number) else { return nil }
            let drive = state.stored.drives[number]
            return DriveFacts(identity: drive.identity, generation: drive.model.name)
        }
    }
}
