// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import NDMPProtocol
import Sockets
import Testing
import WireFormat

@testable import NDMPServer

@Suite("The data service in trouble", .serialized)
struct DataTroubleTests {
    /// A documentation address: nothing answers there. RFC 5737.
    private static let silent = DataAddress.tcp(ip: 0xc000_0201, port: 9)

    /// A backup whose mover has stopped for a window, so that the data connection is full and stalled.
    private func stalledBackup(_ client: LiveClient, _ tree: DataTree) throws {
        try client.prepareTape()
        try client.setWindow(MoverWindow(offset: 0, length: 10_240))
        _ = try client.moverListen(.read)
        #expect(try client.error(.dataConnect, DataConnectRequest(address: .local)) == .noError)
        #expect(try client.startBackup(["FILESYSTEM": tree.source]) == .noError)
        let paused: NotifyMoverPausedPost = try client.post(.notifyMoverPaused)
        #expect(paused.reason == .endOfWindow)
    }

    @Test("A stalled backup answers GET_STATE and can be aborted", .timeLimit(.minutes(1)))
    func abortStalled() throws {
        let tree = try DataTree(bytes: 4 << 20)
        let live = try LiveServer { tree.export(&$0) }
        let client = try LiveClient.loggedIn(port: live.port)
        try stalledBackup(client, tree)
        #expect(try client.dataState().state == .active)
        #expect(try client.error(.dataAbort) == .noError)
        let halted: NotifyDataHaltedPost = try client.post(.notifyDataHalted)
        #expect(halted.reason == .aborted)
        #expect(try client.dataState().haltReason == .aborted)
        #expect(try client.error(.dataAbort) == .illegalState)
        #expect(try client.error(.dataStop) == .noError)
        #expect(try client.error(.moverAbort) == .noError)
        #expect(try client.error(.moverStop) == .noError)
        #expect(try client.dataState().state == .idle)
    }

    @Test("A client that vanishes in the middle leaves a free drive and no threads behind", .timeLimit(.minutes(1)))
    func vanishing() throws {
        let tree = try DataTree(bytes: 4 << 20)
        let live = try LiveServer { tree.export(&$0) }
        do {
            let client = try LiveClient.loggedIn(port: live.port)
            try stalledBackup(client, tree)
            live.waitUntil("the status tells of the backup") {
                live.server.sessions.first.map { $0.dataState == "ACTIVE" && $0.dataOperation == "BACKUP" } ?? false
            }
            client.socket.shutdown()
        }
        live.waitUntil("the session is over") { live.server.sessions.isEmpty }
        let next = try LiveClient.loggedIn(port: live.port)
        #expect(try next.openTape("nst0") == .noError)
    }

    @Test("The mover aborts: the data service halts with CONNECT_ERROR, and its log names the connection")
    func moverGone() throws {
        let tree = try DataTree(bytes: 4 << 20)
        let live = try LiveServer { tree.export(&$0) }
        let client = try LiveClient.loggedIn(port: live.port)
        try stalledBackup(client, tree)
        #expect(try client.error(.moverAbort) == .noError)
        let halted: NotifyDataHaltedPost = try client.post(.notifyDataHalted)
        #expect(halted.reason == .connectError)
        _ = try client.logLine("the mover of this session closed the data connection")
    }

    @Test("A recovery whose tape ends too soon halts when the client closes the mover, and says where the stream ended")
    func shortTape() throws {
        let tree = try DataTree()
        let live = try LiveServer { tree.export(&$0) }
        let client = try LiveClient.loggedIn(port: live.port)
        try client.prepareTape()
        #expect(try client.write([UInt8](repeating: 0x41, count: 100)) == .noError)
        // The rewind writes the filemark that is missing.
        #expect(try client.mtio(.rewind).error == .noError)
        _ = try client.moverListen(.write)
        #expect(try client.error(.dataConnect, DataConnectRequest(address: .local)) == .noError)
        #expect(try client.startRecover(["FILESYSTEM": tree.target]) == .noError)
        let paused: NotifyMoverPausedPost = try client.post(.notifyMoverPaused)
        #expect(paused.reason == .endOfFile)
        #expect(try client.error(.moverClose) == .noError)
        let halted: NotifyDataHaltedPost = try client.post(.notifyDataHalted)
        #expect(halted.reason == .internalError)
    }

