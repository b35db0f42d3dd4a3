// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Brings the names of one level to where the next level has them: directories move with all in them, files that are not in
/// the stream keep their contents under their new names, what is gone is removed.
///
/// Everything that moves goes through a holding directory, so that exchanged names and directories that moved into each
/// other's place need no order of their own.
final class DumpImageChanges {
    private let old: DumpContents
    private let new: DumpContents
    private let place: DumpPlace
    private let observer: any JobObserver
    /// Names of files that were there, and that will be there.
    private var before = DumpWantedList()
    private let after: DumpWantedList
    /// Old directories that wait in the holding directory.
    private var moved: Set<UInt32> = []
    /// Files that wait there.
    private var held: Set<UInt32> = []
    private var holding = TreePath()
    private(set) var removed: UInt64 = 0
    private(set) var failed: UInt64 = 0

    init(
        old: DumpContents,
        new: DumpContents,
        wanted: DumpWantedList,
        place: DumpPlace,
        observer: any JobObserver
    ) {
        self.old = old
        self.new = new
        self.place = place
        self.observer = observer
        after = wanted
    }

    func apply() throws(StreamError) {
        do throws(TreeError) {
            try place.tree.makeDirectory(place.path)
            guard !old.index.isEmpty else { return try makeDirectories() }
            if let root = old.index[DumpFormat.rootInode] {
                old.forEachLeaf(below: root, directory: { _ in }) { position, directory in
                    let inode = self.old.names.inode(position)
                    self.before.add(DumpWanted(inode: inode, selection: 0, directory: directory, name: position))
                }
            }
            before.sort()
            let status = try place.tree.directory(place.path).status()
            holding = freeName()
            try place.tree.makeDirectory(holding, mode: 0o700)
            moveDirectories()
            removeNames()
            removeDirectories()
            try makeDirectories()
            makeNames()
            let root = try place.tree.directory(place.path)
            attempt { () throws(TreeError) in try root.removeDirectory(self.holding.name) }
            // Of a root that is not in the stream nothing has changed.
            try root.setTimes([], accessed: status.accessed, modified: status.modified)
        } catch {
            throw .impossible(error.description)
        }
    }

    private func freeName() -> TreePath {
        var number = 0
        while true {
            let path = place.path.appending(Array(".capstan-restore-\(number)".utf8))
            if !place.tree.exists(path) { return path }
            number += 1
        }
    }

    private func holdingPath(_ letter: String, _ inode: UInt32) -> TreePath {
        holding.appending(Array("\(letter)\(inode)".utf8))
    }

    private func attempt(_ change: () throws(TreeError) -> Void) {
        do throws(TreeError) { try change() } catch {
            failed += 1
            observer.note(.error, error.description)
        }
    }

    /// Where an old directory is now.
    private func oldPath(_ index: DumpNames.DirectoryIndex) -> TreePath? {
        var names: [[UInt8]] = []
        var current = index
        while true {
            let directory = old.names.directories[Int(current)]
            if moved.contains(directory.inode) {
                return TreePath(
                    Array(([holdingPath("d", directory.inode).bytes] + names.reversed()).joined(separator: [0x2F]))
                )
            }
            if directory.parent == current { break }
            guard directory.parent != DumpNames.unknown, names.count < old.names.directories.count else { return nil }
            names.append(old.names.name(directory.name))
            current = directory.parent
        }
        return place.path.appending(TreePath(Array(names.reversed().joined(separator: [0x2F]))))
    }

    private func newPath(_ index: DumpNames.DirectoryIndex) -> TreePath? {
        new.names.path(of: index).map { place.path.appending($0) }
    }

    private func newPath(_ row: DumpWanted) -> TreePath? {
        new.names.path(of: row.name, in: row.directory).map { place.path.appending($0) }
    }

    private func parentInode(_ tree: DumpContents, _ index: DumpNames.DirectoryIndex) -> UInt32? {
        let parent = tree.names.directories[Int(index)].parent
        return parent == DumpNames.unknown ? nil : tree.names.directories[Int(parent)].inode
    }

