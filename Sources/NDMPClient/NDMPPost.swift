// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import WireFormat

/// What a server says on its own. Every version's posts in one form.
package enum NDMPPost: Sendable, Equatable {
    /// `text` is empty in v4, which has none.
    case dataHalted(DataHaltReason, text: String)
    case moverHalted(MoverHaltReason, text: String)
    case moverPaused(MoverPauseReason, seekPosition: UInt64)
    /// The data service wants these bytes of the stream; to be passed on as MOVER_READ.
    case dataRead(offset: UInt64, length: UInt64)
    case log(LogType, text: String)
    /// How one entry of a recover list ended.
    case logFile(name: XDRString, RecoveryStatus)
    case fileHistory(FileHistory)
    case connectionStatus(ConnectionReason, version: Int, text: String)
    /// A post that this version does not have; to be passed over.
    case other(code: UInt32)
}

/// One batch of file history, v2's entries in the form of v3.
package enum FileHistory: Sendable, Equatable {
    /// Whole paths, from the root of the backup.
    case files([FileEntry])
    /// Names and their place in the tree.
    case directories([DirectoryEntry])
    /// What the names of `directories` lead to.
    case nodes([NodeEntry])
}

extension NDMPPost {
    /// Decodes the post in `range`, its header included.
    ///
    /// - Throws: what is wrong with a post that should be there in this version.
    init(_ message: [UInt8], version: Int) throws(XDRError) {
        var reader = XDRReader(message, version: version)
        let header: NDMPHeader = try reader.decode()
        guard let code = NDMPCatalogue.row(header.code, version: version)?.code else {
            self = .other(code: header.code)
            return
        }
        switch code {
        case .notifyDataHalted:
            let body: NotifyDataHaltedPost = try reader.decode()
            self = .dataHalted(body.reason, text: body.text.text)
        case .notifyMoverHalted:
            let body: NotifyMoverHaltedPost = try reader.decode()
            self = .moverHalted(body.reason, text: body.text.text)
        case .notifyMoverPaused:
            let body: NotifyMoverPausedPost = try reader.decode()
            self = .moverPaused(body.reason, seekPosition: body.seekPosition)
        case .notifyDataRead:
            let body: NotifyDataReadPost = try reader.decode()
            self = .dataRead(offset: body.offset, length: body.length)
        case .notifyConnected:
            let body: NotifyConnectedPost = try reader.decode()
            self = .connectionStatus(body.reason, version: Int(body.protocolVersion), text: body.text.text)
        case .logText, .logDebug, .logMessage, .logFile: self = try Self.log(code, &reader)
        default:
            if let history = try FileHistory(code, &reader) {
                self = .fileHistory(history)
            } else {
                self = .other(code: header.code)
            }
        }
    }

    private static func log(_ code: NDMPMessageCode, _ reader: inout XDRReader) throws(XDRError) -> NDMPPost {
        switch code {
        case .logText:
            let body: LogTextPost = try reader.decode()
            return .log(.normal, text: body.entry.text)
        case .logDebug:
            let body: LogDebugPost = try reader.decode()
            // The first three levels are for the user.
            return .log(body.level <= 2 ? .normal : .debug, text: body.message.text)
        case .logFile:
            let body: LogFilePost = try reader.decode()
            let status = reader.version >= 4 ? body.recoveryStatus : RecoveryStatus(body.error)
            return .logFile(name: body.name, status)
        default:
            let body: LogMessagePost = try reader.decode()
            return .log(body.type, text: body.entry.text)
        }
    }
}

extension RecoveryStatus {
    /// What v2 and v3 say with an error code.
    fileprivate init(_ error: NDMPError) {
        switch error {
        case .noError: self = .successful
        case .permission, .notAuthorized: self = .permission
        case .fileNotFound: self = .notFound
        case .noMemory: self = .noMemory
        case .io: self = .io
        default: self = .undefined
        }
    }
}

extension FileHistory {
    fileprivate init?(_ code: NDMPMessageCode, _ reader: inout XDRReader) throws(XDRError) {
        switch code {
        case .fileHistoryAddFile: self = .files(try reader.decode(FileHistoryAddFilePost.self).files)
        case .fileHistoryAddDirectory:
            self = .directories(try reader.decode(FileHistoryAddDirectoryPost.self).directories)
        case .fileHistoryAddNode: self = .nodes(try reader.decode(FileHistoryAddNodePost.self).nodes)
        case .fileHistoryAddUnixPath:
            let body = try reader.decode(FileHistoryAddUnixPathPost.self)
            self = .files(
                body.paths.map {
                    FileEntry(
                        names: [.unix($0.path)],
                        status: [FileStatus($0.status)],
                        fileHistoryInfo: $0.status.fileHistoryInfo
                    )
                }
            )
        case .fileHistoryAddUnixDirectory:
            let body = try reader.decode(FileHistoryAddUnixDirectoryPost.self)
            self = .directories(
                body.directories.map {
                    DirectoryEntry(names: [.unix($0.name)], node: UInt64($0.node), parent: UInt64($0.parent))
                }
            )
        case .fileHistoryAddUnixNode:
            let body = try reader.decode(FileHistoryAddUnixNodePost.self)
            self = .nodes(
                body.nodes.map {
                    NodeEntry(
                        status: [FileStatus($0.status)],
                        node: UInt64($0.node),
                        fileHistoryInfo: $0.status.fileHistoryInfo
                    )
                }
            )
        default: return nil
        }
    }
}

extension FileStatus {
    fileprivate init(_ old: UnixFileStatus) {
        self.init(
            type: old.type,
            modificationTime: old.modificationTime,
            accessTime: old.accessTime,
            changeTime: old.changeTime,
            owner: old.owner,
            group: old.group,
            attributes: old.mode & 0o7777,
            size: old.size,
            links: 1
        )
    }
}
