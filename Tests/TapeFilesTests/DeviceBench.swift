// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Glibc
import Logging
import LogicalUnits
import SCSI
import SimulatedDisk
import TapeLibrary
import Testing

@testable import TapeFiles

/// A library of two drives on a simulated disk, its device files, and a caller with memory of its own.
///
/// Slots 1 to 3 hold CAP001L8 to CAP003L8.
final class DeviceBench {
    let disk = SimulatedDisk()
    let library: Library
    let devices: DeviceFiles
    let caller = FakeCaller()

    struct StillClock: LibraryClock {
        func now() -> UInt64 { 1_700_000_000_000 }
    }

    init(capacity: UInt64 = 64 << 20, loading: Bool = true) throws {
        let configuration = LibraryConfiguration(
            drives: 2,
            slots: 4,
            mailSlots: 1,
            serial: "00L4U78TEST01",
            cartridges: .init(count: 3, capacityBytes: capacity)
        )
        library = try Library.open(
            store: "/store",
            disk: disk,
            configuration: configuration,
            seams: LibrarySeams(clock: StillClock())
        )
        devices = DeviceFiles(library: library, name: "fuse test", logger: Logger(label: "test"))
        if loading { try move(.slot(1), .drive(0)) }
    }

    func move(_ source: ElementPlace, _ destination: ElementPlace) throws {
        try library.move(from: source, to: destination, actor: "test")
    }

    func tape(
        _ drive: Int = 0,
        rewinds: Bool = false,
        reads: Bool = true,
        writes: Bool = true,
        nonblocking: Bool = false
    ) throws(FileError) -> Tape {
        let request = OpenRequest(reads: reads, writes: writes, isNonblocking: nonblocking)
        return Tape(file: try devices.openTape(drive: drive, rewinds: rewinds, request), caller: caller)
    }

    /// A CDB of another initiator to drive 0.
    func command(_ cdb: [UInt8], as nexus: Nexus) throws(DeviceBusy) -> CommandResult {
        let nothing: [UInt8] = []
        return try library.drives[0].execute(cdb: cdb, dataOut: nothing.span, dataInLimit: 0, nexus: nexus)
    }

    func generic(_ drive: Int?, writes: Bool = true) throws(FileError) -> any OpenFile {
        try devices.openGeneric(drive: drive, OpenRequest(writes: writes))
    }
}

/// A caller's process: memory at addresses, and the system call that it is in.
final class FakeCaller: Caller, @unchecked Sendable {
    var identity = CallerIdentity(thread: 4711, user: 0, group: 0)
    private let lock = Guarded(Memory(), name: "memory")
    /// What read(2) or write(2) was called with.
    var asked: UInt64?
    private(set) var reads = 0
    private(set) var writes = 0

    struct Memory {
        var areas: [UInt64: [UInt8]] = [:]
        var next: UInt64 = 0x7F00_0000_0000
    }

    /// Bytes somewhere in the caller's memory, a page apart from everything else.
    func place(_ bytes: [UInt8], below4G: Bool = false) -> UInt64 {
        lock.withLock { memory in
            if below4G, memory.next > UInt64(UInt32.max) { memory.next = 0x0804_8000 }
            let address = memory.next
            memory.areas[address] = bytes
            memory.next += UInt64((bytes.count + 8191) / 4096 * 4096)
            return address
        }
    }

    func bytes(_ count: Int, at address: UInt64) throws -> [UInt8] {
        try read(count, at: address)
    }

    private static func area(_ memory: Memory, _ address: UInt64, _ count: Int) -> (UInt64, Int)? {
        for (start, bytes) in memory.areas where address >= start && address - start <= UInt64(bytes.count) {
            let offset = Int(address - start)
            if count <= bytes.count - offset { return (start, offset) }
        }
        return nil
    }

    func read(_ count: Int, at address: UInt64) throws(FileError) -> [UInt8] {
        reads += 1
        return try lock.withLock { (memory) throws(FileError) in
            guard let (start, offset) = Self.area(memory, address, count), let area = memory.areas[start] else {
                throw FileError(EFAULT)
            }
            return Array(area[offset..<offset + count])
        }
    }

