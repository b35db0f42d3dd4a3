// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import LogicalUnits
import SCSI

/// read(2) and write(2) of the tape device, as the kernel's documentation of its tape driver has them.
extension TapeState {
    // MARK: Writing

    /// One record, or in fixed-block mode as many as `bytes` holds.
    ///
    /// - Parameter asked: what write(2) was called with, which the kernel may have cut to `bytes`; nil: not known.
    /// - Returns: how many bytes are on the tape; fewer than `bytes` only in fixed-block mode, at the end of the medium
    ///   and where the kernel cut within a block.
    /// - Throws: EINVAL (not whole blocks), EACCES (write protection), ENOSPC, EIO, ENOMEDIUM.
    mutating func write(_ bytes: Span<UInt8>, asked: UInt64?, to drive: TapeDrive) throws(FileError) -> Int {
        try requireMedium(drive)
        guard !bytes.isEmpty else { return 0 }
        try changePartition(drive)
        let block = drive.fixedBlockLength
        let length = block == 0 ? bytes.count : try wholeBlocks(of: block, in: bytes.count, asked: asked)
        guard mayWrite, !drive.isWriteProtected else {
            throw FileError(EACCES, "the cartridge in \(driveName) is write-protected")
        }
        lockForUse(drive)
        remainder = []
        if end == .earlyWarning {
            // Told once for every write that went through behind early warning, so that a trailer can be written.
            end = .warned
            throw FileError(ENOSPC, "\(driveName) is behind early warning")
        }
        activity = .writing
        defer { leave(drive) }
        guard block > 0 else { return try writeRecord(bytes, to: drive) }
        return try writeBlocks(bytes.extracting(0..<length), of: block, to: drive)
    }

    /// How many bytes of a request are written: all, or whole blocks of one that the kernel cut. It ends the call after
    /// the latter, and the caller sees a short count.
    private func wholeBlocks(of block: Int, in count: Int, asked: UInt64?) throws(FileError) -> Int {
        guard !count.isMultiple(of: block) || !(asked ?? 0).isMultiple(of: UInt64(block)) else { return count }
        let asked = max(asked ?? 0, UInt64(count))
        guard asked.isMultiple(of: UInt64(block)) else {
            throw FileError(EINVAL, "\(driveName) writes blocks of \(block) bytes, and \(asked) are not whole blocks")
        }
        guard count >= block else {
            throw FileError(
                EINVAL,
                "\(driveName) writes blocks of \(block) bytes, which is more than the \(count) that the system hands on "
                    + "in one piece"
            )
        }
        return count / block * block
    }

    private mutating func writeRecord(_ record: Span<UInt8>, to drive: TapeDrive) throws(FileError) -> Int {
        do throws(CheckCondition) {
            note(try drive.write(record))
            return record.count
        } catch {
            throw refusedWrite(error)
        }
    }

    private mutating func writeBlocks(_ bytes: Span<UInt8>, of block: Int, to drive: TapeDrive) throws(FileError) -> Int
    {
        var done = 0
        var worst = WriteOutcome.written
        while done < bytes.count {
            do throws(CheckCondition) {
                let rest = bytes.extracting(done..<bytes.count)
                let (records, outcome) = try drive.writeRun(rest, recordLength: block)
                // None fit: the next call says why.
                done += records * block
                if outcome != .written { worst = outcome }
            } catch {
                let failure = refusedWrite(error)
                guard done > 0 else { throw failure }
                return done
            }
        }
        note(worst)
        return done
    }

    private mutating func note(_ outcome: WriteOutcome) {
        end = outcome != .written || end == .warned ? .earlyWarning : .none
    }

    private mutating func refusedWrite(_ condition: CheckCondition) -> FileError {
        if condition.sense.key == .volumeOverflow { end = .earlyWarning }
        return FileError(condition, of: driveName)
    }

    // MARK: Reading

