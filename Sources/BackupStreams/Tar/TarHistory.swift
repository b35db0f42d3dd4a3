// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Tells the file history of an archive that is only read.
final class TarHistory {
    private let form: HistoryForm
    private let observer: any RecoverObserver
    private var summary = RecoverSummary()
    /// First names of files that have several.
    private var firsts: [TreePath: (status: FileStatus, node: UInt64, offset: UInt64)] = [:]
    // For the nodes form, which has to have all names of a directory together.
    private var nodes: [TreePath: UInt64] = [:]
    private var directories: [TreePath] = []
    private var children: [TreePath: [(name: [UInt8], node: UInt64)]] = [:]
    private var told: [(status: FileStatus, node: UInt64, offset: UInt64)] = []
    /// Numbers of members whose archive has none.
    private var nextNode: UInt64 = 1 << 48

    /// Members whose history is collected; a tree this large is told in the paths form.
    private static let maximumMembers = 4 << 20

    init(_ form: HistoryForm, _ observer: any RecoverObserver) {
        self.form = form
        self.observer = observer
    }

    func run(_ input: TarInput) throws(StreamError) -> RecoverSummary {
        try input.seek(to: 0, expecting: nil)
        var reader = TarReader(input)
        while let entry = try reader.next() {
            if observer.isCancelled { throw .cancelled }
            if let path = entry.path, entry.content != .unknown { try take(entry, path) }
            try input.skip(entry.storedBlockBytes ?? entry.storedBytes)
        }
        if form == .nodes { tellNodes() }
        return summary
    }

    private func take(_ entry: TarEntry, _ path: TreePath) throws(StreamError) {
        if entry.content == .directory { summary.directories += 1 } else { summary.files += 1 }
        var status = entry.status
        var offset = entry.offset
        var node = entry.node ?? nextNode
        if entry.node == nil { nextNode += 1 }
        let first = entry.content == .hardLink ? TreePath(normalising: entry.link).flatMap { firsts[$0] } : nil
        if let first {
            (status, node, offset) = first
        } else if (entry.links ?? 1) > 1 && entry.content != .directory && firsts.count < TarLinks.maximumCount {
            firsts[path] = (status, node, offset)
        }
        switch form {
        case .none:
            break
        case .paths:
            observer.file(path, status, node: node, offset: offset)
        case .nodes:
            guard told.count < Self.maximumMembers else {
                throw .impossible(
                    "the archive has too many members for this form of file history: ask for paths (HIST=f)"
                )
            }
            if entry.content == .directory {
                nodes[path] = node
                directories.append(path)
            }
            if !path.isRoot { children[path.parent, default: []].append((path.name, node)) }
            if first == nil { told.append((status, node, offset)) }
        }
    }

    /// The order of NDMP v4, 3.7.3.
    private func tellNodes() {
        for path in directories {
            guard let node = nodes[path] else { continue }
            observer.directoryEntry([UInt8(ascii: ".")], node: node, parent: node)
            observer.directoryEntry(Array("..".utf8), node: nodes[path.parent] ?? node, parent: node)
            for child in children[path] ?? [] { observer.directoryEntry(child.name, node: child.node, parent: node) }
        }
        for item in told { observer.node(item.status, node: item.node, offset: item.offset) }
    }
}
