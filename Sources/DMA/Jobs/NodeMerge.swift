// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A file to ask an image for.
struct SelectedEntry: Sendable, Equatable {
    /// As its image knows it.
    var entry: CatalogueEntry
    /// Below the destination; another than the entry's own when it was renamed since.
    var target: [UInt8]
    /// The entry alone is meant, not what lies below it.
    var isAlone = false
}

/// Puts the state of a directory at an incremental image together from its chain, by inode numbers.
///
/// File history of the nodes form lists each saved directory whole, but has only the nodes that were saved: what is
/// named without a node has not changed since an older image, where it may have another path.
struct NodeMerge {
    /// What the directory was made of.
    struct Result {
        var selected: [(image: Int64, entry: SelectedEntry)] = []
        /// Named, but in none of the images.
        var missing: [[UInt8]] = []
    }

    let catalogue: Catalogue
    /// Newest first.
    private let images: [Int64]
    private var pathsOfDirectories: [Int64: [Int64: [UInt8]]] = [:]

    /// Nil for chains that this is not needed for, or that have paths for history.
    init?(_ catalogue: Catalogue, chain: [Image]) throws(DMAError) {
        guard chain.count > 1 else { return nil }
        self.catalogue = catalogue
        images = chain.reversed().map(\.id)
        var roots: Set<Int64> = []
        for image in images {
            guard let root = try catalogue.entry([], in: image), root.key != HistoryWriter.rootKey else { return nil }
            roots.insert(root.key)
        }
        guard roots.count == 1 else { return nil }
    }

    /// - Returns: nil when the newest state does not have the path.
    mutating func collect(_ path: [UInt8]) throws(DMAError) -> Result? {
        guard let key = try key(of: path) else { return nil }
        var result = Result()
        var waiting = [(key: key, path: path)]
        while let next = waiting.popLast() {
            guard next.path.count <= Self.pathLimit, result.selected.count + waiting.count <= Self.limit else {
                throw DMAError(
                    .invalid,
                    "\(String(decoding: path, as: UTF8.self)) has more than \(Self.limit) files in a chain of images",
                    hint: "restore the whole image, or smaller directories"
                )
            }
            guard let (image, found) = try version(of: next.key, named: next.path) else {
                result.missing.append(next.path)
                continue
            }
            result.selected.append((image, SelectedEntry(entry: found, target: next.path, isAlone: true)))
            guard found.isDirectory else { continue }
            for child in try names(in: next.key) {
                waiting.append((child.key, next.path + [UInt8(ascii: "/")] + child.name))
            }
        }
        return result
    }

    /// The inode that a path leads to in the newest state; nil when there is no such path.
    func key(of path: [UInt8]) throws(DMAError) -> Int64? {
        guard var key = try catalogue.entry([], in: images[0])?.key else { return nil }
        for name in path.split(separator: UInt8(ascii: "/")) {
            guard let child = try names(in: key).first(where: { $0.name == Array(name) }) else { return nil }
            key = child.key
        }
        return key
    }

    /// Names of one recover list.
    private static let limit = 10_240
    private static let pathLimit = 16 << 10

    /// The names of a directory as of the newest image that lists it.
    private func names(in directory: Int64) throws(DMAError) -> [(name: [UInt8], key: Int64)] {
        for image in images {
            var found: [(name: [UInt8], key: Int64)] = []
            let place = CatalogueEntry(key: directory, path: [], attributes: nil)
            try catalogue.forEachChild(of: place, in: image) { child in
                found.append((child.path, child.key))
                return true
            }
            if !found.isEmpty { return found }
            // Saved, and empty.
            if try catalogue.attributes(ofNode: directory, in: image) != nil { return [] }
        }
        return []
    }

    /// The newest image that holds the inode, and its path there.
    private mutating func version(
        of key: Int64,
        named path: [UInt8]
    ) throws(DMAError) -> (image: Int64, entry: CatalogueEntry)? {
        for image in images {
            guard let attributes = try catalogue.attributes(ofNode: key, in: image) else { continue }
            let own = try self.path(of: key, in: image, likely: path)
            return (image, CatalogueEntry(key: key, path: own ?? path, attributes: attributes))
        }
        return nil
    }

    /// The path of an inode in an image: most have kept theirs, or lie in a directory that was renamed.
    private mutating func path(of key: Int64, in image: Int64, likely: [UInt8]) throws(DMAError) -> [UInt8]? {
        if try catalogue.entry(likely, in: image)?.key == key { return likely }
        if let known = pathsOfDirectories[image]?[key] { return known }
        var components: [[UInt8]] = []
        var current = key
        while components.count < HistoryWriter.depthLimit {
            if let above = pathsOfDirectories[image]?[current] {
                return remember(above, components, image, key)
            }
            guard let (parent, name) = try catalogue.name(ofNode: current, in: image) else {
                // The root has no name.
                return remember([], components, image, key)
            }
            components.append(name)
            current = parent
        }
        return nil
    }

    private mutating func remember(
        _ above: [UInt8],
        _ components: [[UInt8]],
        _ image: Int64,
        _ key: Int64
    ) -> [UInt8] {
        let parts = (above.isEmpty ? [] : [above]) + components.reversed()
        let path = Array(parts.joined(separator: [UInt8(ascii: "/")]))
        pathsOfDirectories[image, default: [:]][key] = path
        return path
    }
}
