// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import SCSI
import Testing

@testable import NDMPServer

@Suite("Mover: data connection to tape")
struct MoverToTapeTests {
    @Test("Records come out in order and in full size; the last one is padded with zeros and counted without them")
    func padding() throws {
        let rig = try MoverRig(.read, recordSize: 512)
        let data = MoverRig.stream(512 * 5 + 100)
        try rig.send(Array(data.prefix(700)))
        try rig.send(Array(data.dropFirst(700)))
        rig.closePeer()
        guard case .halted(.connectClosed, _)? = rig.next() else {
            Issue.record("the mover halts when its peer closes")
            return
        }
        #expect(rig.tape.records.count == 6)
        #expect(rig.tape.records.flatMap { $0 } == data + [UInt8](repeating: 0, count: 412))
        #expect(rig.counters.current.bytesMoved == UInt64(data.count))
        #expect(rig.counters.current.recordNumber == 6)
        #expect(!rig.tape.isTaken)
    }

    @Test("A close without a byte writes nothing")
    func emptyStream() throws {
        let rig = try MoverRig(.read, recordSize: 512)
        rig.closePeer()
        guard case .halted(.connectClosed, _)? = rig.next() else {
            Issue.record("the mover halts when its peer closes")
            return
        }
        #expect(rig.tape.objects.isEmpty)
    }

    @Test("A full window is no pause until there is a byte beyond it; CONTINUE goes on at that byte")
    func windowEnd() throws {
        let rig = try MoverRig(.read, recordSize: 256, window: MoverWindow(offset: 0, length: 1024))
        let data = MoverRig.stream(2000)
        try rig.send(Array(data.prefix(1024)))
        #expect(rig.staysQuiet())
        try rig.send(Array(data[1024..<1025]))
        #expect(rig.next() == .paused(.endOfWindow, position: 0))
        #expect(!rig.tape.isTaken)
        #expect(rig.tape.records.count == 4)
        try rig.send(Array(data.dropFirst(1025)))
        rig.closePeer()
        #expect(rig.staysQuiet(), "unwritten bytes keep the mover paused when the peer closes")
        rig.engine.setWindow(MoverWindow(offset: 1024, length: 1 << 20))
        rig.engine.resume(with: rig.tape)
        guard case .halted(.connectClosed, _)? = rig.next() else {
            Issue.record("the mover writes the rest and halts")
            return
        }
        #expect(rig.tape.records.flatMap { $0 }.prefix(2000) == data[...])
        #expect(rig.counters.current.bytesMoved == 2000)
    }

    @Test("A connection that breaks off is a CONNECT_ERROR that names the peer; all that came is on tape and counted")
    func reset() throws {
        let rig = try MoverRig(.read, recordSize: 512)
        let data = MoverRig.stream(512 * 5 + 100)
        let peer = try #require(rig.peer.localAddress)
        try rig.send(data)
        rig.resetPeer()
        guard case .halted(.connectError, let text)? = rig.next() else {
            Issue.record("a reset is no close")
            return
        }
        #expect(text == "the data connection was reset by \(peer) after \(data.count) bytes")
        #expect(rig.tape.records.flatMap { $0 } == data + [UInt8](repeating: 0, count: 412))
        #expect(rig.counters.current.bytesMoved == UInt64(data.count))
        #expect(rig.counters.current.recordNumber == 6)
        #expect(!rig.tape.isTaken)
    }

    @Test("A connection that breaks off while the mover is paused loses nothing that was received")
    func resetWhilePaused() throws {
        let first = FakeTape(earlyWarningAt: 1)
        let rig = try MoverRig(.read, recordSize: 100, tape: first)
        let data = MoverRig.stream(650)
        try rig.send(data)
        #expect(rig.next() == .paused(.endOfMedium, position: 0))
        rig.resetPeer()
        #expect(rig.staysQuiet())
        let second = FakeTape()
        rig.engine.resume(with: second)
        guard case .halted(.connectError, _)? = rig.next() else {
            Issue.record("the failure is told when the bytes are written")
            return
        }
        #expect((first.records + second.records).flatMap { $0 }.prefix(650) == data[...])
        #expect(rig.counters.current.bytesMoved == 650)
    }

    @Test("A stream over four tapes, each announcing its end, stays whole; its end waits for the last tape")
    func fourTapes() throws {
        let tapes = (0..<4).map { _ in FakeTape(earlyWarningAt: 2) }
        let rig = try MoverRig(.read, recordSize: 100, tape: tapes[0])
        let data = MoverRig.stream(1130)
        try rig.send(data)
        rig.closePeer()
        for (number, tape) in tapes.enumerated().dropFirst() {
            #expect(rig.next() == .paused(.endOfMedium, position: 0))
            #expect(!rig.tape.isTaken)
            #expect(rig.counters.current.bytesMoved == UInt64(number * 300))
            #expect(rig.staysQuiet(), "the closed connection is no end while bytes are unwritten")
            rig.engine.setWindow(MoverWindow(offset: UInt64(number * 300), length: .max))
            rig.engine.resume(with: tape)
        }
        guard case .halted(.connectClosed, _)? = rig.next() else {
            Issue.record("the last tape takes the rest")
            return
        }
        #expect(tapes.map(\.records.count) == [3, 3, 3, 3])
        #expect(tapes.flatMap(\.records).flatMap { $0 } == data + [UInt8](repeating: 0, count: 70))
        #expect(rig.counters.current.bytesMoved == 1130)
        #expect(rig.counters.current.recordNumber == 12)
    }

