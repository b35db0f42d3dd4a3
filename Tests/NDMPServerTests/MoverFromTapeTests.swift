// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import SCSI
import Testing

@testable import NDMPServer

@Suite("Mover: tape to data connection")
struct MoverFromTapeTests {
    /// Ten records of 100 bytes with the stream in them.
    private func tape(marksAt marks: Set<Int> = []) -> FakeTape {
        var objects: [FakeTape.Object] = []
        for index in 0..<10 {
            if marks.contains(index) { objects.append(.mark) }
            objects.append(.record(MoverRig.stream(100, from: index * 100)))
        }
        return FakeTape(objects)
    }

    @Test("A read sends its bytes and leaves the mover active for the next one")
    func reads() throws {
        let rig = try MoverRig(.write, recordSize: 100, tape: tape())
        rig.engine.read(offset: 0, length: 300)
        #expect(rig.receive(300) == MoverRig.stream(300))
        rig.engine.read(offset: 300, length: 50)
        #expect(rig.receive(50) == MoverRig.stream(50, from: 300))
        rig.engine.read(offset: 350, length: 200)
        #expect(rig.receive(200) == MoverRig.stream(200, from: 350))
        #expect(rig.staysQuiet())
        #expect(rig.counters.current.bytesMoved == 550)
        #expect(rig.counters.current.bytesLeftToRead == 0)
        #expect(rig.counters.current.seekPosition == 350)
    }

    @Test("Reads go forward and back inside the window by passing over records")
    func seeks() throws {
        let rig = try MoverRig(.write, recordSize: 100, tape: tape())
        for (offset, length) in [(720, 100), (5, 10), (999, 1), (0, 1000)] {
            rig.engine.read(offset: UInt64(offset), length: UInt64(length))
            #expect(rig.receive(length) == MoverRig.stream(length, from: offset), "\(offset)+\(length)")
        }
        #expect(rig.staysQuiet())
    }

    @Test("A position outside the window pauses with SEEK and tells the position; the read goes on after CONTINUE")
    func seekPause() throws {
        let second = FakeTape([.record(MoverRig.stream(100, from: 1000)), .record(MoverRig.stream(100, from: 1100))])
        let rig = try MoverRig(.write, recordSize: 100, tape: tape(), window: MoverWindow(offset: 0, length: 1000))
        rig.engine.read(offset: 950, length: 200)
        #expect(rig.receive(50) == MoverRig.stream(50, from: 950))
        #expect(rig.next() == .paused(.seek, position: 1000))
        #expect(!rig.tape.isTaken)
        #expect(rig.counters.current.bytesLeftToRead == 150)
        rig.engine.setWindow(MoverWindow(offset: 1000, length: 200))
        rig.engine.resume(with: second)
        #expect(rig.receive(150) == MoverRig.stream(150, from: 1000))
        #expect(rig.staysQuiet())
        #expect(rig.counters.current.bytesMoved == 200)
    }

    @Test("A read over three tapes asks for each by a SEEK pause, back and forth")
    func threeTapes() throws {
        let tapes = (0..<3).map { number in
            FakeTape((0..<4).map { .record(MoverRig.stream(100, from: number * 400 + $0 * 100)) } + [.mark])
        }
        let rig = try MoverRig(.write, recordSize: 100, tape: tapes[0], window: MoverWindow(offset: 0, length: 400))
        /// Follows the SEEK pauses as a client does, and returns the tapes they led to.
        func read(_ offset: Int, _ length: Int) -> [Int] {
            var path: [Int] = []
            rig.engine.read(offset: UInt64(offset), length: UInt64(length))
            while rig.counters.current.bytesLeftToRead > 0 {
                guard let event = rig.next(seconds: 1) else { return path }
                guard case .paused(.seek, let position) = event, position < 1200 else {
                    Issue.record("\(event)")
                    return path
                }
                let wanted = Int(position) / 400
                path.append(wanted)
                tapes[wanted].change { $0.position = 0 }
                rig.engine.setWindow(MoverWindow(offset: UInt64(wanted * 400), length: 400))
                rig.engine.resume(with: tapes[wanted])
                // The rest of this tape, or of the read, is on its way when the next pause comes.
                if (offset + length - 1) / 400 == wanted { break }
            }
            return path
        }
        #expect(read(350, 700) == [1, 2])
        #expect(rig.receive(700) == MoverRig.stream(700, from: 350))
        #expect(read(10, 20) == [0])
        #expect(rig.receive(20) == MoverRig.stream(20, from: 10))
        #expect(read(1199, 1) == [2])
        #expect(rig.receive(1) == MoverRig.stream(1, from: 1199))
        #expect(rig.staysQuiet())
        #expect(rig.counters.current.bytesMoved == 721)
    }

    @Test("A position before the window pauses with SEEK as well")
    func seekBack() throws {
        let rig = try MoverRig(.write, recordSize: 100, tape: tape(), window: MoverWindow(offset: 500, length: 1000))
        rig.engine.read(offset: 499, length: 2)
        #expect(rig.next() == .paused(.seek, position: 499))
        rig.engine.setWindow(MoverWindow(offset: 400, length: 0))
        rig.engine.resume(with: rig.tape)
        #expect(rig.next() == .paused(.seek, position: 499), "an empty window holds nothing")
        #expect(rig.counters.current.bytesLeftToRead == 2)
    }

