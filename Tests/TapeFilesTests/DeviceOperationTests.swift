// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Testing

@testable import TapeFiles

/// MTIOCTOP, MTIOCGET and MTIOCPOS. Numbers of operations are those of <sys/mtio.h>.
@Suite("tape device: operations and status")
struct DeviceOperationTests {
    /// Three files of 3, 2 and 1 records, each with its filemark; rewound.
    private func threeFiles(_ bench: DeviceBench) throws -> Tape {
        let tape = try bench.tape()
        for count in [3, 2, 1] {
            for _ in 0..<count {
                _ = try tape.write(UInt8(count), 1000)
            }
            try tape.operate(5)
        }
        try tape.operate(6)
        return tape
    }

    private func place(_ tape: Tape) throws -> [Int32] {
        let status = try tape.status()
        return [status.file, status.block]
    }

    @Test("MTFSF and MTBSF, with and without the M")
    func files() throws {
        let tape = try threeFiles(DeviceBench())
        try tape.operate(1, 2)
        #expect(try place(tape) == [2, 0])
        #expect(try tape.status().words == ["EOF", "ONLINE", "IM_REP_EN"])
        // Before the second filemark: behind two records.
        try tape.operate(2, 1)
        #expect(try place(tape) == [1, 2])
        // Behind the first filemark.
        try tape.operate(10, 1)
        #expect(try place(tape) == [1, 0])
        // Before the second filemark again.
        try tape.operate(11, 1)
        #expect(try place(tape) == [1, 2])
        #expect(code { try tape.operate(2, 5) } == EIO)
        #expect(try place(tape) == [0, 0])
        #expect(try tape.status().words == ["BOT", "ONLINE", "IM_REP_EN"])
        #expect(code { try tape.operate(1, 4) } == EIO)
        #expect(try place(tape) == [3, 0])
        #expect(try tape.status().words.contains("EOD"))
    }

    @Test("MTFSR and MTBSR stop at filemarks with EIO, behind them in the direction of the motion")
    func recordMotion() throws {
        let tape = try threeFiles(DeviceBench())
        try tape.operate(3, 2)
        #expect(try place(tape) == [0, 2])
        #expect(code { try tape.operate(3, 2) } == EIO)
        #expect(try place(tape) == [1, 0])
        try tape.operate(3, 1)
        try tape.operate(4, 1)
        #expect(try place(tape) == [1, 0])
        #expect(code { try tape.operate(4, 1) } == EIO)
        #expect(try place(tape) == [0, 3])
        #expect(code { try tape.operate(4, 4) } == EIO)
        #expect(try place(tape) == [0, 0])
    }

    @Test("MTEOM goes behind the last filemark and knows its number")
    func endOfData() throws {
        let tape = try threeFiles(DeviceBench())
        try tape.operate(12)
        #expect(try place(tape) == [3, 0])
        #expect(try tape.status().words == ["EOF", "EOD", "ONLINE", "IM_REP_EN"])
        #expect(code { _ = try tape.read(100) } == EIO)
        // Appending works there.
        _ = try tape.write(9, 10)
        #expect(try place(tape) == [3, 1])
    }

    @Test("MTSEEK and MTIOCPOS count records and filemarks")
    func seek() throws {
        let tape = try threeFiles(DeviceBench())
        try tape.operate(22, 5)
        #expect(try tape.tell() == 5)
        #expect(try tape.read(2000) == [UInt8](repeating: 2, count: 1000))
        #expect(try tape.tell() == 6)
        #expect(code { try tape.operate(22, 1000) } == EIO)
        try tape.operate(22, 0)
        #expect(try tape.status().words == ["BOT", "ONLINE", "IM_REP_EN"])
    }

