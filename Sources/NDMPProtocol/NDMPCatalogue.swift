// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// One message in the versions where it looks and is called the same.
package struct NDMPMessageRow: Sendable {
    package enum Kind: Sendable {
        /// Client to server; the server replies.
        case request
        /// Server to client; nobody replies.
        case post
        /// Client to server; the server closes the connection instead of replying.
        case closing
    }

    package var code: NDMPMessageCode
    package var name: String
    package var versions: ClosedRange<Int>
    package var kind: Kind
    /// Versions in which the message is refused with NOT_AUTHORIZED before CONNECT_CLIENT_AUTH.
    package var authenticatedVersions: ClosedRange<Int>?
    /// Body of the request or post.
    package var request: any XDRStruct.Type
    /// Body of the reply; nil for a post and for CONNECT_CLOSE.
    package var reply: (any NDMPReplyBody.Type)?

    package func needsAuthentication(version: Int) -> Bool {
        authenticatedVersions?.contains(version) ?? false
    }

    /// As a first request it accepts the version that the server announced: CONNECT_OPEN is optional.
    package var acceptsAnnouncedVersion: Bool {
        kind == .request && code != .connectOpen
    }
}

extension NDMPMessageRow {
    fileprivate static func request(
        _ code: NDMPMessageCode,
        _ name: String,
        _ versions: ClosedRange<Int>,
        _ request: any XDRStruct.Type,
        _ reply: any NDMPReplyBody.Type,
        beforeAuthentication: ClosedRange<Int>? = nil
    ) -> Self {
        var authenticated: ClosedRange<Int>? = versions
        if let open = beforeAuthentication {
            authenticated = open.upperBound < versions.upperBound ? open.upperBound + 1...versions.upperBound : nil
        }
        return Self(
            code: code,
            name: name,
            versions: versions,
            kind: .request,
            authenticatedVersions: authenticated,
            request: request,
            reply: reply
        )
    }

    fileprivate static func post(
        _ code: NDMPMessageCode,
        _ name: String,
        _ versions: ClosedRange<Int>,
        _ body: any XDRStruct.Type
    ) -> Self {
        Self(code: code, name: name, versions: versions, kind: .post, request: body)
    }
}

