// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import TapeLibrary

/// What the tree remembers between requests, guarded by its lock.
struct TreeState {
    /// Changes that wait for one subscriber.
    static let changeQueue = 4096
    /// Mounts of one tree, and tests.
    static let maximumSubscribers = 16

    private(set) var inventory: TreeInventory
    /// When a directory's entries changed last, nanoseconds since 1970; else since the tree began.
    private var times: [FileNode: Int64] = [:]
    private let began: Int64
    /// When anything of the inventory changed last.
    private(set) var inventoryTime: Int64
    var texts: [FileNode: Text] = [:]
    /// Bytes in use, as `statfs` has learnt them, of cartridges that nobody has changed since.
    var used: [String: UInt64] = [:]
    private var usedSince = ContinuousClock.now
    private var isLearning = false
    private var cookies = BarcodeCookies()
    private var subscribers: [UInt64: AsyncStream<TreeChange>.Continuation] = [:]
    private var nextSubscriber: UInt64 = 0
    private(set) var isFinished = false

    /// A file's text, and since when it is so.
    struct Text {
        var bytes: [UInt8]
        var time: Int64
        /// Of the inventory it was made from.
        var number: UInt64
    }

    init(_ first: InventorySnapshot, number: UInt64, began: Int64) {
        self.inventory = TreeInventory(first, number: number, cookies: &cookies)
        self.began = began
        self.inventoryTime = began
    }

    func time(of directory: FileNode) -> Int64 { times[directory] ?? began }

    /// Takes a newer inventory over, and tells subscribers what is different.
    ///
    /// - Returns: nil when another thread was faster.
    mutating func absorb(
        _ snapshot: InventorySnapshot,
        number: UInt64,
        at time: Int64
    ) -> InventoryDifference? {
        guard number > inventory.number else { return nil }
        let next = TreeInventory(snapshot, number: number, cookies: &cookies)
        let difference = InventoryDifference(from: inventory, to: next)
        inventory = next
        guard !difference.isEmpty else { return difference }
        inventoryTime = time
        for change in difference.changes { times[change.place?.directory ?? .shelf] = time }
        if !difference.made.isEmpty || !difference.deleted.isEmpty { times[.cartridges] = time }
        for barcode in difference.barcodes { used[barcode] = nil }
        announce(difference)
        return difference
    }

    private func announce(_ difference: InventoryDifference) {
        guard !subscribers.isEmpty else { return }
        for change in difference.treeChanges {
            for subscriber in subscribers.values { subscriber.yield(change) }
        }
    }

    // MARK: Use

    /// - Parameter maximumAge: older knowledge is forgotten; nil: none is.
    mutating func knownUse(maximumAge: Duration?) -> [String: UInt64] {
        if let maximumAge, ContinuousClock.now - usedSince > maximumAge {
            used = [:]
            usedSince = ContinuousClock.now
        }
        return used
    }

    /// False when it goes on already.
    mutating func beginLearning() -> Bool {
        guard !isLearning, !isFinished else { return false }
        isLearning = true
        return true
    }

    mutating func endLearning() {
        isLearning = false
    }

    // MARK: Subscribers

    mutating func subscribe(_ continuation: AsyncStream<TreeChange>.Continuation) -> UInt64? {
        guard !isFinished, subscribers.count < Self.maximumSubscribers else { return nil }
        nextSubscriber += 1
        subscribers[nextSubscriber] = continuation
        return nextSubscriber
    }

    mutating func unsubscribe(_ number: UInt64) {
        subscribers[number] = nil
    }

    /// Ends every subscription; there are none after it. Returns them to be finished outside of the lock.
    mutating func takeSubscribers() -> [AsyncStream<TreeChange>.Continuation] {
        isFinished = true
        defer { subscribers = [:] }
        return Array(subscribers.values)
    }
}

extension InventoryDifference {
    /// Everything that was touched, each once.
    var barcodes: Set<String> {
        Set(changes.flatMap { [$0.gone, $0.come].compactMap { $0 } } + condition)
    }

    /// What the kernel may remember wrongly now.
    var treeChanges: [TreeChange] {
        guard !isEmpty else { return [] }
        var all: [TreeChange] = []
        var drives: Set<Int> = []
        for change in changes {
            let directory = change.place?.directory ?? .shelf
            for barcode in [change.gone, change.come].compactMap({ $0 }) {
                all.append(.entry(directory: directory, name: Array(barcode.utf8)))
            }
            if case .drive(let number)? = change.place { drives.insert(number) }
        }
        for barcode in made + deleted {
            all.append(.entry(directory: .cartridges, name: Array(barcode.utf8)))
        }
        for barcode in condition {
            all.append(.contents(.cartridge(barcode: barcode, .directory)))
        }
        for number in drives.sorted() { all.append(.contents(.driveStatus(number))) }
        return all + [.contents(.libraryDescription), .contents(.changerStatus)]
    }
}
