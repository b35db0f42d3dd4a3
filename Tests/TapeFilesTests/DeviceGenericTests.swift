// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Testing

@testable import TapeFiles

/// SG_IO as programs send it: `struct sg_io_hdr` byte by byte, from <scsi/sg.h> compiled for x86-64 and i386.
@Suite("generic devices")
struct DeviceGenericTests {
    /// An INQUIRY for 96 bytes.
    static let inquiry: [UInt8] = [0x12, 0, 0, 0, 96, 0]

    @Test("INQUIRY: data, status, residual and nothing else of the header change")
    func inquiry() throws {
        let bench = try DeviceBench()
        let file = try bench.generic(nil)
        var call = SGCall(cdb: Self.inquiry, direction: -3, dataRoom: 255, on: bench.caller)
        try call.run(on: file)
        // SPC-4 6.6.2: a medium changer, removable.
        #expect(Array(call.data.prefix(2)) == [0x08, 0x80])
        #expect(call.header[64] == 0, "status")
        #expect(call.header[67] == 0, "sb_len_wr")
        #expect(call.word(72) == 255 - 96, "resid")
        #expect(call.header[80] == 0, "info")
        #expect(Array(call.header[0..<64]) == Array(call.sent[0..<64]))
        #expect(Array(call.header[84..<88]) == Array(call.sent[84..<88]))
        #expect(Array(call.data[96...]) == [UInt8](repeating: 0xEE, count: 255 - 96))
    }

    @Test("the first command after the robot loaded a cartridge meets the unit attention, the next one runs")
    func attention() throws {
        let bench = try DeviceBench()
        let file = try bench.generic(0)
        var test = SGCall(cdb: [0, 0, 0, 0, 0, 0], direction: -1, dataRoom: 0, on: bench.caller)
        try test.run(on: file)
        #expect(test.header[64] == 2)
        #expect([test.sense[2], test.sense[12], test.sense[13]] == [6, 0x28, 0])
        try test.run(on: file)
        #expect(test.header[64] == 0)
        // The tape device takes the attention at open, as the kernel's driver does.
        try bench.move(.drive(0), .slot(1))
        try bench.move(.slot(1), .drive(0))
        try bench.tape().close()
        try test.run(on: file)
        #expect(test.header[64] == 0)
    }

    @Test("a command costs one read for the header, one for the CDB, one write for data and one for the header")
    func accesses() throws {
        let bench = try DeviceBench()
        let file = try bench.generic(0)
        var call = SGCall(cdb: Self.inquiry, direction: -3, dataRoom: 96, on: bench.caller)
        bench.caller.forgetCounts()
        try call.run(on: file)
        // The test itself reads header, data and sense back.
        #expect(bench.caller.reads == 2 + 3)
        #expect(bench.caller.writes == 2)
    }

    @Test("a record written by WRITE(6) is read back by READ(6) and by the tape device")
    func records() throws {
        let bench = try DeviceBench()
        let file = try bench.readyGeneric()
        let record = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var write = SGCall(cdb: [0x0A, 0, 1, 0, 0, 0], direction: -2, data: record, on: bench.caller)
        try write.run(on: file)
        #expect(write.header[64] == 0)
        #expect(write.word(72) == 0)
        var rewind = SGCall(cdb: [0x01, 0, 0, 0, 0, 0], direction: -1, dataRoom: 0, on: bench.caller)
        try rewind.run(on: file)
        var read = SGCall(cdb: [0x08, 0, 1, 0, 0, 0], direction: -3, dataRoom: 65_536, on: bench.caller)
        try read.run(on: file)
        #expect(read.data == record)
        try rewind.run(on: file)
        let tape = try bench.tape()
        #expect(try tape.read(65_536) == record)
    }

