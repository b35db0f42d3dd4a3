// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A name that was found, and what is to become of its file.
struct DumpRow: Sendable {
    var inode: UInt32
    /// The directory that holds the name.
    var directory: DumpNames.DirectoryIndex
    var name: DumpNames.Position
    /// Index of the directory that it is; `DumpNames.unknown` for other files.
    var ownDirectory: DumpNames.DirectoryIndex
    var isDumped: Bool
    var isDirectory: Bool
}

/// The first pass: finds all names below the root and decides which files go into the stream.
///
/// It stays on the root's file system: what is mounted below is an empty directory. Kept per name: its bytes and some 30
/// more.
struct DumpScan {
    let tree: ConfinedTree
    let options: BackupOptions
    /// What is older (modification and status change) is not dumped; nil: everything is.
    let since: Int64?
    /// The directories that the base was made of; nil when nobody knows. One that is not among them is dumped with all below
    /// it: it came from outside of the tree, or could not be read then, and what is in it may have any date.
    let known: TarDirectories?
    let observer: any JobObserver
    var numbering: DumpNumbering

    private(set) var names = DumpNames()
    /// Sorted by inode, after `run`.
    private(set) var rows: [DumpRow] = []
    /// By index of the directory.
    private(set) var dumpedDirectories: [Bool] = []
    private(set) var unreadable: UInt64 = 0
    /// Records that the dumped files will take, about.
    private(set) var estimatedRecords: UInt64 = 0
    /// The directories whose names were read: what the next level has to know.
    private(set) var directories = TarDirectories()
    /// Directories of the base could not be looked into: nobody may conclude that what is not seen is gone.
    private(set) var isConcealing = false

    /// By index of the directory: all below it is dumped.
    private var wholeDirectories: [Bool] = []
    /// Directories that the base has and this look could not read: they stay as they were, and are not dumped.
    private var concealed: Set<DumpNames.DirectoryIndex> = []
    private var seen: Set<UInt32> = [DumpFormat.rootInode]
    private var rootDevice: UInt64 = 0
    private let filter: NameFilter

    init(
        tree: ConfinedTree,
        options: BackupOptions,
        since: Int64?,
        known: TarDirectories?,
        numbering: DumpNumbering,
        observer: any JobObserver
    ) {
        self.tree = tree
        self.options = options
        self.since = since
        self.known = known
        self.numbering = numbering
        self.observer = observer
        filter = NameFilter(options)
    }

    /// - Returns: false when the numbering does not fit: scan again with the other one.
    mutating func run(root: FileStatus) throws(StreamError) -> Bool {
        rootDevice = root.device
        let index = names.addDirectory(DumpFormat.rootInode)
        names.setParent(of: index, index, name: 0)
        dumpedDirectories.append(false)
        wholeDirectories.append(known.map { !$0.contains(inode: root.inode, TreePath()) } ?? false)
        rows.append(
            DumpRow(
                inode: DumpFormat.rootInode,
                directory: index,
                name: 0,
                ownDirectory: index,
                isDumped: true,
                isDirectory: true
            )
        )
        // The root is always in the stream, so that it is never without a directory.
        dumpedDirectories[0] = true
        var next = 0
        while next < names.directories.count {
            if observer.isCancelled { throw .cancelled }
            guard try scan(DumpNames.DirectoryIndex(next)) else { return false }
            next += 1
        }
        settle()
        return true
    }

    private mutating func scan(_ index: DumpNames.DirectoryIndex) throws(StreamError) -> Bool {
        names.begin(index)
        guard let path = names.path(of: index) else {
            try conceal(index, TreeError("list", [], .invalid("a path is longer than \(TreePath.maximumBytes) bytes")))
            return true
        }
        let directory: TreeDirectory
        let listing: TreeListing
        do throws(TreeError) {
            directory = try tree.directory(path)
            let status = try directory.status()
            // What is mounted over it does not belong to the tree.
            if status.device != rootDevice {
                try? conceal(index, nil)
                return true
            }
            listing = try directory.list()
            directories.insert(inode: status.inode, TreePath())
        } catch {
            try conceal(index, error)
            return true
        }
        if wholeDirectories[Int(index)] { markDumped(index) }
        for entry in listing {
            let verdict = filter.takesEverything ? .take : filter.verdict(path.appending(entry.name))
            if verdict == .skip { continue }
            let status: FileStatus
            do throws(TreeError) {
                status = try directory.status(of: entry.name)
            } catch {
                // A name that has gone since the listing is none.
                if error.isNotFound { continue }
                fault(error)
                guard since != nil else { continue }
                // The name is there, so the next one to restore must not take it for gone.
                let kind = entry.kind == .other ? FileKind.regular : entry.kind
                status = FileStatus(kind: kind, device: rootDevice, inode: entry.inode, mode: 0)
            }
            if verdict == .passThrough && status.kind != .directory { continue }
            guard try add(entry, status, to: index, path: path) else { return false }
        }
        return true
    }

