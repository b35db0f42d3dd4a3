// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Which number a file has in the stream.
///
/// A file keeps its number from level to level: `restore -r` tells renamed files by it. The file system's own numbers
/// are used wherever they fit, because they need no memory of ours; see docs/decisions/0008-dump-streams.md.
package struct DumpNumbering: Sendable {
    /// A file, by its file system (0: the root's) and its number there.
    package struct Key: Hashable, Sendable {
        var device: UInt64
        var inode: UInt64
    }

    enum Method: Sendable, Equatable {
        /// The file system's own, with the root's and 2 exchanged.
        case own
        /// Counted up as files are found, and kept in a file between levels.
        case dense
    }

    let method: Method
    private let rootDevice: UInt64
    private let rootInode: UInt64
    private(set) var assigned: [Key: UInt32]
    private(set) var next: UInt32

    /// Highest own number that is used as it is: the two maps at the front of the stream have a bit for each number,
    /// 16 MiB at this limit.
    package static let highestOwn: UInt64 = 1 << 27
    /// Numbers below 3 mean something.
    static let firstFree: UInt32 = 3

    private let highest: UInt64

    init(own root: FileStatus, highest: UInt64 = DumpNumbering.highestOwn) {
        method = .own
        self.highest = highest
        rootDevice = root.device
        rootInode = root.inode
        assigned = [:]
        next = Self.firstFree
    }

    init(dense root: FileStatus, assigned: [Key: UInt32], next: UInt32) {
        method = .dense
        highest = UInt64(DumpFormat.maximumInode)
        rootDevice = root.device
        rootInode = root.inode
        self.assigned = assigned
        self.next = max(next, Self.firstFree)
    }

    /// The number of a file; nil when this method has none for it.
    mutating func number(device: UInt64, inode: UInt64) -> UInt32? {
        if let known = known(device: device, inode: inode) { return known }
        guard method == .dense, next < DumpFormat.maximumInode else { return nil }
        assigned[key(device, inode)] = next
        next += 1
        return next - 1
    }

    /// The number of a file that has one already.
    func known(device: UInt64, inode: UInt64) -> UInt32? {
        if device == rootDevice && inode == rootInode { return DumpFormat.rootInode }
        guard method == .own else { return assigned[key(device, inode)] }
        guard device == rootDevice else { return nil }
        // Where the root is 1, as in memory file systems, all move up by one; else it changes places with 2.
        let number =
            rootInode == 1
            ? inode.addingReportingOverflow(1).partialValue
            : inode == UInt64(DumpFormat.rootInode) ? rootInode : inode
        guard number >= UInt64(Self.firstFree), number <= highest else { return nil }
        return UInt32(number)
    }

    /// No file of the tree has a higher number, seen or not.
    var highestPossible: UInt32 {
        method == .own ? UInt32(clamping: min(highest, UInt64(DumpFormat.maximumInode))) : next
    }

    private func key(_ device: UInt64, _ inode: UInt64) -> Key {
        Key(device: device == rootDevice ? 0 : device, inode: inode)
    }
}
