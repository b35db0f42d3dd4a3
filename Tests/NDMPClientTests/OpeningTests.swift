// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol
import Sockets
import Testing

@Suite("Opening a control connection", .serialized, .timeLimit(.minutes(2)))
struct OpeningTests {
    @Test("the highest version that both know is asked for, in the draft's bytes")
    func highestVersion() throws {
        let server = try FakeServer { peer in
            peer.open()
            peer.waitForEnd()
        }
        let connection = try server.connect()
        #expect(connection.version == 4)
        #expect(connection.announcedVersion == 4)
        connection.close()
        let open = server.log.all[0]
        // sequence 1, any time, request, CONNECT_OPEN, no reply sequence, no error; version 4
        #expect([open[0]] + open[2...] == [1, 0, 0x900, 0, 0, 4])
        #expect(server.log.codes == [0x900, 0x902])
    }

    @Test("a refused version is followed by the next lower one")
    func lowerVersion() throws {
        let server = try FakeServer { peer in
            peer.greet(version: 4)
            // ILLEGAL_ARGS_ERR for 4 and 3
            for answer: UInt32 in [9, 9, 0] {
                guard let request = peer.receive() else { return }
                peer.reply(to: request, [answer])
            }
            peer.waitForEnd()
        }
        let connection = try server.connect()
        #expect(connection.version == 2)
        connection.close()
        #expect(server.log.all.prefix(3).map { $0.last } == [4, 3, 2])
    }

    @Test("a server of version 3 is asked for 3; a server that refuses all versions is named so")
    func versionLimits() throws {
        let old = try FakeServer { peer in
            peer.open(version: 3)
            peer.waitForEnd()
        }
        let connection = try old.connect()
        #expect(connection.version == 3)
        connection.close()
        let stubborn = try FakeServer { peer in
            peer.greet(version: 9)
            while let request = peer.receive() { peer.reply(to: request, [9]) }
        }
        #expect(stubborn.failure() == .noCommonVersion(announced: 9, highest: 4))
    }

    @Test("MD5: the digest of a captured exchange")
    func captured() throws {
        // Challenge and digest of a session between ndmjob's client and agent; user and password are "ndmp".
        let challenge: [UInt32] = [
            0xb351_1e9d, 0xe70d_c094, 0x4b6c_7c78, 0x34b1_f913, 0x5d14_9f9c, 0xe843_ae63, 0xe1c6_e13e, 0x6497_9025,
            0x934f_f941, 0xa53f_518f, 0xc134_db00, 0x89ce_66b9, 0x0204_78d1, 0x482c_a186, 0x2be3_562e, 0x6b0b_5104,
        ]
        let digest: [UInt32] = [0x7207_80cc, 0xea3f_6738, 0x0029_9ce6, 0x6442_8e80]
        let server = try FakeServer { peer in
            peer.open()
            if let request = peer.receive() { peer.reply(to: request, [0, 2] + challenge) }
            if let request = peer.receive() { peer.reply(to: request, [0]) }
            peer.waitForEnd()
        }
        var options = FakeServer.options
        options.authentication = .md5
        options.user = "ndmp"
        options.password = "ndmp"
        let connection = try server.connect(options)
        #expect(connection.isAuthenticated)
        connection.close()
        let proof = server.log.all[2]
        #expect(Array(proof[6..<9]) == [2, 4, 0x6e64_6d70])
        #expect(Array(proof[9...]) == digest)
    }

    @Test("a wrong password is not tried again in the clear")
    func wrongPassword() throws {
        let server = try FakeServer { peer in
            peer.open()
            while let request = peer.receive() {
                switch request[3] {
                // Vendor, product and revision empty; TEXT and MD5 are offered.
                case 0x108: peer.reply(to: request, [0, 0, 0, 0, 2, 1, 2])
                case 0x103: peer.reply(to: request, [0, 2] + [UInt32](repeating: 7, count: 16))
                // NOT_AUTHORIZED_ERR
                default: peer.reply(to: request, [4])
                }
            }
        }
        var options = FakeServer.options
        options.authentication = .best
        options.user = "backup"
        options.password = "wrong"
        let kind = server.failure(options)
        #expect(kind == .authenticationRefused(method: .md5, user: "backup", error: .notAuthorized))
        #expect(server.log.codes.filter { $0 == 0x901 }.count == 1)
    }

    @Test("a server that has only TEXT gets TEXT")
    func text() throws {
        let server = try FakeServer { peer in
            peer.open()
            if let request = peer.receive() { peer.reply(to: request, [0, 0, 0, 0, 1, 1]) }
            if let request = peer.receive() { peer.reply(to: request, [0]) }
            peer.waitForEnd()
        }
        var options = FakeServer.options
        options.authentication = .best
        options.user = "me"
        options.password = "secret"
        try server.connect(options).close()
        #expect(Array(server.log.all[2][6...]) == [1] + string("me") + string("secret"))
    }

    @Test("nobody listens: a refusal at once that names the address")
    func refused() throws {
        let listener = try Socket.listening(on: .ipv4(SocketAddress.loopbackIPv4, port: 0), backlog: 1)
        let port = try #require(listener.localAddress?.port)
        listener.shutdown()
        let error = failure { () throws(NDMPClientError) in
            _ = try NDMPConnection.open(host: "127.0.0.1", port: port, FakeServer.options)
        }
        #expect(error?.kind == .connectionRefused)
        #expect(error?.description.contains("127.0.0.1:\(port)") == true)
    }

    @Test("silence instead of a greeting, another protocol, and a session limit are told apart")
    func greetings() throws {
        let silent = try FakeServer { $0.waitForEnd() }
        #expect(silent.failure() == .noGreeting(seconds: 1))
        let web = try FakeServer { $0.send(bytes: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)) }
        guard case .notNDMP? = web.failure() else {
            Issue.record("an HTTP server passed for NDMP")
            return
        }
        let full = try FakeServer { peer in
            peer.greet(reason: 2, text: "too many sessions")
            peer.waitForEnd()
        }
        #expect(full.failure() == .turnedAway("too many sessions"))
    }
}
