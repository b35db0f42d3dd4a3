// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import Sockets
import Synchronization
import Testing

@Suite("The probe behind doctor ndmp", .serialized, .timeLimit(.minutes(2)))
struct ProbeTests {
    /// A server of version 4 that lets everybody in and answers the data messages as told.
    private static func server(
        listenOn port: @escaping @Sendable () -> UInt16?,
        states: [UInt32] = [4]
    ) throws -> FakeServer {
        try FakeServer { peer in
            peer.greet()
            while let request = peer.receive() {
                switch request[3] {
                case 0x900, 0x901, 0x403, 0x407: peer.reply(to: request, [0])
                case 0x108: peer.reply(to: request, [0] + string("Acme") + string("Tape") + string("7") + [1, 1])
                case 0x102: peer.reply(to: request, [0, 1, 1])
                case 0x409:
                    guard let port = port() else {
                        // ILLEGAL_STATE_ERR and a LOCAL address
                        peer.reply(to: request, [19, 0])
                        continue
                    }
                    peer.reply(to: request, [0, 1, 1, 0x7f00_0001, UInt32(port), 0])
                // DATA_GET_STATE: mask, no error, no operation, the state, no reason, counts, LOCAL, offset and length
                case 0x400: peer.reply(to: request, [0, 0, 0, states[0]] + [UInt32](repeating: 0, count: 11))
                // CONNECT_ERR
                case 0x40a: peer.reply(to: request, [23])
                case 0x902: return
                // NOT_SUPPORTED_ERR in the header
                default: peer.reply(to: request, [], headerError: 1)
                }
            }
        }
    }

    private func probe(_ port: UInt16) -> ProbeReport {
        var options = ProbeOptions(host: "127.0.0.1", port: port)
        options.user = "u"
        options.password = "p"
        options.authentication = .text
        options.sample = 1
        options.timeoutSeconds = 2
        return NDMPProbe(options).run()
    }

    @Test("nobody there: one finding, a problem, with what to do")
    func nobody() throws {
        let listener = try Socket.listening(on: .ipv4(SocketAddress.loopbackIPv4, port: 0), backlog: 1)
        let port = try #require(listener.localAddress?.port)
        listener.shutdown()
        let report = probe(port)
        #expect(report.control.outcome == .refused)
        #expect(report.verdict == .problem)
        #expect(report.findings.count == 1)
    }

    @Test("a host that says nothing is told within the time limit")
    func silent() throws {
        let server = try FakeServer { $0.waitForEnd() }
        let report = probe(server.port)
        #expect(report.verdict == .problem)
        #expect(report.control.problem?.contains("said nothing") == true)
        #expect(report.control.milliseconds >= 2000)
    }

    @Test("a data port behind a reset is refused, and the rule to open is named")
    func refusedPort() throws {
        let closed = try Socket.listening(on: .ipv4(SocketAddress.loopbackIPv4, port: 0), backlog: 1)
        let port = try #require(closed.localAddress?.port)
        closed.shutdown()
        let server = try Self.server(listenOn: { port })
        let report = probe(server.port)
        let side = try #require(report.sides.first { $0.message == "DATA_LISTEN" })
        #expect(side.attempts.map(\.outcome) == [.refused])
        #expect(side.attempts.first?.port == Int(port))
        let finding = try #require(report.findings.first { $0.text.contains("DATA_LISTEN") })
        #expect(finding.verdict == .problem)
        #expect(finding.remedy?.contains("tcp dport \(port) accept") == true)
    }

    @Test("a connection that something else accepts is not taken for the server's")
    func intercepted() throws {
        let other = try Socket.listening(on: .ipv4(SocketAddress.loopbackIPv4, port: 0), backlog: 8)
        let port = try #require(other.localAddress?.port)
        // The server says all the time that it still listens.
        let server = try Self.server(listenOn: { port }, states: [3])
        let report = probe(server.port)
        #expect(report.sides.first?.attempts.map(\.outcome) == [.intercepted])
        #expect(report.verdict == .problem)
    }

    @Test("what the server refuses is told in its words; versions and offers are there")
    func refusals() throws {
        let server = try Self.server(listenOn: { nil })
        let report = probe(server.port)
        #expect(report.versions.map(\.version) == [4, 3, 2])
        #expect(report.server.product == "Tape")
        #expect(report.authentication?.offered == ["TEXT"])
        let listening = try #require(report.sides.first { $0.message == "DATA_LISTEN" })
        #expect(listening.attempts.map(\.outcome) == [.serverRefused])
        #expect(listening.attempts.first?.detail == "ILLEGAL_STATE_ERR")
        let connecting = try #require(report.sides.first { $0.message == "DATA_CONNECT" })
        #expect(connecting.attempts.map(\.outcome) == [.refused])
        #expect(report.offers.tapes == nil)
        #expect(report.notes.contains { $0.contains("CONFIG_GET_TAPE_INFO") })
    }
}
