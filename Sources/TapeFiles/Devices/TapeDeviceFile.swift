// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Logging
import LogicalUnits
import SCSI
import TapeLibrary

/// An open `nst` or `st`: what open(2) of a tape device gives, with the kernel's tape driver as the model.
///
/// Owns the open of the drive from init to `close()`. Rules of the tape are in `TapeState`; here is what comes from the
/// way a call travels through FUSE: requests are cut at a limit of the kernel, and the last close comes late.
final class TapeDeviceFile: OpenFile {
    private let unit: TapeUnit
    private let rewinds: Bool
    private let generic: GenericControl
    private let progress = Guarded(Progress(), name: "tape device file")

    /// Of this open file alone.
    private struct Progress {
        var isFlushed = false
        var isClosed = false
        var continuation: Continuation?
    }

    /// A read that the kernel cut, was filled, and goes on with a request of its own.
    private struct Continuation {
        var thread: Int32
        var remainingBytes: UInt64
        /// What the record has beyond the room so far. Empty in fixed-block mode.
        var tail: ArraySlice<UInt8>
    }

    let traits = OpenTraits(isDirect: true, isStream: true)

    /// - Throws: EBUSY; without O_NONBLOCK ENOMEDIUM, EIO (a medium that is not usable), EROFS.
    init(unit: TapeUnit, rewinds: Bool, generic: GenericControl, _ request: OpenRequest) throws(FileError) {
        self.unit = unit
        self.rewinds = rewinds
        self.generic = generic
        try unit.claim()
        do throws(FileError) {
            try unit.using { (drive, state) throws(FileError) in try state.open(drive, request) }
        } catch {
            unit.giveBack()
            throw error
        }
    }

    // MARK: Records

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        let continued = beginTransfer(continuing: room.count, by: caller)
        let mayBeCut = KernelRequest.mayBeCut(room.count)
        // The kernel has no more of a call to ask for than what it has not had.
        let asked = mayBeCut ? continued?.remainingBytes ?? caller.requestedBytes() : UInt64(room.count)
        var tail: ArraySlice<UInt8> = []
        let count = try use { (drive, state) throws(FileError) -> Int in
            if let continued, drive.fixedBlockLength == 0 || !continued.tail.isEmpty {
                tail = continued.tail
                return Self.hand(over: &tail, to: &room)
            }
            if mayBeCut, drive.fixedBlockLength == 0 {
                try KernelRequest.requireVisible(room.count, asked: asked, drive: state.driveName)
                if let asked, asked > room.count {
                    // The record has to be read in one go, and the kernel asks for it in several.
                    let length = Int(clamping: min(asked, UInt64(TapeDrive.maximumBlockLength)))
                    var record = [UInt8](repeating: 0, count: length)
                    var whole = record.mutableSpan
                    let got = try state.read(into: &whole, from: drive)
                    tail = record.prefix(got)
                    return Self.hand(over: &tail, to: &room)
                }
            }
            return try state.read(into: &room, from: drive, isContinuation: continued != nil)
        }
        guard count == room.count, mayBeCut, let asked, asked > count else { return count }
        let next = Continuation(
            thread: caller.identity.thread,
            remainingBytes: asked - UInt64(count),
            // A copy at first, so that a large buffer does not live as long as a short rest.
            tail: continued == nil ? ArraySlice(Array(tail)) : tail
        )
        progress.withLock { $0.continuation = next }
        return count
    }

    /// As much as fits, which `bytes` then lacks.
    private static func hand(over bytes: inout ArraySlice<UInt8>, to room: inout MutableSpan<UInt8>) -> Int {
        let count = min(bytes.count, room.count)
        let start = bytes.startIndex
        for index in 0..<count {
            room[index] = bytes[start + index]
        }
        bytes = bytes.dropFirst(count)
        return count
    }

    func write(_ bytes: Span<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        _ = beginTransfer(continuing: nil, by: caller)
        let isUncertain = KernelRequest.mayBeCut(bytes.count)
        let asked = isUncertain ? caller.requestedBytes() : UInt64(bytes.count)
        return try use { (drive, state) throws(FileError) -> Int in
            if isUncertain, drive.fixedBlockLength == 0 {
                try KernelRequest.requireWhole(bytes.count, asked: asked, drive: state.driveName)
            }
            return try state.write(bytes, asked: asked, to: drive)
        }
    }

    /// Notes that the file is in use. Gives what is left of the call that the kernel cut, when this read is the rest of it.
    private func beginTransfer(continuing room: Int?, by caller: any Caller) -> Continuation? {
        let (wasFlushed, continuation) = progress.withLock { progress in
            defer {
                progress.isFlushed = false
                progress.continuation = nil
            }
            return (progress.isFlushed, progress.continuation)
        }
        if wasFlushed { unit.setLeaving(false) }
        guard let continuation, let room, continuation.thread == caller.identity.thread,
            UInt64(room) <= continuation.remainingBytes
        else { return nil }
        return continuation
    }

    // MARK: Control

    func control(_ request: ControlRequest) throws(FileError) -> ControlReply {
        _ = beginTransfer(continuing: nil, by: request.caller)
        switch request.command {
        case MagneticTapeControl.operate: return try operate(request)
        case MagneticTapeControl.status: return try status(isCompatible: false)
        case MagneticTapeControl.compatibleStatus: return try status(isCompatible: true)
        case MagneticTapeControl.position: return try position(isCompatible: false)
        case MagneticTapeControl.compatiblePosition: return try position(isCompatible: true)
        default:
            try requireOpen()
            return try generic.control(request)
        }
    }

    private func operate(_ request: ControlRequest) throws(FileError) -> ControlReply {
        guard let operation = MagneticTapeControl.Request(request.input) else {
            throw FileError(EINVAL, "MTIOCTOP came without its structure")
        }
        let isPrivileged = request.caller.identity.isPrivileged
        try use { (drive, state) throws(FileError) in
            try state.operate(operation, on: drive, isPrivileged: isPrivileged)
        }
        return ControlReply()
    }

    private func status(isCompatible: Bool) throws(FileError) -> ControlReply {
        let status = try use { (drive, state) throws(FileError) in try state.status(drive) }
        return ControlReply(output: status.encoded(isCompatible: isCompatible))
    }

    private func position(isCompatible: Bool) throws(FileError) -> ControlReply {
        let block = try use { (drive, state) throws(FileError) in try state.blockNumber(drive) }
        var words = CallerWordWriter(isCompatible: isCompatible)
        words.long(Int64(block))
        return ControlReply(output: words.bytes)
    }

    // MARK: Use

    /// Uses the drive for one operation of this open file.
    ///
    /// - Throws: EBADF: it was closed while the operation waited; EBUSY, and what `body` throws.
    private func use<R>(_ body: (TapeDrive, inout TapeState) throws(FileError) -> R) throws(FileError) -> R {
        try unit.using { (drive, state) throws(FileError) -> R in
            try requireOpen()
            return try body(drive, &state)
        }
    }

    private func requireOpen() throws(FileError) {
        guard !progress.withLock({ $0.isClosed }) else {
            throw FileError(EBADF, "\(unit.station.name) was closed meanwhile")
        }
    }

    // MARK: Close

    func flush(caller: any Caller) throws(FileError) {
        try requireOpen()
        // In this order: whoever uses the file next finds isFlushed and takes back what is said here.
        unit.setLeaving(true)
        progress.withLock { $0.isFlushed = true }
        try synchronize()
    }

    func synchronize() throws(FileError) {
        try use { (drive, state) throws(FileError) in try state.flush(drive) }
    }

    func close() {
        let wasClosed = progress.withLock { progress in
            defer { progress.isClosed = true }
            return progress.isClosed
        }
        guard !wasClosed else { return }
        do throws(FileError) {
            try unit.using { (drive, state) throws(FileError) in try state.close(drive, rewinds: rewinds) }
        } catch {
            unit.logger.warning("closing \(unit.station.name): \(error)")
        }
        unit.giveBack()
    }
}

