// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import TapeLibrary

/// statfs(2): the tape in the library, not the disk under the store.
extension MountedTree {
    package func statistics() throws(FileError) -> FileSystemStatistics {
        let inventory = try current()
        let known = state.withLock { $0.used }
        var total = FileSystemStatistics(
            capacityBytes: 0,
            usedBytes: 0,
            files: UInt64(inventory.cartridges.count)
        )
        for (barcode, location) in inventory.locations {
            total.capacityBytes &+= location.entry.wholeCapacity
            guard location.entry.condition == .good, location.entry.kind != .cleaning else { continue }
            let use = known[barcode] ?? learnUse(of: barcode, at: location.place)
            total.usedBytes &+= use?.usedBytes ?? 0
        }
        return total
    }

    /// Kept until something happens to the cartridge; of one in a drive, where that is at any moment, it is not kept.
    /// Nil for a cartridge that cannot be read: it counts as empty.
    private func learnUse(of barcode: String, at place: FileNode.Place?) -> CartridgeUse? {
        guard let use = try? cartridges.use(of: stored(barcode)) else { return nil }
        guard isLive else { return use }
        if case .drive = place { return use }
        state.withLock { $0.used[barcode] = use }
        return use
    }
}
