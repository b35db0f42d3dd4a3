// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Testing
import WireFormat

/// Messages that no capture has, put together by hand from the interface definitions of the three versions.
@Suite("Layouts without a capture")
struct LayoutTests {
    /// Decodes to the value and encodes to the bytes. Blanks in the hex are for the eye.
    private func check<T: XDRStruct & Equatable>(_ hex: String, _ versions: ClosedRange<Int>, _ value: T) throws {
        let bytes = hexBytes(hex.filter { !$0.isWhitespace })
        for version in versions {
            var reader = XDRReader(bytes, version: version)
            #expect(try reader.decode(T.self) == value, "v\(version)")
            #expect(reader.remaining == 0, "v\(version)")
            var writer = XDRWriter(version: version, source: bytes)
            try writer.encode(value)
            #expect(writer.written == bytes, "v\(version)")
        }
    }

    @Test("TAPE_WRITE and TAPE_READ")
    func tapeData() throws {
        try check("00000005 68656c6c 6f000000", 2...4, TapeWriteRequest(data: .inMessage(4..<9)))
        try check("00000000 00000005", 2...4, TapeWriteReply(error: .noError, count: 5))
        try check("00010000", 2...4, TapeReadRequest(count: 65_536))
        try check("0000000c 00000000", 2...4, TapeReadReply(error: .endOfFile, data: .inMessage(8..<8)))
        try check("00000000 00000003 61626300", 2...4, TapeReadReply(error: .noError, data: .inMessage(8..<11)))
    }

    @Test("TAPE_MTIO and TAPE_OPEN keep values that no version has")
    func tapeControl() throws {
        try check("00000005 00000002", 2...4, TapeMTIORequest(operation: .writeFilemarks, count: 2))
        try check("00000063 00000001", 2...4, TapeMTIORequest(operation: TapeOperation(rawValue: 99), count: 1))
        try check("00000000 00000063", 2...4, TapeMTIOReply(error: .noError, residualCount: 99))
        try check("00000004 6e737430 0000007b", 2...4, TapeOpenRequest(device: "nst0", mode: TapeMode(rawValue: 123)))
        try check("00000004 6e737430 7fffffff", 3...3, TapeOpenRequest(device: "nst0", mode: .rawUnofficial))
    }

    @Test("EXECUTE_CDB with data to the device, and sense data back")
    func executeCDB() throws {
        try check(
            "00000002 000003e8 00000000 00000006 151000000400 0000 00000004 00000008",
            2...4,
            ExecuteCDBRequest(
                flags: .dataOut,
                timeoutMilliseconds: 1000,
                dataInLength: 0,
                cdb: .inMessage(16..<22),
                dataOut: .inMessage(28..<32)
            )
        )
        try check(
            "00000000 00000002 00000004 00000000 00000003 700005 00",
            2...4,
            ExecuteCDBReply(error: .noError, status: 2, dataOutLength: 4, dataIn: [], sense: [0x70, 0, 5])
        )
    }

    @Test("SCSI_GET_STATE with an unknown target, SCSI_SET_TARGET")
    func scsiState() throws {
        try check(
            "00000000 00000000 ffffffff 00000001",
            2...4,
            SCSIGetStateReply(error: .noError, controller: 0, targetID: -1, lun: 1)
        )
        try check(
            "00000003 736730 00 00000001 00000002 00000003",
            2...3,
            SCSISetTargetRequest(device: "sg0", controller: 1, targetID: 2, lun: 3)
        )
    }

    @Test("MOVER_CONNECT: one address before v4, a list with environments in v4")
    func moverConnect() throws {
        try check(
            "00000001 00000001 0a000001 0000c350",
            2...3,
            MoverConnectRequest(mode: .write, address: .tcp(ip: 0x0a00_0001, port: 50_000))
        )
        let first = TCPAddress(ip: 0x0a00_0001, port: 50_000, environment: [NDMPVariable(name: "A", value: "b")])
        try check(
            "00000000 00000001 00000002 0a000001 0000c350 00000001 00000001 41000000 00000001 62000000"
                + "0a000002 00000001 00000000",
            4...4,
            MoverConnectRequest(mode: .read, address: .tcp([first, TCPAddress(ip: 0x0a00_0002, port: 1)]))
        )
        try check("00000000 00000003 00000002 0102 0000", 3...4, MoverConnectRequest(address: .ipc([1, 2])))
    }

    @Test("MOVER windows, and a pause at the end of the window")
    func moverWindow() throws {
        try check(
            "0000000100000000 ffffffffffffffff",
            2...4,
            MoverSetWindowRequest(offset: 1 << 32, length: .max)
        )
        let pause = NotifyMoverPausedPost(reason: .endOfWindow, seekPosition: 5)
        try check("00000005 0000000000000005", 3...4, pause)
        var writer = XDRWriter(version: 2)
        try writer.encode(pause)
        #expect(writer.written == hexBytes("000000020000000000000005"))
    }

