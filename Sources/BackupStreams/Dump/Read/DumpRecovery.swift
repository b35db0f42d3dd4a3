// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Recovers from a dump stream, ours or one of Debian's `dump`: selections in one pass, each by itself where its offset
/// is known, a whole image level by level, or the file history alone.
package struct DumpRecovery {
    private let selections: [Selection]
    private let options: RecoverOptions
    private let stateDirectory: String

    package init(selections: [Selection], options: RecoverOptions, stateDirectory: String) {
        self.selections = selections
        self.options = options
        self.stateDirectory = stateDirectory
    }

    package func run(
        from source: any StreamSource,
        observer: any RecoverObserver
    ) throws(StreamError) -> RecoverSummary {
        let stream = DumpStream(source, observer: observer)
        if options.historyOnly { return try tellHistory(stream, observer) }
        if options.wholeImage { return try restoreImage(stream, observer) }
        let all = selections.enumerated().map { (index: $0.offset, selection: $0.element) }
        guard options.direct else { return try passThrough(all, stream, observer) }
        let direct = DumpDirectRecovery(stream, options: options, observer: observer)
        // Directories get their times after everything else, however it ends.
        defer { direct.finish() }
        let rest = try direct.run(all)
        let passed = rest.isEmpty ? RecoverSummary() : try passThrough(rest, stream, observer)
        direct.finish()
        var summary = direct.summary
        summary.files += passed.files
        summary.directories += passed.directories
        summary.failed += passed.failed
        return summary
    }

    private func passThrough(
        _ selections: [(index: Int, selection: Selection)],
        _ stream: DumpStream,
        _ observer: any RecoverObserver
    ) throws(StreamError) -> RecoverSummary {
        try stream.begin(at: 0, direct: false)
        let receiver = DumpSelectionReceiver(selections, isRecursive: options.isRecursive, observer: observer)
        var pass = DumpPass(stream, observer: observer, keepsMaps: false)
        do throws(StreamError) { try pass.run(receiver) } catch {
            receiver.finish(isBrokenOff: true)
            throw error
        }
        receiver.finish(isBrokenOff: false)
        return receiver.summary
    }

    private func tellHistory(
        _ stream: DumpStream,
        _ observer: any RecoverObserver
    ) throws(StreamError) -> RecoverSummary {
        try stream.begin(at: 0, direct: false)
        let receiver = DumpHistoryReceiver(options.history, observer: observer)
        var pass = DumpPass(stream, observer: observer, keepsMaps: false)
        try pass.run(receiver)
        for index in selections.indices { observer.finished(index, .recovered) }
        return receiver.summary
    }

    private func restoreImage(
        _ stream: DumpStream,
        _ observer: any RecoverObserver
    ) throws(StreamError) -> RecoverSummary {
        guard let first = selections.first, selections.count == 1, first.original.isRoot else {
            throw .impossible("a whole image is restored from its root into one directory, not by names")
        }
        try stream.begin(at: 0, direct: false)
        let place = DumpPlace(tree: first.tree, path: first.target)
        let receiver = DumpImageReceiver(place, stateDirectory: stateDirectory, observer: observer)
        var pass = DumpPass(stream, observer: observer, keepsMaps: true)
        try pass.run(receiver)
        try receiver.finish()
        observer.finished(0, receiver.summary.failed == 0 ? .recovered : .failed)
        return receiver.summary
    }
}