    /// The next record, or in fixed-block mode as many as `room` takes.
    ///
    /// - Parameter isContinuation: this is the rest of a call that has got data: what ends it stays for the next call.
    /// - Returns: 0 at a filemark, and so often at the end of the data as the kernel's driver does.
    /// - Throws: ENOMEM (the record is longer, the position is behind it), EIO, EINVAL, ENOMEDIUM.
    mutating func read(
        into room: inout MutableSpan<UInt8>,
        from drive: TapeDrive,
        isContinuation: Bool = false
    ) throws(FileError) -> Int {
        try requireMedium(drive)
        guard !room.isEmpty else { return 0 }
        try changePartition(drive)
        let block = drive.fixedBlockLength
        if block > 0, !room.count.isMultiple(of: block), !options.contains(.readAhead) {
            throw FileError(
                EINVAL,
                "\(driveName) reads blocks of \(block) bytes, and \(room.count) are not whole blocks"
            )
        }
        lockForUse(drive)
        if remainder.isEmpty, let told = try tellOfEnd() { return told }
        activity = .reading
        defer { leave(drive) }
        guard block > 0 else { return try readRecord(into: &room, from: drive) }
        let filled = try readBlocks(of: block, into: &room, from: drive)
        if filled > 0 {
            if end == .behindFilemark { end = .none }
            return filled
        }
        return isContinuation ? 0 : try readEnd(of: block, from: drive)
    }

    /// Behind early warning that was told, and at an end that was met.
    private mutating func tellOfEnd() throws(FileError) -> Int? {
        switch end {
        case .none, .behindFilemark, .earlyWarning: return nil
        case .warned: end = .endedOnce
        case .endedOnce: end = .ended
        case .ended: throw FileError(EIO, "\(driveName) is at the end of the data")
        }
        return 0
    }

    private mutating func readRecord(
        into room: inout MutableSpan<UInt8>,
        from drive: TapeDrive
    ) throws(FileError) -> Int {
        let outcome: ReadOutcome
        do throws(CheckCondition) {
            outcome = try drive.read(into: &room)
        } catch {
            throw FileError(error, of: driveName)
        }
        switch outcome {
        case .record(let length):
            if end == .behindFilemark { end = .none }
            guard length <= room.count else {
                throw FileError(ENOMEM, "a record of \(length) bytes was read with \(room.count) bytes of room")
            }
            return length
        case .filemark:
            end = .behindFilemark
            return 0
        case .endOfData:
            return try meetEndOfData()
        }
    }

    /// Blank behind a filemark is the second zero; blank elsewhere is an error at once.
    private mutating func meetEndOfData() throws(FileError) -> Int {
        guard end == .behindFilemark else {
            throw FileError(EIO, "\(driveName) is at the end of the data")
        }
        end = .ended
        return 0
    }

    /// As many blocks as there are and as fit. Stops before anything else.
    private mutating func readBlocks(
        of block: Int,
        into room: inout MutableSpan<UInt8>,
        from drive: TapeDrive
    ) throws(FileError) -> Int {
        var filled = min(remainder.count, room.count)
        for index in 0..<filled {
            room[index] = remainder[index]
        }
        remainder.removeFirst(filled)
        while filled < room.count {
            do throws(CheckCondition) {
                guard case .record(let length) = try drive.nextObject(), length == block else { break }
                if room.count - filled >= block {
                    var part = room._mutatingExtracting(filled..<filled + block)
                    _ = try drive.read(into: &part)
                    filled += block
                } else {
                    var whole = [UInt8](repeating: 0, count: block)
                    var part = whole.mutableSpan
                    _ = try drive.read(into: &part)
                    let wanted = room.count - filled
                    for index in 0..<wanted {
                        room[filled + index] = whole[index]
                    }
                    remainder = Array(whole[wanted...])
                    filled += wanted
                }
            } catch {
                // What was read goes out; the next read meets the error again.
                guard filled > 0 else { throw FileError(error, of: driveName) }
                break
            }
        }
        return filled
    }

    /// Nothing of the right length comes next.
    private mutating func readEnd(of block: Int, from drive: TapeDrive) throws(FileError) -> Int {
        let next = try carryOut { () throws(CheckCondition) in try drive.nextObject() }
        switch next {
        case .filemark:
            _ = try carryOut { () throws(CheckCondition) in try drive.skipFilemark() }
            end = .behindFilemark
            return 0
        case nil:
            return try meetEndOfData()
        case .record(let length):
            throw FileError(EIO, "a record of \(length) bytes lies where \(driveName) reads blocks of \(block)")
        }
    }
}
