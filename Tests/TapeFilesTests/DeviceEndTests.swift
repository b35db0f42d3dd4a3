// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Testing

@testable import TapeFiles

/// The end of the medium and fixed-block mode.
@Suite("tape device: end of medium and fixed blocks")
struct DeviceEndTests {
    @Test("early warning: the write goes through, the next is ENOSPC, and so alternately until the physical end")
    func earlyWarning() throws {
        // Early warning of 4 MiB leaves an eighth.
        let bench = try DeviceBench(capacity: 4 << 20)
        let tape = try bench.tape()
        var answers: [Int32?] = []
        var written = 0
        for _ in 0..<100 where answers.suffix(4) != [ENOSPC, ENOSPC, ENOSPC, ENOSPC] {
            answers.append(
                code {
                    _ = try tape.write(UInt8(truncatingIfNeeded: written), 64 << 10)
                    written += 1
                }
            )
        }
        let first = try #require(answers.firstIndex(of: ENOSPC))
        // 3.5 MiB are 56 records of 64 KiB; each costs a little more than its length.
        #expect(first == 56)
        #expect(answers[first..<first + 6] == [ENOSPC, nil, ENOSPC, nil, ENOSPC, nil])
        #expect(answers.suffix(4) == [ENOSPC, ENOSPC, ENOSPC, ENOSPC])
        #expect(written == 63)
        #expect(try tape.status().words.contains("EOT"))
        // The trailer's filemark still fits, and everything can be read.
        try tape.operate(5)
        try tape.operate(6)
        for number in 0..<written {
            #expect(try tape.read(64 << 10) == [UInt8](repeating: UInt8(number), count: 64 << 10))
        }
        #expect(try tape.read(64 << 10) == [])
    }

    @Test("fixed blocks: many per call, whole ones only, short at a filemark and at the end of the data")
    func fixedBlocks() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        try tape.operate(20, 512)
        #expect(try tape.status().dsreg & 0xFF_FFFF == 512)
        #expect(code { _ = try tape.write(1, 513) } == EINVAL)
        #expect(try tape.write(1, 5 * 512) == 5 * 512)
        #expect(try tape.status().block == 5)
        try tape.operate(5)
        #expect(try tape.write(2, 512) == 512)
        try tape.close()

