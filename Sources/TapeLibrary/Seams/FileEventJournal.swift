// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import FoundationEssentials

/// Appends events to a file, one JSON object a line. When the file is full it becomes `<name>.1` and a new one begins,
/// so that both together stay below twice the limit. Best effort: an event that cannot be written is lost here, and
/// only here.
package final class FileEventJournal: EventJournal {
    /// About 50,000 events.
    package static let defaultLimitBytes: Int64 = 8 << 20

    private struct State {
        var file: (any DiskFile)?
        var length: Int64 = 0
    }

    private let disk: any Disk
    private let path: String
    private let limit: Int64
    private let state = Guarded(State(), name: "event journal")

    /// - Parameters:
    ///   - path: for example `<store>/events.jsonl`; made with the first event.
    ///   - limitBytes: length at which a new file begins.
    package init(path: String, on disk: any Disk, limitBytes: Int64 = FileEventJournal.defaultLimitBytes) {
        self.path = path
        self.disk = disk
        self.limit = limitBytes
    }

    package func append(_ event: LibraryEvent) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(event) else { return }
        let line = Array(data) + [0x0A]
        state.withLock { state in
            do throws(DiskError) {
                try write(line, &state)
            } catch {
                // The next event tries a fresh open.
                state.file = nil
            }
        }
    }

    private func write(_ line: [UInt8], _ state: inout State) throws(DiskError) {
        if state.file != nil, state.length + Int64(line.count) > limit {
            state.file = nil
            try disk.rename(from: path, to: path + ".1")
        }
        if state.file == nil {
            let file = try disk.open(path, .create)
            state.length = try file.size()
            state.file = file
        }
        guard let file = state.file else { return }
        try file.write(line.span, at: state.length)
        state.length += Int64(line.count)
    }
}
