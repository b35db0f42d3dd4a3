// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import SCSI
import TapeLibrary

/// The ioctls of generic SCSI devices: <scsi/sg.h> and <scsi/scsi_ioctl.h>.
///
/// None of their numbers says how long its argument is, so the kernel hands over the caller's pointer alone; what it
/// points to goes through `Caller`.
struct GenericControl: Sendable {
    enum Target: Sendable {
        case drive(DriveStation)
        case changer(ChangerStation)
    }

    let target: Target
    let nexus: Nexus
    /// Opened for writing.
    let mayChange: Bool
    /// The library is host 0, channel 0, LUN 0 everywhere; the changer is id 0, the drives follow.
    let identifier: Int
    private let settings = Guarded(Settings(), name: "settings of a generic device")

    init(target: Target, nexus: Nexus, mayChange: Bool, identifier: Int) {
        self.target = target
        self.nexus = nexus
        self.mayChange = mayChange
        self.identifier = identifier
    }

    /// What the small ioctls set and get; nothing here depends on them.
    private struct Settings {
        /// In hundredths of a second, as the kernel counts for programs: one minute.
        var timeout: Int32 = 6000
        var reservedSize: Int32 = 32_768
        var queuesCommands: Int32 = 0
        var keepsOrphans: Int32 = 0
    }

    /// Version of the sg driver that programs find: 3.5.36, what Linux 4 to 6 report. From 30000 on they use SG_IO.
    static let driverVersion: Int32 = 30_536

    private enum Command {
        static let setTimeout: UInt32 = 0x2201
        static let getTimeout: UInt32 = 0x2202
        static let emulatedHost: UInt32 = 0x2203
        static let getCommandQueueing: UInt32 = 0x2270
        static let setCommandQueueing: UInt32 = 0x2271
        static let getReservedSize: UInt32 = 0x2272
        static let setReservedSize: UInt32 = 0x2275
        static let getSCSIIdentifier: UInt32 = 0x2276
        static let setForceLowDMA: UInt32 = 0x2279
        static let getLowDMA: UInt32 = 0x227A
        static let setForcePackIdentifier: UInt32 = 0x227B
        static let getPackIdentifier: UInt32 = 0x227C
        static let getWaiting: UInt32 = 0x227D
        static let getTableSize: UInt32 = 0x227F
        static let getVersion: UInt32 = 0x2282
        static let reset: UInt32 = 0x2284
        static let execute: UInt32 = 0x2285
        static let setKeepOrphan: UInt32 = 0x2287
        static let getKeepOrphan: UInt32 = 0x2288
        static let identifierAndUnit: UInt32 = 0x5382
        static let probeHost: UInt32 = 0x5385
        static let busNumber: UInt32 = 0x5386
    }

    func control(_ request: ControlRequest) throws(FileError) -> ControlReply {
        let memory = CallerMemory(request)
        switch request.command {
        case Command.execute:
            try GenericCommand(self, memory, isPrivileged: request.caller.identity.isPrivileged).run()
        case Command.getVersion: try memory.put(Self.driverVersion)
        case Command.emulatedHost, Command.getLowDMA, Command.getWaiting, Command.busNumber: try memory.put(0)
        case Command.getPackIdentifier: try memory.put(-1)
        case Command.getTableSize: try memory.put(Int32(GenericCommand.mostSegments))
        case Command.setForceLowDMA, Command.setForcePackIdentifier: _ = try memory.integer()
        case Command.setTimeout, Command.getTimeout, Command.getReservedSize, Command.setReservedSize,
            Command.getCommandQueueing, Command.setCommandQueueing, Command.getKeepOrphan, Command.setKeepOrphan:
            return try controlSettings(request.command, memory)
        case Command.getSCSIIdentifier: try memory.put(scsiIdentifier)
        case Command.identifierAndUnit: try memory.put(words(Int32(identifier), 0))
        case Command.probeHost: return try probeHost(memory)
        case Command.reset: try reset(memory)
        default: throw FileError(ENOTTY)
        }
        return ControlReply()
    }

