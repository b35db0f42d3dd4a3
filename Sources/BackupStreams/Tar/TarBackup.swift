// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Writes one tree as a PAX archive.
struct TarBackup {
    let tree: ConfinedTree
    let options: BackupOptions
    let dates: DumpDates

    func run(into sink: any StreamSink, observer: any JobObserver) throws(StreamError) -> BackupSummary {
        throw .impossible("the backup type tar is not there yet")
    }
}
