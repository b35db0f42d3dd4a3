// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Foundation

/// What this program's own NDMP server writes.
enum ArchiveOwnStreams {
    static func stream(_ format: StreamFormat, of tree: String, state: String, level: Int = 0) throws -> [UInt8] {
        var options = BackupOptions(datesKey: tree)
        options.level = level
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        let own = try ConfinedTree(Export(path: tree, isWritable: false))
        let job = BackupJob(format, tree: own, options: options, dates: DumpDates(directory: state))
        let sink = Sink()
        _ = try job.run(into: sink, observer: Observer())
        return sink.bytes
    }

    private final class Sink: StreamSink {
        var bytes: [UInt8] = []
        func write(_ span: Span<UInt8>) { for index in span.indices { bytes.append(span[index]) } }
    }

    private final class Observer: JobObserver {
        var isCancelled: Bool { false }
        func note(_ severity: NoteSeverity, _ sentence: String) {}
        func estimate(bytes: UInt64) {}
        func file(_ path: TreePath, _ status: FileStatus, node: UInt64, offset: UInt64) {}
        func directoryEntry(_ name: [UInt8], node: UInt64, parent: UInt64) {}
        func node(_ status: FileStatus, node: UInt64, offset: UInt64) {}
    }
}
