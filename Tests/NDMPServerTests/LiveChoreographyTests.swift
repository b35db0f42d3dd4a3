// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Sockets
import Testing
import WireFormat

@testable import NDMPServer

/// The two workflows of the NDMP overview as a client goes through them, and a copy from tape to tape.
@Suite("NDMP over a live socket: whole jobs", .serialized)
struct LiveChoreographyTests {
    private static let record = 64 << 10
    private static let slots: [UInt16] = [0x1000, 0x1002]

    /// MOVE MEDIUM, on the session that has the changer open.
    private func move(_ robot: LiveClient, _ source: UInt16, _ target: UInt16) throws {
        let cdb: [UInt8] = [
            0xa5, 0, 0, 0, UInt8(source >> 8), UInt8(source & 0xff), UInt8(target >> 8), UInt8(target & 0xff), 0, 0, 0,
            0,
        ]
        var request = ExecuteCDBRequest()
        request.cdb = .bytes(cdb)
        let reply: ExecuteCDBReply = try robot.request(.scsiExecuteCDB, request)
        #expect(reply.error == .noError)
        #expect(reply.status == 0, "\(reply.sense)")
    }

    private func robot(_ live: LiveServer) throws -> LiveClient {
        let robot = try LiveClient.loggedIn(port: live.port)
        #expect(try robot.error(.scsiOpen, SCSIOpenRequest(device: XDRString("sg0"))) == .noError)
        return robot
    }

    /// Takes the cartridge of drive 0 to its slot and brings the next one.
    private func change(_ client: LiveClient, _ robot: LiveClient, putting home: UInt16, getting next: UInt16) throws {
        #expect(try client.mtio(.unload).error == .noError)
        #expect(try client.error(.tapeClose) == .noError)
        try move(robot, 0x100, home)
        try move(robot, next, 0x100)
        #expect(try client.openTape("nst0") == .noError)
    }

    private func label(_ client: LiveClient, _ number: Int) throws {
        #expect(try client.mtio(.rewind).error == .noError)
        #expect(try client.write(Array("LABEL \(number)".utf8)) == .noError)
        #expect(try client.mtio(.writeFilemarks).error == .noError)
    }

    @Test("Backup with labels and trailers over three cartridges and one drive, and back by SEEK pauses")
    func threeCartridges() throws {
        let live = try LiveServer()
        // The second cartridge waits in the slot that the first came from; the third is in its own.
        try live.library.move(from: .drive(1), to: .slot(2))
        let client = try LiveClient.loggedIn(port: live.port)
        let robot = try robot(live)
        let data = MoverRig.stream(17 << 20 + 12_345)
        let homes: [UInt16] = [0x1000, 0x1001, 0x1002]
        #expect(try client.openTape("nst0") == .noError)
        try label(client, 0)
        let address = try client.listen(.read, recordSize: UInt32(Self.record), window: .unlimited)
        let sender = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        let sending = try DedicatedThread(name: "sender") {
            try? sender.send(data.span)
            sender.shutdown()
        }
        var starts: [UInt64] = [0]
        for number in 1...2 {
            let paused: NotifyMoverPausedPost = try client.post(.notifyMoverPaused)
            #expect(paused.reason == .endOfMedium)
            let state = try client.moverState()
            #expect(state.bytesMoved % UInt64(Self.record) == 0)
            #expect(UInt64(state.recordNumber) * UInt64(Self.record) == state.bytesMoved)
            starts.append(state.bytesMoved)
            // The trailer: the mover has told the early warning, so nothing is refused.
            #expect(try client.mtio(.writeFilemarks).residualCount == 0)
            #expect(try client.write(Array("TRAILER".utf8)) == .noError)
            #expect(try client.mtio(.writeFilemarks, 2).residualCount == 0)
            try change(client, robot, putting: homes[number - 1], getting: homes[number])
            try label(client, number)
            try client.setWindow(MoverWindow(offset: state.bytesMoved, length: .max - state.bytesMoved))
            #expect(try client.error(.moverContinue) == .noError)
        }
        let halted: NotifyMoverHaltedPost = try client.post(.notifyMoverHalted)
        #expect(halted.reason == .connectClosed)
        sending.join()
        #expect(try client.moverState().bytesMoved == UInt64(data.count))
        #expect(try client.error(.moverStop) == .noError)
        #expect(try client.mtio(.writeFilemarks).residualCount == 0)
        #expect(live.library.drives[0].status.position.file == 2, "label and data, one mark each")
        try recover(client, robot, data, starts + [.max], homes)
    }

