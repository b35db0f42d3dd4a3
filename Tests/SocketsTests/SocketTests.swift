// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Sockets
import Testing

@Suite("Sockets")
struct SocketTests {
    @Test("what is sent into one socket of a pair comes out of the other, then the end")
    func pair() throws {
        let (one, other) = try Socket.pair()
        try one.send([1, 2, 3].span)
        var room = [UInt8](repeating: 0, count: 8)
        #expect(other.receive(into: &room, at: 0, count: 8) == .bytes(3))
        #expect(Array(room.prefix(3)) == [1, 2, 3])
        one.shutdown()
        #expect(other.receive(into: &room, at: 0, count: 8) == .end)
    }

    @Test("nobody listens: the error tells address and reason at once")
    func refused() throws {
        let listener = try Socket.listening(on: .ipv4(SocketAddress.loopbackIPv4, port: 0), backlog: 1)
        let address = try #require(listener.localAddress)
        listener.shutdown()
        let error = #expect(throws: NetworkError.self) {
            _ = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        }
        #expect(error?.code == ECONNREFUSED)
        #expect(error?.address == "\(address)")
    }

    @Test("a reset by the peer does not make the socket forget who it was")
    func peerAfterReset() throws {
        let listener = try Socket.listening(on: .ipv4(SocketAddress.loopbackIPv4, port: 0), backlog: 1)
        let address = try #require(listener.localAddress)
        let here = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        do {
            let there = try #require(try listener.accept())
            #expect(there.peerAddress == here.localAddress)
            // Closed with bytes that nobody has read: the system answers with a reset.
            try here.send([1].span)
            _ = Poll.wait([Poll.Interest(there.descriptor, .readable)], timeoutMilliseconds: 5000)
        }
        _ = Poll.wait([Poll.Interest(here.descriptor, .readable)], timeoutMilliseconds: 5000)
        var room = [UInt8](repeating: 0, count: 1)
        #expect(here.receive(into: &room, at: 0, count: 1) == .failed(ECONNRESET))
        #expect(here.peerAddress == address)
    }

    @Test("a listener for one peer says whether it is at the door or inside, at every moment, and turns others away")
    func onlyPeer() throws {
        let listener = try Socket.listening(on: .ipv4(SocketAddress.loopbackIPv4, port: 0), backlog: 1)
        let address = try #require(listener.localAddress)
        #expect(!listener.hasPeer)
        let here = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        #expect(listener.hasPeer)
        let there = try #require(try listener.acceptOnly())
        #expect(there.peerAddress == here.localAddress)
        #expect(listener.hasPeer)
        #expect(throws: NetworkError.self) {
            _ = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        }
    }
}
