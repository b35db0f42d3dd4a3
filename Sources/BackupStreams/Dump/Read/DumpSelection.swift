// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A name of a file that is wanted from the stream.
struct DumpWanted: Sendable {
    var inode: UInt32
    /// Index of the selection that wants it.
    var selection: UInt32
    var directory: DumpNames.DirectoryIndex
    var name: DumpNames.Position
}

/// Names that are wanted, by inode.
struct DumpWantedList: Sendable {
    private(set) var rows: [DumpWanted] = []

    mutating func add(_ row: DumpWanted) { rows.append(row) }

    mutating func sort() {
        rows.sort { ($0.inode, $0.selection, $0.name) < ($1.inode, $1.selection, $1.name) }
    }

    /// The names of one file.
    func names(of inode: UInt32) -> ArraySlice<DumpWanted> {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].inode < inode { low = middle + 1 } else { high = middle }
        }
        var end = low
        while end < rows.count, rows[end].inode == inode { end += 1 }
        return rows[low..<end]
    }
}

/// Recovers the selections in one pass through the stream.
final class DumpSelectionReceiver: DumpFileReceiver {
    private let selections: [(index: Int, selection: Selection)]
    private let isRecursive: Bool
    private let observer: any RecoverObserver
    private let extractor: DumpExtractor
    private var contents = DumpContents()
    private var wanted = DumpWantedList()
    private var directories: [(selection: UInt32, directory: DumpNames.DirectoryIndex)] = []
    /// What became of each selection; nil while nothing of it has been seen.
    private var results: [RecoveryResult?]
    private var isExtracting = false
    private(set) var summary = RecoverSummary()

    init(
        _ selections: [(index: Int, selection: Selection)],
        isRecursive: Bool,
        observer: any RecoverObserver
    ) {
        self.selections = selections
        self.isRecursive = isRecursive
        self.observer = observer
        extractor = DumpExtractor(observer: observer)
        results = Array(repeating: nil, count: selections.count)
    }

    func start(_ contents: DumpContents) throws(StreamError) {
        self.contents = contents
        for number in selections.indices { choose(number) }
        wanted.sort()
        for (selection, directory) in directories {
            if observer.isCancelled { throw .cancelled }
            make(directory, selection)
        }
    }

    private func choose(_ number: Int) {
        let selection = UInt32(number)
        let top: DumpNames.DirectoryIndex
        switch contents.find(selections[number].selection.original) {
        case nil: return
        case .root:
            guard let root = contents.index[DumpFormat.rootInode] else { return }
            top = root
        case .entry(let position, let directory):
            guard let child = contents.directory(at: position) else {
                let inode = contents.names.inode(position)
                wanted.add(DumpWanted(inode: inode, selection: selection, directory: directory, name: position))
                return
            }
            top = child
        }
        guard isRecursive else { return directories.append((selection, top)) }
        contents.forEachLeaf(
            below: top,
            directory: { directories.append((selection, $0)) },
            leaf: { position, directory in
                let inode = contents.names.inode(position)
                wanted.add(DumpWanted(inode: inode, selection: selection, directory: directory, name: position))
            }
        )
    }

    private func place(_ path: TreePath?, _ selection: UInt32) -> DumpPlace? {
        let chosen = selections[Int(selection)].selection
        guard let below = path?.relative(to: chosen.original) else { return nil }
        return DumpPlace(tree: chosen.tree, path: chosen.target.appending(below))
    }

    private func place(_ row: DumpWanted) -> DumpPlace? {
        place(contents.names.path(of: row.name, in: row.directory), row.selection)
    }

    private func make(_ directory: DumpNames.DirectoryIndex, _ selection: UInt32) {
        guard let place = place(contents.names.path(of: directory), selection) else {
            return count(.failed, selection)
        }
        do throws(TreeError) {
            try place.tree.makeDirectory(place.path, mode: 0o700)
            summary.directories += 1
            count(.recovered, selection)
        } catch {
            observer.note(.error, error.description)
            count(error.isPermissionDenied ? .permissionDenied : .noDirectory, selection)
        }
    }

    func begin(_ file: DumpFile) throws(StreamError) -> Bool {
        isExtracting = false
        let rows = wanted.names(of: file.inode)
        guard let first = rows.first else { return false }
        guard let place = place(first) else {
            for row in rows { count(.failed, row.selection) }
            summary.failed += 1
            return false
        }
        if let problem = extractor.begin(file, at: place) {
            for row in rows { count(problem, row.selection) }
            summary.failed += 1
            return false
        }
        isExtracting = true
        return true
    }

    func data(_ bytes: Span<UInt8>, at offset: UInt64) throws(StreamError) {
        extractor.data(bytes, at: offset)
    }

    func finish(_ file: DumpFile, _ attributes: [ExtendedAttribute], isComplete: Bool) throws(StreamError) {
        guard isExtracting else { return }
        isExtracting = false
        let rows = wanted.names(of: file.inode)
        guard let first = rows.first, let place = place(first) else { return }
        let result = extractor.finish(attributes, isComplete: isComplete)
        count(result, first.selection)
        if result == .recovered { summary.files += 1 } else { summary.failed += 1 }
        for row in rows.dropFirst() {
            let linked = self.place(row).map { extractor.link($0, to: place) } ?? .failed
            count(result == .recovered ? linked : result, row.selection)
        }
    }

    /// After the pass: directories get their times, and each selection its result.
    ///
    /// - Parameter isBrokenOff: the stream was not read to its end: what is below a directory may be missing.
    func finish(isBrokenOff: Bool) {
        if isBrokenOff {
            for (selection, _) in directories { count(.failed, selection) }
        }
        for (selection, directory) in directories.reversed() {
            guard let place = place(contents.names.path(of: directory), selection) else { continue }
            let result = extractor.finish(
                directory: contents.directories[Int(directory)],
                contents.attributes[directory] ?? [],
                at: place,
                replacesAttributes: false
            )
            if result != .recovered { count(result, selection) }
        }
        for (number, result) in results.enumerated() {
            observer.finished(selections[number].index, result ?? (isBrokenOff ? .failed : .notFound))
        }
    }

    /// The first failure of a selection is its result.
    private func count(_ result: RecoveryResult, _ selection: UInt32) {
        let before = results[Int(selection)]
        if before == nil || before == .recovered { results[Int(selection)] = result }
    }
}
