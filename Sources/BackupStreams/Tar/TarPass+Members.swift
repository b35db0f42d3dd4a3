// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

// How the kinds of members are put back.
extension TarPass {
    private func metadata(_ entry: TarEntry) -> FileRestorer.Metadata {
        FileRestorer.Metadata(status: entry.status, attributes: entry.attributes)
    }

    // MARK: regular files

    /// A stream that ends within the content leaves `outputs` to `giveUp`.
    func takeFile(
        _ entry: TarEntry,
        _ destinations: [RecoveryDestination],
        _ reader: TarReader
    ) throws(StreamError) {
        var entry = entry
        let padding = (entry.storedBlockBytes ?? entry.storedBytes) - entry.storedBytes
        input.expect(entry.storedBytes + padding)
        try reader.takeMap(&entry)
        outputs = []
        for destination in destinations {
            do throws(TreeError) {
                let output = try restorer.create(destination)
                outputs.append(output)
                if entry.regions != nil { try output.file.truncate(to: entry.status.size) }
            } catch {
                if outputs.last?.destination.selection == destination.selection {
                    restorer.abandon(outputs.removeLast())
                }
                lose(entry)
                failed(destination, error)
            }
        }
        try receive(entry)
        try input.skip(padding)
        let complete = outputs
        outputs = []
        for output in complete {
            do throws(TreeError) {
                try restorer.commit(output, metadata(entry))
                succeeded(output.destination)
                if options.direct && (entry.links ?? 1) > 1 && recovered.count < TarLinks.maximumCount {
                    recovered[entry.offset] = output.destination
                }
            } catch {
                lose(entry)
                failed(output.destination, error)
            }
        }
    }

    private func lose(_ entry: TarEntry) {
        guard let path = entry.path, lost.count < Self.maximumLost else { return }
        lost.insert(path)
    }

    /// Passes the content to all outputs, each stretch to its place. An output that fails takes no more.
    private func receive(_ entry: TarEntry) throws(StreamError) {
        if outputs.isEmpty { return try input.skip(entry.storedBytes) }
        for region in entry.regions ?? [0..<entry.storedBytes] {
            var position = region.lowerBound
            try input.forward(region.upperBound - region.lowerBound) { (bytes) throws(StreamError) in
                if observer.isCancelled { throw .cancelled }
                for output in outputs where output.error == nil {
                    do throws(TreeError) {
                        try output.file.write(bytes, at: position)
                    } catch {
                        output.error = error
                    }
                }
                position += UInt64(bytes.count)
            }
        }
    }

    /// A file with several names that nobody selected: one of its names may be selected later.
    func keep(_ entry: TarEntry, _ path: TreePath, _ reader: TarReader) throws(StreamError) {
        guard let destination = spool?.place(for: path, bytes: entry.storedBytes) else { return try skip(entry) }
        let counted = summary
        let padding = (entry.storedBlockBytes ?? entry.storedBytes) - entry.storedBytes
        var entry = entry
        try reader.takeMap(&entry)
        guard let output = try? restorer.create(destination) else {
            spool?.forget(path)
            try input.skip(entry.storedBytes)
            return try input.skip(padding)
        }
        outputs = [output]
        do throws(TreeError) {
            if entry.regions != nil { try output.file.truncate(to: entry.status.size) }
        } catch {
            output.error = error
        }
        try receive(entry)
        try input.skip(padding)
        outputs = []
        do throws(TreeError) {
            try restorer.commit(output, metadata(entry))
        } catch {
            spool?.forget(path)
        }
        summary = counted
    }

    // MARK: links

    func takeLink(
        _ entry: TarEntry,
        _ destinations: [RecoveryDestination],
        _ reader: TarReader
    ) throws(StreamError) {
        guard let first = TreePath(normalising: entry.link) else {
            for destination in destinations {
                failed(destination, TreeError("link", destination.tree.absolute(destination.path), .escapes))
            }
            return try skip(entry)
        }
        for destination in destinations {
            do throws(TreeError) {
                let (tree, path) = try source(of: first, for: destination)
                try restorer.hardLink(destination, to: path, in: tree)
                succeeded(destination)
            } catch {
                if options.direct && spool == nil {
                    unresolved.append(destination.selection)
                } else {
                    failed(destination, error)
                }
            }
        }
        try skip(entry)
    }

