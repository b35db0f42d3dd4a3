// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import NDMPProtocol
import Testing

/// Code, name in v2, v3 and v4 (- where the version has no such message), and whether it is a request with reply,
/// a post, or the closing request. From the interface definitions of the three versions.
private let publishedMessages = """
    0x100 CONFIG_GET_HOST_INFO CONFIG_GET_HOST_INFO CONFIG_GET_HOST_INFO R
    0x101 CONFIG_GET_BUTYPE_ATTR - - R
    0x102 CONFIG_GET_MOVER_TYPE CONFIG_GET_CONNECTION_TYPE CONFIG_GET_CONNECTION_TYPE R
    0x103 CONFIG_GET_AUTH_ATTR CONFIG_GET_AUTH_ATTR CONFIG_GET_AUTH_ATTR R
    0x104 - CONFIG_GET_BUTYPE_INFO CONFIG_GET_BUTYPE_INFO R
    0x105 - CONFIG_GET_FS_INFO CONFIG_GET_FS_INFO R
    0x106 - CONFIG_GET_TAPE_INFO CONFIG_GET_TAPE_INFO R
    0x107 - CONFIG_GET_SCSI_INFO CONFIG_GET_SCSI_INFO R
    0x108 - CONFIG_GET_SERVER_INFO CONFIG_GET_SERVER_INFO R
    0x109 - - CONFIG_SET_EXT_LIST R
    0x10a - - CONFIG_GET_EXT_LIST R
    0x200 SCSI_OPEN SCSI_OPEN SCSI_OPEN R
    0x201 SCSI_CLOSE SCSI_CLOSE SCSI_CLOSE R
    0x202 SCSI_GET_STATE SCSI_GET_STATE SCSI_GET_STATE R
    0x203 SCSI_SET_TARGET SCSI_SET_TARGET - R
    0x204 SCSI_RESET_DEVICE SCSI_RESET_DEVICE SCSI_RESET_DEVICE R
    0x205 SCSI_RESET_BUS SCSI_RESET_BUS - R
    0x206 SCSI_EXECUTE_CDB SCSI_EXECUTE_CDB SCSI_EXECUTE_CDB R
    0x300 TAPE_OPEN TAPE_OPEN TAPE_OPEN R
    0x301 TAPE_CLOSE TAPE_CLOSE TAPE_CLOSE R
    0x302 TAPE_GET_STATE TAPE_GET_STATE TAPE_GET_STATE R
    0x303 TAPE_MTIO TAPE_MTIO TAPE_MTIO R
    0x304 TAPE_WRITE TAPE_WRITE TAPE_WRITE R
    0x305 TAPE_READ TAPE_READ TAPE_READ R
    0x307 TAPE_EXECUTE_CDB TAPE_EXECUTE_CDB TAPE_EXECUTE_CDB R
    0x400 DATA_GET_STATE DATA_GET_STATE DATA_GET_STATE R
    0x401 DATA_START_BACKUP DATA_START_BACKUP DATA_START_BACKUP R
    0x402 DATA_START_RECOVER DATA_START_RECOVER DATA_START_RECOVER R
    0x403 DATA_ABORT DATA_ABORT DATA_ABORT R
    0x404 DATA_GET_ENV DATA_GET_ENV DATA_GET_ENV R
    0x407 DATA_STOP DATA_STOP DATA_STOP R
    0x409 - DATA_LISTEN DATA_LISTEN R
    0x40a - DATA_CONNECT DATA_CONNECT R
    0x40b DATA_START_RECOVER_FILEHIST DATA_START_RECOVER_FILEHIST DATA_START_RECOVER_FILEHIST R
    0x501 NOTIFY_DATA_HALTED NOTIFY_DATA_HALTED NOTIFY_DATA_HALTED P
    0x502 NOTIFY_CONNECTED NOTIFY_CONNECTED NOTIFY_CONNECTION_STATUS P
    0x503 NOTIFY_MOVER_HALTED NOTIFY_MOVER_HALTED NOTIFY_MOVER_HALTED P
    0x504 NOTIFY_MOVER_PAUSED NOTIFY_MOVER_PAUSED NOTIFY_MOVER_PAUSED P
    0x505 NOTIFY_DATA_READ NOTIFY_DATA_READ NOTIFY_DATA_READ P
    0x600 LOG_LOG - - P
    0x601 LOG_DEBUG - - P
    0x602 LOG_FILE LOG_FILE LOG_FILE P
    0x603 - LOG_MESSAGE LOG_MESSAGE P
    0x700 FH_ADD_UNIX_PATH - - P
    0x701 FH_ADD_UNIX_DIR - - P
    0x702 FH_ADD_UNIX_NODE - - P
    0x703 - FH_ADD_FILE FH_ADD_FILE P
    0x704 - FH_ADD_DIR FH_ADD_DIR P
    0x705 - FH_ADD_NODE FH_ADD_NODE P
    0x900 CONNECT_OPEN CONNECT_OPEN CONNECT_OPEN R
    0x901 CONNECT_CLIENT_AUTH CONNECT_CLIENT_AUTH CONNECT_CLIENT_AUTH R
    0x902 CONNECT_CLOSE CONNECT_CLOSE CONNECT_CLOSE C
    0x903 CONNECT_SERVER_AUTH CONNECT_SERVER_AUTH CONNECT_SERVER_AUTH R
    0xa00 MOVER_GET_STATE MOVER_GET_STATE MOVER_GET_STATE R
    0xa01 MOVER_LISTEN MOVER_LISTEN MOVER_LISTEN R
    0xa02 MOVER_CONTINUE MOVER_CONTINUE MOVER_CONTINUE R
    0xa03 MOVER_ABORT MOVER_ABORT MOVER_ABORT R
    0xa04 MOVER_STOP MOVER_STOP MOVER_STOP R
    0xa05 MOVER_SET_WINDOW MOVER_SET_WINDOW MOVER_SET_WINDOW R
    0xa06 MOVER_READ MOVER_READ MOVER_READ R
    0xa07 MOVER_CLOSE MOVER_CLOSE MOVER_CLOSE R
    0xa08 MOVER_SET_RECORD_SIZE MOVER_SET_RECORD_SIZE MOVER_SET_RECORD_SIZE R
    0xa09 - MOVER_CONNECT MOVER_CONNECT R
    """

