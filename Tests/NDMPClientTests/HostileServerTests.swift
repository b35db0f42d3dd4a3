// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import NDMPProtocol
import Sockets
import Testing

@Suite("Servers that lie, stall or talk without end", .serialized, .timeLimit(.minutes(3)))
struct HostileServerTests {
    /// The error of one CONFIG_GET_HOST_INFO, answered by `answer`.
    private func hostInfo(
        seconds: Int = 5,
        _ answer: @escaping @Sendable (FakeServer.Peer, [UInt32]) -> Void
    ) throws -> NDMPClientError? {
        let server = try FakeServer { peer in
            peer.open()
            guard let request = peer.receive() else { return }
            answer(peer, request)
        }
        var options = FakeServer.options
        options.replyTimeoutSeconds = seconds
        let connection = try server.connect(options)
        defer { connection.close() }
        return failure { () throws(NDMPClientError) in _ = try connection.hostInfo() }
    }

    private func isViolation(_ error: NDMPClientError?) -> Bool {
        if case .violation? = error?.kind { return true }
        return false
    }

    @Test("a message that claims two gigabytes is a violation, not memory")
    func lyingMark() throws {
        let error = try hostInfo { peer, _ in peer.send(bytes: [0xff, 0xff, 0xff, 0xff]) }
        #expect(isViolation(error))
    }

    @Test("a text that claims to be longer than its message is a violation that names the field")
    func lyingLength() throws {
        let error = try hostInfo { peer, request in peer.reply(to: request, [0, 0x4000, 0x6161_6161]) }
        #expect(isViolation(error))
        #expect(error?.description.contains("hostname") == true)
    }

    @Test("an array that claims four thousand million entries is a violation")
    func lyingCount() throws {
        let server = try FakeServer { peer in
            peer.open()
            if let request = peer.receive() { peer.reply(to: request, [0, 0xffff_ffff, 1, 2]) }
            peer.waitForEnd()
        }
        let connection = try server.connect()
        defer { connection.close() }
        #expect(isViolation(failure { () throws(NDMPClientError) in _ = try connection.tapeInfo() }))
    }

    @Test("a reply to another message is a violation that names both")
    func wrongSequence() throws {
        let error = try hostInfo { peer, request in
            peer.send([9, 0, 1, request[3], request[0] + 7, 0, 0, 0, 0, 0, 0])
        }
        #expect(isViolation(error))
        #expect(error?.description.contains("CONFIG_GET_HOST_INFO") == true)
    }

    @Test("a reply nobody asked for ends the connection at the next look")
    func unasked() throws {
        let server = try FakeServer { peer in
            peer.open()
            peer.send([9, 0, 1, 0x100, 77, 0])
            peer.waitForEnd()
        }
        let connection = try server.connect()
        defer { connection.close() }
        let error = failure { () throws(NDMPClientError) in _ = try connection.nextPost(timeoutMilliseconds: 5000) }
        #expect(isViolation(error))
    }

    @Test("no reply within the limit")
    func silence() throws {
        let error = try hostInfo(seconds: 1) { peer, _ in peer.waitForEnd() }
        #expect(error?.kind == .replyTimedOut(message: "CONFIG_GET_HOST_INFO", seconds: 1))
    }

    @Test("posts without end instead of the reply are bounded")
    func endlessPosts() throws {
        let error = try hostInfo(seconds: 60) { peer, _ in
            // LOG_MESSAGE "x", a hundred at a time.
            let post = message([2, 0, 0, 0x603, 0, 0, 0, 0] + string("x") + [0, 0])
            let many = [[UInt8]](repeating: post, count: 100).flatMap { $0 }
            while (try? peer.socket.send(many.span)) != nil {}
        }
        #expect(error?.kind == .tooManyPosts(message: "CONFIG_GET_HOST_INFO"))
    }

    @Test("one byte at a time and never a whole message: the time limit holds")
    func trickle() throws {
        let error = try hostInfo(seconds: 1) { peer, _ in
            peer.send(bytes: [0x80, 0, 0x10, 0])
            for _ in 0..<100 {
                guard (try? peer.socket.send([UInt8(0)].span)) != nil else { return }
                _ = Poll.wait([], timeoutMilliseconds: 50)
            }
        }
        #expect(error?.kind == .replyTimedOut(message: "CONFIG_GET_HOST_INFO", seconds: 1))
    }

    @Test("a server that ends in the middle of a reply, and one that says why")
    func closes() throws {
        let cut = try hostInfo { peer, _ in peer.send(bytes: [0x80, 0, 0, 64, 0, 0]) }
        #expect(cut?.kind == .closed(reason: nil))
        let told = try hostInfo { peer, _ in peer.greet(reason: 1, text: "maintenance") }
        #expect(told?.kind == .closed(reason: "maintenance"))
    }

    @Test("random bytes after the greeting never do more than end the connection", arguments: 0..<40)
    func garbage(seed: Int) throws {
        let server = try FakeServer { peer in
            peer.open()
            guard let request = peer.receive() else { return }
            var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1
            var bytes = message([9, 0, 1, request[3], request[0], 0] + [UInt32](repeating: 0, count: 40))
            for _ in 0..<(4 + seed) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let place = Int(state >> 33) % bytes.count
                bytes[place] = UInt8(truncatingIfNeeded: state >> 24)
            }
            peer.send(bytes: bytes)
        }
        var options = FakeServer.options
        options.replyTimeoutSeconds = 2
        let connection = try server.connect(options)
        _ = failure { () throws(NDMPClientError) in _ = try connection.tapeInfo() }
        _ = failure { () throws(NDMPClientError) in
            while try connection.nextPost(timeoutMilliseconds: 0) != nil {}
        }
        connection.close()
    }

    @Test("an interrupt ends a wait")
    func interrupt() throws {
        let stop = try WakeUp()
        let server = try FakeServer { peer in
            peer.open()
            _ = peer.receive()
            stop.signal()
            peer.waitForEnd()
        }
        var options = FakeServer.options
        options.replyTimeoutSeconds = 60
        options.interrupt = stop
        let connection = try server.connect(options)
        let error = failure { () throws(NDMPClientError) in _ = try connection.hostInfo() }
        #expect(error?.kind == .cancelled)
    }
}
