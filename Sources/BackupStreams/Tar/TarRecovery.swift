// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Recovers from one tar archive.
///
/// With the stream positions of all selections and `direct`, each is read by itself. Otherwise the archive is read once,
/// from its beginning, until the last selection is found.
struct TarRecovery {
    let selections: [Selection]
    let options: RecoverOptions

    /// - Throws: as `RecoverJob.run`.
    func run(from source: any StreamSource, observer: any RecoverObserver) throws(StreamError) -> RecoverSummary {
        let input = TarInput(source)
        if options.historyOnly { return try TarHistory(options.history, observer).run(input) }
        let pass = TarPass(selections: selections, options: options, input: input, observer: observer)
        do throws(StreamError) {
            if options.direct && !selections.isEmpty && selections.allSatisfy({ $0.offset != nil }) {
                try pass.direct()
            } else {
                try pass.sequential(Array(selections.indices), followsLinks: true)
            }
        } catch {
            pass.giveUp()
            throw error
        }
        return pass.finish()
    }
}

/// The state of one recovery.
final class TarPass {
    let selections: [Selection]
    let options: RecoverOptions
    let input: TarInput
    let observer: any RecoverObserver
    let restorer: FileRestorer
    var summary = RecoverSummary()
    var index: SelectionIndex
    /// What became of each selection so far; nil: not seen.
    private var results: [RecoveryResult?]
    private var isReported: [Bool]
    /// Selections that are files, or have been told.
    var isDone: [Bool]
    /// Files under way; what is left of them is removed when the stream ends early.
    var outputs: [FileRestorer.Output] = []
    /// Selections that turned out to be further names of files that lie elsewhere in the stream.
    var unresolved: [Int] = []
    var spool: TarSpool?
    /// Files that could not be written: what has their names is not what further names of them should be.
    var lost: Set<TreePath> = []
    /// Names kept of those.
    static let maximumLost = 65_536
    /// Files with several names that direct access has recovered, by their position.
    var recovered: [UInt64: RecoveryDestination] = [:]
    /// Files in a row for which the target had no room.
    private var timesFull = 0
    private var isFull: Bool { timesFull >= Self.maximumTimesFull }

    /// Small files may still fit where a large one did not; this many in a row mean that there is no point.
    private static let maximumTimesFull = 16
    /// Of a name in a note.
    private static let shownBytes = 1024

    init(selections: [Selection], options: RecoverOptions, input: TarInput, observer: any RecoverObserver) {
        self.selections = selections
        self.options = options
        self.input = input
        self.observer = observer
        restorer = FileRestorer(replacesDirectories: options.wholeImage) { observer.note(.warning, $0) }
        index = SelectionIndex(selections, Array(selections.indices), isRecursive: options.isRecursive)
        results = Array(repeating: nil, count: selections.count)
        isReported = Array(repeating: false, count: selections.count)
        isDone = isReported
    }

    /// Reads the archive from its beginning for these selections.
    ///
    /// - Parameter followsLinks: whether files with several names are kept for names that come later.
    func sequential(_ indices: [Int], followsLinks: Bool) throws(StreamError) {
        index = SelectionIndex(selections, indices, isRecursive: options.isRecursive)
        try input.seek(to: 0, expecting: nil)
        var reader = TarReader(input)
        let isAll = indices.contains { selections[$0].original.isRoot }
        if followsLinks && !isAll, let first = indices.first {
            spool = TarSpool(restorer, tree: selections[first].tree, directory: selections[first].target.parent)
        }
        defer { spool?.clear() }
        while let entry = try reader.next() {
            if observer.isCancelled { throw .cancelled }
            try take(entry, reader)
            if isFull || indices.allSatisfy({ isDone[$0] }) { break }
        }
        restorer.moved(to: nil)
    }

    /// One member: its content is gone from the input afterwards.
    func take(_ entry: TarEntry, _ reader: TarReader) throws(StreamError) {
        guard entry.content != .unknown else { return try skip(entry) }
        guard let path = entry.path else {
            summary.failed += 1
            let name = displayed(Array(entry.writtenPath.prefix(Self.shownBytes)))
            observer.note(.error, "\(name) leads out of the target, or is too deep: left out")
            return try skip(entry)
        }
        let destinations = index.destinations(path).filter { !isDone[$0.selection] }
        try take(entry, path, destinations, reader)
    }

    func take(
        _ entry: TarEntry,
        _ path: TreePath,
        _ destinations: [RecoveryDestination],
        _ reader: TarReader
    ) throws(StreamError) {
        if destinations.isEmpty {
            let isWanted = spool != nil && entry.content == .regular && (entry.links ?? 1) > 1
            return isWanted ? try keep(entry, path, reader) : try skip(entry)
        }
        for destination in destinations { restorer.moved(to: destination) }
        switch entry.content {
        case .regular: try takeFile(entry, destinations, reader)
        case .directory: try takeDirectory(entry, destinations)
        case .hardLink: try takeLink(entry, destinations, reader)
        case .symbolicLink, .fifo, .characterDevice, .blockDevice, .unknown:
            for destination in destinations { takeSpecial(entry, destination) }
            try skip(entry)
        }
        // A selection that is no directory is complete with this member.
        guard entry.content != .directory else { return }
        for destination in destinations where selections[destination.selection].original == path {
            isDone[destination.selection] = true
            report(destination.selection)
        }
    }

    func skip(_ entry: TarEntry) throws(StreamError) {
        try input.skip(entry.storedBlockBytes ?? entry.storedBytes)
    }

    // MARK: results

    func succeeded(_ destination: RecoveryDestination, isDirectory: Bool = false) {
        if isDirectory { summary.directories += 1 } else { summary.files += 1 }
        timesFull = 0
        if results[destination.selection] == nil { results[destination.selection] = .recovered }
    }

    func failed(_ destination: RecoveryDestination, _ error: TreeError) {
        observer.note(.error, error.description)
        failed(destination.selection, RecoveryResult(error))
        guard error.isOutOfSpace else { return }
        timesFull += 1
        if isFull { observer.note(.error, "the target is full: the recovery ends here") }
    }

    /// The first trouble of a selection is its result.
    func failed(_ selection: Int, _ result: RecoveryResult) {
        summary.failed += 1
        if results[selection] == nil || results[selection] == .recovered { results[selection] = result }
    }

    func report(_ selection: Int) {
        guard !isReported[selection] else { return }
        isReported[selection] = true
        observer.finished(selection, results[selection] ?? .notFound)
    }

    /// Reports what is not reported yet.
    func finish() -> RecoverSummary {
        restorer.moved(to: nil)
        for selection in selections.indices {
            if results[selection] == nil {
                summary.failed += 1
                if isFull { results[selection] = .failed }
                observer.note(.error, "\(displayed(selections[selection].original.bytes)) was not found in the stream")
            } else if isFull, results[selection] == .recovered, !isDone[selection] {
                results[selection] = .failed
            }
            report(selection)
        }
        return summary
    }

    /// The stream ended early: half files go, and what is not complete has failed.
    func giveUp() {
        for output in outputs { restorer.abandon(output) }
        outputs = []
        restorer.moved(to: nil)
        for selection in selections.indices where !isDone[selection] {
            results[selection] = .failed
            report(selection)
        }
    }
}
