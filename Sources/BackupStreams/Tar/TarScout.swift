// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A look at the tree before the backup: how long the stream will be, and which files have to be saved although they have
/// not changed.
///
/// In a directory that was renamed every file is saved, and of a file with several names all have to be saved when one
/// is, or they would come apart.
struct TarScout {
    let tree: ConfinedTree
    let filter: NameFilter
    let changes: TarChanges?

    /// Inodes of unchanged files with several names, one of them in a directory that is saved whole.
    private(set) var wanted: Set<UInt64> = []
    /// Bytes of the stream, about.
    private(set) var bytes: UInt64 = 1024

    /// Headers of a member: extended header, its records, and the block of old.
    private static let headerBytes: UInt64 = 1536
    /// Directories that wait to be looked at; a tree with more is not looked at to its end.
    private static let maximumPending = 1 << 20

    init(tree: ConfinedTree, filter: NameFilter, changes: TarChanges?) {
        self.tree = tree
        self.filter = filter
        self.changes = changes
    }

    /// - Throws: `.cancelled`.
    mutating func run(_ observer: any JobObserver) throws(StreamError) {
        guard let root = try? tree.directory(TreePath()).status() else { return }
        let isWhole = changes?.hasMoved(root, TreePath()) ?? true
        var pending: [(path: TreePath, isWhole: Bool)] = [(TreePath(), isWhole)]
        while let next = pending.popLast() {
            if observer.isCancelled { throw .cancelled }
            guard let directory = try? tree.directory(next.path), let listing = try? directory.list() else { continue }
            guard let device = try? directory.status().device else { continue }
            for entry in listing {
                // Only directories and filters need the path.
                let isPlain = filter.takesEverything && entry.kind != .directory && entry.kind != .other
                let path = isPlain ? TreePath() : next.path.appending(entry.name)
                guard isPlain || filter.verdict(path) != .skip, let status = try? directory.status(of: entry.name)
                else {
                    continue
                }
                let isDue = next.isWhole || changes?.hasChanged(status) ?? true
                if isDue { count(status) }
                if status.kind == .directory && !isPlain {
                    guard pending.count < Self.maximumPending, !isPseudo(directory, entry, status, device) else {
                        continue
                    }
                    pending.append((path, next.isWhole || changes?.hasMoved(status, path) ?? true))
                } else if let changes, next.isWhole, status.links > 1, !changes.hasChanged(status),
                    wanted.count < TarLinks.maximumCount
                {
                    wanted.insert(status.inode)
                }
            }
        }
    }

    private func isPseudo(
        _ directory: TreeDirectory,
        _ entry: TreeEntry,
        _ status: FileStatus,
        _ device: UInt64
    ) -> Bool {
        guard status.device != device else { return false }
        return (try? directory.openDirectory(entry.name).isPseudoFileSystem) ?? true
    }

    private mutating func count(_ status: FileStatus) {
        var length = Self.headerBytes
        if status.kind == .regular {
            let content = min(status.size, status.blocks &* 512 &+ 511)
            length += content / 512 * 512 + 512
        }
        bytes &+= length
    }
}