    @Test("A padded record that meets the end of a tape is padded once and counted once on the next")
    func paddingAtTheEnd() throws {
        let first = FakeTape(earlyWarningAt: 0)
        let rig = try MoverRig(.read, recordSize: 100, tape: first)
        try rig.send(MoverRig.stream(130))
        rig.closePeer()
        #expect(rig.next() == .paused(.endOfMedium, position: 0))
        #expect(rig.counters.current.bytesMoved == 100)
        let second = FakeTape()
        rig.engine.resume(with: second)
        guard case .halted(.connectClosed, _)? = rig.next() else {
            Issue.record("the padded record is written")
            return
        }
        #expect(second.records == [MoverRig.stream(30, from: 100) + [UInt8](repeating: 0, count: 70)])
        #expect(rig.counters.current.bytesMoved == 130)
    }

    @Test("Ending a mover that is paused at the end of a tape accounts only for what is on it")
    func closeAtTheEnd() throws {
        let tape = FakeTape(earlyWarningAt: 2)
        let rig = try MoverRig(.read, recordSize: 100, tape: tape)
        try rig.send(MoverRig.stream(1000))
        #expect(rig.next() == .paused(.endOfMedium, position: 0))
        rig.engine.end()
        #expect(tape.records.count == 3)
        #expect(rig.counters.current.bytesMoved == 300)
        #expect(rig.receive(1).isEmpty, "the peer sees the end")
    }

    @Test("An empty window pauses at the first byte, and a peer that closes before it halts the mover")
    func emptyWindow() throws {
        let rig = try MoverRig(.read, recordSize: 256, window: MoverWindow(offset: 0, length: 0))
        #expect(rig.staysQuiet())
        try rig.send([1])
        #expect(rig.next() == .paused(.endOfWindow, position: 0))
        #expect(rig.tape.objects.isEmpty)

        let other = try MoverRig(.read, recordSize: 256, window: MoverWindow(offset: 0, length: 0))
        other.closePeer()
        guard case .halted(.connectClosed, _)? = other.next() else {
            Issue.record("nothing came, so nothing keeps the mover")
            return
        }
    }

    @Test("Early warning: the record that enters the zone is written, the next one is kept for the next tape")
    func earlyWarning() throws {
        let first = FakeTape(earlyWarningAt: 3)
        let rig = try MoverRig(.read, recordSize: 100, tape: first)
        let data = MoverRig.stream(1000)
        try rig.send(data)
        rig.closePeer()
        #expect(rig.next() == .paused(.endOfMedium, position: 0))
        #expect(first.records.count == 4)
        #expect(rig.staysQuiet())
        let second = FakeTape()
        rig.engine.setWindow(MoverWindow(offset: 400, length: .max - 400))
        rig.engine.resume(with: second)
        guard case .halted(.connectClosed, _)? = rig.next() else {
            Issue.record("the rest goes to the second tape")
            return
        }
        #expect((first.records + second.records).flatMap { $0 } == data)
        #expect(rig.counters.current.bytesMoved == 1000)
    }

    @Test("CONTINUE on the same tape writes on until the physical end")
    func physicalEnd() throws {
        let tape = FakeTape(earlyWarningAt: 2, endsAt: 5)
        let rig = try MoverRig(.read, recordSize: 100, tape: tape)
        try rig.send(MoverRig.stream(1000))
        #expect(rig.next() == .paused(.endOfMedium, position: 0))
        #expect(tape.records.count == 3)
        rig.engine.resume(with: tape)
        #expect(rig.next() == .paused(.endOfMedium, position: 0))
        #expect(tape.records.count == 5)
        #expect(tape.records.flatMap { $0 } == MoverRig.stream(500))
    }

    @Test("An error of the medium is reported with its sense, and the record is kept")
    func mediumError() throws {
        let tape = FakeTape()
        tape.change { $0.writeError = CheckCondition(.mediumError, .writeError) }
        let rig = try MoverRig(.read, recordSize: 100, tape: tape)
        try rig.send(MoverRig.stream(100))
        #expect(rig.next() == .mediaError("the drive reported sense 03/0c/00"))
        #expect(tape.notes.hadMediumError)
        rig.engine.resume(with: tape)
        rig.closePeer()
        guard case .halted(.connectClosed, _)? = rig.next() else {
            Issue.record("the record is written after CONTINUE")
            return
        }
        #expect(tape.records == [MoverRig.stream(100)])
    }

    @Test("Ending wakes a mover that waits for data, and gives the drive back before it returns")
    func end() throws {
        let rig = try MoverRig(.read, recordSize: 1024)
        try rig.send([1, 2, 3])
        #expect(rig.staysQuiet())
        #expect(rig.tape.isTaken)
        rig.engine.end()
        #expect(!rig.tape.isTaken)
        #expect(rig.staysQuiet())
        #expect(rig.receive(1).isEmpty, "the peer sees the end")
    }

    @Test("A drive that somebody else has halts the mover with who it is")
    func busyDrive() throws {
        let tape = FakeTape()
        tape.change { $0.holder = "fuse 1" }
        let rig = try MoverRig(.read, recordSize: 1024, tape: tape)
        #expect(rig.next() == .halted(.internalError, "The drive 0 is in use by fuse 1."))
    }

    @Test("Records larger than the buffer's usual size pass")
    func largeRecords() throws {
        let size = 3 << 20
        let rig = try MoverRig(.read, recordSize: size)
        let data = [UInt8](repeating: 0xa5, count: size * 2)
        try rig.send(data)
        rig.closePeer()
        guard case .halted(.connectClosed, _)? = rig.next() else {
            Issue.record("the mover halts when its peer closes")
            return
        }
        #expect(rig.tape.records.map(\.count) == [size, size])
    }
}