    /// Directories that exist in both levels and have another place: into the holding directory, from the root down.
    private func moveDirectories() {
        for (number, directory) in old.names.directories.enumerated() where directory.inode != DumpFormat.rootInode {
            let index = DumpNames.DirectoryIndex(number)
            guard let now = new.index[directory.inode], let before = parentInode(old, index) else { continue }
            let isSame =
                parentInode(new, now) == before
                && new.names.name(new.names.directories[Int(now)].name) == old.names.name(directory.name)
            guard !isSame, let path = oldPath(index) else { continue }
            let target = holdingPath("d", directory.inode)
            do throws(TreeError) {
                try place.tree.rename(path, to: target)
                moved.insert(directory.inode)
            } catch {
                failed += 1
                observer.note(.error, error.description)
            }
        }
    }

    /// Whether a name of the old level is one of the new level too.
    private func isKept(_ row: DumpWanted) -> Bool {
        let parent = old.names.directories[Int(row.directory)].inode
        guard new.index[parent] != nil else { return false }
        let name = old.names.name(row.name)
        return after.names(of: row.inode).contains {
            new.names.directories[Int($0.directory)].inode == parent && new.names.name($0.name) == name
        }
    }

    private func wasThere(_ row: DumpWanted) -> Bool {
        let parent = new.names.directories[Int(row.directory)].inode
        guard old.index[parent] != nil else { return false }
        let name = new.names.name(row.name)
        return before.names(of: row.inode).contains {
            old.names.directories[Int($0.directory)].inode == parent && old.names.name($0.name) == name
        }
    }

    /// Names that the new level does not have. A file that loses all its names but gets others waits in the holding
    /// directory.
    private func removeNames() {
        let rows = before.rows
        for row in rows where !isKept(row) {
            guard let directory = oldPath(row.directory) else { continue }
            let path = directory.appending(old.names.name(row.name))
            let lives = !after.names(of: row.inode).isEmpty
            let isOnly = lives && !held.contains(row.inode) && !before.names(of: row.inode).contains(where: isKept)
            do throws(TreeError) {
                if isOnly {
                    try place.tree.rename(path, to: holdingPath("f", row.inode))
                    held.insert(row.inode)
                } else {
                    try place.tree.remove(path)
                    if !lives { removed += 1 }
                }
            } catch {
                if !error.isNotFound {
                    failed += 1
                    observer.note(.error, error.description)
                }
            }
        }
    }

    /// Directories that are gone, from the leaves up.
    private func removeDirectories() {
        for (number, directory) in old.names.directories.enumerated().reversed()
        where new.index[directory.inode] == nil && directory.parent != DumpNames.unknown {
            guard let path = oldPath(DumpNames.DirectoryIndex(number)) else { continue }
            do throws(TreeError) {
                try place.tree.directory(path.parent).removeDirectory(path.name)
                removed += 1
            } catch {
                if !error.isNotFound {
                    observer.note(.warning, "\(error.description); it holds files that are not of this backup")
                }
            }
        }
    }

    /// All directories of the new level, from the root down.
    private func makeDirectories() throws(TreeError) {
        for (number, directory) in new.names.directories.enumerated() where directory.inode != DumpFormat.rootInode {
            guard let path = newPath(DumpNames.DirectoryIndex(number)) else { continue }
            do throws(TreeError) {
                if moved.contains(directory.inode) {
                    try place.tree.rename(holdingPath("d", directory.inode), to: path)
                } else {
                    try place.tree.makeDirectory(path, mode: 0o700)
                }
            } catch {
                if error.isOutOfSpace { throw error }
                failed += 1
                observer.note(.error, error.description)
            }
        }
    }

    /// Names of files that were there under other names.
    private func makeNames() {
        let rows = after.rows
        var start = 0
        while start < rows.count {
            let group = after.names(of: rows[start].inode)
            start += group.count
            guard !before.names(of: group[group.startIndex].inode).isEmpty else { continue }
            let fresh = group.filter { !wasThere($0) }
            let inode = group[group.startIndex].inode
            let source = held.contains(inode) ? holdingPath("f", inode) : group.first(where: wasThere).flatMap(newPath)
            if let source {
                for row in fresh {
                    guard let path = newPath(row) else { continue }
                    attempt { () throws(TreeError) in try self.place.tree.hardLink(path, to: source) }
                }
            }
            if held.contains(inode) {
                attempt { () throws(TreeError) in try self.place.tree.remove(self.holdingPath("f", inode)) }
            }
        }
    }
}