@Suite("Message catalogue")
struct CatalogueTests {
    private static let published = publishedMessages.split(separator: "\n").map {
        $0.split(separator: " ").map(String.init)
    }

    @Test("every message has its name in each version, and no version has more", arguments: 2...4)
    func names(version: Int) throws {
        for line in Self.published {
            let code = try #require(UInt32(line[0].dropFirst(2), radix: 16))
            let row = NDMPCatalogue.row(code, version: version)
            let name = line[version - 1]
            #expect((row?.name ?? "-") == name, "\(line[0])")
            guard let row else { continue }
            let kinds: [String: NDMPMessageRow.Kind] = ["R": .request, "P": .post, "C": .closing]
            #expect(row.kind == kinds[line[4]])
            #expect((row.reply != nil) == (line[4] == "R"))
        }
        let known = Self.published.filter { $0[version - 1] != "-" }.count
        #expect(NDMPCatalogue.rows.filter { $0.versions.contains(version) }.count == known)
        #expect(NDMPMessageCode.allCases.count == Self.published.count)
    }

    @Test("codes that no version has give no row", arguments: [0, 0x306, 0x408, 0x405, 0x800, 0xff00, 0xffff_ffff])
    func unknown(code: UInt32) {
        for version in 2...4 { #expect(NDMPCatalogue.row(code, version: version) == nil) }
    }

    @Test("only the published messages are allowed before authentication")
    func authentication() {
        for version in 2...4 {
            var open: Set<NDMPMessageCode> = [.connectOpen, .connectClientAuth, .configGetAuthAttributes]
            if version >= 3 { open.insert(.configGetServerInfo) }
            if version < 4 { open.insert(.configGetHostInfo) }
            let rows = NDMPCatalogue.rows.filter { $0.versions.contains(version) && $0.kind == .request }
            #expect(Set(rows.filter { !$0.needsAuthentication(version: version) }.map(\.code)) == open)
        }
    }

    @Test("errors become what older versions know")
    func errors() {
        #expect(NDMPError.connect.wireValue(version: 2) == 7)
        #expect(NDMPError.connect.wireValue(version: 3) == 23)
        for error in [NDMPError.sequenceNumber, .readInProgress, .precondition, .extensionNegotiationTooLate] {
            #expect(error.wireValue(version: 3) == 19)
            #expect(error.wireValue(version: 4) == error.rawValue)
        }
        #expect(NDMPError.deviceBusy.wireValue(version: 2) == 2)
        #expect(NDMPError(rawValue: 0x2050_0001).wireValue(version: 4) == 0x2050_0001)
        #expect(MoverPauseReason.endOfWindow.wireValue(version: 2) == 2)
        #expect(MoverPauseReason.endOfWindow.wireValue(version: 3) == 5)
        #expect(MoverHaltReason.mediaError.wireValue(version: 3) == 3)
    }

    @Test("the reference page is the one the catalogue gives")
    func reference() throws {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appending(path: "docs/reference/ndmp-messages.md")
        if ProcessInfo.processInfo.environment["CAPSTAN_WRITE_REFERENCE"] != nil {
            try Data(NDMPReference.page.utf8).write(to: file)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == NDMPReference.page, "set CAPSTAN_WRITE_REFERENCE=1")
    }
}
