// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import SCSI
import TapeLibrary

/// One SG_IO: `struct sg_io_hdr` (version 3) of 88 bytes, or of 64 for 32-bit callers.
///
/// Reads the header, the CDB and what goes to the device with one call each; writes what comes back, the sense and the
/// header's last 20 bytes with one call each.
///
/// Deviation: the timeout is not applied. Nothing but the disk can delay a command here, and one that is given up half
/// way would leave the caller not knowing what is on the tape: it gets the true outcome, late.
struct GenericCommand {
    /// Segments of one transfer: UIO_MAXIOV.
    static let mostSegments = 1024
    /// Bytes of one transfer: a tape record of the largest size, rounded up.
    static let mostBytes = 16 << 20
    /// CDBs as sg takes them.
    static let cdbBytes = 6...252

    private let control: GenericControl
    private let memory: CallerMemory
    private let isPrivileged: Bool

    init(_ control: GenericControl, _ memory: CallerMemory, isPrivileged: Bool) {
        self.control = control
        self.memory = memory
        self.isPrivileged = isPrivileged
    }

    /// - Throws: ENOSYS (another version of the header), EMSGSIZE (length of the CDB), EINVAL, EPERM, EFAULT, ESRCH.
    func run() throws(FileError) {
        let header = try SGHeader(
            memory.read(SGHeader.length(isCompatible: memory.isCompatible), at: memory.pointer),
            memory
        )
        try header.check()
        let cdb = try memory.read(header.cdbLength, at: header.cdb)
        try requirePermission(cdb)
        let segments = header.transfersData ? try segments(header) : []
        let sent = header.isToDevice ? try gather(segments) : []
        let started = ContinuousClock.now
        let result = execute(cdb, sent, limit: header.isFromDevice ? header.dataLength : 0)
        let milliseconds = (ContinuousClock.now - started) / .milliseconds(1)

        if header.isFromDevice, !header.keepsData {
            try scatter(result.dataIn, segments)
        }
        let sense = header.sense == 0 ? [] : Array(result.senseBytes.prefix(header.senseRoom))
        if !sense.isEmpty {
            try memory.write(sense.span, at: header.sense)
        }
        let moved = header.isToDevice ? result.dataOutConsumed : result.dataIn.count
        let outcome = SGOutcome(
            status: result.status.rawValue,
            senseLength: sense.count,
            residual: header.transfersData ? header.dataLength - moved : 0,
            milliseconds: UInt32(clamping: Int64(milliseconds))
        )
        let address = memory.pointer &+ UInt64(SGHeader.outcomeOffset(isCompatible: memory.isCompatible))
        try memory.write(outcome.encoded.span, at: address)
    }

    /// A device that a mover has answers BUSY, as one on a bus would.
    private func execute(_ cdb: [UInt8], _ sent: [UInt8], limit: Int) -> CommandResult {
        switch control.target {
        case .changer(let station):
            return station.execute(cdb: cdb, dataOut: sent.span, dataInLimit: limit, nexus: control.nexus)
        case .drive(let station):
            do throws(DeviceBusy) {
                return try station.execute(cdb: cdb, dataOut: sent.span, dataInLimit: limit, nexus: control.nexus)
            } catch {
                return CommandResult(status: .busy)
            }
        }
    }

    /// As in the kernel, an open for reading allows commands that only look.
    private func requirePermission(_ cdb: [UInt8]) throws(FileError) {
        guard control.mayChange || isPrivileged || cdb.first.map(Self.looking.contains) ?? false else {
            throw FileError(EPERM, "the device was opened for reading, and this command may change something")
        }
    }

    /// TEST UNIT READY, REQUEST SENSE, READ BLOCK LIMITS, READ, INQUIRY, MODE SENSE, READ POSITION, READ BUFFER, REPORT
    /// DENSITY SUPPORT, LOG SENSE, READ ATTRIBUTE, REPORT LUNS, MAINTENANCE IN, READ ELEMENT STATUS.
    private static let looking: Set<UInt8> = [
        0x00, 0x03, 0x05, 0x08, 0x12, 0x1A, 0x34, 0x3C, 0x44, 0x4D, 0x5A, 0x8C, 0xA0, 0xA3, 0xB8,
    ]

    // MARK: Data

    private struct Segment {
        var address: UInt64
        var count: Int
    }

    /// Where the data is: one place, or as many as the list at `data` says, cut at the length of the transfer.
    private func segments(_ header: SGHeader) throws(FileError) -> [Segment] {
        guard header.segmentCount > 0 else {
            return [Segment(address: header.data, count: header.dataLength)]
        }
        let width = memory.isCompatible ? 8 : 16
        let list = CallerWords(try memory.read(header.segmentCount * width, at: header.data))
        var segments: [Segment] = []
        var remaining = header.dataLength
        for index in 0..<header.segmentCount where remaining > 0 {
            let entry = index * width
            let address: UInt64?
            let length: UInt64?
            if memory.isCompatible {
                address = list.u32(entry).map { UInt64($0) }
                length = list.u32(entry + 4).map { UInt64($0) }
            } else {
                address = list.u64(entry)
                length = list.u64(entry + 8)
            }
            guard let address, let length else { throw FileError(EFAULT) }
            let count = Int(clamping: min(length, UInt64(remaining)))
            remaining -= count
            if count > 0 { segments.append(Segment(address: address, count: count)) }
        }
        guard remaining == 0 else {
            throw FileError(EINVAL, "the segments of a command hold less than its length")
        }
        return segments
    }