    func write(_ bytes: Span<UInt8>, at address: UInt64) throws(FileError) {
        writes += 1
        try lock.withLock { (memory) throws(FileError) in
            guard let (start, offset) = Self.area(memory, address, bytes.count) else { throw FileError(EFAULT) }
            for index in 0..<bytes.count {
                memory.areas[start]?[offset + index] = bytes[index]
            }
        }
    }

    func requestedBytes() -> UInt64? { asked }

    func forgetCounts() {
        reads = 0
        writes = 0
    }
}

/// An open tape device, with the calls that a program makes.
struct Tape {
    let file: any OpenFile
    let caller: FakeCaller

    func write(_ bytes: [UInt8]) throws(FileError) -> Int {
        caller.asked = caller.asked ?? UInt64(bytes.count)
        defer { caller.asked = nil }
        return try file.write(bytes.span, at: 0, caller: caller)
    }

    func write(_ value: UInt8, _ count: Int) throws(FileError) -> Int {
        try write([UInt8](repeating: value, count: count))
    }

    func read(_ count: Int) throws(FileError) -> [UInt8] {
        let asked = caller.asked
        caller.asked = asked ?? UInt64(count)
        defer { caller.asked = asked }
        var bytes = [UInt8](repeating: 0xEE, count: count)
        var room = bytes.mutableSpan
        let got = try file.read(into: &room, at: 0, caller: caller)
        return Array(bytes.prefix(got))
    }

    /// MTIOCTOP: _IOW('m', 1, struct mtop).
    func operate(_ operation: Int16, _ count: Int32 = 1) throws(FileError) {
        let word = UInt32(bitPattern: count)
        let half = UInt16(bitPattern: operation)
        let input = [UInt8(half & 0xFF), UInt8(half >> 8), 0, 0] + (0..<4).map { UInt8(word >> (8 * $0) & 0xFF) }
        _ = try file.control(ControlRequest(command: 0x4008_6D01, argument: 0x1000, input: input, caller: caller))
    }

    /// MTIOCGET: _IOR('m', 2, struct mtget) of 48 bytes.
    func status() throws(FileError) -> MTGet {
        let reply = try file.control(
            ControlRequest(command: 0x8030_6D02, argument: 0x1000, outputLimit: 48, caller: caller)
        )
        return MTGet(reply.output)
    }

    /// MTIOCPOS.
    func tell() throws(FileError) -> UInt64 {
        let reply = try file.control(
            ControlRequest(command: 0x8008_6D03, argument: 0x1000, outputLimit: 8, caller: caller)
        )
        return reply.output.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// close(2) of the last descriptor.
    func close() throws(FileError) {
        try file.flush(caller: caller)
        file.close()
    }
}

/// struct mtget as a 64-bit program finds it: five longs, two ints.
struct MTGet: Equatable {
    var type: UInt64
    var residual: UInt64
    var dsreg: UInt64
    var gstat: UInt64
    var erreg: UInt64
    var file: Int32
    var block: Int32

    init(_ bytes: [UInt8]) {
        func long(_ offset: Int) -> UInt64 { bytes[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        func int(_ offset: Int) -> Int32 {
            Int32(truncatingIfNeeded: bytes[offset..<offset + 4].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        }
        precondition(bytes.count == 48)
        type = long(0)
        residual = long(8)
        dsreg = long(16)
        gstat = long(24)
        erreg = long(32)
        file = int(40)
        block = int(44)
    }

    /// Letters as `mt` prints them, in its order.
    var words: [String] {
        let names: [(UInt64, String)] = [
            (0x8000_0000, "EOF"), (0x4000_0000, "BOT"), (0x2000_0000, "EOT"), (0x1000_0000, "SM"),
            (0x0800_0000, "EOD"), (0x0400_0000, "WR_PROT"), (0x0100_0000, "ONLINE"), (0x0004_0000, "DR_OPEN"),
            (0x0001_0000, "IM_REP_EN"), (0x0000_8000, "CLN"),
        ]
        return names.filter { gstat & $0.0 != 0 }.map(\.1)
    }
}

/// The errno that a call ends with; nil when it succeeds.
func code(_ body: () throws -> Void) -> Int32? {
    do {
        try body()
        return nil
    } catch let error as FileError {
        return error.code
    } catch {
        return -1
    }
}
