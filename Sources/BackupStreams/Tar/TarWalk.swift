// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The walk of one backup: depth first, names in the order of their bytes, a directory before what is in it.
///
/// What it keeps grows with the depth of the tree, the largest directory, and the files with several names; not with
/// the number of files.
final class TarWalk {
    /// A directory between the root and where the walk is.
    struct Frame {
        /// Nil while deeper directories need the descriptors.
        var directory: TreeDirectory?
        let status: FileStatus
        let node: UInt64
        let parentNode: UInt64
        /// Its names; nil when they cannot be read.
        let listing: TreeListing?
        var next = 0
        /// Bytes of its path.
        let pathBytes: Int
        /// All below is saved, whatever its dates.
        let isWhole: Bool
        var isWritten = false
    }

    let tree: ConfinedTree
    let filter: NameFilter
    let history: HistoryForm
    let writer: ArchiveWriter
    let observer: any JobObserver
    let changes: TarChanges?
    /// Where each directory is now, for the next level.
    var directories = TarDirectories()
    var summary = BackupSummary()
    var frames: [Frame] = []
    /// The path of the deepest frame.
    private var path: [UInt8] = []
    var links = TarLinks()
    /// Unchanged files with several names, one of which has to be saved: so have all.
    var wanted: Set<UInt64> = []
    var buffer = [UInt8](repeating: 0, count: TarWalk.bufferBytes)
    private var rootDevice: UInt64 = 0

    /// Content is read in pieces of this size.
    static let bufferBytes = 1 << 20
    /// Directories that stay open on the way down; above them they are opened again on the way back.
    private static let maximumOpen = 64

    init(
        tree: ConfinedTree,
        filter: NameFilter,
        history: HistoryForm,
        writer: ArchiveWriter,
        observer: any JobObserver,
        changes: TarChanges?
    ) {
        self.tree = tree
        self.filter = filter
        self.history = history
        self.writer = writer
        self.observer = observer
        self.changes = changes
    }

    /// Writes the whole archive, and adds to the summary.
    func run(_ total: inout BackupSummary) throws(StreamError) {
        summary = total
        var scout = TarScout(tree: tree, filter: filter, changes: changes)
        try scout.run(observer)
        wanted = scout.wanted
        observer.estimate(bytes: scout.bytes)
        do throws(TreeError) {
            let root = try tree.directory(TreePath())
            let status = try root.status()
            rootDevice = status.device
            enter(root, status, name: [], isWhole: changes?.hasMoved(status, TreePath()) ?? false)
        } catch {
            throw .impossible(error.description)
        }
        try writeFrames()
        while let top = frames.indices.last {
            if observer.isCancelled { throw .cancelled }
            guard let listing = frames[top].listing, frames[top].next < listing.count else {
                leave()
                continue
            }
            let entry = listing[frames[top].next]
            frames[top].next += 1
            try visit(entry, path: currentPath.appending(entry.name))
        }
        try writer.close()
        total = summary
    }

    var currentPath: TreePath { TreePath(path) }

    /// Numbers are the inodes; those of other file systems below the root get their device mixed in.
    func node(_ status: FileStatus) -> UInt64 {
        if status.device == rootDevice { return status.inode }
        return (status.inode ^ (status.device &* 0x9E37_79B9_7F4A_7C15)) & (UInt64.max >> 1)
    }

    private func enter(
        _ directory: TreeDirectory,
        _ status: FileStatus,
        name: [UInt8],
        isWhole: Bool,
        isSkipped: Bool = false
    ) {
        if !name.isEmpty {
            if !path.isEmpty { path.append(TreePath.separator) }
            path.append(contentsOf: name)
        }
        var listing: TreeListing?
        do throws(TreeError) {
            listing = isSkipped ? nil : try directory.list()
            // One that cannot be read is not saved: the next level takes it for new.
            if !isSkipped { directories.insert(inode: status.inode, currentPath) }
        } catch {
            noteUnreadable(error)
        }
        let number = node(status)
        frames.append(
            Frame(
                directory: directory,
                status: status,
                node: number,
                parentNode: frames.last?.node ?? number,
                listing: listing,
                pathBytes: path.count,
                isWhole: isWhole
            )
        )
        if frames.count > Self.maximumOpen { frames[frames.count - Self.maximumOpen - 1].directory = nil }
    }

    private func leave() {
        frames.removeLast()
        path.removeLast(path.count - (frames.last?.pathBytes ?? 0))
    }

    /// The directory that the walk is in, opened again if need be.
    func currentDirectory() throws(TreeError) -> TreeDirectory {
        guard let top = frames.indices.last else { return try tree.directory(TreePath()) }
        if let directory = frames[top].directory { return directory }
        let directory = try tree.directory(currentPath)
        // Somebody may have put another directory in its place.
        guard try directory.status().inode == frames[top].status.inode else {
            throw TreeError("go back to", tree.absolute(currentPath), .invalid("it was replaced during the backup"))
        }
        frames[top].directory = directory
        return directory
    }

    private func visit(_ entry: TreeEntry, path: TreePath) throws(StreamError) {
        let verdict = filter.verdict(path)
        if verdict == .skip { return }
        do {
            let directory = try currentDirectory()
            if changes == nil && entry.kind == .regular && verdict == .take {
                // Opening tells all that there is to know.
                return try save(directory, entry.name, nil, path)
            }
            let status = try directory.status(of: entry.name)
            if status.kind == .directory {
                try descend(directory, entry.name, status, path)
                guard verdict == .take, frames.last.map({ shouldSave($0, path) }) ?? false else { return }
                return try writeFrames()
            }
            guard verdict == .take, isDue(status) else { return }
            try save(directory, entry.name, status, path)
        } catch let error as StreamError {
            throw error
        } catch let error as TreeError {
            // Gone since the directory was read: as if the backup had begun a moment later.
            if error.isNotFound { return }
            noteUnreadable(error)
        } catch {
            throw .impossible("cannot save \(displayed(tree.absolute(path))): \(error)")
        }
    }

    private func descend(
        _ directory: TreeDirectory,
        _ name: [UInt8],
        _ status: FileStatus,
        _ path: TreePath
    ) throws(TreeError) {
        guard path.bytes.count <= TreePath.maximumBytes, frames.count <= TreePath.maximumDepth else {
            throw TreeError("save", tree.absolute(path), .invalid("its path is too long"))
        }
        let opened = try directory.openDirectory(name)
        let isCrossing = status.device != frames.last?.status.device
        let isMoved = changes?.hasMoved(status, path) ?? false
        let isWhole = isMoved || frames.last?.isWhole ?? false
        let isPseudo = isCrossing && opened.isPseudoFileSystem
        if isPseudo {
            observer.note(.normal, "\(displayed(tree.absolute(path))) is made up by the kernel: saved without content")
        }
        enter(opened, status, name: name, isWhole: isWhole, isSkipped: isPseudo)
    }

    private func shouldSave(_ frame: Frame, _ path: TreePath) -> Bool {
        guard let changes else { return true }
        return frame.isWhole || changes.hasChanged(frame.status)
    }

    private func isDue(_ status: FileStatus) -> Bool {
        guard let changes else { return true }
        if frames.last?.isWhole == true || changes.hasChanged(status) { return true }
        return status.links > 1 && wanted.contains(status.inode)
    }

    func noteUnreadable(_ error: TreeError) {
        summary.unreadable += 1
        observer.note(.error, error.description)
    }
}
