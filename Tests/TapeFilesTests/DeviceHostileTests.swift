// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import SimulatedDisk
import Testing

@testable import TapeFiles

/// Callers that mean harm, or are simply wrong: an errno each time, and the device works afterwards.
@Suite("device files: hostile callers")
struct DeviceHostileTests {
    @Test("random headers of SG_IO, for 64-bit and 32-bit callers", arguments: [1, 2, 3, 4] as [UInt64])
    func randomHeaders(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let bench = try DeviceBench()
        let caller = bench.caller
        let file = try bench.readyGeneric()
        let memory = caller.place([UInt8](repeating: 0x12, count: 4096), below4G: true)
        let interesting: [UInt64] = [0, 1, memory, memory + 4090, .max, 0xFFFF_FFFF, 1 << 63, 6, 16, 252, 88, 4096]
        for round in 0..<1500 {
            let isCompatible = round.isMultiple(of: 3)
            var header = [UInt8](repeating: 0, count: isCompatible ? 64 : 88)
            header[0] = 0x53
            header.replaceSubrange(4..<8, with: little(UInt64(bitPattern: -Int64(random.next() % 6)), 4))
            header[8] = UInt8(random.next() % 20)
            header[9] = UInt8(random.next() & 0xFF)
            header[10] = random.next().isMultiple(of: 4) ? UInt8(random.next() & 0x0F) : 0
            header.replaceSubrange(12..<16, with: little(random.next() % 5000, 4))
            let width = isCompatible ? 4 : 8
            for field in 0..<3 {
                let at = 16 + field * width
                let value = random.next().isMultiple(of: 2) ? memory : interesting[Int(random.next() % 12)]
                header.replaceSubrange(at..<at + width, with: little(value, width))
            }
            for _ in 0..<random.next() % 3 {
                header[Int(random.next() % UInt64(header.count))] = UInt8(random.next() & 0xFF)
            }
            let request = ControlRequest(
                command: 0x2285,
                argument: random.next().isMultiple(of: 50) ? random.next() : caller.place(header, below4G: true),
                isCompatible: isCompatible,
                caller: caller
            )
            _ = code { _ = try file.control(request) }
            try caller.write([UInt8](repeating: UInt8(random.next() & 0xFF), count: 16).span, at: memory)
        }
        var inquiry = SGCall(cdb: DeviceGenericTests.inquiry, direction: -3, dataRoom: 96, on: caller)
        try inquiry.run(on: file)
        #expect(inquiry.header[64] == 0)
    }

    @Test("random calls of a tape device never trap, and it works afterwards", arguments: [11, 12, 13, 14] as [UInt64])
    func randomCalls(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let bench = try DeviceBench(capacity: 8 << 20)
        var tape = try bench.tape()
        try tape.operate(24, 0x3000_0400)
        let sizes = [0, 1, 511, 512, 513, 1024, 4096, 65_536]
        for _ in 0..<2000 {
            let count = Int32(truncatingIfNeeded: Int64(random.next() % 9) - 3)
            _ = code {
                switch random.next() % 12 {
                case 0...2:
                    let size = sizes[Int(random.next() % 8)]
                    _ = try tape.write(UInt8(truncatingIfNeeded: size / 7), size)
                case 3...5:
                    let room = sizes[Int(random.next() % 8)]
                    #expect(try tape.read(room).count <= room)
                case 6: try tape.operate(20, Int32(sizes[Int(random.next() % 8)]))
                case 7:
                    try tape.close()
                    tape = try bench.tape(rewinds: random.next().isMultiple(of: 2), nonblocking: true)
                case 8: _ = try tape.status()
                case 9: _ = try tape.tell()
                default:
                    let operation = Int16(truncatingIfNeeded: random.next() % 38)
                    // Not options that would end the test's own rights, not a lock that keeps the tape.
                    if ![24, 28].contains(operation) { try tape.operate(operation, count) }
                }
            }
            if bench.library.drives[0].holder == nil { tape = try bench.tape(nonblocking: true) }
        }
        try tape.operate(30)
        try tape.operate(20, 0)
        try tape.operate(6)
        #expect(try tape.write([1, 2, 3]) == 3)
        try tape.operate(6)
        #expect(try tape.read(10) == [1, 2, 3])
    }

    @Test("many threads on one open file and on its device: every record is whole", .timeLimit(.minutes(1)))
    func threads() async throws {
        let bench = try DeviceBench()
        let tape = try bench.tape()
        let caller = bench.caller
        let file = tape.file
        let devices = bench.devices
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask {
                    for _ in 0..<50 {
                        let record = [UInt8](repeating: UInt8(thread), count: 1000 + thread)
                        _ = try? file.write(record.span, at: 0, caller: caller)
                        let status = ControlRequest(
                            command: 0x8030_6D02,
                            argument: 0,
                            outputLimit: 48,
                            caller: caller
                        )
                        _ = try? file.control(status)
                    }
                }
            }
            group.addTask {
                for _ in 0..<20 {
                    let open = try? devices.openTape(drive: 0, rewinds: false, OpenRequest(writes: true))
                    #expect(open == nil)
                }
            }
        }
        try tape.operate(6)
        for _ in 0..<200 {
            let record = try tape.read(2000)
            let thread = try #require(record.first)
            #expect(record == [UInt8](repeating: thread, count: 1000 + Int(thread)))
        }
        #expect(try tape.read(2000) == [])
    }
}