/// Which messages exist in which version, with the types of their bodies.
package enum NDMPCatalogue {
    package static let versions = 2...4

    /// The row of a message, or nil when the version does not have it: then the answer is NOT_SUPPORTED.
    package static func row(_ code: UInt32, version: Int) -> NDMPMessageRow? {
        byCode[code]?.first { $0.versions.contains(version) }
    }

    package static func row(_ code: NDMPMessageCode, version: Int) -> NDMPMessageRow? {
        row(code.rawValue, version: version)
    }

    private static let byCode = Dictionary(grouping: rows) { $0.code.rawValue }

    package static let rows: [NDMPMessageRow] =
        configRows + scsiRows + tapeRows + dataRows + postRows + connectRows + moverRows

    private static let configRows: [NDMPMessageRow] = [
        .request(
            .configGetHostInfo,
            "CONFIG_GET_HOST_INFO",
            2...4,
            EmptyBody.self,
            ConfigGetHostInfoReply.self,
            beforeAuthentication: 2...3
        ),
        .request(
            .configGetBackupTypeAttributes,
            "CONFIG_GET_BUTYPE_ATTR",
            2...2,
            ConfigGetBackupTypeAttributesRequest.self,
            ConfigGetBackupTypeAttributesReply.self
        ),
        .request(
            .configGetConnectionType,
            "CONFIG_GET_MOVER_TYPE",
            2...2,
            EmptyBody.self,
            ConfigGetConnectionTypeReply.self
        ),
        .request(
            .configGetConnectionType,
            "CONFIG_GET_CONNECTION_TYPE",
            3...4,
            EmptyBody.self,
            ConfigGetConnectionTypeReply.self
        ),
        .request(
            .configGetAuthAttributes,
            "CONFIG_GET_AUTH_ATTR",
            2...4,
            ConfigGetAuthAttributesRequest.self,
            ConfigGetAuthAttributesReply.self,
            beforeAuthentication: 2...4
        ),
        .request(
            .configGetBackupTypeInfo,
            "CONFIG_GET_BUTYPE_INFO",
            3...4,
            EmptyBody.self,
            ConfigGetBackupTypeInfoReply.self
        ),
        .request(
            .configGetFileSystemInfo,
            "CONFIG_GET_FS_INFO",
            3...4,
            EmptyBody.self,
            ConfigGetFileSystemInfoReply.self
        ),
        .request(.configGetTapeInfo, "CONFIG_GET_TAPE_INFO", 3...4, EmptyBody.self, ConfigGetDeviceInfoReply.self),
        .request(.configGetSCSIInfo, "CONFIG_GET_SCSI_INFO", 3...4, EmptyBody.self, ConfigGetDeviceInfoReply.self),
        .request(
            .configGetServerInfo,
            "CONFIG_GET_SERVER_INFO",
            3...4,
            EmptyBody.self,
            ConfigGetServerInfoReply.self,
            beforeAuthentication: 3...4
        ),
        .request(
            .configSetExtensionList,
            "CONFIG_SET_EXT_LIST",
            4...4,
            ConfigSetExtensionListRequest.self,
            ErrorReply.self
        ),
        .request(
            .configGetExtensionList,
            "CONFIG_GET_EXT_LIST",
            4...4,
            EmptyBody.self,
            ConfigGetExtensionListReply.self
        ),
    ]

    private static let scsiRows: [NDMPMessageRow] = [
        .request(.scsiOpen, "SCSI_OPEN", 2...4, SCSIOpenRequest.self, ErrorReply.self),
        .request(.scsiClose, "SCSI_CLOSE", 2...4, EmptyBody.self, ErrorReply.self),
        .request(.scsiGetState, "SCSI_GET_STATE", 2...4, EmptyBody.self, SCSIGetStateReply.self),
        .request(.scsiSetTarget, "SCSI_SET_TARGET", 2...3, SCSISetTargetRequest.self, ErrorReply.self),
        .request(.scsiResetDevice, "SCSI_RESET_DEVICE", 2...4, EmptyBody.self, ErrorReply.self),
        .request(.scsiResetBus, "SCSI_RESET_BUS", 2...3, EmptyBody.self, ErrorReply.self),
        .request(.scsiExecuteCDB, "SCSI_EXECUTE_CDB", 2...4, ExecuteCDBRequest.self, ExecuteCDBReply.self),
    ]

    private static let tapeRows: [NDMPMessageRow] = [
        .request(.tapeOpen, "TAPE_OPEN", 2...4, TapeOpenRequest.self, ErrorReply.self),
        .request(.tapeClose, "TAPE_CLOSE", 2...4, EmptyBody.self, ErrorReply.self),
        .request(.tapeGetState, "TAPE_GET_STATE", 2...4, EmptyBody.self, TapeGetStateReply.self),
        .request(.tapeMTIO, "TAPE_MTIO", 2...4, TapeMTIORequest.self, TapeMTIOReply.self),
        .request(.tapeWrite, "TAPE_WRITE", 2...4, TapeWriteRequest.self, TapeWriteReply.self),
        .request(.tapeRead, "TAPE_READ", 2...4, TapeReadRequest.self, TapeReadReply.self),
        .request(.tapeExecuteCDB, "TAPE_EXECUTE_CDB", 2...4, ExecuteCDBRequest.self, ExecuteCDBReply.self),
    ]

    private static let dataRows: [NDMPMessageRow] = [
        .request(.dataGetState, "DATA_GET_STATE", 2...4, EmptyBody.self, DataGetStateReply.self),
        .request(.dataStartBackup, "DATA_START_BACKUP", 2...4, DataStartBackupRequest.self, ErrorReply.self),
        .request(.dataStartRecover, "DATA_START_RECOVER", 2...4, DataStartRecoverRequest.self, ErrorReply.self),
        .request(.dataAbort, "DATA_ABORT", 2...4, EmptyBody.self, ErrorReply.self),
        .request(.dataGetEnvironment, "DATA_GET_ENV", 2...4, EmptyBody.self, DataGetEnvironmentReply.self),
        .request(.dataStop, "DATA_STOP", 2...4, EmptyBody.self, ErrorReply.self),
        .request(.dataListen, "DATA_LISTEN", 3...4, DataListenRequest.self, DataListenReply.self),
        .request(.dataConnect, "DATA_CONNECT", 3...4, DataConnectRequest.self, ErrorReply.self),
        .request(
            .dataStartRecoverFileHistory,
            "DATA_START_RECOVER_FILEHIST",
            2...4,
            DataStartRecoverRequest.self,
            ErrorReply.self
        ),
    ]

    private static let postRows: [NDMPMessageRow] = [
        .post(.notifyDataHalted, "NOTIFY_DATA_HALTED", 2...4, NotifyDataHaltedPost.self),
        .post(.notifyConnected, "NOTIFY_CONNECTED", 2...3, NotifyConnectedPost.self),
        .post(.notifyConnected, "NOTIFY_CONNECTION_STATUS", 4...4, NotifyConnectedPost.self),
        .post(.notifyMoverHalted, "NOTIFY_MOVER_HALTED", 2...4, NotifyMoverHaltedPost.self),
        .post(.notifyMoverPaused, "NOTIFY_MOVER_PAUSED", 2...4, NotifyMoverPausedPost.self),
        .post(.notifyDataRead, "NOTIFY_DATA_READ", 2...4, NotifyDataReadPost.self),
        .post(.logText, "LOG_LOG", 2...2, LogTextPost.self),
        .post(.logDebug, "LOG_DEBUG", 2...2, LogDebugPost.self),
        .post(.logFile, "LOG_FILE", 2...4, LogFilePost.self),
        .post(.logMessage, "LOG_MESSAGE", 3...4, LogMessagePost.self),
        .post(.fileHistoryAddUnixPath, "FH_ADD_UNIX_PATH", 2...2, FileHistoryAddUnixPathPost.self),
        .post(.fileHistoryAddUnixDirectory, "FH_ADD_UNIX_DIR", 2...2, FileHistoryAddUnixDirectoryPost.self),
        .post(.fileHistoryAddUnixNode, "FH_ADD_UNIX_NODE", 2...2, FileHistoryAddUnixNodePost.self),
        .post(.fileHistoryAddFile, "FH_ADD_FILE", 3...4, FileHistoryAddFilePost.self),
        .post(.fileHistoryAddDirectory, "FH_ADD_DIR", 3...4, FileHistoryAddDirectoryPost.self),
        .post(.fileHistoryAddNode, "FH_ADD_NODE", 3...4, FileHistoryAddNodePost.self),
    ]

    private static let connectRows: [NDMPMessageRow] = [
        .request(
            .connectOpen,
            "CONNECT_OPEN",
            2...4,
            ConnectOpenRequest.self,
            ErrorReply.self,
            beforeAuthentication: 2...4
        ),
        .request(
            .connectClientAuth,
            "CONNECT_CLIENT_AUTH",
            2...4,
            ConnectClientAuthRequest.self,
            ErrorReply.self,
            beforeAuthentication: 2...4
        ),
        Self.connectClose,
        .request(
            .connectServerAuth,
            "CONNECT_SERVER_AUTH",
            2...4,
            ConnectServerAuthRequest.self,
            ConnectServerAuthReply.self
        ),
    ]

    private static let moverRows: [NDMPMessageRow] = [
        .request(.moverGetState, "MOVER_GET_STATE", 2...4, EmptyBody.self, MoverGetStateReply.self),
        .request(.moverListen, "MOVER_LISTEN", 2...4, MoverListenRequest.self, MoverListenReply.self),
        .request(.moverContinue, "MOVER_CONTINUE", 2...4, EmptyBody.self, ErrorReply.self),
        .request(.moverAbort, "MOVER_ABORT", 2...4, EmptyBody.self, ErrorReply.self),
        .request(.moverStop, "MOVER_STOP", 2...4, EmptyBody.self, ErrorReply.self),
        .request(.moverSetWindow, "MOVER_SET_WINDOW", 2...4, MoverSetWindowRequest.self, ErrorReply.self),
        .request(.moverRead, "MOVER_READ", 2...4, MoverReadRequest.self, ErrorReply.self),
        .request(.moverClose, "MOVER_CLOSE", 2...4, EmptyBody.self, ErrorReply.self),
        .request(.moverSetRecordSize, "MOVER_SET_RECORD_SIZE", 2...4, MoverSetRecordSizeRequest.self, ErrorReply.self),
        .request(.moverConnect, "MOVER_CONNECT", 3...4, MoverConnectRequest.self, ErrorReply.self),
    ]

    private static let connectClose = NDMPMessageRow(
        code: .connectClose,
        name: "CONNECT_CLOSE",
        versions: 2...4,
        kind: .closing,
        request: EmptyBody.self
    )
}
