// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import NDMPProtocol
import WireFormat

/// Makes jobs of START requests: type, variables, names and exports, all checked. Nothing is read or written here but
/// the directories on the way.
struct DataJobs {
    typealias Refusal = DataEnvironment.Refusal

    private let context: ServerContext

    init(_ context: ServerContext) {
        self.context = context
    }

    private var exports: Exports { context.currentSettings.exports }

    func backup(_ type: XDRString, _ environment: DataEnvironment) throws(Refusal) -> BackupStreamJob {
        let format = try format(type)
        guard let fileSystem = environment.fileSystem else {
            throw Refusal(
                description: "FILESYSTEM is missing or no absolute path: it says what to back up; \(exportsInWords)"
            )
        }
        let place = try tree(fileSystem, for: .reading)
        // The same tree is the same to the dump dates, however its name is written.
        let known = place.tree.absolute(place.path)
        let options = try environment.backupOptions(for: format, fileSystem: known)
        do throws(TreeError) {
            return BackupStreamJob(
                format: format,
                tree: try place.tree.subtree(place.path),
                fileSystem: fileSystem,
                options: options,
                dates: context.dumpDates
            )
        } catch {
            throw Refusal(description: error.description)
        }
    }

    /// - Parameter version: decides what the names mean.
    func recover(
        _ type: XDRString,
        _ environment: DataEnvironment,
        _ list: [NameListEntry],
        _ version: Int,
        historyOnly: Bool
    ) throws(Refusal) -> RecoverStreamJob {
        let format = try format(type)
        let options = try environment.recoverOptions(for: format, historyOnly: historyOnly)
        var job = RecoverStreamJob(
            format: format,
            selections: [],
            names: [],
            options: options,
            stateDirectory: context.configuration.stateDirectory,
            scope: ""
        )
        if historyOnly { return job }
        // No names at all: everything, to where it came from.
        let entries = list.isEmpty ? [NameListEntry(fileHistoryInfo: .max)] : list
        job.names = list.map(\.originalPath)
        job.selections.reserveCapacity(entries.count)
        var trees = TreeCache()
        var firstTarget: [UInt8] = []
        for entry in entries {
            let name = try RecoverName(entry, version: version, root: environment.fileSystem ?? [])
            let place = try target(name, &trees)
            if job.selections.isEmpty { firstTarget = name.target }
            job.selections.append(
                Selection(
                    original: name.original,
                    tree: place.tree,
                    target: place.path,
                    offset: name.offset,
                    node: name.node
                )
            )
        }
        job.scope = Self.scope(entries, firstTarget)
        return job
    }

    /// What is recovered and where it goes, in words.
    private static func scope(_ entries: [NameListEntry], _ target: [UInt8]) -> String {
        let name = entries.first?.originalPath.bytes ?? []
        let first = "\(name.isEmpty ? "everything" : displayed(name)) to \(displayed(target))"
        return entries.count > 1 ? "\(entries.count) names, the first \(first)" : first
    }

    // MARK: Types and places

    private func format(_ type: XDRString) throws(Refusal) -> StreamFormat {
        guard let format = StreamFormat(rawValue: type.text) else {
            let known = StreamFormat.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refusal(description: "the backup type \(displayed(type.bytes)) is unknown; there are \(known)")
        }
        return format
    }

    /// Trees that are open already: a list may have thousands of names in one export.
    private struct TreeCache {
        var trees: [String: ConfinedTree] = [:]
    }

    private func target(
        _ name: RecoverName,
        _ cache: inout TreeCache
    ) throws(Refusal) -> (tree: ConfinedTree, path: TreePath) {
        guard name.target.first == UInt8(ascii: "/") else {
            throw Refusal(
                description: "nothing says where \(displayed(name.original.bytes)) is to go: neither its entry in the "
                    + "list nor FILESYSTEM has an absolute path; \(exportsInWords)"
            )
        }
        let place = try tree(name.target, for: .writing)
        let key = String(decoding: place.tree.absolute(TreePath()), as: UTF8.self)
        if let known = cache.trees[key] { return (known, place.path) }
        cache.trees[key] = place.tree
        return place
    }

    private func tree(
        _ path: [UInt8],
        for access: TreeAccess
    ) throws(Refusal) -> (tree: ConfinedTree, path: TreePath) {
        do throws(TreeError) {
            return try exports.tree(holding: path, for: access)
        } catch {
            throw Refusal(description: "\(error.description); \(exportsInWords)")
        }
    }

    /// What may be used, and how to allow more.
    private var exportsInWords: String {
        let list = exports.list
        let how = "add one with --export PATH, or ndmp.exports in the configuration"
        guard !list.isEmpty else { return "nothing is exported: \(how)" }
        let shown = list.prefix(Self.shownExports).map { $0.isWritable ? $0.path : "\($0.path) (read-only)" }
        let more = list.count > shown.count ? " and \(list.count - shown.count) more" : ""
        return "exported are \(shown.joined(separator: ", "))\(more): \(how)"
    }

    /// Exports that are named in a log line.
    private static let shownExports = 16
}
