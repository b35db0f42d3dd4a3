// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// How file history is told: not at all, one path per file, or directory entries and nodes.
package enum HistoryForm: Sendable, Equatable {
    case none
    /// FH_ADD_FILE, and FH_ADD_UNIX_PATH in NDMP v2.
    case paths
    /// FH_ADD_DIR and FH_ADD_NODE, and their UNIX forms in NDMP v2.
    case nodes
}

/// How grave a note of a job is.
package enum NoteSeverity: Sendable, Equatable {
    case normal
    case warning
    case error
}

/// Takes the file history of a stream. `offset` is the stream position of the file's header: what direct access
/// recovery comes back with.
package protocol FileHistoryReceiver: AnyObject {
    /// Paths form: one call per name.
    func file(_ path: TreePath, _ status: FileStatus, node: UInt64, offset: UInt64)
    /// Nodes form, in the order of NDMP v4, 3.7.3: the root's "." and ".." come first, each directory's "." (parent =
    /// itself) and ".." (node = its parent) directly before its children, all entries of a directory together, and an
    /// entry before its node.
    func directoryEntry(_ name: [UInt8], node: UInt64, parent: UInt64)
    func node(_ status: FileStatus, node: UInt64, offset: UInt64)
}

/// Follows a job. Called on the job's own thread.
package protocol JobObserver: FileHistoryReceiver {
    /// Looked at between files and blocks; a true one ends the job with `StreamError.cancelled`.
    var isCancelled: Bool { get }
    /// One sentence, which names the file if it is about one.
    func note(_ severity: NoteSeverity, _ sentence: String)
    /// The size of the stream, as soon as it is known or can be guessed.
    func estimate(bytes: UInt64)
}

/// What became of one selection of a recovery.
package enum RecoveryResult: Sendable, Equatable {
    case recovered
    case permissionDenied
    /// It is not in the stream.
    case notFound
    /// The directory that it should go to cannot be made or used.
    case noDirectory
    case outOfMemory
    /// Reading the stream or writing the file failed; a full target too.
    case failed
    /// Something that may not be replaced is in its place.
    case pathExists
    case undefined
}

/// Follows a recovery.
package protocol RecoverObserver: JobObserver {
    /// Called once for each selection, by its index in the job's list.
    func finished(_ selection: Int, _ result: RecoveryResult)
}