    @Test("A filemark pauses with EOF, the tape before the mark; behind it the read goes on")
    func filemark() throws {
        let tape = tape(marksAt: [4])
        let rig = try MoverRig(.write, recordSize: 100, tape: tape)
        rig.engine.read(offset: 0, length: .max)
        #expect(rig.receive(400) == MoverRig.stream(400))
        #expect(rig.next() == .paused(.endOfFile, position: 0))
        #expect(tape.position == 4)
        tape.change { $0.position = 5 }
        rig.engine.setWindow(.unlimited)
        rig.engine.resume(with: tape)
        #expect(rig.receive(600) == MoverRig.stream(600, from: 400))
        #expect(rig.next() == .paused(.endOfMedium, position: 0))
        #expect(tape.position == 11)
    }

    @Test("After the end of a file an endless window that begins too late means the byte needed next")
    func windowTooLate() throws {
        let tape = tape(marksAt: [4])
        let rig = try MoverRig(.write, recordSize: 100, tape: tape)
        rig.engine.read(offset: 0, length: .max)
        #expect(rig.receive(400) == MoverRig.stream(400))
        #expect(rig.next() == .paused(.endOfFile, position: 0))
        let other = FakeTape((4..<6).map { .record(MoverRig.stream(100, from: $0 * 100)) })
        rig.engine.setWindow(MoverWindow(offset: 700, length: .max - 700))
        rig.engine.resume(with: other)
        #expect(rig.receive(200) == MoverRig.stream(200, from: 400))
        #expect(rig.next() == .paused(.endOfMedium, position: 0))
        rig.engine.setWindow(MoverWindow(offset: 700, length: 1000))
        rig.engine.resume(with: other)
        #expect(rig.next() == .paused(.seek, position: 600), "a window with an end means what it says")
    }

    @Test("A mark in the way of a seek pauses too")
    func markWhileSeeking() throws {
        let tape = tape(marksAt: [4])
        let rig = try MoverRig(.write, recordSize: 100, tape: tape)
        rig.engine.read(offset: 700, length: 100)
        #expect(rig.next() == .paused(.endOfFile, position: 0))
        #expect(tape.position == 4)
    }

    @Test("Bytes of the last record beyond the window are dropped")
    func windowCutsRecord() throws {
        let rig = try MoverRig(.write, recordSize: 100, tape: tape(), window: MoverWindow(offset: 0, length: 250))
        rig.engine.read(offset: 0, length: .max)
        #expect(rig.receive(250) == MoverRig.stream(250))
        #expect(rig.next() == .paused(.seek, position: 250))
    }

    @Test("Records shorter than the record size are sent one after the other; a longer one is an error")
    func otherLengths() throws {
        let short = FakeTape([
            .record(MoverRig.stream(30)), .record(MoverRig.stream(30, from: 30)),
            .record(MoverRig.stream(100, from: 60)),
        ])
        let rig = try MoverRig(.write, recordSize: 100, tape: short)
        rig.engine.read(offset: 0, length: 160)
        #expect(rig.receive(160) == MoverRig.stream(160))

        let long = FakeTape([.record(MoverRig.stream(101))])
        for length: UInt64 in [50, 500] {
            let other = try MoverRig(.write, recordSize: 100, tape: long)
            long.change { $0.position = 0 }
            other.engine.read(offset: 0, length: length)
            guard case .mediaError? = other.next() else {
                Issue.record("a record longer than the record size is an error")
                return
            }
        }
    }

    @Test("The peer's close is seen while no read is outstanding, and in the middle of one")
    func peerCloses() throws {
        let idle = try MoverRig(.write, recordSize: 100, tape: tape())
        idle.closePeer()
        guard case .halted(.connectClosed, _)? = idle.next() else {
            Issue.record("the close is seen without a read")
            return
        }
        let big = FakeTape((0..<400).map { _ in .record([UInt8](repeating: 1, count: 1 << 16)) })
        let busy = try MoverRig(.write, recordSize: 1 << 16, tape: big)
        busy.engine.read(offset: 0, length: .max)
        #expect(busy.receive(1000).count == 1000)
        busy.closePeer()
        guard case .halted(.connectClosed, _)? = busy.next() else {
            Issue.record("the close ends the read")
            return
        }
        #expect(!big.isTaken)
    }

    @Test("The peer's close while paused halts the mover")
    func peerClosesWhilePaused() throws {
        let rig = try MoverRig(.write, recordSize: 100, tape: tape(marksAt: [0]))
        rig.engine.read(offset: 0, length: 100)
        #expect(rig.next() == .paused(.endOfFile, position: 0))
        rig.closePeer()
        guard case .halted(.connectClosed, _)? = rig.next() else {
            Issue.record("the close is seen while paused")
            return
        }
    }

    @Test("Ending wakes a mover whose peer takes nothing")
    func endWhileBlocked() throws {
        let big = FakeTape((0..<400).map { _ in .record([UInt8](repeating: 1, count: 1 << 16)) })
        let rig = try MoverRig(.write, recordSize: 1 << 16, tape: big)
        rig.engine.read(offset: 0, length: .max)
        #expect(rig.staysQuiet())
        rig.engine.end()
        #expect(!big.isTaken)
    }

    @Test("A damaged record is reported with its sense")
    func damagedRecord() throws {
        let tape = tape()
        tape.change { $0.readError = CheckCondition(.mediumError, .unrecoveredReadError) }
        let rig = try MoverRig(.write, recordSize: 100, tape: tape)
        rig.engine.read(offset: 0, length: 50)
        #expect(rig.next() == .mediaError("the drive reported sense 03/11/00"))
    }
}
