// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Writes one tree as a PAX archive.
///
/// Level 0 is a plain archive. A higher level holds what has changed, and with each directory on the way to it the list of
/// its names, as GNU tar's incremental archives do, so that a recovery can remove what is gone.
struct TarBackup {
    let tree: ConfinedTree
    let options: BackupOptions
    let dates: DumpDates

    /// - Throws: as `BackupJob.run`.
    func run(into sink: any StreamSink, observer: any JobObserver) throws(StreamError) -> BackupSummary {
        // Taken before the first look at the tree: what changes from here on belongs to the next level.
        let date = FileClock.now.seconds
        let base = try base()
        var summary = BackupSummary()
        summary.date = date
        summary.baseDate = base?.date ?? 0
        summary.level = base == nil ? 0 : options.level
        if base == nil && options.level > 0 {
            observer.note(
                .warning,
                "there is no backup of a lower level to compare with: this one is complete (level 0)"
            )
        }
        let known = try base.map { (base) throws(StreamError) in try self.directories(base) } ?? nil
        let walk = TarWalk(
            tree: tree,
            filter: NameFilter(options),
            history: options.history,
            writer: try ArchiveWriter(sink: sink),
            observer: observer,
            changes: base.map { TarChanges(since: $0.date, directories: known) }
        )
        try walk.run(&summary)
        if options.keepsDate {
            try walk.directories.store(snapshotPath(level: summary.level), key: options.datesKey, date: date)
            try dates.record(key: options.datesKey, .tar, level: summary.level, date: date)
        }
        return summary
    }

    /// What to compare with; nil: nothing, all is saved.
    private func base() throws(StreamError) -> (date: Int64, level: Int?)? {
        if let date = options.baseDate { return date == 0 ? nil : (date, nil) }
        guard options.level > 0 else { return nil }
        guard let base = try dates.base(key: options.datesKey, .tar, below: options.level) else { return nil }
        return (base.date, base.level)
    }

    /// The directories as they were at the base; nil when they were not kept.
    private func directories(_ base: (date: Int64, level: Int?)) throws(StreamError) -> TarDirectories? {
        let levels = base.level.map { [$0] } ?? Array(0...BackupOptions.maximumLevel)
        for level in levels {
            let path = snapshotPath(level: level)
            if let found = TarDirectories(path, key: options.datesKey, date: base.date) { return found }
        }
        return nil
    }

    private func snapshotPath(level: Int) -> String {
        let name = String(TarDirectories.hash(Array(options.datesKey.utf8)), radix: 16)
        return "\(dates.directory)/tar-\(name)-\(level).directories"
    }
}

/// What an incremental backup compares with.
struct TarChanges {
    private let moment: Timestamp
    private let directories: TarDirectories?

    init(since date: Int64, directories: TarDirectories?) {
        moment = Timestamp(seconds: date)
        self.directories = directories
    }

    /// Whether content or attributes have changed since the base.
    func hasChanged(_ status: FileStatus) -> Bool {
        status.modified >= moment || status.changed >= moment
    }

    /// Whether the directory was not at this place at the base, or not read there: what lies in it may have old dates and
    /// is still not in the base.
    func hasMoved(_ status: FileStatus, _ path: TreePath) -> Bool {
        if let directories { return !directories.contains(inode: status.inode, path) }
        // A rename stamps the directory itself; without a record of the base nobody knows what else did.
        return !path.isRoot && hasChanged(status)
    }
}