    @Test("While a connect is under way everything else is answered, and ABORT calls it off", .timeLimit(.minutes(1)))
    func pendingConnect() throws {
        let live = try LiveServer { $0.settings.connectTimeoutSeconds = 30 }
        let client = try LiveClient.loggedIn(port: live.port)
        try client.prepareTape()
        let connect = MoverConnectRequest(mode: .read, address: Self.silent)
        let sequence = try client.send(.moverConnect, connect)
        let dataSequence = try client.send(.dataConnect, DataConnectRequest(address: Self.silent))
        let started = MonotonicClock.milliseconds()
        #expect(try client.moverState().state == .idle)
        #expect(try client.dataState().state == .idle)
        // Where the test machine has no way at all to that address, the attempts have failed by now.
        let aborted = try client.error(.moverAbort)
        let dataAborted = try client.error(.dataAbort)
        #expect(MonotonicClock.milliseconds() - started < 5000)
        if aborted == .noError {
            let halted: NotifyMoverHaltedPost = try client.post(.notifyMoverHalted)
            #expect(halted.reason == .aborted)
            #expect(try client.error(.moverStop) == .noError)
        }
        if dataAborted == .noError {
            let halted: NotifyDataHaltedPost = try client.post(.notifyDataHalted)
            #expect(halted.reason == .aborted)
            #expect(try client.error(.dataStop) == .noError)
        }
        #expect(client.lateErrors[sequence] == .connect)
        #expect(client.lateErrors[dataSequence] == .connect)
        #expect(try client.moverState().state == .idle)
    }

    @Test("Nobody comes: HALTED with CONNECT_ERROR, and a log line with address, time and causes", arguments: 3...4)
    func nobodyComes(version: Int) throws {
        let live = try LiveServer { $0.settings.acceptTimeoutSeconds = 1 }
        let client = try LiveClient.loggedIn(port: live.port, version: version)
        guard case .tcp(let addresses) = try client.dataListen(.tcp), let first = addresses.first else {
            Issue.record("no address")
            return
        }
        let halted: NotifyDataHaltedPost = try client.post(.notifyDataHalted)
        #expect(halted.reason == .connectError)
        let line = try client.logLine("nobody connected to 127.0.0.1:\(first.port) within 1 s")
        #expect(line.contains("firewall"))
        #expect(try client.dataState().haltReason == .connectError)
        #expect(try client.error(.dataStop) == .noError)
    }

    @Test("A taken port is CONNECT_ERR with its name in the log when the policy is to fail")
    func takenPort() throws {
        let taken = try Socket.listening(on: .ipv4(SocketAddress.loopbackIPv4, port: 0), backlog: 1)
        let port = try #require(taken.localAddress?.port)
        let live = try LiveServer {
            $0.settings.dataPorts = port...port
            $0.settings.portPolicy = .fail
        }
        let client = try LiveClient.loggedIn(port: live.port)
        let reply: DataListenReply = try client.request(.dataListen, DataListenRequest(addressType: .tcp))
        #expect(reply.error == .connect)
        _ = try client.logLine("port \(port) is taken")
        var settings = live.server.settings
        settings.dataPorts = nil
        live.server.settings = settings
        #expect(try client.dataListen(.tcp).type == .tcp, "a change holds for the next connection")
    }

    // MARK: Bad input