    @Test("a filemark is CHECK CONDITION with sense, DRIVER_SENSE and the whole residual")
    func sense() throws {
        let bench = try DeviceBench()
        let file = try bench.readyGeneric()
        var marks = SGCall(cdb: [0x10, 0, 0, 0, 1, 0], direction: -1, dataRoom: 0, on: bench.caller)
        try marks.run(on: file)
        var rewind = SGCall(cdb: [0x01, 0, 0, 0, 0, 0], direction: -1, dataRoom: 0, on: bench.caller)
        try rewind.run(on: file)
        var read = SGCall(cdb: [0x08, 0, 0, 2, 0, 0], direction: -3, dataRoom: 512, on: bench.caller)
        try read.run(on: file)
        #expect(read.header[64] == 0x02, "status")
        #expect(read.header[65] == 0x01, "masked_status")
        #expect(read.header[66] == 0, "msg_status")
        #expect(read.header[67] == 18, "sb_len_wr")
        #expect(read.half(68) == 0, "host_status")
        #expect(read.half(70) == 8, "driver_status")
        #expect(read.word(72) == 512)
        #expect(read.word(80) & 1 == 1)
        // SPC-4 4.5.3: valid, fixed; FILEMARK; INFORMATION 512; 00/01.
        #expect(Array(read.sense[0..<14]) == [0xF0, 0, 0x80, 0, 0, 2, 0, 10, 0, 0, 0, 0, 0x00, 0x01])
    }

    @Test("sense is cut at the room for it")
    func shortSense() throws {
        let bench = try DeviceBench()
        let file = try bench.generic(0)
        var call = SGCall(cdb: [0xFF, 0, 0, 0, 0, 0], direction: -1, dataRoom: 0, on: bench.caller)
        call.sent[9] = 4
        try call.run(on: file)
        #expect(call.header[67] == 4)
        #expect(call.sense[4] == 0xEE)
    }

    @Test("a 32-bit program's header of 64 bytes works as well")
    func compatible() throws {
        let bench = try DeviceBench()
        let file = try bench.generic(0)
        let caller = bench.caller
        let data = caller.place([UInt8](repeating: 0xEE, count: 96), below4G: true)
        let cdb = caller.place(Self.inquiry, below4G: true)
        let sense = caller.place([UInt8](repeating: 0xEE, count: 32), below4G: true)
        var header = [UInt8](repeating: 0, count: 64)
        header[0] = 0x53
        header.replaceSubrange(4..<8, with: [0xFD, 0xFF, 0xFF, 0xFF])
        header[8] = 6
        header[9] = 32
        header[12] = 96
        header.replaceSubrange(16..<20, with: little(data, 4))
        header.replaceSubrange(20..<24, with: little(cdb, 4))
        header.replaceSubrange(24..<28, with: little(sense, 4))
        let address = caller.place(header, below4G: true)
        _ = try file.control(
            ControlRequest(command: 0x2285, argument: address, isCompatible: true, caller: caller)
        )
        #expect(try caller.bytes(96, at: data)[0] == 0x01)
        let after = try caller.bytes(64, at: address)
        #expect(Array(after[0..<44]) == Array(header[0..<44]))
        #expect(after[44] == 0)
        #expect(Array(after[52..<56]) == [0, 0, 0, 0])
    }

    @Test("data in segments is gathered and scattered in order")
    func segments() throws {
        let bench = try DeviceBench()
        let file = try bench.readyGeneric()
        let caller = bench.caller
        let parts: [[UInt8]] = [[1, 2, 3], [], [4], [5, 6, 7, 8]]
        let places = parts.map { caller.place($0) }
        let list = caller.place(zip(parts, places).flatMap { little($1, 8) + little(UInt64($0.count), 8) })
        var write = SGCall(cdb: [0x0A, 0, 0, 0, 8, 0], direction: -2, dataRoom: 0, on: caller)
        write.setSegments(4, at: list, length: 8)
        try write.run(on: file)
        #expect(write.header[64] == 0)
        var rewind = SGCall(cdb: [0x01, 0, 0, 0, 0, 0], direction: -1, dataRoom: 0, on: caller)
        try rewind.run(on: file)
        let room = [2, 6].map { caller.place([UInt8](repeating: 0, count: $0)) }
        let back = caller.place(little(room[0], 8) + little(2, 8) + little(room[1], 8) + little(60, 8))
        var read = SGCall(cdb: [0x08, 0, 0, 0, 8, 0], direction: -3, dataRoom: 0, on: caller)
        read.setSegments(2, at: back, length: 8)
        try read.run(on: file)
        #expect(try caller.bytes(2, at: room[0]) == [1, 2])
        #expect(try caller.bytes(6, at: room[1]) == [3, 4, 5, 6, 7, 8])
    }

