// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Foundation

/// A disk in memory that fails as real ones do, from a seed.
///
/// - Faults: writes that stop in the middle, synchronises that fail (and, as in Linux, lose the pages they could not
///   write while the cache still shows them), reads that fail, a full disk.
/// - ``kill()``: the process ends; what it wrote stays in the page cache.
/// - ``crash()``: the power fails; of what was not synchronised each 512-byte sector is there or not, in any order.
package final class SimulatedDisk: ExchangingDisk, @unchecked Sendable {
    /// How rare faults are: one in so many calls; 0 never.
    package struct Faults: Sendable {
        package var read: UInt64 = 0
        package var write: UInt64 = 0
        package var outOfSpace: UInt64 = 0
        package var synchronize: UInt64 = 0
        package var truncate: UInt64 = 0

        package init() {}
        package static let none = Faults()
    }

    /// The operations a test can make fail, see ``intercept``.
    package enum Operation: Sendable, Equatable {
        case open, read, write, synchronize, truncate, rename, remove, makeDirectory, synchronizeDirectory
    }

    package var faults = Faults.none
    /// Called before each operation with its path; the errno returned makes it fail.
    package var intercept: (@Sendable (Operation, String) -> Int32?)?
    /// All files together may be so large.
    package var capacityBytes = Int.max
    /// Whether names can be exchanged; some filesystems cannot.
    package var canExchange = true
    /// How many faults were injected.
    package private(set) var injectedFaults = 0

    var generator: SeededGenerator
    /// Handles of an earlier generation belong to a process that is gone.
    private(set) var generation = 0
    /// nil is a directory.
    private var names: [String: SimulatedNode?] = [:]
    /// The names as they are on stable storage, and what was done since, in order.
    private var durableNames: [String: SimulatedNode?] = [:]
    private var pendingNames: [NameChange] = []
    private var locks: Set<String> = []
    private var lastNumber: UInt64 = 0
    private let mutex = NSRecursiveLock()

    private enum NameChange {
        case set(String, SimulatedNode?)
        case remove(String)
        case rename(from: String, to: String)
        case exchange(String, String)
    }

    package init(seed: UInt64 = 0) {
        generator = SeededGenerator(seed: seed)
        names["/"] = .some(nil)
        durableNames["/"] = .some(nil)
    }

    // MARK: Ends

    /// The process ends at once. Files keep what was written; open files and locks are gone.
    package func kill() {
        exclusively {
            generation += 1
            locks = []
        }
    }

    /// The power fails at once.
    package func crash() {
        exclusively {
            generation += 1
            locks = []
            // Names are journalled: they survive in the order in which they were changed.
            for change in pendingNames.prefix(generator.number(below: pendingNames.count + 1)) {
                Self.apply(change, to: &durableNames)
            }
            pendingNames = []
            names = durableNames
            var seen: Set<ObjectIdentifier> = []
            for path in names.keys.sorted() {
                guard let node = names[path] ?? nil, seen.insert(ObjectIdentifier(node)).inserted else { continue }
                node.losePower(&generator)
            }
        }
    }

    /// The bytes of a file as a program would read them.
    package func bytes(of path: String) -> [UInt8]? {
        exclusively { (names[path] ?? nil)?.cached }
    }

    /// Puts bytes into a file, durably and without a fault.
    package func setBytes(_ bytes: [UInt8], of path: String) {
        exclusively {
            let node = (names[path] ?? nil) ?? newNode()
            node.replace(with: bytes)
            names[path] = node
            durableNames[path] = node
        }
    }

    // MARK: Disk

    package func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        try exclusively { () throws(DiskError) in
            try inject(.open, path)
            if let found = names[path] {
                guard let node = found else { throw error("open", path, EISDIR) }
                if mode == .createNew { throw error("open", path, EEXIST) }
                return SimulatedFile(node: node, path: path, disk: self, writable: mode != .readOnly)
            }
            guard mode == .create || mode == .createNew else { throw error("open", path, ENOENT) }
            try requireParent(of: path, "open")
            let node = newNode()
            change(.set(path, node))
            return SimulatedFile(node: node, path: path, disk: self, writable: true)
        }
    }

    package func openShared(_ path: String) throws(DiskError) -> any SharedFile {
        try exclusively { () throws(DiskError) in
            try inject(.open, path)
            guard let found = names[path] else { throw error("open", path, ENOENT) }
            guard let node = found else { throw error("open", path, EISDIR) }
            return SimulatedSharedFile(node: node, path: path, disk: self)
        }
    }

    package func status(_ path: String) throws(DiskError) -> FileStatus {
        try exclusively { () throws(DiskError) in
            guard let found = names[path] else { throw error("examine", path, ENOENT) }
            return found?.status
                ?? FileStatus(
                    lengthBytes: 0,
                    storedBytes: 0,
                    modifiedNanoseconds: 1,
                    identity: FileIdentity(device: 1, number: 0)
                )
        }
    }

    package func rename(from: String, to: String) throws(DiskError) {
        try exclusively { () throws(DiskError) in
            try inject(.rename, from)
            guard names[from] != nil else { throw error("rename", from, ENOENT) }
            try requireParent(of: to, "rename")
            change(.rename(from: from, to: to))
        }
    }

    package func exchange(_ one: String, _ other: String) throws(DiskError) {
        try exclusively { () throws(DiskError) in
            try inject(.rename, one)
            guard names[one] != nil, names[other] != nil else { throw error("exchange", one, ENOENT) }
            guard canExchange else { throw error("exchange", one, EINVAL) }
            change(.exchange(one, other))
        }
    }

    package func remove(_ path: String) throws(DiskError) {
        try exclusively { () throws(DiskError) in
            try inject(.remove, path)
            guard let found = names[path] else { throw error("remove", path, ENOENT) }
            guard found != nil else { throw error("remove", path, EISDIR) }
            change(.remove(path))
        }
    }

    package func removeTree(_ path: String) throws(DiskError) {
        try exclusively { () throws(DiskError) in
            try inject(.remove, path)
            guard names[path] != nil else { throw error("remove", path, ENOENT) }
            for name in names.keys.sorted().reversed() where name == path || name.hasPrefix(path + "/") {
                change(.remove(name))
            }
        }
    }

    package func makeDirectory(_ path: String) throws(DiskError) {
        try exclusively { () throws(DiskError) in
            try inject(.makeDirectory, path)
            if let found = names[path] {
                guard found == nil else { throw error("make directory", path, EEXIST) }
                return
            }
            let parent = parentDirectory(of: path)
            if parent != "." && names[parent] == nil { try makeDirectory(parent) }
            change(.set(path, nil))
        }
    }

    package func list(_ path: String) throws(DiskError) -> [String] {
        try exclusively { () throws(DiskError) in
            guard let found = names[path] else { throw error("list", path, ENOENT) }
            guard found == nil else { throw error("list", path, ENOTDIR) }
            let prefix = path.hasSuffix("/") ? path : path + "/"
            return names.keys.filter { $0.hasPrefix(prefix) && $0 != prefix }
                .map { String($0.dropFirst(prefix.count)) }
                .filter { !$0.contains("/") }.sorted()
        }
    }

    package func exists(_ path: String) -> Bool {
        exclusively { names[path] != nil }
    }

    package func synchronizeDirectory(_ path: String) throws(DiskError) {
        try exclusively { () throws(DiskError) in
            try inject(.synchronizeDirectory, path)
            for change in pendingNames { Self.apply(change, to: &durableNames) }
            pendingNames = []
        }
    }

    package func replaceContents(of path: String, with bytes: [UInt8]) throws(DiskError) {
        let temporary = path + ".new"
        do throws(DiskError) {
            let file = try open(temporary, .create)
            try file.truncate(to: 0)
            try file.write(bytes.span, at: 0)
            try file.synchronize()
        } catch {
            try? remove(temporary)
            throw error
        }
        try rename(from: temporary, to: path)
        try synchronizeDirectory(parentDirectory(of: path))
    }

    package func readContents(of path: String, limit: Int) throws(DiskError) -> [UInt8] {
        let file = try open(path, .readOnly)
        let size = Int(try file.size())
        guard size <= limit else { throw error("read", path, EFBIG) }
        var bytes = [UInt8](repeating: 0, count: size)
        var span = bytes.mutableSpan
        _ = try file.read(into: &span, at: 0)
        return bytes
    }

    package func lock(_ path: String) throws(DiskError) -> any DiskLock {
        try exclusively { () throws(DiskError) in
            guard locks.insert(path).inserted else {
                throw DiskError(operation: "lock", path: path, code: EWOULDBLOCK, holderProcess: getpid())
            }
            return SimulatedLock { [weak self] in self?.unlock(path) }
        }
    }

    package func freeSpace(_ path: String) throws(DiskError) -> Int64 {
        exclusively { Int64(clamping: max(0, capacityBytes - usedBytes)) }
    }

    // MARK: Inside

    private func newNode() -> SimulatedNode {
        lastNumber += 1
        return SimulatedNode(number: lastNumber)
    }

    private func unlock(_ path: String) { exclusively { _ = locks.remove(path) } }

    var usedBytes: Int {
        names.values.reduce(0) { $0 + ($1?.cached.count ?? 0) }
    }

    func exclusively<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        mutex.lock()
        defer { mutex.unlock() }
        return try body()
    }

    func error(_ operation: String, _ path: String, _ code: Int32) -> DiskError {
        DiskError(operation: operation, path: path, code: code)
    }

    /// Throws what the test asked for.
    func inject(_ operation: Operation, _ path: String) throws(DiskError) {
        guard let code = intercept?(operation, path) else { return }
        injectedFaults += 1
        throw error("\(operation)", path, code)
    }

    /// Whether a fault of this rarity strikes now.
    func strikes(_ rarity: UInt64) -> Bool {
        exclusively {
            guard generator.once(in: rarity) else { return false }
            injectedFaults += 1
            return true
        }
    }

    private func requireParent(of path: String, _ operation: String) throws(DiskError) {
        let parent = parentDirectory(of: path)
        if parent == "." { return }
        guard let found = names[parent], found == nil else { throw error(operation, path, ENOENT) }
    }

    private func change(_ change: NameChange) {
        Self.apply(change, to: &names)
        pendingNames.append(change)
    }

    private static func apply(_ change: NameChange, to names: inout [String: SimulatedNode?]) {
        switch change {
        case .set(let path, let node): names[path] = .some(node)
        case .remove(let path): names.removeValue(forKey: path)
        case .rename(let from, let to):
            move(from, to, &names)
        case .exchange(let one, let other):
            move(one, one + "\0", &names)
            move(other, one, &names)
            move(one + "\0", other, &names)
        }
    }

    /// A name, with everything below it where it is a directory.
    private static func move(_ from: String, _ to: String, _ names: inout [String: SimulatedNode?]) {
        for path in names.keys where path == from || path.hasPrefix(from + "/") {
            guard let node = names.removeValue(forKey: path) else { continue }
            names[to + path.dropFirst(from.count)] = node
        }
    }
}

private final class SimulatedLock: DiskLock, @unchecked Sendable {
    private let action: @Sendable () -> Void

    init(_ action: @escaping @Sendable () -> Void) { self.action = action }
    func release() { action() }
    deinit { action() }
}