    @Test("Lists longer than any client sends are refused, and the session goes on", arguments: 2...4)
    func hugeLists(version: Int) throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port, version: version)
        let names = Array(repeating: NameListEntry(originalPath: "f"), count: NDMPLimits.recoverNames + 1)
        let variables = Array(repeating: NDMPVariable(name: "A", value: "b"), count: NDMPLimits.variables + 1)
        #expect(try client.rawError(.dataStartRecover, Self.recover(names: names, version)) == .xdrDecode)
        #expect(try client.rawError(.dataStartBackup, Self.backup(variables, version)) == .xdrDecode)
        #expect(try client.rawError(.dataStartRecover, Self.recover(count: .max, version)) == .xdrDecode)
        #expect(try client.dataState().state == .idle)
    }

    /// A body of START_RECOVER, put together by hand: environment, names, type.
    private static func recover(names: [NameListEntry] = [], count: UInt32? = nil, _ version: Int) -> [UInt8] {
        var bytes: [UInt8] = version == 2 ? [0, 0, 0, 0] : []
        bytes += [0, 0, 0, 0] + word(count ?? UInt32(names.count))
        for name in names {
            bytes += text(name.originalPath.bytes) + text([])
            bytes += version == 2 ? word(0) : text([]) + text([]) + word(0) + word(0)
            bytes += word(0) + word(0)
        }
        return bytes + text(Array("tar".utf8))
    }

    private static func backup(_ variables: [NDMPVariable], _ version: Int) -> [UInt8] {
        var bytes: [UInt8] = version == 2 ? [0, 0, 0, 0] : []
        bytes += text(Array("tar".utf8)) + word(UInt32(variables.count))
        for variable in variables { bytes += text(variable.name.bytes) + text(variable.value.bytes) }
        return bytes
    }

    private static func word(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
    }

    private static func text(_ bytes: [UInt8]) -> [UInt8] {
        word(UInt32(bytes.count)) + bytes + Array(repeating: 0, count: (4 - bytes.count % 4) % 4)
    }

    @Test("As many variables as a client can send come back, with what the backup found out")
    func fullEnvironment() throws {
        let tree = try DataTree()
        let live = try LiveServer { tree.export(&$0) }
        let client = try LiveClient.loggedIn(port: live.port)
        try client.prepareTape()
        _ = try client.moverListen(.read)
        #expect(try client.error(.dataConnect, DataConnectRequest(address: .local)) == .noError)
        var variables = ["FILESYSTEM": tree.source]
        for number in 1..<NDMPLimits.variables { variables["V\(number)"] = "\(number)" }
        #expect(variables.count == NDMPLimits.variables)
        #expect(try client.startBackup(variables) == .noError)
        let halted: NotifyDataHaltedPost = try client.post(.notifyDataHalted)
        #expect(halted.reason == .successful)
        let reply: DataGetEnvironmentReply = try client.request(.dataGetEnvironment, EmptyBody())
        #expect(reply.error == .noError)
        #expect(reply.environment.count > NDMPLimits.variables)
    }

    @Test("Who does not authenticate is sent away, however slowly he goes on talking", .timeLimit(.minutes(1)))
    func silentClient() throws {
        let live = try LiveServer { $0.authenticationSeconds = 1 }
        let silent = try LiveClient(port: live.port)
        let started = MonotonicClock.milliseconds()
        #expect(throws: LiveClient.Ended.self) { while true { try silent.receive() } }
        #expect(MonotonicClock.milliseconds() - started < 10_000)
        let known = try LiveClient.loggedIn(port: live.port)
        _ = Poll.wait([], timeoutMilliseconds: 1500)
        #expect(try known.dataState().state == .idle, "a user is not sent away")
    }

    @Test("The session limit can be changed while the server runs")
    func sessionLimit() throws {
        let live = try LiveServer { $0.maximumSessions = 1 }
        let first = try LiveClient.loggedIn(port: live.port)
        #expect(throws: (any Error).self) { try LiveClient.loggedIn(port: live.port) }
        live.server.settings.maximumSessions = 2
        _ = try LiveClient.loggedIn(port: live.port)
        #expect(try first.dataState().state == .idle)
    }

    // MARK: CONFIG

    @Test("Backup types and file systems are told with the attributes of the version", arguments: 3...4)
    func offers(version: Int) throws {
        let tree = try DataTree()
        let live = try LiveServer { tree.export(&$0) }
        let client = try LiveClient.loggedIn(port: live.port, version: version)
        let types: ConfigGetBackupTypeInfoReply = try client.request(.configGetBackupTypeInfo, EmptyBody())
        #expect(types.backupTypes.map(\.name.text) == ["tar", "dump"])
        // The bits of v3 and v4 in the order of their tables.
        let expected: UInt32 = version == 3 ? 0x27f : 0x3e7e
        #expect(types.backupTypes.allSatisfy { $0.attributes == expected })
        let systems: ConfigGetFileSystemInfoReply = try client.request(.configGetFileSystemInfo, EmptyBody())
        let only = try #require(systems.fileSystems.first)
        #expect(only.logicalDevice.text == tree.root)
        #expect(only.status.text == "online")
        #expect(only.totalSize > 0)
        #expect(only.environment.contains { $0.name == "AVAILABLE_RECOVERY" && $0.value == "tar,dump" })
    }

    @Test("v2 is told that the types lack nothing, and that there are no others")
    func oldOffers() throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port, version: 2)
        for (name, error) in [("tar", NDMPError.noError), ("dump", .noError), ("cpio", .illegalArguments)] {
            let body = ConfigGetBackupTypeAttributesRequest(name: XDRString(name))
            let reply: ConfigGetBackupTypeAttributesReply = try client.request(.configGetBackupTypeAttributes, body)
            #expect(reply.error == error && reply.attributes == 0)
        }
    }

    @Test("Extensions are negotiated in their order")
    func extensions() throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port)
        let none = ConfigSetExtensionListRequest()
        #expect(try client.error(.configSetExtensionList, none) == .precondition)
        let list: ConfigGetExtensionListReply = try client.request(.configGetExtensionList, EmptyBody())
        #expect(list.error == .noError && list.extensions.isEmpty)
        #expect(try client.error(.configSetExtensionList, none) == .noError)
        #expect(try client.error(.configSetExtensionList, none) == .extensionNegotiationTooLate)
    }
}