/// What FUSE does to a long read(2) or write(2): the kernel hands on at most 1 MiB at once (256 pages, or fewer bytes
/// when the caller's buffer does not begin on a page), and asks for the rest when that was done whole.
enum KernelRequest {
    /// Nothing up to here is ever cut.
    static let certainBytes = 1 << 20 - 4096

    /// A request of this length may be the first part of a longer one. With some bytes to spare.
    static func mayBeCut(_ count: Int) -> Bool {
        count > certainBytes - 4096
    }

    /// A record must come in one piece.
    ///
    /// - Parameter asked: what write(2) was called with; nil when that cannot be seen.
    static func requireWhole(_ count: Int, asked: UInt64?, drive: String) throws(FileError) {
        if let asked {
            guard asked > count else { return }
            throw FileError(
                EINVAL,
                "a record of \(asked) bytes for \(drive) is longer than what the system hands on in one piece "
                    + "(\(certainBytes) bytes always, 1048576 from a buffer that begins on a page)"
            )
        }
        try requireVisible(count, asked: asked, drive: drive)
    }

    /// Whether this is all of the call must be known, where it may be the first part of one.
    ///
    /// - Parameter asked: what read(2) or write(2) was called with; nil when that cannot be seen.
    static func requireVisible(_ count: Int, asked: UInt64?, drive: String) throws(FileError) {
        guard asked == nil, count > certainBytes else { return }
        throw FileError(
            EINVAL,
            "whether \(count) bytes for \(drive) are a whole record cannot be seen, because the caller's /proc entry "
                + "is not visible; up to \(certainBytes) bytes work"
        )
    }
}

extension CallerIdentity {
    /// Root, or whoever runs the mount.
    var isPrivileged: Bool { user == 0 || user == geteuid() }
}
