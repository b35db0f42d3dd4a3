// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Restores a whole image: level 0 into a directory, then each further level on top of it, to the exact state of each.
///
/// A level's stream has whole directories, so it tells by itself what was renamed, linked and removed. First the names
/// that were there are brought to where they are now (`DumpImageChanges`), then the stream's files are written.
final class DumpImageReceiver: DumpFileReceiver {
    private let place: DumpPlace
    private let state: DumpImageState
    private let observer: any RecoverObserver
    private let extractor: DumpExtractor
    private var contents = DumpContents()
    private var tree = DumpContents()
    private var wanted = DumpWantedList()
    private var isExtracting = false
    private(set) var summary = RecoverSummary()

    init(_ place: DumpPlace, stateDirectory: String, observer: any RecoverObserver) {
        self.place = place
        self.observer = observer
        state = DumpImageState(directory: stateDirectory, target: place.tree.absolute(place.path))
        extractor = DumpExtractor(observer: observer)
    }

    func start(_ contents: DumpContents) throws(StreamError) {
        guard !contents.used.isEmpty else {
            throw .malformed("the dump has no map of inodes: a whole image cannot be restored from it")
        }
        self.contents = contents
        let old = try previous(contents.tape)
        tree = Self.merge(old, contents)
        tree.findPlaces(observer)
        // Whoever breaks off from here on has to begin again with level 0.
        try state.remove()
        if let root = tree.index[DumpFormat.rootInode] {
            tree.forEachLeaf(below: root, directory: { _ in }) { position, directory in
                let inode = tree.names.inode(position)
                wanted.add(DumpWanted(inode: inode, selection: 0, directory: directory, name: position))
            }
        }
        wanted.sort()
        let changes = DumpImageChanges(old: old, new: tree, wanted: wanted, place: place, observer: observer)
        try changes.apply()
        summary.removed = changes.removed
        summary.failed += changes.failed
    }

    /// The tree that the stream is to be put on.
    private func previous(_ tape: DumpHeader) throws(StreamError) -> DumpContents {
        guard tape.baseDate != 0 else { return DumpContents() }
        guard let (tree, date) = try state.load(observer) else {
            throw .impossible(
                "this is a dump of level \(tape.level), and nothing is known of a lower level in \(place.shown): "
                    + "restore level 0 first"
            )
        }
        guard date == tape.baseDate else {
            throw .impossible(
                "this dump of level \(tape.level) builds on the one of \(tape.baseDate) (seconds since 1970), but "
                    + "\(place.shown) holds the one of \(date): restore the levels in the order of their dates"
            )
        }
        return tree
    }

    /// The names after this level: directories of the stream as it has them, the others as they were, without what is
    /// not in use any more.
    private static func merge(_ old: DumpContents, _ stream: DumpContents) -> DumpContents {
        var tree = DumpContents()
        var queue = [DumpFormat.rootInode]
        var seen: Set<UInt32> = [DumpFormat.rootInode]
        var next = 0
        while next < queue.count {
            let inode = queue[next]
            next += 1
            let index = tree.names.addDirectory(inode)
            tree.index[inode] = index
            let isNew = stream.index[inode] != nil
            let source = isNew ? stream : old
            guard let from = source.index[inode] else { continue }
            for position in source.names.positions(of: from) {
                var entry = source.names.entry(position)
                guard stream.used.contains(entry.inode) else { continue }
                if stream.index[entry.inode] != nil { entry.kind = .directory }
                if entry.kind == .directory, seen.insert(entry.inode).inserted { queue.append(entry.inode) }
                _ = tree.names.add(entry, to: index)
            }
        }
        return tree
    }

    private func place(of row: DumpWanted) -> DumpPlace? {
        guard let path = tree.names.path(of: row.name, in: row.directory) else { return nil }
        return DumpPlace(tree: place.tree, path: place.path.appending(path))
    }

    func begin(_ file: DumpFile) throws(StreamError) -> Bool {
        isExtracting = false
        guard let first = wanted.names(of: file.inode).first else { return false }
        guard let place = place(of: first), extractor.begin(file, at: place) == nil else {
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
        guard let first = rows.first, let place = place(of: first) else { return }
        guard extractor.finish(attributes, isComplete: isComplete) == .recovered else {
            summary.failed += 1
            return
        }
        summary.files += 1
        for row in rows.dropFirst() {
            guard let other = self.place(of: row), extractor.link(other, to: place) == .recovered else {
                summary.failed += 1
                continue
            }
        }
    }

    /// After the pass: directories of the stream get owner, mode, attributes and times, and the state is kept.
    func finish() throws(StreamError) {
        for (index, directory) in tree.names.directories.enumerated().reversed() {
            guard let from = contents.index[directory.inode],
                let path = tree.names.path(of: DumpNames.DirectoryIndex(index))
            else { continue }
            let result = extractor.finish(
                directory: contents.directories[Int(from)],
                contents.attributes[from] ?? [],
                at: DumpPlace(tree: place.tree, path: place.path.appending(path)),
                replacesAttributes: true
            )
            summary.directories += 1
            if result != .recovered { summary.failed += 1 }
        }
        try state.save(tree, date: contents.tape.date)
    }
}