    @Test("MTREW, MTSEEK, MTBSF and MTOFFL after a write leave a filemark first; MTFSF, MTEOM and MTBSR do not")
    func impliedFilemarks() throws {
        for (operation, count, marks): (Int16, Int32, UInt64) in [
            (6, 1, 1), (22, 0, 1), (2, 0, 1), (12, 1, 0), (4, 1, 0),
        ] {
            let bench = try DeviceBench()
            let tape = try bench.tape()
            _ = try tape.write(1, 100)
            try tape.operate(operation, count)
            try tape.operate(12)
            #expect(try tape.tell() == 1 + marks, "operation \(operation)")
            try tape.close()
            #expect(try bench.tape().tell() == 1 + marks, "operation \(operation), closed")
        }
        let bench = try DeviceBench()
        let tape = try bench.tape()
        _ = try tape.write(1, 100)
        try tape.operate(7)
        #expect(try tape.status().words == ["DR_OPEN", "IM_REP_EN"])
        try tape.operate(30)
        try tape.operate(12)
        #expect(try tape.tell() == 2)
    }

    @Test("MTBSF after a write goes back over its own count, not over the filemark written for it")
    func backAfterWriting() throws {
        let tape = try threeFiles(DeviceBench())
        try tape.operate(12)
        _ = try tape.write(9, 10)
        try tape.operate(2, 1)
        // Before the mark of the third file.
        #expect(try place(tape) == [2, 1])
    }

