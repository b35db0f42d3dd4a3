// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Testing
import WireFormat

/// The values in the captured frames, read off the hex by hand.
@Suite("Fields of captured frames")
struct FieldTests {
    private func body<T: XDRStruct>(
        _ code: NDMPMessageCode,
        _ version: Int,
        _ kind: Frame.Kind,
        as type: T.Type = T.self
    ) throws -> T {
        let frame = Frame.captured(code, version, kind)
        var reader = XDRReader(frame.message, in: 24..<frame.message.count, version: version)
        return try reader.decode(type)
    }

    @Test("CONFIG_GET_HOST_INFO lists authentication types in v2 only")
    func hostInfo() throws {
        let old: ConfigGetHostInfoReply = try body(.configGetHostInfo, 2, .reply)
        #expect(old.hostname == "vm")
        #expect(old.hostID == "8323328")
        #expect(old.osVersion == "6.18.44-fc-v595")
        #expect(old.authTypes == [.text, .md5])
        let new: ConfigGetHostInfoReply = try body(.configGetHostInfo, 3, .reply)
        #expect(new.hostID == "8323328")
        #expect(new.authTypes == [])
    }

    @Test("CONFIG_GET_BUTYPE_INFO carries environments and attributes")
    func backupTypes() throws {
        let reply: ConfigGetBackupTypeInfoReply = try body(.configGetBackupTypeInfo, 4, .reply)
        #expect(reply.backupTypes.map(\.name) == ["tar", "dump", "simple", "test"])
        #expect(reply.backupTypes[0].defaultEnvironment[1] == NDMPVariable(name: "HIST", value: "p"))
        #expect(reply.backupTypes.map(\.attributes) == [0x4321, 0x4321, 0x4321, 0x4321])
    }

    @Test("CONFIG_GET_TAPE_INFO has one device with two names")
    func tapeInfo() throws {
        let reply: ConfigGetDeviceInfoReply = try body(.configGetTapeInfo, 3, .reply)
        #expect(reply.devices.count == 1)
        #expect(reply.devices[0].model == "VTLDRIVE")
        #expect(reply.devices[0].names.count == 2)
        #expect(reply.devices[0].names[1].capabilities[1] == NDMPVariable(name: "SERIAL_NUMBER", value: "DRV1"))
    }

    @Test("SCSI_EXECUTE_CDB lends the CDB, and the reply carries INQUIRY data")
    func executeCDB() throws {
        let frame = Frame.captured(.scsiExecuteCDB, 2, .request)
        let request: ExecuteCDBRequest = try body(.scsiExecuteCDB, 2, .request)
        #expect(request.flags == .dataIn)
        #expect(request.timeoutMilliseconds == 300_000)
        #expect(request.dataInLength == 128)
        #expect(request.cdb.copy(from: frame.message) == [0x12, 0, 0, 0, 0x80, 0])
        #expect(request.dataOut.count == 0)
        let reply: ExecuteCDBReply = try body(.scsiExecuteCDB, 2, .reply)
        #expect(reply.error == .noError)
        #expect(reply.status == 0)
        #expect(reply.dataIn.count == 96)
        #expect(reply.dataIn[0] == 8)
        #expect(String(decoding: reply.dataIn[8..<32], as: UTF8.self) == "NDMJOB  FakeRobot       ")
        #expect(reply.sense == [])
    }

    @Test("TAPE_GET_STATE: no mask in v2, mask first in v3 and v4, partition in v3 only")
    func tapeState() throws {
        let first: TapeGetStateReply = try body(.tapeGetState, 2, .reply)
        #expect(first.blockNumber == 0x44)
        #expect(first.totalSpace == .max)
        let second: TapeGetStateReply = try body(.tapeGetState, 3, .reply)
        #expect(second.unsupported == [.totalSpace, .spaceRemaining, .partition])
        #expect(second.blockNumber == 0x80)
        let third: TapeGetStateReply = try body(.tapeGetState, 4, .reply)
        #expect(third.unsupported == [.totalSpace, .spaceRemaining])
        #expect(third.blockNumber == 0x85)
        #expect(third.spaceRemaining == .max)
    }