    @Test("hostile headers are refused before a command runs", arguments: HostileHeader.all)
    func hostile(_ hostile: HostileHeader) throws {
        let bench = try DeviceBench()
        let file = try bench.generic(0)
        var call = SGCall(cdb: Self.inquiry, direction: -3, dataRoom: 96, on: bench.caller)
        hostile.change(&call.sent)
        #expect(code { try call.run(on: file) } == hostile.code)
    }

    @Test("the small ioctls answer as the kernel's sg driver", arguments: SmallControl.all)
    func small(_ control: SmallControl) throws {
        let bench = try DeviceBench()
        let file = try bench.generic(control.drive)
        let address = bench.caller.place(control.before)
        let reply = try file.control(ControlRequest(command: control.command, argument: address, caller: bench.caller))
        #expect(reply.result == control.result)
        #expect(try bench.caller.bytes(control.after.count, at: address) == control.after)
    }

    @Test("unknown ioctls are ENOTTY, the old read and write interface EINVAL, resets EINVAL")
    func refusals() throws {
        let bench = try DeviceBench()
        let file = try bench.generic(0)
        for command: UInt32 in [0x1, 0x2286, 0x5401, 0x4008_6D01, 0xFFFF_FFFF] {
            #expect(
                code { _ = try file.control(ControlRequest(command: command, argument: 0, caller: bench.caller)) }
                    == ENOTTY
            )
        }
        #expect(code { _ = try file.write([0, 1, 2].span, at: 0, caller: bench.caller) } == EINVAL)
        let device = bench.caller.place([1, 0, 0, 0])
        #expect(
            code { _ = try file.control(ControlRequest(command: 0x2284, argument: device, caller: bench.caller)) }
                == EINVAL
        )
    }

    @Test("a caller whose process cannot be seen is told so")
    func invisible() throws {
        let bench = try DeviceBench()
        let file = try bench.generic(0)
        bench.caller.identity.thread = 0
        var call = SGCall(cdb: Self.inquiry, direction: -3, dataRoom: 96, on: bench.caller)
        #expect(code { try call.run(on: file) } == ESRCH)
    }

    @Test("an open for reading by another user allows only commands that look")
    func permission() throws {
        let bench = try DeviceBench()
        _ = try bench.readyGeneric()
        let file = try bench.generic(0, writes: false)
        bench.caller.identity.user = geteuid() == 54_321 ? 54_322 : 54_321
        var look = SGCall(cdb: Self.inquiry, direction: -3, dataRoom: 96, on: bench.caller)
        try look.run(on: file)
        var erase = SGCall(cdb: [0x19, 0, 0, 0, 0, 0], direction: -1, dataRoom: 0, on: bench.caller)
        #expect(code { try erase.run(on: file) } == EPERM)
        let writing = try bench.generic(0)
        try erase.run(on: writing)
        #expect(erase.header[64] == 0)
    }
}

