// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import NDMPProtocol
import WireFormat

/// What a running job has to tell the client. The session sends it.
enum DataPost: Sendable, Equatable {
    /// These bytes of the stream are wanted from the mover.
    case read(offset: UInt64, length: UInt64)
    case log(NoteSeverity, String)
    /// One name of a recover list is done with.
    case file(XDRString, RecoveryResult)
    case history(HistoryBatch)
}

/// One file history post, in the form of the session's version.
enum HistoryBatch: Sendable, Equatable {
    case unixPaths([UnixPathEntry])
    case unixDirectories([UnixDirectoryEntry])
    case unixNodes([UnixNodeEntry])
    case files([FileEntry])
    case directories([DirectoryEntry])
    case nodes([NodeEntry])
}

extension NoteSeverity {
    var logType: LogType {
        switch self {
        case .normal: .normal
        case .warning: .warning
        case .error: .error
        }
    }
}

extension RecoveryResult {
    /// LOG_FILE of v4.
    var status: RecoveryStatus {
        switch self {
        case .recovered: .successful
        case .permissionDenied: .permission
        case .notFound: .notFound
        case .noDirectory: .noDirectory
        case .outOfMemory: .noMemory
        case .failed: .io
        case .pathExists: .pathExists
        case .undefined: .undefined
        }
    }

    /// LOG_FILE of v2 and v3, which have only the general error codes.
    var error: NDMPError {
        switch self {
        case .recovered: .noError
        case .permissionDenied: .permission
        case .notFound: .fileNotFound
        case .noDirectory, .pathExists: .badFile
        case .outOfMemory: .noMemory
        case .failed: .io
        case .undefined: .undefined
        }
    }
}