    @Test("DATA_START_RECOVER: four fields of a name in v2, six since v3")
    func startRecover() throws {
        try check(
            "00000000 00000000 00000001 00000001 61000000 00000002 2f620000 00000007 0000000000000200 00000004 64756d70",
            2...2,
            DataStartRecoverRequest(
                names: [NameListEntry(originalPath: "a", destination: "/b", ssid: 7, fileHistoryInfo: 512)],
                backupType: "dump"
            )
        )
        try check(
            "00000000 00000001 00000001 61000000 00000002 2f620000 00000001 63000000 00000000"
                + "0000000000000009 ffffffffffffffff 00000003 746172 00",
            3...4,
            DataStartRecoverRequest(
                names: [
                    NameListEntry(
                        originalPath: "a",
                        destination: "/b",
                        newName: "c",
                        node: 9,
                        fileHistoryInfo: .max
                    )
                ],
                backupType: "tar"
            )
        )
    }

    @Test("extension lists of v4")
    func extensions() throws {
        try check(
            "00000000 00000001 00007ff0 00000002 00000002 00000001",
            4...4,
            ConfigGetExtensionListReply(
                error: .noError,
                extensions: [OfferedExtension(classID: 0x7ff0, versions: [2, 1])]
            )
        )
        try check(
            "00000001 00007ff0 00000002",
            4...4,
            ConfigSetExtensionListRequest(extensions: [SelectedExtension(classID: 0x7ff0, version: 2)])
        )
    }

    @Test("CONNECT_CLIENT_AUTH with a password, CONNECT_SERVER_AUTH with a challenge")
    func authentication() throws {
        try check(
            "00000001 00000004 6e646d70 00000003 707764 00",
            2...4,
            ConnectClientAuthRequest(auth: .text(user: "ndmp", password: "pwd"))
        )
        try check("00000000", 2...4, ConnectClientAuthRequest(auth: .none))
        let challenge = String(repeating: "5a", count: 64)
        try check(
            "00000002" + challenge,
            2...4,
            ConnectServerAuthRequest(challenge: .md5(challenge: Array(repeating: 0x5a, count: 64)))
        )
    }

    @Test("LOG_FILE: ssid and error in v2, error in v3, recovery status in v4")
    func logFile() throws {
        try check("00000001 61000000 00000003 0000000e", 2...2, LogFilePost(name: "a", ssid: 3, error: .fileNotFound))
        try check("00000001 61000000 0000000e", 3...3, LogFilePost(name: "a", error: .fileNotFound))
        try check("00000001 61000000 00000002", 4...4, LogFilePost(name: "a", recoveryStatus: .notFound))
    }

    @Test("file history by directory and node")
    func fileHistory() throws {
        try check(
            "00000001 00000002 00000000 00000001 61000000 00000001 00000001 62000000 00000002 4231 0000"
                + "0000000000000003 0000000000000002",
            3...4,
            FileHistoryAddDirectoryPost(
                directories: [DirectoryEntry(names: [.unix("a"), .nt(path: "b", dosPath: "B1")], node: 3, parent: 2)]
            )
        )
        try check(
            "00000001 00000001 00000001 00000000 00000004 00000010 00000011 00000012 00000013 00000014 000001a4"
                + "0000000000000400 00000001 0000000000000003 0000000000000200",
            3...4,
            FileHistoryAddNodePost(
                nodes: [
                    NodeEntry(
                        status: [
                            FileStatus(
                                unsupported: .accessTime,
                                type: .regular,
                                modificationTime: 16,
                                accessTime: 17,
                                changeTime: 18,
                                owner: 19,
                                group: 20,
                                attributes: 0o644,
                                size: 1024,
                                links: 1
                            )
                        ],
                        node: 3,
                        fileHistoryInfo: 512
                    )
                ]
            )
        )
        try check(
            "00000001 00000001 61000000 00000003 00000002",
            2...2,
            FileHistoryAddUnixDirectoryPost(directories: [UnixDirectoryEntry(name: "a", node: 3, parent: 2)])
        )
    }

    @Test("refusing replies carry the error and nothing else", arguments: 2...4)
    func refusals(version: Int) throws {
        for row in NDMPCatalogue.rows where row.versions.contains(version) {
            guard let type = row.reply else { continue }
            try refuse(type, version)
        }
    }

    private func refuse<T: NDMPReplyBody>(_ type: T.Type, _ version: Int) throws {
        var writer = XDRWriter(version: version)
        try writer.encode(T(refusing: .deviceBusy))
        let written = writer.written
        var reader = XDRReader(written, version: version)
        #expect(try reader.decode(type).error == .deviceBusy)
        #expect(written.filter { $0 != 0 && $0 != 2 }.isEmpty)
        #expect(written.filter { $0 == 2 }.count <= 2)
    }
}