        let again = try bench.tape()
        try again.operate(6)
        #expect(try again.read(3 * 512).count == 3 * 512)
        #expect(try again.read(10 * 512).count == 2 * 512)
        #expect(try again.read(10 * 512) == [])
        #expect(try again.read(10 * 512).count == 512)
        #expect(try again.read(10 * 512) == [])
        #expect(try again.read(10 * 512) == [])
        #expect(code { _ = try again.read(10 * 512) } == EIO)
        // The setting belongs to the drive and stays.
        #expect(try again.status().dsreg & 0xFF_FFFF == 512)
    }

    @Test("a record of another length in fixed-block mode: what is before it, then EIO with the position before it")
    func wrongLength() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        _ = try tape.write(1, 512)
        _ = try tape.write(2, 700)
        try tape.operate(6)
        try tape.operate(20, 512)
        #expect(try tape.read(2048).count == 512)
        #expect(code { _ = try tape.read(2048) } == EIO)
        #expect(try tape.tell() == 1)
        try tape.operate(20, 0)
        #expect(try tape.read(2048).count == 700)
    }

    @Test("reads of parts of fixed blocks get what is left of the block, unless read-ahead is off")
    func partialBlocks() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        try tape.operate(20, 512)
        _ = try tape.write((0..<1024).map { UInt8(truncatingIfNeeded: $0 / 4) })
        try tape.operate(6)
        #expect(try tape.read(100) == (0..<100).map { UInt8(truncatingIfNeeded: $0 / 4) })
        #expect(try tape.read(700) == (100..<800).map { UInt8(truncatingIfNeeded: $0 / 4) })
        #expect(try tape.read(700) == (800..<1024).map { UInt8(truncatingIfNeeded: $0 / 4) })
        // MT_ST_CLEARBOOLEANS | MT_ST_READ_AHEAD
        try tape.operate(24, 0x4000_0004)
        try tape.operate(6)
        #expect(code { _ = try tape.read(100) } == EINVAL)
    }

    @Test("fixed blocks at the physical end: a short count, then ENOSPC")
    func fixedBlocksAtEnd() throws {
        let bench = try DeviceBench(capacity: 4 << 20)
        let tape = try bench.tape()
        try tape.operate(20, 64 << 10)
        // 40 blocks, then 40 more than fit.
        #expect(try tape.write(1, 40 * 65_536) == 40 * 65_536)
        #expect(try tape.write(2, 40 * 65_536) == 23 * 65_536)
        #expect(code { _ = try tape.write(3, 65_536) } == ENOSPC)
        #expect(try tape.status().block == 63)
    }

    @Test("a record that the kernel cut is refused before anything is on tape")
    func tooLongForTheKernel() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        bench.caller.asked = 2 << 20
        #expect(code { _ = try tape.write(1, 1 << 20) } == EINVAL)
        bench.caller.asked = (1 << 20) + 1
        #expect(code { _ = try tape.write(1, 1_048_560) } == EINVAL)
        #expect(try tape.tell() == 0)
        #expect(try tape.write(1, 1 << 20) == 1 << 20)
        #expect(try tape.write(1, (1 << 20) - 16) == (1 << 20) - 16)
        #expect(try tape.tell() == 2)
    }

    @Test("a long record whose caller cannot be seen is only taken up to what the kernel never cuts")
    func longFromInvisible() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        let blind = HiddenCaller()
        let long = [UInt8](repeating: 1, count: 1 << 20)
        #expect(code { _ = try tape.file.write(long.span, at: 0, caller: blind) } == EINVAL)
        let certain = long.span.extracting(0..<(1 << 20) - 4096)
        #expect(try tape.file.write(certain, at: 0, caller: blind) == (1 << 20) - 4096)
        #expect(try tape.tell() == 1)
    }

    @Test("a read of 2 MiB that was filled with 1 MiB gets 0 for its continuation, and nothing is lost")
    func continuation() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        for value: UInt8 in 1...3 {
            _ = try tape.write(value, 1 << 20)
        }
        try tape.operate(5)
        try tape.operate(6)
        bench.caller.asked = 2 << 20
        #expect(try tape.read(1 << 20).first == 1)
        // The kernel asks for the rest of the same call.
        #expect(try tape.read(1 << 20) == [])
        #expect(try tape.read(1 << 20).first == 2)
        #expect(try tape.read(1 << 20) == [])
        bench.caller.asked = 1 << 20
        #expect(try tape.read(1 << 20).first == 3)
        #expect(try tape.read(1 << 20) == [])
    }

    @Test("a record of 1 MiB read through a buffer that begins within a page: 1047984 bytes, then the rest")
    func cutRecord() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        let record = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 % 251) }
        _ = try tape.write(record)
        _ = try tape.write(2, 100)
        try tape.operate(6)
        bench.caller.asked = 1 << 20
        #expect(try tape.read(1_047_984) == Array(record[..<1_047_984]))
        #expect(try tape.read(592) == Array(record[1_047_984...]))
        #expect(try tape.read(1_047_984) == [UInt8](repeating: 2, count: 100))
        #expect(try tape.tell() == 2)
    }

    @Test("a record of 2 MiB and 5 bytes is read whole in three requests; one that is longer than asked is ENOMEM")
    func longRecord() throws {
        let bench = try DeviceBench()
        let file = try bench.readyGeneric()
        let record = (0..<(2 << 20) + 5).map { UInt8(truncatingIfNeeded: $0 % 253) }
        let length = [UInt8(record.count >> 16), UInt8(record.count >> 8 & 0xFF), UInt8(record.count & 0xFF)]
        var write = SGCall(cdb: [0x0A, 0] + length + [0], direction: -2, data: record, on: bench.caller)
        try write.run(on: file)
        let tape = try bench.tape()
        try tape.operate(6)
        bench.caller.asked = 4 << 20
        #expect(try tape.read(1 << 20) == Array(record[..<(1 << 20)]))
        #expect(try tape.read(1 << 20) == Array(record[(1 << 20)..<(2 << 20)]))
        #expect(try tape.read(1 << 20) == Array(record[(2 << 20)...]))
        try tape.operate(6)
        bench.caller.asked = 2 << 20
        #expect(code { _ = try tape.read(1 << 20) } == ENOMEM)
        #expect(try tape.tell() == 1)
        // The rest of a record goes to nobody once something else was done.
        try tape.operate(6)
        bench.caller.asked = 4 << 20
        #expect(try tape.read(1 << 20).count == 1 << 20)
        #expect(try tape.tell() == 1)
        #expect(code { _ = try tape.read(1 << 20) } == EIO)
    }

    @Test("a long read whose caller cannot be seen is EINVAL with the tape where it was, up to 1044480 bytes it works")
    func longReadFromInvisible() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        _ = try tape.write(1, 1 << 20)
        _ = try tape.write(2, 500)
        try tape.operate(6)
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        for count in [1 << 20, 1_044_481] {
            #expect(
                code {
                    var room = bytes.mutableSpan
                    var part = room._mutatingExtracting(0..<count)
                    _ = try tape.file.read(into: &part, at: 0, caller: HiddenCaller())
                } == EINVAL
            )
            #expect(try tape.tell() == 0)
        }
        try tape.operate(3, 1)
        var room = bytes.mutableSpan
        var certain = room._mutatingExtracting(0..<1_044_480)
        #expect(try tape.file.read(into: &certain, at: 0, caller: HiddenCaller()) == 500)
        // Blocks may come in parts.
        try tape.operate(6)
        try tape.operate(20, 65_536)
        let count = code {
            var room = bytes.mutableSpan
            _ = try tape.file.read(into: &room, at: 0, caller: HiddenCaller())
        }
        #expect(count == EIO, "the record is no block")
    }

    @Test("whole blocks that the kernel cut within one: those before the cut, and the caller goes on behind them")
    func cutBlocks() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        try tape.operate(20, 10_240)
        bench.caller.asked = 200 * 10_240
        let bytes = [UInt8](repeating: 7, count: 1 << 20)
        #expect(try tape.write(bytes) == 102 * 10_240)
        #expect(try tape.status().block == 102)
        bench.caller.asked = 98 * 10_240
        #expect(try tape.write(Array(bytes.prefix(98 * 10_240))) == 98 * 10_240)
        #expect(try tape.status().block == 200)
        // Not whole blocks as the caller has it, though the piece is: nothing is written.
        bench.caller.asked = 200 * 10_240 + 1
        #expect(code { _ = try tape.write(Array(bytes.prefix(102 * 10_240))) } == EINVAL)
        bench.caller.asked = nil
        #expect(code { _ = try tape.file.write(bytes.span, at: 0, caller: HiddenCaller()) } == EINVAL)
        #expect(try tape.status().block == 200)
        // A block that is longer than a piece has none to begin with.
        try tape.operate(20, 2 << 20)
        bench.caller.asked = 2 << 20
        #expect(code { _ = try tape.write(bytes) } == EINVAL)
        #expect(try tape.tell() == 200)
    }

    @Test("a fixed-block read that the kernel cut and that got all it asked for has no continuation")
    func completedRead() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        try tape.operate(20, 65_536)
        _ = try tape.write(1, 1 << 20)
        _ = try tape.write(2, 1 << 20)
        try tape.operate(5)
        try tape.operate(6)
        bench.caller.asked = 2 << 20
        #expect(try tape.read(1 << 20).first == 1)
        #expect(try tape.read(1 << 20).first == 2)
        // The next call: the filemark.
        #expect(try tape.read(1 << 20) == [])
        #expect(try tape.status().file == 1)
    }

    @Test("the continuation of a fixed-block read goes on with blocks and leaves the filemark")
    func fixedContinuation() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        try tape.operate(20, 65_536)
        _ = try tape.write(1, 1 << 20)
        _ = try tape.write(2, 65_536)
        try tape.operate(5)
        _ = try tape.write(3, 1 << 20)
        try tape.operate(5)
        try tape.operate(6)
        bench.caller.asked = 2 << 20
        #expect(try tape.read(1 << 20).first == 1)
        #expect(try tape.read(1 << 20) == [UInt8](repeating: 2, count: 65_536))
        #expect(try tape.read(1 << 20) == [])
        #expect(try tape.read(1 << 20).first == 3)
        // This time the filemark comes right behind what the first part took.
        #expect(try tape.read(1 << 20) == [])
        bench.caller.asked = nil
        #expect(try tape.read(65_536) == [])
    }
}

/// A caller in another PID namespace.
struct HiddenCaller: Caller {
    var identity: CallerIdentity { CallerIdentity() }
    func read(_ count: Int, at address: UInt64) throws(FileError) -> [UInt8] { throw FileError(ESRCH) }
    func write(_ bytes: Span<UInt8>, at address: UInt64) throws(FileError) { throw FileError(ESRCH) }
    func requestedBytes() -> UInt64? { nil }
}
