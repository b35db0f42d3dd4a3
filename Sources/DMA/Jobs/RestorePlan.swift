// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import WireFormat

/// What a restore is asked to do.
package struct RestoreRequest: Sendable {
    /// Which image to start from.
    package enum Choice: Sendable, Equatable {
        case image(Int64)
        /// The newest that holds what is wanted.
        case latest
    }

    /// Absolute, or relative to the root of a backup; empty: all of an image.
    package var paths: [[UInt8]]
    /// Directory on the data server. A path lands below it as it lay below the root of the backup.
    package var destination: String
    package var choice = Choice.latest
    /// What a relative path counts from when no image holds it below its root; nil: nothing.
    package var workingDirectory: String?
    /// Direct access where the file history allows it.
    package var direct = true
    /// With an incremental image the images below it too, full one first.
    package var wholeChain = true

    package init(paths: [[UInt8]], destination: String) {
        self.paths = paths
        self.destination = destination
    }
}

/// One START_RECOVER: what is read from one image.
package struct RestorePass: Sendable {
    package var image: Image
    package var segments: [Segment]
    var environment: [NDMPVariable]
    var names: [NameListEntry]
    package var direct: Bool
    /// Bytes that come over the data connection at most.
    package var totalBytes: UInt64
    /// Names that are asked for, for the report; empty: all of the image.
    package var paths: [String]
    /// Names that the newest image has, and that no image of the chain holds.
    package var missing: [String] = []
}

