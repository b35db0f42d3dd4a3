// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// Writes a tree as a dump stream: the map of inodes in use, the map of those in this stream, the directories, the
/// other files, each in ascending order of their numbers, as `restore` wants it.
///
/// Two passes: the first finds all names and decides, the second reads. Directories are written as the first pass saw them;
/// a file that has gone in between is in the map and not in the stream, which `restore` takes for "not on tape".
package struct DumpBackup {
    let tree: ConfinedTree
    let options: BackupOptions
    let dates: DumpDates

    package init(tree: ConfinedTree, options: BackupOptions, dates: DumpDates) {
        self.tree = tree
        self.options = options
        self.dates = dates
    }

    /// Seconds that dates are in, unless a test says otherwise.
    package var now: @Sendable () -> Int64 = { Int64(Glibc.time(nil)) }

    /// Highest number of the file system's own that is used as it is.
    package var highestOwnNumber = DumpNumbering.highestOwn

    package func run(into sink: any StreamSink, observer: any JobObserver) throws(StreamError) -> BackupSummary {
        var summary = BackupSummary()
        summary.date = now()
        let base = try base(&summary, observer)
        let store = DumpNumberStore(directory: dates.directory, key: options.datesKey)
        let scan = try scan(since: base, store, observer)
        summary.unreadable = scan.unreadable

        let output = DumpOutput(sink, template: template(summary))
        observer.estimate(bytes: scan.estimatedRecords * UInt64(DumpFormat.recordBytes))
        var first = output.header(.tape)
        first.flags |= DumpFlags.newHeader
        first.count = 1
        first.addresses = [0]
        try output.write(first)
        var highest = scan.rows.last?.inode ?? DumpFormat.rootInode
        // Numbers that were not seen may be in use all the same: a restore removes what the first map does not have.
        if scan.isConcealing { highest = max(highest, scan.numbering.highestPossible) }
        try DumpMapWriter(output, highest: highest)
            .write(.usedMap, scan.rows, isFull: scan.isConcealing) { _ in true }
        try DumpMapWriter(output, highest: highest).write(.dumpedMap, scan.rows) { $0.isDumped }
        var writer = DumpFileWriter(tree: tree, scan: scan, output: output, options: options, observer: observer)
        try writer.run()
        try output.finish(highest: highest)

        summary.files = writer.files
        summary.directories = writer.directories
        summary.unreadable += writer.unreadable
        if scan.numbering.method == .dense {
            try store.save(scan.numbering)
        } else if options.updatesDates && since(base) == nil {
            try store.remove()
        }
        if options.keepsDate {
            try scan.directories.store(snapshotPath(summary.level), key: options.datesKey, date: summary.date)
            try dates.record(key: options.datesKey, .dump, level: summary.level, date: summary.date)
        }
        return summary
    }

    /// The date to compare with, 0 for everything; sets level and base date of the summary.
    private func base(_ summary: inout BackupSummary, _ observer: any JobObserver) throws(StreamError) -> Int64 {
        let level = min(max(options.level, 0), BackupOptions.maximumLevel)
        if let date = options.baseDate {
            summary.level = level
            summary.baseDate = max(date, 0)
        } else if level > 0 {
            if let base = try dates.base(key: options.datesKey, .dump, below: level) {
                summary.level = level
                summary.baseDate = base.date
            } else {
                observer.note(.warning, "there is no earlier dump of a lower level: this is one of level 0")
            }
        }
        return summary.baseDate
    }

    private func snapshotPath(_ level: Int) -> String {
        let name = String(TarDirectories.hash(Array(options.datesKey.utf8)), radix: 16)
        return "\(dates.directory)/dump-\(name)-\(level).directories"
    }

    /// The directories of the dump of that date; nil when they were not kept.
    private func directories(of base: Int64, _ observer: any JobObserver) -> TarDirectories? {
        guard base > 0 else { return nil }
        for level in 0...BackupOptions.maximumLevel {
            if let found = TarDirectories(snapshotPath(level), key: options.datesKey, date: base) { return found }
        }
        observer.note(
            .warning,
            "the directories of the dump of \(base) are not known: directories that were moved into the tree since then "
                + "come without their older files"
        )
        return nil
    }

    private func since(_ base: Int64) -> Int64? { base > 0 ? base : nil }

    private func scan(
        since base: Int64,
        _ store: DumpNumberStore,
        _ observer: any JobObserver
    ) throws(StreamError) -> DumpScan {
        let root: FileStatus
        do throws(TreeError) { root = try tree.status(of: TreePath()) } catch {
            throw .impossible(error.description)
        }
        let isIncremental = since(base) != nil
        let directories = directories(of: base, observer)
        let known = try store.load()
        if !isIncremental || known == nil {
            var scan = scan(
                since: since(base),
                directories,
                DumpNumbering(own: root, highest: highestOwnNumber),
                observer
            )
            if try scan.run(root: root) { return scan }
            guard !isIncremental else {
                throw .impossible(
                    "the file system's inode numbers have outgrown the dump format since level 0: make a new level 0"
                )
            }
        }
        // A level 0 that later ones build on starts afresh; another one leaves the numbers as they are.
        let kept = !isIncremental && options.updatesDates ? nil : known
        let numbering = DumpNumbering(dense: root, assigned: kept?.numbers ?? [:], next: kept?.next ?? 0)
        var scan = scan(since: since(base), directories, numbering, observer)
        guard try scan.run(root: root) else {
            throw .impossible("the tree has more files than the dump format has numbers")
        }
        return scan
    }

    private func scan(
        since: Int64?,
        _ known: TarDirectories?,
        _ numbering: DumpNumbering,
        _ observer: any JobObserver
    ) -> DumpScan {
        DumpScan(
            tree: tree,
            options: options,
            since: since,
            known: known,
            numbering: numbering,
            observer: observer
        )
    }

    private func template(_ summary: BackupSummary) -> DumpHeader {
        var header = DumpHeader(.tape)
        header.date = UInt32(truncatingIfNeeded: summary.date)
        header.baseDate = UInt32(truncatingIfNeeded: summary.baseDate)
        header.level = UInt32(summary.level)
        header.label = Array("none".utf8)
        header.fileSystem = tree.rootPath
        header.device = tree.rootPath
        header.host = Array("capstan".utf8)
        header.recordsPerBlock = UInt32(DumpFormat.recordsPerBlock)
        return header
    }
}
