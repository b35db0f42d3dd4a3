// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import NDMPProtocol
import WireFormat

/// What one entry of a recover list means: which name of the backup, and where it is to go.
///
/// The three versions write the same thing in three ways. NDMP v2, v3 and v4 (3.5.2.3).
struct RecoverName: Equatable, Sendable {
    /// Below the root of the backup; the root itself is everything.
    var original: TreePath
    /// The complete name that it is to get.
    var target: [UInt8]
    /// Of the file in the stream; nil when the client does not know.
    var offset: UInt64?
    var node: UInt64?

    private static let separator = UInt8(ascii: "/")

    /// - Parameter root: the directory that names without a destination of their own go to.
    init(_ entry: NameListEntry, version: Int, root: [UInt8]) throws(DataEnvironment.Refusal) {
        guard let original = TreePath(normalising: entry.originalPath.bytes) else {
            throw DataEnvironment.Refusal(
                description: "\(displayed(entry.originalPath.bytes)): a name to recover cannot have \"..\""
            )
        }
        self.original = original
        let destination = Self.absolute(entry.destination.bytes, root)
        let name = entry.newName.bytes
        if version == 2 {
            target = destination ?? Self.join(root, original.bytes)
        } else if version == 3 {
            target = Self.version3(original, destination, name, root)
        } else {
            target = Self.version4(original, destination, name, root)
        }
        // Unknown is all ones; some clients send 0, where nothing but the root can lie.
        offset = entry.fileHistoryInfo == .max || entry.fileHistoryInfo == 0 ? nil : entry.fileHistoryInfo
        node = entry.node == .max || entry.node == 0 ? nil : entry.node
    }

    /// The destination is a directory: the new name goes into it, or without one the whole original path.
    ///
    /// Deviation: some servers put only the last part of the original path there. Clients on ndmjob's library, Bareos
    /// among them, count on the whole, and restoring two files of one name must not end with one.
    private static func version3(
        _ original: TreePath,
        _ destination: [UInt8]?,
        _ name: [UInt8],
        _ root: [UInt8]
    ) -> [UInt8] {
        join(destination ?? root, name.isEmpty ? original.bytes : name)
    }

    /// The destination is the complete name, or with a name behind it the directory of that.
    private static func version4(
        _ original: TreePath,
        _ destination: [UInt8]?,
        _ name: [UInt8],
        _ root: [UInt8]
    ) -> [UInt8] {
        guard let destination else { return join(root, name.isEmpty ? original.bytes : name) }
        return name.isEmpty ? destination : join(destination, name)
    }

    /// nil when there is no destination. A relative one counts from the root.
    private static func absolute(_ destination: [UInt8], _ root: [UInt8]) -> [UInt8]? {
        guard !destination.isEmpty else { return nil }
        var path = destination.first == separator ? destination : join(root, destination)
        while path.count > 1, path.last == separator { path.removeLast() }
        return path
    }

    private static func join(_ directory: [UInt8], _ name: [UInt8]) -> [UInt8] {
        guard !name.isEmpty else { return directory }
        return directory.last == separator ? directory + name : directory + [separator] + name
    }
}
