// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Sockets
import TapeLibrary
import Testing

@testable import NDMPServer

@Suite("NDMP over a live socket", .serialized)
struct LiveTests {
    @Test("A backup spans two cartridges and comes back byte for byte", arguments: 2...4)
    func spanning(version: Int) throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port, version: version)
        let mode: TapeMode = version == 2 ? .readWrite : .raw
        let record = 30_000
        let data = MoverRig.stream(10 << 20)
        #expect(try client.openTape("/dev/nst0", mode) == .noError)
        let address = try client.listen(.read, recordSize: UInt32(record), window: .unlimited)
        let sender = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        let sending = try DedicatedThread(name: "sender") {
            try? sender.send(data.span)
            sender.shutdown()
        }
        let paused: NotifyMoverPausedPost = try client.post(.notifyMoverPaused)
        #expect(paused.reason == .endOfMedium)
        let first = try client.moverState()
        #expect(first.state == .paused)
        #expect(first.bytesMoved % UInt64(record) == 0)
        #expect(UInt64(first.recordNumber) * UInt64(record) == first.bytesMoved)
        #expect(try client.mtio(.writeFilemarks).error == .noError)
        #expect(try client.error(.tapeClose) == .noError)
        #expect(try client.openTape("nst1", mode) == .noError)
        try client.setWindow(MoverWindow(offset: first.bytesMoved, length: .max - first.bytesMoved))
        #expect(try client.error(.moverContinue) == .noError)
        let halted: NotifyMoverHaltedPost = try client.post(.notifyMoverHalted)
        #expect(halted.reason == .connectClosed)
        sending.join()
        #expect(try client.moverState().bytesMoved == UInt64(data.count))
        #expect(try client.error(.moverStop) == .noError)
        #expect(try client.error(.tapeClose) == .noError)
        try restore(client, mode, record, data, firstPart: first.bytesMoved)
    }

    private func restore(_ client: LiveClient, _ mode: TapeMode, _ record: Int, _ data: [UInt8], firstPart: UInt64)
        throws
    {
        #expect(try client.openTape("nst0", mode) == .noError)
        #expect(try client.mtio(.rewind).error == .noError)
        let window = MoverWindow(offset: 0, length: firstPart)
        let address = try client.listen(.write, recordSize: UInt32(record), window: window)
        let receiver = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        let received = ByteBox()
        let receiving = try DedicatedThread(name: "receiver") { received.fill(from: receiver, count: data.count) }
        // The mover may still be in LISTEN for a moment after its peer has connected.
        while try client.moverState().state == .listen {}
        let read = MoverReadRequest(offset: 0, length: UInt64(data.count))
        #expect(try client.error(.moverRead, read) == .noError)
        let paused: NotifyMoverPausedPost = try client.post(.notifyMoverPaused)
        #expect(paused.reason == .seek)
        #expect(paused.seekPosition == firstPart)
        #expect(try client.error(.tapeClose) == .noError)
        #expect(try client.openTape("nst1", mode) == .noError)
        #expect(try client.mtio(.rewind).error == .noError)
        try client.setWindow(MoverWindow(offset: firstPart, length: .max - firstPart))
        #expect(try client.error(.moverContinue) == .noError)
        receiving.join()
        #expect(received.bytes == data)
        receiver.shutdown()
        let halted: NotifyMoverHaltedPost = try client.post(.notifyMoverHalted)
        #expect(halted.reason == .connectClosed)
        #expect(try client.moverState().bytesMoved == UInt64(data.count))
    }

    @Test("A session that dies frees its drive at once, with the closing filemark on the tape")
    func deadSession() throws {
        let live = try LiveServer()
        do {
            let client = try LiveClient.loggedIn(port: live.port)
            #expect(try client.openTape("nst0") == .noError)
            #expect(try client.write([1, 2, 3]) == .noError)
            let other = try LiveClient.loggedIn(port: live.port)
            #expect(try other.openTape("nst0") == .deviceBusy)
            client.socket.shutdown()
        }
        live.waitUntil("the drive is free") { live.library.drives[0].holder == nil }
        #expect(live.library.drives[0].status.position.file == 1)
        let next = try LiveClient.loggedIn(port: live.port)
        #expect(try next.openTape("nst0") == .noError)
    }

    @Test("A session that dies with an active mover ends it and frees the drive")
    func deadMover() throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port)
        #expect(try client.openTape("nst0") == .noError)
        let address = try client.listen(.read, recordSize: 1024, window: .unlimited)
        let peer = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        try peer.send([UInt8](repeating: 7, count: 5000).span)
        live.waitUntil("the mover is active") { live.server.sessions.first?.moverState == "ACTIVE" }
        client.socket.shutdown()
        live.waitUntil("the session is gone") { live.server.sessions.isEmpty }
        live.waitUntil("the drive is free") { live.library.drives[0].holder == nil }
        var room = [UInt8](repeating: 0, count: 1)
        guard case .bytes = peer.receive(into: &room, at: 0, count: 1) else { return }
        Issue.record("the data connection ends with its session")
    }

    @Test("ABORT ends a mover that is blocked in the middle of a record, and the tape can be used at once")
    func abort() throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port)
        #expect(try client.openTape("nst0") == .noError)
        let address = try client.listen(.read, recordSize: 1 << 20, window: .unlimited)
        let peer = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        try peer.send([UInt8](repeating: 7, count: 5000).span)
        live.waitUntil("the mover is active") { live.server.sessions.first?.moverState == "ACTIVE" }
        #expect(try client.write([1]) == .deviceBusy)
        #expect(try client.error(.moverAbort) == .noError)
        let halted: NotifyMoverHaltedPost = try client.post(.notifyMoverHalted)
        #expect(halted.reason == .aborted)
        #expect(try client.write([1]) == .noError)
        #expect(try client.error(.moverStop) == .noError)
    }

    @Test("A client over the limit is told so and sent away")
    func sessionLimit() throws {
        let live = try LiveServer { $0.maximumSessions = 2 }
        let clients = try (0..<2).map { _ in try LiveClient(port: live.port) }
        let refused = try LiveClient(port: live.port)
        let post: NotifyConnectedPost = try refused.post(.notifyConnected)
        #expect(post.reason == .refused)
        #expect(post.text.text.contains("2 sessions"))
        #expect(throws: LiveClient.Ended.self) { try refused.receive() }
        for client in clients {
            let greeting: NotifyConnectedPost = try client.post(.notifyConnected)
            #expect(greeting.reason == .connected)
            #expect(greeting.protocolVersion == 4)
        }
    }

    @Test("Data ports come from the range, and CONNECT_ERR says that it is used up")
    func dataPorts() throws {
        let live = try LiveServer { $0.settings.dataPorts = 42_117...42_118 }
        var ports: Set<UInt16> = []
        for name in ["nst0", "nst1"] {
            let client = try LiveClient.loggedIn(port: live.port)
            #expect(try client.openTape(name) == .noError)
            ports.insert(try client.listen(.read, recordSize: 1024, window: .unlimited).port)
            #expect(try client.error(.moverAbort) == .noError)
        }
        #expect(ports == [42_117, 42_118])
        live.server.settings.dataPorts = 42_119...42_119
        let taken = try Socket.listening(on: .ipv4(SocketAddress.loopbackIPv4, port: 42_119), backlog: 1)
        let client = try LiveClient.loggedIn(port: live.port)
        live.waitUntil("the drive is free") { live.library.drives[0].holder == nil }
        #expect(try client.openTape("nst0") == .noError)
        #expect(try client.error(.moverSetRecordSize, MoverSetRecordSizeRequest(length: 1024)) == .noError)
        let request = MoverListenRequest(mode: .read, addressType: .tcp)
        let reply: MoverListenReply = try client.request(.moverListen, request)
        #expect(reply.error == .connect)
        let log: LogMessagePost = try client.post(.logMessage)
        #expect(log.entry.text.contains("42119"))
        withExtendedLifetime(taken) {}
    }

    @Test("MOVER_CONNECT to a port where nobody listens is CONNECT_ERR and leaves the mover idle")
    func connectRefused() throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port)
        #expect(try client.openTape("nst0") == .noError)
        #expect(try client.error(.moverSetRecordSize, MoverSetRecordSizeRequest(length: 1024)) == .noError)
        let free = try Socket.listening(on: .ipv4(SocketAddress.loopbackIPv4, port: 0), backlog: 1)
        let port = try #require(free.localAddress?.port)
        free.shutdown()
        let request = MoverConnectRequest(mode: .read, address: .tcp(ip: SocketAddress.loopbackIPv4, port: port))
        #expect(try client.error(.moverConnect, request) == .connect)
        let log: LogMessagePost = try client.post(.logMessage)
        #expect(log.entry.text.contains("127.0.0.1:\(port)"))
        #expect(try client.moverState().state == .idle)
    }

    @Test("An accept that times out halts the mover with CONNECT_ERROR")
    func acceptTimeout() throws {
        let live = try LiveServer { $0.settings.acceptTimeoutSeconds = 1 }
        let client = try LiveClient.loggedIn(port: live.port)
        #expect(try client.openTape("nst0") == .noError)
        let address = try client.listen(.read, recordSize: 1024, window: .unlimited)
        let halted: NotifyMoverHaltedPost = try client.post(.notifyMoverHalted)
        #expect(halted.reason == .connectError)
        let log: LogMessagePost = try client.post(.logMessage)
        #expect(log.entry.text.contains("\(address)"))
    }

    @Test("stop tells the clients and closes")
    func shutdown() throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port)
        #expect(try client.openTape("nst0") == .noError)
        live.server.stop()
        _ = try client.post(.notifyConnected, as: NotifyConnectedPost.self)
        let post: NotifyConnectedPost = try client.post(.notifyConnected)
        #expect(post.reason == .shutdown)
        #expect(live.server.sessions.isEmpty)
        #expect(live.library.drives[0].holder == nil)
    }

    @Test("A port in use is named in the error")
    func portInUse() throws {
        let live = try LiveServer()
        let error = #expect(throws: NDMPServerError.self) {
            try LiveServer { $0.listen = [.init(host: "127.0.0.1", port: live.port)] }
        }
        #expect("\(try #require(error))".contains("127.0.0.1:\(live.port): the port is already in use"))
    }

    @Test("Status tells peer, version, user, device and mover")
    func status() throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port, version: 3)
        #expect(try client.openTape("/dev/nst1") == .noError)
        let session = try #require(live.server.sessions.first)
        #expect(session.version == 3)
        #expect(session.user == "ndmp")
        #expect(session.device == "nst1")
        #expect(session.moverState == "IDLE")
        #expect(session.peer.hasPrefix("127.0.0.1:"))
        #expect(session.messagesReceived == 3)
    }

    @Test("Every interface: IPv4 clients come in too, and a control connection over IPv6 gets an IPv4 data port")
    func everyInterface() throws {
        let live = try LiveServer { $0.listen = [.init(host: "", port: 0)] }
        let four = try LiveClient.loggedIn(port: live.port)
        #expect(try four.openTape("nst0") == .noError)
        let loopback6 = SocketAddress.ipv6(bytes: [UInt8](repeating: 0, count: 15) + [1], port: live.port, scope: 0)
        // A machine without IPv6 has nothing more to show.
        guard let six = try? LiveClient(address: loopback6) else { return }
        try six.logIn()
        #expect(try six.openTape("nst1") == .noError)
        let data = try six.listen(.read, recordSize: 1024, window: .unlimited)
        #expect(data.ipv4 == SocketAddress.loopbackIPv4)
        _ = try Socket.connected(to: data, timeoutSeconds: 5, wakeUp: WakeUp())
        let halted: NotifyMoverHaltedPost = try six.post(.notifyMoverHalted)
        #expect(halted.reason == .connectClosed)
    }

    @Test("Authentication NONE works where it was asked for")
    func noAuthentication() throws {
        let live = try LiveServer { $0.allowsNoAuthentication = true }
        let client = try LiveClient(port: live.port)
        #expect(try client.openTape("nst0") == .notAuthorized)
        #expect(try client.error(.connectClientAuth, ConnectClientAuthRequest(auth: .none)) == .noError)
        #expect(try client.openTape("nst0") == .noError)
    }

    @Test("What is not served is answered with NOT_SUPPORTED")
    func notServed() throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port)
        for code: NDMPMessageCode in [.connectServerAuth, .scsiResetDevice] {
            #expect(try client.error(code) == .notSupported)
        }
        #expect(try client.error(.connectOpen, ConnectOpenRequest(protocolVersion: 4)) == .illegalState)
    }
}
