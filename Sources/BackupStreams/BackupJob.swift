// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// One backup of one tree.
package struct BackupJob {
    private let format: StreamFormat
    private let tree: ConfinedTree
    private let options: BackupOptions
    private let dates: DumpDates

    /// - Parameter tree: its root is the root of the backup.
    package init(_ format: StreamFormat, tree: ConfinedTree, options: BackupOptions, dates: DumpDates) {
        self.format = format
        self.tree = tree
        self.options = options
        self.dates = dates
    }

    /// Writes the whole stream. Files that cannot be read are noted and counted; the stream goes on without them.
    ///
    /// - Throws: why there is no complete stream: the sink's own errors, `.cancelled`, `.impossible`.
    package func run(into sink: any StreamSink, observer: any JobObserver) throws(StreamError) -> BackupSummary {
        switch format {
        case .tar:
            return try TarBackup(tree: tree, options: options, dates: dates).run(into: sink, observer: observer)
        case .dump:
            return try DumpBackup(tree: tree, options: options, dates: dates).run(into: sink, observer: observer)
        }
    }
}