    @Test("MOVER_GET_STATE: mode in v4, address since v3")
    func moverState() throws {
        let first: MoverGetStateReply = try body(.moverGetState, 2, .reply)
        #expect(first.state == .active)
        #expect(first.recordSize == 65536)
        #expect(first.recordNumber == 0x43)
        #expect(first.bytesMoved == 0x430000)
        #expect(first.windowLength == .max)
        let second: MoverGetStateReply = try body(.moverGetState, 3, .reply)
        #expect(second.dataConnectionAddress == .tcp(ip: 0x7f00_0001, port: 0xa285))
        let third: MoverGetStateReply = try body(.moverGetState, 4, .reply)
        #expect(third.mode == .read)
        #expect(third.bytesMoved == 0x810000)
        #expect(third.dataConnectionAddress == .tcp(ip: 0x7f00_0001, port: 0xc219))
    }

    @Test("DATA_GET_STATE carries the address in all versions and a mask since v3")
    func dataState() throws {
        for version in 2...4 {
            let reply: DataGetStateReply = try body(.dataGetState, version, .reply)
            #expect(reply.operation == .backup)
            #expect(reply.state == .active)
            #expect(reply.estimatedTimeRemaining == .max)
            #expect(reply.dataConnectionAddress.type == .tcp)
        }
        let last: DataGetStateReply = try body(.dataGetState, 4, .reply)
        #expect(last.bytesProcessed == 0x7d8000)
    }

    @Test("DATA_START_BACKUP carries the mover's address in v2 only")
    func startBackup() throws {
        let first: DataStartBackupRequest = try body(.dataStartBackup, 2, .request)
        #expect(first.moverAddress == .tcp(ip: 0x7f00_0001, port: 0xbc1d))
        #expect(first.backupType == "tar")
        #expect(first.environment.map(\.name) == ["PREFIX", "FILESYSTEM", "HIST", "TYPE"])
        let second: DataStartBackupRequest = try body(.dataStartBackup, 3, .request)
        #expect(second.environment == first.environment)
    }

    @Test("DATA_START_RECOVER keeps a variable that comes twice and an empty list of names")
    func startRecover() throws {
        let request: DataStartRecoverRequest = try body(.dataStartRecover, 3, .request)
        #expect(request.environment.map(\.name) == ["PREFIX", "PREFIX", "HIST", "TYPE"])
        #expect(request.names == [])
        #expect(request.backupType == "tar")
    }

    @Test("CONNECT_CLIENT_AUTH: the digest is not shown in the trace")
    func clientAuth() throws {
        let request: ConnectClientAuthRequest = try body(.connectClientAuth, 2, .request)
        #expect(request.auth == .md5(user: "ndmp", digest: hexBytes("720780ccea3f673800299ce664428e80")))
        let text = XDRPrinter.describe(
            ConnectClientAuthRequest(auth: .text(user: "ndmp", password: "open sesame")),
            version: 4
        )
        #expect(text == #"auth_type=TEXT auth_id="ndmp" auth_password=(11 bytes)"#)
    }

    @Test("posts: pause and halt reasons, greeting")
    func posts() throws {
        let paused: NotifyMoverPausedPost = try body(.notifyMoverPaused, 2, .request)
        #expect(paused == NotifyMoverPausedPost(reason: .seek, seekPosition: 0xac0000))
        let halted: NotifyMoverHaltedPost = try body(.notifyMoverHalted, 4, .request)
        #expect(halted.reason == .connectClosed)
        let greeting: NotifyConnectedPost = try body(.notifyConnected, 2, .request)
        #expect(greeting == NotifyConnectedPost(reason: .connected, protocolVersion: 4, text: "Hello"))
        let log: LogMessagePost = try body(.logMessage, 4, .request)
        #expect(log.type == .debug)
        #expect(log.associatedMessageValid == 0)
    }

    @Test("a trace line reads like the message")
    func traceLine() {
        let message = Frame.captured(.moverListen, 4, .reply).message
        #expect(
            NDMPTrace.describe(message, in: 0..<message.count, version: 4)
                == "#9 MOVER_LISTEN reply to #8 error=NO_ERR addr_type=TCP "
                + "tcp_addr[1]={ip_addr=2130706433 port=49689 addr_env[0]={}}"
        )
    }
}
