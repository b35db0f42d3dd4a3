// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import NDMPProtocol
import WireFormat

/// Collects file history into posts of a good size: large enough to cost little, small enough for every client.
///
/// Used by the job's thread alone. What is complete goes to `send`.
struct FileHistoryBatcher {
    /// Bytes of one post. Clients with a fixed buffer of 64 KiB exist.
    static let postBytes = 60 << 10
    /// Entries of one post.
    static let postEntries = 1000
    /// History waits at most this long for more of it.
    static let flushMilliseconds: UInt64 = 2000

    let version: Int
    private let send: (HistoryBatch) -> Void
    private var unixPaths: [UnixPathEntry] = []
    private var unixDirectories: [UnixDirectoryEntry] = []
    private var unixNodes: [UnixNodeEntry] = []
    private var files: [FileEntry] = []
    private var directories: [DirectoryEntry] = []
    private var nodes: [NodeEntry] = []
    /// Of directory entries or paths, and of nodes: each kind is a post of its own.
    private var entryBytes = 0
    private var nodeBytes = 0
    private var oldestMilliseconds: UInt64?

    init(version: Int, send: @escaping (HistoryBatch) -> Void) {
        self.version = version
        self.send = send
    }

    // MARK: Entries

    /// A path is told relative to the root of the backup, and begins with the separator.
    mutating func add(_ path: TreePath, _ status: BackupStreams.FileStatus, node: UInt64, offset: UInt64, now: UInt64) {
        let name = XDRString(bytes: [UInt8(ascii: "/")] + path.bytes)
        guard isWithinLimits(name) else { return }
        if version == 2 {
            unixPaths.append(UnixPathEntry(path: name, status: UnixFileStatus(status, offset: offset)))
        } else {
            let entry = FileEntry(
                names: [.unix(name)],
                status: [NDMPProtocol.FileStatus(status)],
                node: node,
                fileHistoryInfo: offset
            )
            files.append(entry)
        }
        count(entry: name, now)
    }

    mutating func addDirectoryEntry(_ bytes: [UInt8], node: UInt64, parent: UInt64, now: UInt64) {
        let name = XDRString(bytes: bytes)
        guard isWithinLimits(name) else { return }
        if version == 2 {
            unixDirectories.append(
                UnixDirectoryEntry(
                    name: name,
                    node: UInt32(truncatingIfNeeded: node),
                    parent: UInt32(truncatingIfNeeded: parent)
                )
            )
        } else {
            directories.append(DirectoryEntry(names: [.unix(name)], node: node, parent: parent))
        }
        count(entry: name, now)
    }

    mutating func addNode(_ status: BackupStreams.FileStatus, node: UInt64, offset: UInt64, now: UInt64) {
        if version == 2 {
            let known = UnixFileStatus(status, offset: offset)
            unixNodes.append(UnixNodeEntry(status: known, node: UInt32(truncatingIfNeeded: node)))
        } else {
            nodes.append(NodeEntry(status: [NDMPProtocol.FileStatus(status)], node: node, fileHistoryInfo: offset))
        }
        nodeBytes += Self.statusBytes
        oldestMilliseconds = oldestMilliseconds ?? now
        if nodeBytes > Self.postBytes || max(nodes.count, unixNodes.count) >= Self.postEntries { flush() }
    }

    /// No file system of Linux has such a name; the job's own notes tell of it.
    private func isWithinLimits(_ name: XDRString) -> Bool { name.bytes.count <= NDMPLimits.pathBytes }

    private mutating func count(entry name: XDRString, _ now: UInt64) {
        entryBytes += name.bytes.count + Self.statusBytes
        oldestMilliseconds = oldestMilliseconds ?? now
        let entries = max(files.count, directories.count, unixPaths.count, unixDirectories.count)
        if entryBytes > Self.postBytes - NDMPLimits.pathBytes || entries >= Self.postEntries { flush() }
    }

    /// More than the numbers of any entry take.
    private static let statusBytes = 96

    // MARK: Posts

    /// Sends what has waited long enough. Called now and then.
    mutating func flushWhenOld(now: UInt64) {
        guard let oldestMilliseconds, now >= oldestMilliseconds + Self.flushMilliseconds else { return }
        flush()
    }

    /// Directory entries go before nodes: an entry precedes its node.
    mutating func flush() {
        if !unixPaths.isEmpty { send(.unixPaths(unixPaths)) }
        if !unixDirectories.isEmpty { send(.unixDirectories(unixDirectories)) }
        if !unixNodes.isEmpty { send(.unixNodes(unixNodes)) }
        if !files.isEmpty { send(.files(files)) }
        if !directories.isEmpty { send(.directories(directories)) }
        if !nodes.isEmpty { send(.nodes(nodes)) }
        unixPaths.removeAll(keepingCapacity: true)
        unixDirectories.removeAll(keepingCapacity: true)
        unixNodes.removeAll(keepingCapacity: true)
        files.removeAll(keepingCapacity: true)
        directories.removeAll(keepingCapacity: true)
        nodes.removeAll(keepingCapacity: true)
        entryBytes = 0
        nodeBytes = 0
        oldestMilliseconds = nil
    }
}

extension FileType {
    /// v2 has no OTHER: a client that does not know the type would drop the file.
    init(_ kind: FileKind, version: Int) {
        self =
            switch kind {
            case .directory: .directory
            case .fifo: .fifo
            case .characterDevice: .characterSpecial
            case .blockDevice: .blockSpecial
            case .regular: .regular
            case .symbolicLink: .symbolicLink
            case .socket: .socket
            case .other: version >= 3 ? .other : .regular
            }
    }
}

extension NDMPProtocol.FileStatus {
    init(_ status: BackupStreams.FileStatus) {
        self.init(
            fileSystemType: .unix,
            type: FileType(status.kind, version: 4),
            modificationTime: UInt32(clamping: status.modified.seconds),
            accessTime: UInt32(clamping: status.accessed.seconds),
            changeTime: UInt32(clamping: status.changed.seconds),
            owner: status.owner,
            group: status.group,
            attributes: status.mode,
            size: status.size,
            links: status.links
        )
    }
}

extension UnixFileStatus {
    init(_ status: BackupStreams.FileStatus, offset: UInt64) {
        self.init(
            type: FileType(status.kind, version: 2),
            modificationTime: UInt32(clamping: status.modified.seconds),
            accessTime: UInt32(clamping: status.accessed.seconds),
            changeTime: UInt32(clamping: status.changed.seconds),
            owner: status.owner,
            group: status.group,
            mode: status.mode,
            size: status.size,
            fileHistoryInfo: offset
        )
    }
}