    /// Reads a part over all three cartridges, then one on the first alone.
    private func recover(
        _ client: LiveClient,
        _ robot: LiveClient,
        _ data: [UInt8],
        _ starts: [UInt64],
        _ homes: [UInt16]
    ) throws {
        var loaded = 2
        func position(at number: Int) throws -> MoverWindow {
            if number != loaded {
                try change(client, robot, putting: homes[loaded], getting: homes[number])
                loaded = number
            }
            #expect(try client.mtio(.rewind).error == .noError)
            #expect(try client.mtio(.forwardFilemarks).residualCount == 0)
            return MoverWindow(offset: starts[number], length: starts[number + 1] - starts[number])
        }
        let window = try position(at: 0)
        let address = try client.listen(.write, recordSize: UInt32(Self.record), window: window)
        let receiver = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        let ranges = [1000..<data.count, 77..<100_000]
        for range in ranges {
            let received = ByteBox()
            let receiving = try DedicatedThread(name: "receiver") { received.fill(from: receiver, count: range.count) }
            let read = MoverReadRequest(offset: UInt64(range.lowerBound), length: UInt64(range.count))
            #expect(try client.error(.moverRead, read) == .noError)
            let path = range.lowerBound == 1000 ? [1, 2] : [0]
            for number in path {
                let paused: NotifyMoverPausedPost = try client.post(.notifyMoverPaused)
                #expect(paused.reason == .seek)
                #expect(paused.seekPosition == max(starts[number], UInt64(range.lowerBound)))
                try client.setWindow(position(at: number))
                #expect(try client.error(.moverContinue) == .noError)
            }
            receiving.join()
            #expect(received.bytes[...] == data[range])
        }
        receiver.shutdown()
        let halted: NotifyMoverHaltedPost = try client.post(.notifyMoverHalted)
        #expect(halted.reason == .connectClosed)
        #expect(try client.moverState().bytesMoved == UInt64(ranges.map(\.count).reduce(0, +)))
    }

    @Test(
        "A tape is copied to another one between two movers, byte for byte, whichever of them connects",
        arguments: [
            MoverMode.read, .write,
        ]
    )
    func copy(listening: MoverMode) throws {
        let live = try LiveServer()
        let source = try LiveClient.loggedIn(port: live.port)
        let target = try LiveClient.loggedIn(port: live.port, version: 3)
        let records = (0..<300).map { MoverRig.stream(10_240, from: $0 * 10_240) }
        #expect(try source.openTape("nst0") == .noError)
        for record in records { #expect(try source.write(record) == .noError) }
        #expect(try source.mtio(.writeFilemarks).error == .noError)
        #expect(try source.mtio(.rewind).error == .noError)
        #expect(try target.openTape("nst1") == .noError)

        let (listener, caller) = listening == .read ? (target, source) : (source, target)
        let address = try listener.listen(listening, recordSize: 10_240, window: .unlimited)
        #expect(try caller.error(.moverSetRecordSize, MoverSetRecordSizeRequest(length: 10_240)) == .noError)
        let connect = MoverConnectRequest(
            mode: listening == .read ? .write : .read,
            address: .tcp(ip: SocketAddress.loopbackIPv4, port: address.port)
        )
        #expect(try caller.error(.moverConnect, connect) == .noError)
        #expect(try source.error(.moverRead, MoverReadRequest(offset: 0, length: .max)) == .noError)

        let paused: NotifyMoverPausedPost = try source.post(.notifyMoverPaused)
        #expect(paused.reason == .endOfFile)
        #expect(try source.moverState().bytesMoved == 3_072_000)
        #expect(try source.error(.moverClose) == .noError)
        let sourceHalted: NotifyMoverHaltedPost = try source.post(.notifyMoverHalted)
        #expect(sourceHalted.reason == .connectClosed)
        let targetHalted: NotifyMoverHaltedPost = try target.post(.notifyMoverHalted)
        #expect(targetHalted.reason == .connectClosed)
        #expect(try target.moverState().bytesMoved == 3_072_000)
        for client in [source, target] { #expect(try client.error(.moverStop) == .noError) }
        #expect(try target.mtio(.rewind).error == .noError)
        for record in records { #expect(try target.readRecord().bytes == record) }
        let end = try target.readRecord()
        #expect(end.error == .endOfFile, "rewinding wrote the mark that was missing")
    }

    @Test("CLOSE while paused at the end of a tape keeps what is written and frees drive and peer")
    func closeAtEndOfMedium() throws {
        let live = try LiveServer()
        let client = try LiveClient.loggedIn(port: live.port)
        #expect(try client.openTape("nst0") == .noError)
        let address = try client.listen(.read, recordSize: UInt32(Self.record), window: .unlimited)
        let sender = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        let sending = try DedicatedThread(name: "sender") {
            try? sender.send([UInt8](repeating: 5, count: 20 << 20).span)
        }
        let paused: NotifyMoverPausedPost = try client.post(.notifyMoverPaused)
        #expect(paused.reason == .endOfMedium)
        let moved = try client.moverState().bytesMoved
        #expect(try client.error(.moverContinue) == .precondition, "v4 wants a new window first")
        #expect(try client.error(.moverClose) == .noError)
        let halted: NotifyMoverHaltedPost = try client.post(.notifyMoverHalted)
        #expect(halted.reason == .connectClosed)
        sending.join()
        #expect(try client.moverState().bytesMoved == moved)
        #expect(try client.error(.moverStop) == .noError)
        #expect(try client.error(.tapeClose) == .noError)
        let position = live.library.drives[0].status.position
        #expect(position.file == 1)
        #expect(position.block.rawValue == moved / UInt64(Self.record) + 1)
    }
}