/// From what is wanted to what is read: picks images by the catalogue, follows chains of levels, looks up where files
/// lie in the stream.
package struct RestorePlan: Sendable {
    /// Below this many members a directory is restored by direct access, file by file; above it the stream is read.
    static let directMembers = 1000

    package private(set) var passes: [RestorePass] = []
    private let request: RestoreRequest
    private let catalogue: Catalogue
    /// NDMP version of the data server: v3 and v4 name destinations differently.
    private let version: Int

    package init(_ request: RestoreRequest, catalogue: Catalogue, version: Int = 4) throws(DMAError) {
        self.request = request
        self.catalogue = catalogue
        self.version = version
        guard request.destination.hasPrefix("/") else {
            throw DMAError(
                .invalid,
                "the destination \(request.destination) is not absolute: it is a path of the data server"
            )
        }
        let wanted = request.paths.isEmpty ? [[]] : request.paths
        var groups: [(head: Image, paths: [[UInt8]])] = []
        for path in wanted {
            let (head, relative) = try head(for: path)
            if let index = groups.firstIndex(where: { $0.head.id == head.id }) {
                groups[index].paths.append(relative)
            } else {
                groups.append((head, [relative]))
            }
        }
        for (head, paths) in groups { passes += try plan(head, paths) }
    }

    // MARK: Images

    /// The image that a path is restored from, and the path below its root.
    private func head(for path: [UInt8]) throws(DMAError) -> (Image, [UInt8]) {
        if case .image(let id) = request.choice {
            guard let image = try catalogue.image(id) else {
                throw DMAError(.notFound, "there is no image \(id)", hint: "`capstan catalogue list` shows all")
            }
            guard image.state == .complete else {
                throw DMAError(.refused, "image \(id) cannot be restored: it is \(image.state.rawValue)")
            }
            guard let relative = Self.relative(path, to: image.path) else {
                throw DMAError(.notFound, "\(Self.text(path)) is not below \(image.path), the root of image \(id)")
            }
            return (image, relative)
        }
        let newest = try catalogue.images(complete: true).reversed()
        if path.isEmpty {
            let roots = Set(newest.map { "\($0.dataServer) \($0.path)" })
            guard let image = newest.first else {
                throw DMAError(.notFound, "the catalogue has no image", hint: "make one with `capstan backup PATH`")
            }
            guard roots.count == 1 else {
                throw DMAError(
                    .invalid,
                    "the catalogue has images of \(roots.count) trees",
                    hint: "name a path, or an image with --image ID (`capstan catalogue list`)"
                )
            }
            return (image, [])
        }
        for image in newest {
            guard let relative = Self.relative(path, to: image.path) else { continue }
            if relative.isEmpty { return (image, []) }
            let chain = try chain(image)
            for member in chain where try catalogue.entry(relative, in: member.id) != nil { return (image, relative) }
            if try NodeMerge(catalogue, chain: chain)?.key(of: relative) != nil { return (image, relative) }
        }
        if let directory = request.workingDirectory, path.first != UInt8(ascii: "/") {
            let absolute = Self.join(Array(directory.utf8), HistoryWriter.normalised(path)[...])
            if let found = try? head(for: absolute) { return found }
        }
        throw DMAError(
            .notFound,
            "no image holds \(Self.text(path))",
            hint: "`capstan restore --list [PATH]` shows what there is; without file history only --image ID works"
        )
    }

    private func chain(_ head: Image) throws(DMAError) -> [Image] {
        request.wholeChain ? try catalogue.chain(to: head) : [head]
    }

    /// The path below `root`; nil for an absolute path that is not below it.
    package static func relative(_ path: [UInt8], to root: String) -> [UInt8]? {
        guard path.first == UInt8(ascii: "/") else { return HistoryWriter.normalised(path) }
        let (path, root) = (HistoryWriter.normalised(path), HistoryWriter.normalised(Array(root.utf8)))
        if root.isEmpty { return path }
        if path == root { return [] }
        guard path.starts(with: root + [UInt8(ascii: "/")]) else { return nil }
        return Array(path.dropFirst(root.count + 1))
    }

    // MARK: Passes

    private func plan(_ head: Image, _ paths: [[UInt8]]) throws(DMAError) -> [RestorePass] {
        let chain = try chain(head)
        if let first = chain.first, first.level > 0, request.wholeChain {
            throw DMAError(
                .notFound,
                "image \(first.id) is of level \(first.level), and the backup that it builds on is not in the catalogue",
                hint: "--level single restores what this image itself holds"
            )
        }
        guard !paths.contains([]) else {
            var passes: [RestorePass] = []
            for image in chain { passes.append(try wholePass(image, isChain: chain.count > 1)) }
            return passes
        }
        var selected: [Int64: [SelectedEntry]] = [:]
        var missing: [String] = []
        var merge = try NodeMerge(catalogue, chain: chain)
        for path in paths {
            guard let state = try merge?.collect(path) else {
                try select(path, chain, &selected)
                continue
            }
            for (image, entry) in state.selected { selected[image, default: []].append(entry) }
            missing += state.missing.map(Self.text)
        }
        var passes: [RestorePass] = []
        for image in chain {
            if let entries = selected[image.id] { passes.append(try selectivePass(image, entries)) }
        }
        if !passes.isEmpty { passes[passes.count - 1].missing = missing }
        return passes
    }

    /// A file is taken from the newest image that holds it, a directory from each, oldest first.
    private func select(
        _ path: [UInt8],
        _ chain: [Image],
        _ selected: inout [Int64: [SelectedEntry]]
    ) throws(DMAError) {
        var isFound = false
        for image in chain.reversed() {
            guard let entry = try catalogue.entry(path, in: image.id) else { continue }
            guard entry.attributes != nil else { continue }
            selected[image.id, default: []].append(SelectedEntry(entry: entry, target: entry.path))
            isFound = true
            if !entry.isDirectory { break }
        }
        guard isFound else {
            let hint =
                chain.contains { $0.files == 0 }
                ? "image made without file history: restore all of it with --image" : nil
            throw DMAError(.notFound, "no image holds \(Self.text(path))", hint: hint)
        }
    }

    private func wholePass(_ image: Image, isChain: Bool) throws(DMAError) -> RestorePass {
        let all = NameListEntry(
            destination: XDRString(request.destination),
            node: .max,
            fileHistoryInfo: .max
        )
        return try pass(
            image,
            [all],
            additions: [("DIRECT", "n"), ("RECURSIVE", "y"), ("EXTRACT", isChain ? "n" : "y")],
            direct: false,
            bytes: image.bytes,
            paths: []
        )
    }

    private func selectivePass(_ image: Image, _ entries: [SelectedEntry]) throws(DMAError) -> RestorePass {
        let members = request.direct ? try directMembers(image, entries) : nil
        let isDirect = members != nil
        let isRecursive = !isDirect && !entries.contains(where: \.isAlone)
        let list = (members ?? entries).sorted { left, right in
            (left.entry.attributes?.historyInfo ?? .max, left.entry.pathText)
                < (right.entry.attributes?.historyInfo ?? .max, right.entry.pathText)
        }
        guard list.count <= NDMPLimits.recoverNames else {
            throw DMAError(
                .invalid,
                "more than \(NDMPLimits.recoverNames) paths",
                hint: "restore a directory above them"
            )
        }
        return try pass(
            image,
            list.map { name(for: $0, direct: isDirect) },
            additions: [("DIRECT", isDirect ? "y" : "n"), ("RECURSIVE", isRecursive ? "y" : "n"), ("EXTRACT", "y")],
            direct: isDirect,
            bytes: isDirect ? list.reduce(0) { $0 &+ ($1.entry.attributes?.size ?? 0) } : image.bytes,
            paths: entries.map { Self.text($0.target) }
        )
    }

    /// All files that the entries stand for, when each can be found by itself; nil when the stream must be read.
    private func directMembers(_ image: Image, _ entries: [SelectedEntry]) throws(DMAError) -> [SelectedEntry]? {
        var members: [SelectedEntry] = []
        for selected in entries {
            guard !selected.isAlone else {
                members.append(selected)
                continue
            }
            let limit = Self.directMembers - members.count
            guard let below = try catalogue.tree(below: selected.entry, in: image.id, limit: limit) else { return nil }
            members += below.map { SelectedEntry(entry: $0, target: $0.path) }
        }
        let known = members.contains { $0.entry.attributes?.historyInfo == nil }
        return known ? nil : members
    }

    /// v4: the destination is the complete name of the target. v3: it is the directory to put it in, the new name is
    /// the last component.
    private func name(for selected: SelectedEntry, direct: Bool) -> NameListEntry {
        let (entry, target) = (selected.entry, selected.target)
        let destination = Array(request.destination.utf8)
        var result = NameListEntry(
            originalPath: XDRString(bytes: entry.path),
            node: entry.attributes?.node ?? .max,
            fileHistoryInfo: direct ? entry.attributes?.historyInfo ?? .max : .max
        )
        if version >= 4 {
            result.destination = XDRString(bytes: Self.join(destination, target[...]))
        } else if target.isEmpty {
            result.destination = XDRString(bytes: destination)
        } else {
            let (parent, last) = HistoryWriter.split(target[...])
            result.destination = XDRString(bytes: Self.join(destination, parent))
            result.newName = XDRString(bytes: Array(last))
        }
        return result
    }

    private static func join(_ directory: [UInt8], _ path: ArraySlice<UInt8>) -> [UInt8] {
        guard !path.isEmpty else { return directory }
        let slash = UInt8(ascii: "/")
        return (directory.last == slash ? directory : directory + [slash]) + path
    }

    private func pass(
        _ image: Image,
        _ names: [NameListEntry],
        additions: [(String, String)],
        direct: Bool,
        bytes: UInt64,
        paths: [String]
    ) throws(DMAError) -> RestorePass {
        let segments = try catalogue.segments(of: image.id)
        guard !segments.isEmpty, Windows.areWhole(segments, total: image.bytes) else {
            throw DMAError(
                .damaged,
                "image \(image.id) is not whole in the catalogue: a piece of its stream is missing"
            )
        }
        // What the backup gave back goes first, our own variables last: the last of a name wins.
        let replaced = Set(additions.map(\.0))
        let kept = try catalogue.environment(of: image.id).map {
            NDMPVariable(name: XDRString(bytes: $0.name), value: XDRString(bytes: $0.value))
        }.filter { !replaced.contains($0.name.text) }
        return RestorePass(
            image: image,
            segments: segments,
            environment: kept + additions.map { NDMPVariable(name: XDRString($0), value: XDRString($1)) },
            names: names,
            direct: direct,
            totalBytes: bytes,
            paths: paths
        )
    }

    private static func text(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }
}