    @Test("MTNOP, MTSETBLK and MTSETPART leave the filemark to close")
    func lateFilemark() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        _ = try tape.write(1, 100)
        try tape.operate(8)
        try tape.operate(20, 0)
        try tape.close()
        #expect(try bench.tape().tell() == 2)
    }

    @Test("MTWEOF writes its count, MTWEOFI as well, and close adds none")
    func filemarks() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        _ = try tape.write(1, 100)
        try tape.operate(5, 2)
        try tape.operate(35, 1)
        try tape.close()
        let again = try bench.tape()
        #expect(try again.tell() == 4)
        #expect(code { try again.operate(5, -1) } == EINVAL)
    }

    @Test("MTERASE makes the tape end here; long only from the beginning")
    func erase() throws {
        let tape = try threeFiles(DeviceBench())
        try tape.operate(1, 1)
        try tape.operate(13, 0)
        try tape.operate(12)
        #expect(try tape.tell() == 4)
        #expect(code { try tape.operate(13, 1) } == EIO)
        try tape.operate(6)
        try tape.operate(13, 1)
        try tape.operate(12)
        #expect(try tape.tell() == 0)
    }

    @Test("MTOFFL and MTUNLOAD take the tape off line, MTLOAD brings it back")
    func load() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        try tape.operate(31)
        #expect(code { _ = try tape.read(10) } == ENOMEDIUM)
        #expect(code { try tape.operate(6) } == ENOMEDIUM)
        #expect(try tape.status().file == -1)
        #expect(try tape.status().block == -1)
        try tape.operate(30)
        #expect(try tape.status().words == ["BOT", "ONLINE", "IM_REP_EN"])
    }

    @Test("MTLOCK keeps the robot from the cartridge until MTUNLOCK")
    func lock() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        try tape.operate(28)
        #expect(code { try tape.operate(31) } == EIO)
        #expect(throws: (any Error).self) { try bench.move(.drive(0), .slot(1)) }
        try tape.operate(29)
        try tape.close()
        try bench.move(.drive(0), .slot(1))
    }

    @Test("operations that need a right or are none: EACCES, EPERM, ENOSYS, EIO")
    func refused() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape(writes: false)
        for operation: Int16 in [5, 35, 13, 27] {
            #expect(code { try tape.operate(operation, 1) } == EACCES, "operation \(operation)")
        }
        for operation: Int16 in [0, 14, 23, 36, 99, -1] {
            #expect(code { try tape.operate(operation, 1) } == ENOSYS, "operation \(operation)")
        }
        // LTO has no setmarks.
        for operation: Int16 in [25, 26] {
            #expect(code { try tape.operate(operation, 1) } == EIO, "operation \(operation)")
        }
        #expect(code { try tape.operate(33, 1) } == EINVAL)
        #expect(code { try tape.operate(34, 100) } == EINVAL)
        #expect(code { try tape.operate(20, -1) } == EINVAL)
        #expect(code { try tape.operate(21, 0x13) } == EIO)
        try tape.operate(21, 0x5E)
        bench.caller.identity.user = geteuid() == 54_321 ? 54_322 : 54_321
        #expect(code { try tape.operate(24, 0x1000_0007) } == EPERM)
    }

    @Test("MTCOMPRESSION is seen in mode page 0Fh")
    func compression() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        try tape.operate(32, 0)
        #expect(bench.library.drives[0].status.isCompressionEnabled == false)
        try tape.operate(32, 1)
        #expect(bench.library.drives[0].status.isCompressionEnabled)
    }

    @Test("MT_ST_TWO_FM: close leaves two filemarks and stays between them")
    func twoFilemarks() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        try tape.operate(24, 0x3000_0010)
        _ = try tape.write(1, 100)
        try tape.close()
        let again = try bench.tape()
        #expect(try again.tell() == 2)
        try again.operate(12)
        #expect(try again.tell() == 3)
    }

    @Test("MT_ST_SYSV: closing after a read goes behind the next filemark")
    func systemV() throws {
        let bench = try DeviceBench()
        let tape = try threeFiles(bench)
        _ = try tape.read(1000)
        try tape.close()
        let plain = try bench.tape()
        #expect(try plain.tell() == 1)
        try plain.operate(24, 0x3000_1000)
        _ = try plain.read(1000)
        try plain.close()
        let again = try bench.tape()
        #expect(try again.tell() == 4)
        try again.close()
        #expect(try bench.tape().tell() == 4)
    }

    @Test("partitions: enabled by an option, made, changed with the next operation, each where it was left")
    func partitions() throws {
        let bench = try DeviceBench(capacity: 64 << 20)
        let tape = try bench.tape()
        try tape.operate(24, 0x3000_0400)
        _ = try tape.write(1, 10)
        try tape.operate(34, 16)
        #expect(try tape.status().residual == 0)
        #expect(bench.library.drives[0].status.partitionCount == 2)
        _ = try tape.write(1, 100)
        try tape.operate(5)
        try tape.operate(33, 1)
        #expect(code { try tape.operate(33, 2) } == EINVAL)
        _ = try tape.write(2, 200)
        try tape.operate(5)
        #expect(try tape.status().residual == 1)
        #expect(try tape.tell() == 2)
        try tape.operate(33, 0)
        #expect(try tape.status().residual == 0)
        #expect(try tape.tell() == 2)
        try tape.operate(33, 1)
        try tape.operate(22, 0)
        #expect(try tape.read(1000) == [UInt8](repeating: 2, count: 200))
        try tape.operate(34, 0)
        #expect(bench.library.drives[0].status.partitionCount == 1)
    }

    @Test("MTIOCGET of a 32-bit program is 28 bytes, MTIOCPOS 4")
    func compatible() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        try tape.operate(20, 1024)
        _ = try tape.write(1, 2048)
        let status = try tape.file.control(
            ControlRequest(command: 0x801C_6D02, argument: 0, isCompatible: true, outputLimit: 28, caller: bench.caller)
        )
        #expect(
            status.output == [
                0x72, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0x5E, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0,
            ]
        )
        let position = try tape.file.control(
            ControlRequest(command: 0x8004_6D03, argument: 0, isCompatible: true, outputLimit: 4, caller: bench.caller)
        )
        #expect(position.output == [2, 0, 0, 0])
    }

    @Test("MTIOCGET of a 64-bit program, byte by byte")
    func bytes() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        let reply = try tape.file.control(
            ControlRequest(command: 0x8030_6D02, argument: 0, outputLimit: 48, caller: bench.caller)
        )
        // mt_type MT_ISSCSI2, partition 0, variable blocks of density 5Eh, BOT ONLINE IM_REP_EN, no errors, 0, 0.
        #expect(
            reply.output == [
                0x72, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x5E, 0, 0, 0, 0,
                0, 0, 1, 0x41, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ]
        )
    }

    @Test("ioctls that are no tape's are ENOTTY; a short MTIOCTOP is EINVAL")
    func unknown() throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        for command: UInt32 in [0x5401, 0x8030_6D04, 0] {
            #expect(
                code { _ = try tape.file.control(ControlRequest(command: command, argument: 0, caller: bench.caller)) }
                    == ENOTTY
            )
        }
        #expect(
            code {
                let request = ControlRequest(command: 0x4008_6D01, argument: 0, input: [6, 0], caller: bench.caller)
                _ = try tape.file.control(request)
            } == EINVAL
        )
    }
}