    private func controlSettings(_ command: UInt32, _ memory: CallerMemory) throws(FileError) -> ControlReply {
        let present = settings.withLock { $0 }
        switch command {
        case Command.getTimeout: return ControlReply(result: present.timeout)
        case Command.getReservedSize: try memory.put(present.reservedSize)
        case Command.getCommandQueueing: try memory.put(present.queuesCommands)
        case Command.getKeepOrphan: try memory.put(present.keepsOrphans)
        default:
            let value = try memory.integer()
            if command == Command.setTimeout, value < 0 { throw FileError(EIO) }
            if command == Command.setReservedSize, value < 0 { throw FileError(EINVAL) }
            settings.withLock { settings in
                switch command {
                case Command.setTimeout: settings.timeout = value
                case Command.setReservedSize: settings.reservedSize = min(value, Int32(GenericCommand.mostBytes))
                case Command.setCommandQueueing: settings.queuesCommands = value == 0 ? 0 : 1
                default: settings.keepsOrphans = value == 0 ? 0 : 1
                }
            }
        }
        return ControlReply()
    }

    /// `struct sg_scsi_id`: host, channel, id, LUN, device type, two shorts of queue depths, two unused.
    private var scsiIdentifier: [UInt8] {
        let type: Int32
        switch target {
        case .drive: type = 1
        case .changer: type = 8
        }
        return words(0, 0, Int32(identifier), 0, type, 1 << 16 | 1, 0, 0)
    }

    private func words(_ values: Int32...) -> [UInt8] {
        var writer = CallerWordWriter(isCompatible: false)
        for value in values {
            writer.i32(value)
        }
        return writer.bytes
    }

    /// The caller gives the room for a name in its first word; 1 says that there is a host.
    private func probeHost(_ memory: CallerMemory) throws(FileError) -> ControlReply {
        let room = UInt32(bitPattern: try memory.integer())
        let name = Array("capstan".utf8) + [0]
        if room > 0 {
            try memory.put(Array(name.prefix(Int(clamping: room))))
        }
        return ControlReply(result: 1)
    }

    /// SG_SCSI_RESET_NO_ESCALATE: no stronger reset when the one asked for fails.
    private static let withoutEscalation: Int32 = 0x100

    /// Deviation: resets are not offered, because one initiator's reset would end what others do with the drive.
    /// SG_SCSI_RESET_NOTHING, by which programs ask whether one is under way, says no.
    private func reset(_ memory: CallerMemory) throws(FileError) {
        guard try memory.integer() & ~Self.withoutEscalation == 0 else {
            throw FileError(EINVAL, "devices of the library cannot be reset by SG_SCSI_RESET")
        }
    }
}

/// The caller's memory at the pointer of an ioctl.
struct CallerMemory {
    let caller: any Caller
    let pointer: UInt64
    /// The caller's structures have 32-bit pointers.
    let isCompatible: Bool

    init(_ request: ControlRequest) {
        caller = request.caller
        pointer = request.isCompatible ? request.argument & 0xFFFF_FFFF : request.argument
        isCompatible = request.isCompatible
    }

    /// - Throws: ESRCH, EPERM with what can be done about it; EFAULT.
    func read(_ count: Int, at address: UInt64) throws(FileError) -> [UInt8] {
        try requireVisibleCaller()
        do throws(FileError) {
            let bytes = try caller.read(count, at: address)
            guard bytes.count == count else { throw FileError(EFAULT) }
            return bytes
        } catch {
            throw Self.explained(error)
        }
    }

    func write(_ bytes: Span<UInt8>, at address: UInt64) throws(FileError) {
        try requireVisibleCaller()
        do throws(FileError) {
            try caller.write(bytes, at: address)
        } catch {
            throw Self.explained(error)
        }
    }

    func integer() throws(FileError) -> Int32 {
        CallerWords(try read(4, at: pointer)).i32(0) ?? 0
    }

    func put(_ value: Int32) throws(FileError) {
        var writer = CallerWordWriter(isCompatible: isCompatible)
        writer.i32(value)
        try put(writer.bytes)
    }

    func put(_ bytes: [UInt8]) throws(FileError) {
        try write(bytes.span, at: pointer)
    }

    private func requireVisibleCaller() throws(FileError) {
        guard caller.identity.thread != 0 else {
            throw FileError(
                ESRCH,
                "the calling process is in a PID namespace that the daemon does not see, so that the memory of its "
                    + "request cannot be reached; run the daemon in that namespace or in one above it"
            )
        }
    }

    private static func explained(_ error: FileError) -> FileError {
        guard error.code == EPERM, error.reason.isEmpty else { return error }
        return FileError(
            EPERM,
            "the memory of the calling process cannot be reached: the daemon has to run as the same user or with "
                + "CAP_SYS_PTRACE, and kernel.yama.ptrace_scope has to allow it (3 never does)"
        )
    }
}