/// A field of the header that no sane program sends.
struct HostileHeader: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var code: Int32
    var change: @Sendable (inout [UInt8]) -> Void

    static let all: [HostileHeader] = [
        HostileHeader(testDescription: "interface Q", code: ENOSYS) { $0[0] = 0x51 },
        HostileHeader(testDescription: "interface 0", code: ENOSYS) { $0[0] = 0 },
        HostileHeader(testDescription: "CDB of 0 bytes", code: EMSGSIZE) { $0[8] = 0 },
        HostileHeader(testDescription: "CDB of 253 bytes", code: EMSGSIZE) { $0[8] = 253 },
        HostileHeader(testDescription: "no CDB", code: EMSGSIZE) { $0.replaceSubrange(24..<32, with: little(0, 8)) },
        HostileHeader(testDescription: "CDB at a bad place", code: EFAULT) {
            $0.replaceSubrange(24..<32, with: little(.max, 8))
        },
        HostileHeader(testDescription: "4 GiB of data", code: EINVAL) {
            $0.replaceSubrange(12..<16, with: little(0xFFFF_FFFF, 4))
        },
        HostileHeader(testDescription: "16 MiB and 1 byte", code: EINVAL) {
            $0.replaceSubrange(12..<16, with: little(16 << 20 | 1, 4))
        },
        HostileHeader(testDescription: "direction 7", code: EINVAL) { $0.replaceSubrange(4..<8, with: little(7, 4)) },
        HostileHeader(testDescription: "direction -6", code: EINVAL) { $0[4] = 0xFA },
        HostileHeader(testDescription: "65535 segments", code: EINVAL) {
            $0.replaceSubrange(10..<12, with: [0xFF, 0xFF])
        },
        HostileHeader(testDescription: "segments at a bad place", code: EFAULT) {
            $0[10] = 3
            $0.replaceSubrange(16..<24, with: little(0xFFFF_FFFF_FFFF_FFF0, 8))
        },
        HostileHeader(testDescription: "data at a bad place", code: EFAULT) {
            $0.replaceSubrange(16..<24, with: little(8, 8))
        },
        HostileHeader(testDescription: "data out from a bad place", code: EFAULT) {
            $0[4] = 0xFE
            $0.replaceSubrange(16..<24, with: little(.max, 8))
        },
        HostileHeader(testDescription: "mapped buffer", code: EINVAL) { $0[44] = 4 },
    ]
}

struct SmallControl: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var command: UInt32
    var drive: Int? = 0
    var before: [UInt8] = [0xEE, 0xEE, 0xEE, 0xEE]
    var result: Int32 = 0
    var after: [UInt8]

    static let all: [SmallControl] = [
        SmallControl(testDescription: "SG_GET_VERSION_NUM", command: 0x2282, after: [0x48, 0x77, 0, 0]),
        SmallControl(testDescription: "SG_SET_TIMEOUT", command: 0x2201, before: [1, 0, 0, 0], after: [1, 0, 0, 0]),
        SmallControl(
            testDescription: "SG_GET_TIMEOUT",
            command: 0x2202,
            result: 6000,
            after: [0xEE, 0xEE, 0xEE, 0xEE]
        ),
        SmallControl(testDescription: "SG_EMULATED_HOST", command: 0x2203, after: [0, 0, 0, 0]),
        SmallControl(testDescription: "SG_GET_RESERVED_SIZE", command: 0x2272, after: [0, 0x80, 0, 0]),
        SmallControl(testDescription: "SG_GET_SG_TABLESIZE", command: 0x227F, after: [0, 4, 0, 0]),
        SmallControl(testDescription: "SG_GET_PACK_ID", command: 0x227C, after: [0xFF, 0xFF, 0xFF, 0xFF]),
        SmallControl(
            testDescription: "SG_SCSI_RESET nothing",
            command: 0x2284,
            before: [0, 0, 0, 0],
            after: [0, 0, 0, 0]
        ),
        SmallControl(
            testDescription: "SG_SCSI_RESET nothing, without escalation",
            command: 0x2284,
            before: [0, 1, 0, 0],
            after: [0, 1, 0, 0]
        ),
        SmallControl(
            testDescription: "SCSI_IOCTL_GET_IDLUN",
            command: 0x5382,
            drive: 1,
            before: [UInt8](repeating: 0xEE, count: 9),
            after: [2, 0, 0, 0, 0, 0, 0, 0, 0xEE]
        ),
        SmallControl(testDescription: "SCSI_IOCTL_GET_BUS_NUMBER", command: 0x5386, after: [0, 0, 0, 0]),
        SmallControl(
            testDescription: "SCSI_IOCTL_PROBE_HOST",
            command: 0x5385,
            before: [5, 0, 0, 0, 0xEE, 0xEE],
            result: 1,
            after: Array("capst".utf8) + [0xEE]
        ),
        SmallControl(
            testDescription: "SG_GET_SCSI_ID of the changer",
            command: 0x2276,
            drive: nil,
            before: [UInt8](repeating: 0xEE, count: 33),
            after: [
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xEE,
            ]
        ),
    ]
}