    private func gather(_ segments: [Segment]) throws(FileError) -> [UInt8] {
        if let only = segments.first, segments.count == 1 {
            return try memory.read(only.count, at: only.address)
        }
        var bytes: [UInt8] = []
        for segment in segments {
            bytes += try memory.read(segment.count, at: segment.address)
        }
        return bytes
    }

    private func scatter(_ bytes: [UInt8], _ segments: [Segment]) throws(FileError) {
        var done = 0
        for segment in segments where done < bytes.count {
            let count = min(segment.count, bytes.count - done)
            try memory.write(bytes.span.extracting(done..<done + count), at: segment.address)
            done += count
        }
    }
}

/// What `struct sg_io_hdr` asks for.
struct SGHeader {
    private let interface: Int32
    private let direction: Int32
    private let flags: UInt32
    let cdbLength: Int
    let senseRoom: Int
    let segmentCount: Int
    let dataLength: Int
    let data: UInt64
    let cdb: UInt64
    let sense: UInt64

    static func length(isCompatible: Bool) -> Int { isCompatible ? 64 : 88 }

    /// Where the status and all that follows it begins.
    static func outcomeOffset(isCompatible: Bool) -> Int { isCompatible ? 44 : 64 }

    /// - Throws: EFAULT when `bytes` is too short.
    init(_ bytes: [UInt8], _ memory: CallerMemory) throws(FileError) {
        let words = CallerWords(bytes)
        func pointer(_ compatible: Int, _ native: Int) -> UInt64? {
            memory.isCompatible ? words.u32(compatible).map { UInt64($0) } : words.u64(native)
        }
        guard let interface = words.i32(0), let direction = words.i32(4), let cdbLength = words.u8(8),
            let senseRoom = words.u8(9), let segmentCount = words.u16(10), let dataLength = words.u32(12),
            let data = pointer(16, 16), let cdb = pointer(20, 24), let sense = pointer(24, 32),
            let flags = words.u32(memory.isCompatible ? 32 : 44)
        else { throw FileError(EFAULT) }
        self.interface = interface
        self.direction = direction
        self.flags = flags
        self.cdbLength = Int(cdbLength)
        self.senseRoom = Int(senseRoom)
        self.segmentCount = Int(segmentCount)
        self.dataLength = Int(dataLength)
        self.data = data
        self.cdb = cdb
        self.sense = sense
    }

    private enum Direction {
        static let none: Int32 = -1
        static let toDevice: Int32 = -2
        static let all: ClosedRange<Int32> = -5 ... -1
    }

    private enum Flag {
        /// Data lies in memory shared with the driver.
        static let mapped: UInt32 = 0x4
        /// No data is copied to or from the caller.
        static let noTransfer: UInt32 = 0x10000
    }

    func check() throws(FileError) {
        // Version 4 has Q here; the kernel's sg device knows only S, too.
        guard interface == 0x53 else { throw FileError(ENOSYS, "SG_IO takes headers of version 3 (interface_id S)") }
        guard GenericCommand.cdbBytes.contains(cdbLength), cdb != 0 else {
            throw FileError(EMSGSIZE, "a CDB of \(cdbLength) bytes")
        }
        guard dataLength <= GenericCommand.mostBytes else {
            throw FileError(EINVAL, "\(dataLength) bytes for one command; the limit is \(GenericCommand.mostBytes)")
        }
        guard segmentCount <= GenericCommand.mostSegments else {
            throw FileError(
                EINVAL,
                "\(segmentCount) segments for one command; the limit is \(GenericCommand.mostSegments)"
            )
        }
        guard dataLength == 0 || Direction.all.contains(direction) else {
            throw FileError(EINVAL, "SG_IO knows no direction \(direction)")
        }
        guard flags & Flag.mapped == 0, !(keepsData && isToDevice) else {
            throw FileError(EINVAL, "SG_IO works on the caller's memory only, not on a mapped buffer")
        }
    }

    var transfersData: Bool { dataLength > 0 && direction != Direction.none }
    var isToDevice: Bool { transfersData && direction == Direction.toDevice }
    /// From the device, both ways (what came first is overwritten), and unknown.
    var isFromDevice: Bool { transfersData && !isToDevice }
    var keepsData: Bool { flags & Flag.noTransfer != 0 }
}

/// The last 20 bytes of `struct sg_io_hdr` that mean something: from `status` to `info`.
struct SGOutcome {
    var status: UInt8
    var senseLength: Int
    var residual: Int
    var milliseconds: UInt32

    /// DRIVER_SENSE: there is sense data.
    private static let driverSense: UInt64 = 0x08
    /// SG_INFO_CHECK: something is not as it should be.
    private static let infoCheck: UInt64 = 0x1

    var encoded: [UInt8] {
        var writer = CallerWordWriter(isCompatible: false)
        writer.append(UInt64(status), width: 1)
        writer.append(UInt64(status >> 1 & 0x1F), width: 1)
        writer.append(0, width: 1)
        writer.append(UInt64(senseLength), width: 1)
        writer.append(0, width: 2)
        writer.append(senseLength > 0 ? Self.driverSense : 0, width: 2)
        writer.i32(Int32(clamping: residual))
        writer.append(UInt64(milliseconds), width: 4)
        writer.append(status == 0 ? 0 : Self.infoCheck, width: 4)
        return writer.bytes
    }
}
