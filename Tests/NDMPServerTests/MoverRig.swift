// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import NDMPProtocol
import Sockets
import Synchronization
import Testing

@testable import NDMPServer

/// A mover with a fake tape, and the peer of its data connection in the test's hands.
final class MoverRig {
    let tape: FakeTape
    let counters = MoverCounters()
    let engine: MoverEngine
    private(set) var peer: Socket
    private let events: EventBox

    /// Collects what the mover thread reports.
    final class EventBox: Sendable {
        private let list = Mutex<[MoverEvent]>([])
        let arrived: WakeUp

        init() throws { arrived = try WakeUp() }

        func add(_ event: MoverEvent) {
            list.withLock { $0.append(event) }
            arrived.signal()
        }

        var isEmpty: Bool { list.withLock { $0.isEmpty } }

        func take() -> MoverEvent? { list.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
    }

    init(
        _ mode: MoverMode,
        recordSize: Int,
        tape: FakeTape = FakeTape(),
        window: MoverWindow = .unlimited
    ) throws {
        let box = try EventBox()
        events = box
        self.tape = tape
        let parameters = MoverEngine.Parameters(
            mode: mode,
            recordSize: recordSize,
            window: window,
            acceptTimeoutSeconds: 10
        )
        engine = try MoverEngine(parameters, counters: counters) { box.add($0) }
        let listener = try Socket.listening(on: .ipv4(SocketAddress.loopbackIPv4, port: 0), backlog: 1)
        let address = try #require(listener.localAddress)
        try engine.start(.listener(listener), tape: tape)
        peer = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        #expect(next() == .peerConnected)
    }

    deinit {
        engine.end()
    }

    /// The next event; nil when none comes for a while.
    func next(seconds: Int = 10) -> MoverEvent? {
        for _ in 0..<seconds * 10 {
            if let event = events.take() { return event }
            _ = Poll.wait([Poll.Interest(events.arrived.descriptor, .readable)], timeoutMilliseconds: 100)
            events.arrived.clear()
        }
        return events.take()
    }

    /// True when nothing is reported for a moment.
    func staysQuiet() -> Bool {
        // A signal of an event that was taken already says nothing new.
        events.arrived.clear()
        guard events.isEmpty else { return false }
        _ = Poll.wait([Poll.Interest(events.arrived.descriptor, .readable)], timeoutMilliseconds: 150)
        events.arrived.clear()
        return events.take() == nil
    }

    func send(_ bytes: [UInt8]) throws {
        try peer.send(bytes.span)
    }

    /// Receives so many bytes, or fewer when the mover closes.
    func receive(_ count: Int) -> [UInt8] {
        var all: [UInt8] = []
        var room = [UInt8](repeating: 0, count: max(count, 1))
        while all.count < count {
            guard case .bytes(let got) = peer.receive(into: &room, at: 0, count: count - all.count) else { break }
            all += room.prefix(got)
        }
        return all
    }

    func closePeer() {
        peer.shutdown()
    }

    /// Breaks the connection off: the mover gets a reset. On Linux that is what dissolving the association does.
    func resetPeer() {
        var address = sockaddr()
        address.sa_family = sa_family_t(AF_UNSPEC)
        #expect(connect(peer.descriptor, &address, socklen_t(MemoryLayout<sockaddr>.size)) == 0)
    }

    /// Bytes that tell where they belong.
    static func stream(_ count: Int, from start: Int = 0) -> [UInt8] {
        (start..<start + count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    }
}