extension DeviceBench {
    /// The generic device of drive 0, its unit attention taken.
    func readyGeneric() throws -> any OpenFile {
        let file = try generic(0)
        var test = SGCall(cdb: [0, 0, 0, 0, 0, 0], direction: -1, dataRoom: 0, on: caller)
        try test.run(on: file)
        return file
    }
}

func little(_ value: UInt64, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

/// One SG_IO of a 64-bit program.
struct SGCall {
    let caller: FakeCaller
    /// struct sg_io_hdr as it goes out.
    var sent: [UInt8]
    private(set) var header: [UInt8] = []
    private(set) var data: [UInt8] = []
    private(set) var sense: [UInt8] = []
    private let dataPlace: UInt64
    private let dataCount: Int
    private let sensePlace: UInt64

    init(cdb: [UInt8], direction: Int32, dataRoom: Int, on caller: FakeCaller) {
        self.init(
            cdb: cdb,
            direction: direction,
            data: [UInt8](repeating: 0xEE, count: dataRoom),
            on: caller
        )
    }

    init(cdb: [UInt8], direction: Int32, data: [UInt8], on caller: FakeCaller) {
        self.caller = caller
        dataPlace = caller.place(data)
        dataCount = data.count
        sensePlace = caller.place([UInt8](repeating: 0xEE, count: 64))
        let command = caller.place(cdb)
        sent = [UInt8](repeating: 0, count: 88)
        sent[0] = 0x53
        sent.replaceSubrange(4..<8, with: little(UInt64(UInt32(bitPattern: direction)), 4))
        sent[8] = UInt8(cdb.count)
        sent[9] = 64
        sent.replaceSubrange(12..<16, with: little(UInt64(data.count), 4))
        sent.replaceSubrange(16..<24, with: little(dataPlace, 8))
        sent.replaceSubrange(24..<32, with: little(command, 8))
        sent.replaceSubrange(32..<40, with: little(sensePlace, 8))
        sent.replaceSubrange(40..<44, with: little(60_000, 4))
        sent.replaceSubrange(56..<64, with: little(0x1122_3344_5566_7788, 8))
    }

    mutating func setSegments(_ count: UInt8, at address: UInt64, length: UInt64) {
        sent[10] = count
        sent.replaceSubrange(12..<16, with: little(length, 4))
        sent.replaceSubrange(16..<24, with: little(address, 8))
    }

    mutating func run(on file: any OpenFile) throws {
        let address = caller.place(sent)
        _ = try file.control(ControlRequest(command: 0x2285, argument: address, caller: caller))
        header = try caller.bytes(88, at: address)
        data = try caller.bytes(dataCount, at: dataPlace)
        sense = try caller.bytes(64, at: sensePlace)
    }

    func word(_ offset: Int) -> Int {
        header[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    func half(_ offset: Int) -> Int {
        Int(header[offset]) | Int(header[offset + 1]) << 8
    }
}
