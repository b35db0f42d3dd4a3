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

    private var seen: Set<UInt32> = [DumpFormat.rootInode]
    private var rootDevice: UInt64 = 0
    private let filter: NameFilter

    init(
        tree: ConfinedTree,
        options: BackupOptions,
        since: Int64?,
        numbering: DumpNumbering,
        observer: any JobObserver
    ) {
        self.tree = tree
        self.options = options
        self.since = since
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
        guard let path = names.path(of: index) else { return true }
        let directory: TreeDirectory
        let listing: TreeListing
        do throws(TreeError) {
            directory = try tree.directory(path)
            // What is mounted over it does not belong to the tree.
            if try directory.status().device != rootDevice { return true }
            listing = try directory.list()
        } catch {
            fault(error)
            return true
        }
        for entry in listing {
            let verdict = filter.takesEverything ? .take : filter.verdict(path.appending(entry.name))
            if verdict == .skip { continue }
            let status: FileStatus
            do throws(TreeError) {
                status = try directory.status(of: entry.name)
            } catch {
                // A name that has gone since the listing is none.
                if !error.isNotFound { fault(error) }
                continue
            }
            if verdict == .passThrough && status.kind != .directory { continue }
            guard try add(entry, status, to: index, path: path) else { return false }
        }
        return true
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
            isDumped: isNew(status),
            isDirectory: status.kind == .directory
        )
        if status.kind == .directory {
            row.ownDirectory = names.addDirectory(number)
            names.setParent(of: row.ownDirectory, index, name: name)
            dumpedDirectories.append(false)
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
