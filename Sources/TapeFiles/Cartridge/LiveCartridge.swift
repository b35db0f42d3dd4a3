// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Glibc
import TapeLibrary

/// A cartridge that is looked at: its files stay open, and ``now()`` is its state at this moment.
final class LiveCartridge: Sendable {
    let stored: StoredCartridge
    let budget: any VerifiedBudget
    private let disk: any Disk
    private let view: Guarded<CartridgeView>

    init(_ stored: StoredCartridge, on disk: any Disk, budget: any VerifiedBudget) throws(FileError) {
        self.stored = stored
        self.disk = disk
        self.budget = budget
        do throws(CartridgeError) {
            view = Guarded(try CartridgeView(opening: stored.directory, on: disk), name: "view of a cartridge")
        } catch {
            throw Self.fileError(error, stored, on: disk)
        }
    }

    /// A few system calls. Threads may do this at the same time: whichever ends last is remembered, and each has its own.
    func now() throws(FileError) -> CartridgeView {
        let known = view.withLock { $0 }
        do throws(CartridgeError) {
            let now = try known.refreshed()
            view.withLock { $0 = now }
            return now
        } catch {
            throw Self.fileError(error, stored, on: disk)
        }
    }

    func isOvertaken(_ partition: PartitionView) -> Bool { partition.isOvertaken(on: disk) }

    private static func fileError(_ error: CartridgeError, _ stored: StoredCartridge, on disk: any Disk) -> FileError {
        guard disk.exists(stored.directory) else { return FileError(ENOENT, "\(stored.barcode) is gone") }
        return FileError(error, stored.barcode)
    }
}

extension FileError {
    init(_ error: CartridgeError, _ barcode: String) {
        switch error {
        case .disk(let error) where error.code == EMFILE || error.code == ENFILE || error.code == EACCES:
            self.init(error.code, "\(barcode): \(error)")
        default:
            self.init(EIO, "\(barcode): \(error)")
        }
    }

    init(_ error: ViewError, _ barcode: String) {
        switch error {
        case .cartridge(let error): self.init(error, barcode)
        case .changed: self.init(ESTALE, "\(barcode): it was overwritten meanwhile")
        }
    }
}

/// The cartridges that are held open: the ones used last, so many as ``CartridgeFilesLimits/openCartridges``.
final class LiveCartridges: Sendable {
    private struct State {
        var open: [String: (cartridge: LiveCartridge, used: UInt64)] = [:]
        var clock: UInt64 = 0
    }

    private let disk: any Disk
    private let limit: Int
    private let budget: any VerifiedBudget
    private let state = Guarded(State(), name: "open cartridges")

    init(on disk: any Disk, limit: Int, budget: any VerifiedBudget) {
        self.disk = disk
        self.limit = limit
        self.budget = budget
    }

    func cartridge(_ stored: StoredCartridge) throws(FileError) -> LiveCartridge {
        let known: LiveCartridge? = state.withLock { state in
            state.clock += 1
            guard let known = state.open[stored.barcode], known.cartridge.stored == stored else { return nil }
            state.open[stored.barcode]?.used = state.clock
            return known.cartridge
        }
        if let known { return known }
        let opened = try LiveCartridge(stored, on: disk, budget: budget)
        state.withLock { state in
            state.open[stored.barcode] = (opened, state.clock)
            guard state.open.count > limit else { return }
            // A quarter at once, so that looking for the oldest is rare.
            let oldest = state.open.sorted { $0.value.used < $1.value.used }.prefix(max(1, limit / 4))
            for (barcode, _) in oldest { state.open[barcode] = nil }
        }
        return opened
    }

    func forget(_ barcode: String) {
        state.withLock { $0.open[barcode] = nil }
    }
}

/// How many verified bytes all open files together keep.
final class SharedBudget: VerifiedBudget {
    private let limit: Int
    private let lent = Guarded(0, name: "verified bytes")

    init(bytes: Int) { limit = bytes }

    var isExhausted: Bool { lent.withLock { $0 > limit } }
    func lend(_ bytes: Int) { lent.withLock { $0 += bytes } }
    func giveBack(_ bytes: Int) { lent.withLock { $0 -= bytes } }
}
