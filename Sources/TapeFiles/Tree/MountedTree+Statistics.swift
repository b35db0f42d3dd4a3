// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import TapeLibrary

/// statfs(2): the tape in the library, not the disk under the store.
extension MountedTree {
    /// What a caller of statfs waits for at most while cartridges are looked into; `find` calls it before anything else.
    private static let statisticsPatience = Duration.milliseconds(50)
    /// Without a daemon nobody tells of writes: what was learnt is learnt again after this time.
    private static let storedMemory = Duration.seconds(30)

    package func statistics() throws(FileError) -> FileSystemStatistics {
        let inventory = try current()
        let deadline = ContinuousClock.now + Self.statisticsPatience
        let known = state.withLock { $0.knownUse(maximumAge: isLive ? nil : Self.storedMemory) }
        var total = FileSystemStatistics(
            capacityBytes: 0,
            usedBytes: 0,
            files: UInt64(inventory.cartridges.count)
        )
        var isComplete = true
        for (barcode, location) in inventory.locations {
            total.capacityBytes &+= location.entry.wholeCapacity
            guard location.hasUse else { continue }
            if let use = known[barcode] {
                total.usedBytes &+= use
            } else if location.isInDrive || ContinuousClock.now < deadline {
                total.usedBytes &+= learnUse(of: barcode, location)
            } else {
                isComplete = false
            }
        }
        if !isComplete { learnRest() }
        return total
    }

    /// Bytes in use. Kept until something happens to the cartridge; of one in a drive, where that is at any moment, it is
    /// not kept. A cartridge that cannot be read counts as empty.
    @discardableResult
    private func learnUse(of barcode: String, _ location: TreeInventory.Location) -> UInt64 {
        let use = (try? cartridges.use(of: stored(barcode)))?.usedBytes ?? 0
        if !location.isInDrive { state.withLock { $0.used[barcode] = use } }
        return use
    }

    /// Looks into the cartridges that were left, on a thread of its own; the next statfs knows them.
    private func learnRest() {
        guard state.withLock({ $0.beginLearning() }) else { return }
        Task { [weak self] in
            guard let self else { return }
            await self.learner.run { self.learnAll() }
        }
    }

    private func learnAll() {
        let (inventory, known) = state.withLock { ($0.inventory, $0.used) }
        for (barcode, location) in inventory.locations where location.hasUse && known[barcode] == nil {
            guard !location.isInDrive else { continue }
            guard state.withLock({ !$0.isFinished }) else { break }
            learnUse(of: barcode, location)
        }
        state.withLock { $0.endLearning() }
    }
}

extension TreeInventory.Location {
    fileprivate var hasUse: Bool { entry.condition == .good && entry.kind != .cleaning }

    fileprivate var isInDrive: Bool {
        if case .drive? = place { return true }
        return false
    }
}
