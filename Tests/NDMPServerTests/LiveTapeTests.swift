// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Sockets
import TapeLibrary
import Testing

@testable import NDMPServer

/// What an open tape and its mover must not do to the data on cartridges, nor to the daemon.
@Suite("NDMP over a live socket: tapes", .serialized)
struct LiveTapeTests {
    /// Records of two sizes and a mark, in drive 0.
    private func write(_ client: LiveClient, _ sizes: [Int]) throws {
        #expect(try client.mtio(.rewind).error == .noError)
        for size in sizes { #expect(try client.write([UInt8](repeating: 0xb5, count: size)) == .noError) }
        #expect(try client.mtio(.writeFilemarks).error == .noError)
    }

    /// Lengths of the records of the first file.
    private func sizes(_ client: LiveClient) throws -> [Int] {
        #expect(try client.mtio(.rewind).error == .noError)
        var sizes: [Int] = []
        while true {
            let (error, bytes) = try client.readRecord()
            guard error == .noError else { return sizes }
            sizes.append(bytes.count)
        }
    }

    @Test("A cartridge that the robot puts into an open drive is not cut off by the closing mark of the one before")
    func swap() throws {
        let live = try LiveServer()
        let first = try LiveClient.loggedIn(port: live.port)
        #expect(try first.openTape("nst0") == .noError)
        try write(first, [10, 20, 30])
        #expect(try first.error(.tapeClose) == .noError)
        try live.library.move(from: .drive(0), to: .slot(1))
        try live.library.move(from: .slot(3), to: .drive(0))

        #expect(try first.openTape("nst0") == .noError)
        #expect(try first.write([1]) == .noError)
        try live.library.move(from: .drive(0), to: .slot(3))
        try live.library.move(from: .slot(1), to: .drive(0))
        #expect(try first.error(.tapeClose) == .noError)

        #expect(try first.openTape("nst0", .read) == .noError)
        #expect(try sizes(first) == [10, 20, 30])
    }

    @Test("Early warning of a cartridge that the robot took away does not refuse a write to the next one")
    func swapAfterEarlyWarning() throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port)
        #expect(try client.openTape("nst0") == .noError)
        let record = [UInt8](repeating: 1, count: 1 << 20)
        // 8 MiB warn with 1 MiB to go: the seventh record enters the zone.
        for _ in 1...7 { #expect(try client.write(record) == .noError) }
        try live.library.move(from: .drive(0), to: .slot(1))
        try live.library.move(from: .slot(3), to: .drive(0))
        #expect(try client.write(record) == .noError)
    }

    @Test("Close still ends the last file when nothing moved in between, once")
    func closingMark() throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port)
        for name in ["nst0", "st1"] {
            #expect(try client.openTape(name) == .noError)
            #expect(try client.write([1, 2, 3]) == .noError)
            #expect(try client.error(.tapeClose) == .noError)
        }
        #expect(live.library.drives[0].status.position.file == 1)
        #expect(live.library.drives[1].status.position.atBeginning, "a rewinding name rewinds")
        #expect(try client.openTape("nst1") == .noError)
        #expect(try client.mtio(.forwardFilemarks).residualCount == 0)
        #expect(try client.mtio(.forwardFilemarks).residualCount == 1)
    }

    @Test("A rewinding name rewinds also when its session dies, whether it wrote or not")
    func rewindOfDeadSession() throws {
        let live = try LiveServer()
        for writes in [true, false] {
            let client = try LiveClient.loggedIn(port: live.port)
            #expect(try client.openTape("st0", writes ? .readWrite : .read) == .noError)
            if writes {
                #expect(try client.write([1, 2, 3]) == .noError)
            } else {
                #expect(try client.mtio(.forwardRecords).error == .noError)
            }
            #expect(!live.library.drives[0].status.position.atBeginning)
            client.socket.shutdown()
            live.waitUntil("the drive is free") { live.library.drives[0].holder == nil }
            #expect(live.library.drives[0].status.position.atBeginning)
        }
    }

    struct HugeRead: Sendable {
        var offset: UInt64
        var length: UInt64
        var window = MoverWindow.unlimited
    }

    static let half: UInt64 = 1 << 63
    static let hugeReads: [HugeRead] = [
        HugeRead(offset: half, length: 1),
        HugeRead(offset: half - 1, length: 2),
        HugeRead(offset: .max - 1, length: 1),
        HugeRead(offset: .max - 15, length: 8, window: MoverWindow(offset: .max - 15, length: 8)),
        HugeRead(offset: .max - 15, length: 15, window: MoverWindow(offset: .max - 15, length: .max)),
        HugeRead(offset: 0, length: .max - 1, window: MoverWindow(offset: half, length: half / 2)),
    ]

    @Test("Reads and windows near 2^63 and 2^64 pause or end, and the server lives", arguments: hugeReads)
    func hugePositions(_ huge: HugeRead) throws {
        let (offset, length, window) = (huge.offset, huge.length, huge.window)
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port)
        #expect(try client.openTape("nst0") == .noError)
        try write(client, [1024])
        #expect(try client.mtio(.rewind).error == .noError)
        let address = try client.listen(.write, recordSize: 1024, window: window)
        let peer = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        #expect(try client.error(.moverRead, MoverReadRequest(offset: offset, length: length)) == .noError)
        if window.offset == offset {
            // The tape was put where the window begins: its bytes are the ones wanted.
            var room = [UInt8](repeating: 0, count: 64)
            guard case .bytes(let count) = peer.receive(into: &room, at: 0, count: 64) else {
                Issue.record("the window's first bytes are sent")
                return
            }
            #expect(room.prefix(count).allSatisfy { $0 == 0xb5 })
        } else {
            let paused: NotifyMoverPausedPost = try client.post(.notifyMoverPaused)
            #expect(paused.reason == (window == .unlimited ? .endOfFile : .seek))
        }
        #expect(try client.error(.moverAbort) == .noError)
        #expect(try client.error(.moverStop) == .noError)
    }

    static let overflowing: [(UInt64, UInt64)] = [(.max - 15, 17), (.max, 1), (half, half), (2, .max - 1)]

    @Test("Windows and reads that end behind 2^64 are refused")
    func overflow() throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port)
        #expect(try client.openTape("nst0") == .noError)
        for (offset, length) in Self.overflowing {
            let window = MoverSetWindowRequest(offset: offset, length: length)
            #expect(try client.error(.moverSetWindow, window) == .illegalArguments, "\(offset)+\(length)")
        }
        let address = try client.listen(.write, recordSize: 1024, window: .unlimited)
        let peer = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        for (offset, length) in Self.overflowing + [(0, 0)] {
            let read = MoverReadRequest(offset: offset, length: length)
            #expect(try client.error(.moverRead, read) == .illegalArguments, "\(offset)+\(length)")
        }
        withExtendedLifetime(peer) {}
    }
}