    /// A directory cannot be looked into. In an incremental dump what the base has of it stays as it is: in the stream it
    /// would be empty, and a restore would remove what it does not find there.
    private mutating func conceal(_ index: DumpNames.DirectoryIndex, _ error: TreeError?) throws(StreamError) {
        if let error {
            guard index != 0 else { throw .impossible(error.description) }
            fault(error)
        }
        guard since != nil, !wholeDirectories[Int(index)] else { return }
        concealed.insert(index)
        isConcealing = true
    }

    private mutating func add(
        _ entry: TreeEntry,
        _ status: FileStatus,
        to index: DumpNames.DirectoryIndex,
        path: TreePath
    ) throws(StreamError) -> Bool {
        let isMounted = status.kind == .directory && status.device != rootDevice
        guard status.kind != .other else { return true }
        guard names.entryCount < DumpFormat.maximumEntries else {
            throw .impossible("the tree has more than \(DumpFormat.maximumEntries) names")
        }
        guard
            let number = numbering.number(
                device: isMounted ? rootDevice : status.device,
                inode: isMounted ? entry.inode : status.inode
            )
        else { return false }
        if isMounted {
            observer.note(
                .normal,
                "\(displayed(path.appending(entry.name).bytes)) is another file system: backed up as an empty directory"
            )
        }
        if status.kind == .directory, !seen.insert(number).inserted {
            observer.note(
                .warning,
                "\(displayed(path.appending(entry.name).bytes)) is the same directory as another one: left out"
            )
            return true
        }
        let name = names.add(DumpEntry(inode: number, kind: status.kind, name: entry.name), to: index)
        var row = DumpRow(
            inode: number,
            directory: index,
            name: name,
            ownDirectory: DumpNames.unknown,
            isDumped: isNew(status) || wholeDirectories[Int(index)],
            isDirectory: status.kind == .directory
        )
        if status.kind == .directory {
            row.ownDirectory = names.addDirectory(number)
            names.setParent(of: row.ownDirectory, index, name: name)
            dumpedDirectories.append(false)
            let isUnknown =
                known.map { !$0.contains(inode: isMounted ? entry.inode : status.inode, TreePath()) } ?? false
            wholeDirectories.append(isUnknown || wholeDirectories[Int(index)])
            if row.isDumped { markDumped(row.ownDirectory) }
        } else if row.isDumped {
            markDumped(index)
            estimatedRecords += Self.records(status)
        }
        rows.append(row)
        return true
    }

    private func isNew(_ status: FileStatus) -> Bool {
        guard let since else { return true }
        return status.modified.seconds >= since || status.changed.seconds >= since
    }

    /// The directories that lead to a dumped file are dumped too.
    private mutating func markDumped(_ index: DumpNames.DirectoryIndex) {
        var current = index
        while !dumpedDirectories[Int(current)] {
            dumpedDirectories[Int(current)] = true
            current = names.directories[Int(current)].parent
        }
    }

    private mutating func settle() {
        // Nothing below them was found, so nothing is lost with them.
        for index in concealed { dumpedDirectories[Int(index)] = false }
        for index in rows.indices where rows[index].isDirectory {
            rows[index].isDumped = dumpedDirectories[Int(rows[index].ownDirectory)]
        }
        rows.sort { ($0.inode, $0.name) < ($1.inode, $1.name) }
        seen = []
        for (index, directory) in names.directories.enumerated() where dumpedDirectories[index] {
            estimatedRecords += 2 + UInt64(directory.count) / 30
        }
        estimatedRecords += UInt64(rows.last?.inode ?? 0) / 4096 + 16
    }

    private static func records(_ status: FileStatus) -> UInt64 {
        guard status.kind == .regular else { return 2 }
        let bytes = min(status.size, status.blocks &* 512)
        return 1 + (bytes + 1023) / 1024 + status.size / (512 * 1024)
    }

    private mutating func fault(_ error: TreeError) {
        unreadable += 1
        observer.note(.error, error.description)
    }
}