    /// Where this recovery has put the file's first name.
    private func source(
        of first: TreePath,
        for destination: RecoveryDestination
    ) throws(TreeError) -> (ConfinedTree, TreePath) {
        let places = lost.contains(first) ? [] : index.destinations(first)
        let near =
            places.first { $0.selection == destination.selection } ?? places.first { $0.tree === destination.tree }
        if let place = near ?? places.first { return (place.tree, place.path) }
        if let place = spool?.kept[first] { return (place.tree, place.path) }
        let sentence = "it is one more name of \(displayed(first.bytes)), which was not recovered"
        throw TreeError("recover", destination.tree.absolute(destination.path), .invalid(sentence))
    }

    func takeSpecial(_ entry: TarEntry, _ destination: RecoveryDestination) {
        do throws(TreeError) {
            if entry.content == .symbolicLink {
                try restorer.symbolicLink(destination, to: entry.link, metadata(entry))
            } else {
                try restorer.node(destination, metadata(entry))
            }
            succeeded(destination)
        } catch {
            failed(destination, error)
        }
    }

    // MARK: directories

    func takeDirectory(_ entry: TarEntry, _ destinations: [RecoveryDestination]) throws(StreamError) {
        var names = entry.names
        if entry.hasNamesInContent && options.wholeImage && entry.storedBytes <= UInt64(TarReader.maximumNamesBytes) {
            names = try input.take(Int(entry.storedBytes))
            try input.skip((entry.storedBlockBytes ?? entry.storedBytes) - entry.storedBytes)
        } else {
            if options.direct { input.expect(entry.storedBlockBytes ?? entry.storedBytes) }
            try skip(entry)
        }
        let kept = options.wholeImage ? names.flatMap { TarNameList($0) } : nil
        for destination in destinations {
            do throws(TreeError) {
                try restorer.directory(destination, metadata(entry))
                succeeded(destination, isDirectory: true)
                if let kept { summary.removed += try restorer.removeOthers(destination, keeping: kept.names) }
            } catch {
                failed(destination, error)
            }
        }
    }
}

/// The names in a directory, as GNU tar's incremental archives list them.
struct TarNameList {
    let names: Set<[UInt8]>

    /// Nil for bytes that are no such list: nothing may be removed then.
    init?(_ bytes: [UInt8]) {
        var names: Set<[UInt8]> = []
        var rest = bytes[...]
        while let letter = rest.first, letter != 0 {
            guard let end = rest.firstIndex(of: 0) else { return nil }
            switch letter {
            case UInt8(ascii: "Y"), UInt8(ascii: "N"), UInt8(ascii: "D"):
                names.insert(Array(rest[(rest.startIndex + 1)..<end]))
            case UInt8(ascii: "R"), UInt8(ascii: "T"), UInt8(ascii: "X"):
                // GNU tar's renames: paths, not names in this directory.
                break
            default:
                return nil
            }
            rest = rest[(end + 1)...]
        }
        // The 0 at the end is what tells a whole list from one that was cut.
        guard rest.first == 0 else { return nil }
        self.names = names
    }
}

/// Keeps files whose first name nobody selected, until the pass ends: a later name may be selected, and has no content
/// of its own. They lie in the target's directory, under names of our own, so that the name wanted is made by a link.
final class TarSpool {
    private let restorer: FileRestorer
    private let tree: ConfinedTree
    private let directory: TreePath
    private(set) var kept: [TreePath: RecoveryDestination] = [:]

    private var bytes: UInt64 = 0

    /// Files kept at a time, and bytes of them: beyond these a later name is not recovered, and a note says why.
    private static let maximumCount = 4096
    private static let maximumBytes: UInt64 = 4 << 30

    init(_ restorer: FileRestorer, tree: ConfinedTree, directory: TreePath) {
        self.restorer = restorer
        self.tree = tree
        self.directory = directory
    }

    /// Nil when there are too many.
    func place(for path: TreePath, bytes count: UInt64) -> RecoveryDestination? {
        let (sum, overflow) = bytes.addingReportingOverflow(count)
        guard kept.count < Self.maximumCount, !overflow, sum <= Self.maximumBytes else { return nil }
        bytes = sum
        let name = directory.appending(restorer.temporaryName())
        let place = RecoveryDestination(selection: 0, tree: tree, path: name, root: name)
        kept[path] = place
        return place
    }

    func forget(_ path: TreePath) {
        kept[path] = nil
    }

    /// Removes all; what was linked stays.
    func clear() {
        for place in kept.values { try? place.tree.remove(place.path) }
        kept = [:]
    }
}
