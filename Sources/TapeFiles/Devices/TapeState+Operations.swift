// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import LogicalUnits
import SCSI

/// MTIOCTOP.
extension TapeState {
    private typealias Operation = MagneticTapeControl.Operation

    /// Largest count of filemarks of one call: what a WRITE FILEMARKS(6) takes.
    private static let mostFilemarks: Int32 = 0xFF_FFFF

    /// Performs one operation.
    ///
    /// - Parameter isPrivileged: the caller may change the driver's options.
    /// - Throws: EIO when the tape ends before the count or the drive refuses, EINVAL, EACCES (writing is not allowed),
    ///   EPERM, ENOSYS (no such operation), ENOMEDIUM.
    mutating func operate(
        _ request: MagneticTapeControl.Request,
        on drive: TapeDrive,
        isPrivileged: Bool
    ) throws(FileError) {
        guard let operation = Operation(rawValue: request.operation) else {
            throw FileError(ENOSYS, "MTIOCTOP has no operation \(request.operation)")
        }
        defer { leave(drive) }
        switch operation {
        case .setOptions: return try setOptions(request.count, on: drive, isPrivileged: isPrivileged)
        case .load: return try loadMedium(drive)
        case .lock: return try setLock(.byRequest, on: drive)
        case .unlock: return try setLock(.unlocked, on: drive)
        default: break
        }
        try requireMedium(drive)
        var count = Int64(request.count)
        if try endRecords(before: operation, on: drive), operation == .backFiles || operation == .backFilesBehindMark {
            // The mark just written is not one that the caller counts.
            count += 1
        }
        if !Self.keepsActivity(operation) { activity = .idle }
        remainder = []
        switch operation {
        case .setPartition: return try wantPartition(request.count, drive)
        case .makePartition: return try makePartition(request.count, on: drive)
        case .seek: return try seek(UInt32(bitPattern: request.count), on: drive)
        case .offline, .unload: return try unload(drive, unlocking: operation == .offline)
        default: break
        }
        try changePartition(drive)
        try move(operation, count, drive)
    }

    /// Before these the driver ends what was written with a filemark.
    private mutating func endRecords(before operation: Operation, on drive: TapeDrive) throws(FileError) -> Bool {
        let ending: Set<Operation> = [.rewind, .offline, .seek, .backFiles, .backFilesBehindMark]
        guard activity == .writing, ending.contains(operation), drive.lacksFilemark else { return false }
        try carryOut { () throws(CheckCondition) in try drive.endRecords() }
        activity = .idle
        return true
    }

    /// Close still writes its filemark after these.
    private static func keepsActivity(_ operation: Operation) -> Bool {
        [.nothing, .setBlockLength, .setDensity, .writeSetmarks, .setPartition].contains(operation)
    }

    private mutating func move(_ operation: Operation, _ count: Int64, _ drive: TapeDrive) throws(FileError) {
        switch operation {
        case .nothing: break
        case .forwardFiles: try spaceFiles(count, drive)
        case .backFiles: try spaceFiles(-count, drive)
        case .forwardFilesBeforeMark:
            try spaceFiles(count, drive)
            try spaceFiles(-1, drive)
        case .backFilesBehindMark:
            try spaceFiles(-count, drive)
            try spaceFiles(1, drive)
        case .forwardRecords: try spaceRecords(count, drive)
        case .backRecords: try spaceRecords(-count, drive)
        case .endOfData:
            _ = try carryOut { () throws(CheckCondition) in try drive.space(.endOfData, count: 0) }
            end = .ended
        case .rewind, .retension:
            try carryOut { () throws(CheckCondition) in try drive.rewind() }
            end = .none
        case .writeFilemarks:
            try writeFilemarks(count, immediate: options.contains(.immediateFilemarks), drive)
        case .writeFilemarksImmediate:
            try writeFilemarks(count, immediate: true, drive)
        case .erase:
            try requireWritable(drive)
            try carryOut { () throws(CheckCondition) in try drive.erase(long: count != 0) }
            end = .none
        default: try set(operation, count, drive)
        }
    }

    private func set(_ operation: Operation, _ count: Int64, _ drive: TapeDrive) throws(FileError) {
        switch operation {
        case .setBlockLength:
            guard count >= 0, count <= Int64(TapeDrive.maximumBlockLength) else {
                throw FileError(EINVAL, "\(driveName) has no blocks of \(count) bytes")
            }
            try select(on: drive) { $0.blockLength = UInt32(count) }
        case .setDensity:
            guard let code = UInt8(exactly: count) else { throw FileError(EINVAL, "\(count) is no density code") }
            try select(on: drive) { $0.density = code }
        case .compression: try setCompression(count & 1 == 1, on: drive)
        // There are no setmarks on LTO tape: the drive says so.
        case .forwardSetmarks: try command([0x11, 0x04] + Self.bytes24(count) + [0], on: drive)
        case .backSetmarks: try command([0x11, 0x04] + Self.bytes24(-count) + [0], on: drive)
        case .writeSetmarks:
            try requireWritable(drive)
            try command([0x10, 0x02] + Self.bytes24(count) + [0], on: drive)
        default:
            // Without an effect in the kernel's driver, too: MTRESET, MTTELL.
            throw FileError(ENOSYS, "the tape device does not do operation \(operation.rawValue)")
        }
    }

    static func bytes24(_ value: Int64) -> [UInt8] {
        [16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    func requireWritable(_ drive: TapeDrive) throws(FileError) {
        guard mayWrite, !drive.isWriteProtected else {
            throw FileError(EACCES, "the tape in \(driveName) cannot be written through this open")
        }
    }

    // MARK: Spacing

    private mutating func spaceFiles(_ count: Int64, _ drive: TapeDrive) throws(FileError) {
        let outcome = try carryOut { () throws(CheckCondition) in try drive.space(.filemarks, count: count) }
        switch outcome.stop {
        case .none:
            if count != 0 { end = count > 0 ? .behindFilemark : .none }
        case .endOfData: throw ranOut(.ended, "the end of the data")
        case .beginningOfPartition: throw ranOut(.none, "the beginning of the tape")
        case .filemark: throw ranOut(.none, "a filemark")
        }
    }

    private mutating func spaceRecords(_ count: Int64, _ drive: TapeDrive) throws(FileError) {
        let outcome = try carryOut { () throws(CheckCondition) in try drive.space(.blocks, count: count) }
        switch outcome.stop {
        case .none: if count != 0 { end = .none }
        case .filemark: throw ranOut(count > 0 ? .behindFilemark : .none, "a filemark")
        case .endOfData: throw ranOut(.ended, "the end of the data")
        case .beginningOfPartition: throw ranOut(.none, "the beginning of the tape")
        }
    }

    private mutating func ranOut(_ end: End, _ what: String) -> FileError {
        self.end = end
        return FileError(EIO, "\(driveName) came to \(what) before the count was done")
    }

    private mutating func seek(_ block: UInt32, on drive: TapeDrive) throws(FileError) {
        let target = wantedPartition
        rememberVisit(drive)
        end = .none
        wantedPartition = nil
        try carryOut { () throws(CheckCondition) in
            try drive.locate(.block(UInt64(block)), partition: target)
        }
    }

    private mutating func writeFilemarks(_ count: Int64, immediate: Bool, _ drive: TapeDrive) throws(FileError) {
        try requireWritable(drive)
        guard count >= 0, count <= Int64(Self.mostFilemarks) else {
            throw FileError(EINVAL, "\(count) filemarks are more than one call writes")
        }
        do throws(CheckCondition) {
            _ = try drive.writeFilemarks(Int(count), immediate: immediate)
            end = .none
        } catch {
            let failure = FileError(error, of: driveName)
            throw failure.code == ENOSPC ? FileError(EIO, failure.reason) : failure
        }
    }

    // MARK: The medium

    private mutating func loadMedium(_ drive: TapeDrive) throws(FileError) {
        remainder = []
        activity = .idle
        let nexus = nexus
        try carryOut { () throws(CheckCondition) in try drive.thread(as: nexus) }
        // Whatever it is, the caller has asked for it.
        load = nil
        isOffline = false
        try requireMedium(drive)
        end = .none
    }

    private mutating func unload(_ drive: TapeDrive, unlocking: Bool) throws(FileError) {
        if unlocking, lock != .unlocked { try? setLock(.unlocked, on: drive) }
        try carryOut { () throws(CheckCondition) in try drive.eject(hold: false) }
        isOffline = true
        end = .none
    }

    // MARK: Partitions

    /// Goes to the partition that MTSETPART named, to where it was left.
    mutating func changePartition(_ drive: TapeDrive) throws(FileError) {
        guard let wanted = wantedPartition else { return }
        wantedPartition = nil
        guard wanted != drive.place?.partition else { return }
        rememberVisit(drive)
        let block = lastVisited[wanted] ?? 0
        end = .none
        activity = .idle
        try carryOut { () throws(CheckCondition) in try drive.locate(.block(block), partition: wanted) }
        leave(drive)
    }

    private mutating func rememberVisit(_ drive: TapeDrive) {
        guard let place = drive.place else { return }
        lastVisited[place.partition] = place.block.rawValue
    }

    private mutating func wantPartition(_ number: Int32, _ drive: TapeDrive) throws(FileError) {
        try requirePartitions()
        let there = drive.loaded?.partitionCount ?? 0
        guard number >= 0, Int(number) < there else {
            throw FileError(EINVAL, "the cartridge in \(driveName) has no partition \(number)")
        }
        wantedPartition = Int(number)
    }

    private func requirePartitions() throws(FileError) {
        guard options.contains(.canPartition) else {
            throw FileError(EINVAL, "partitions of \(driveName) have to be enabled (MT_ST_CAN_PARTITIONS)")
        }
    }

    /// One partition (0), or two: `megabytes` is the size of partition 1, or negative that of partition 0.
    private mutating func makePartition(_ megabytes: Int32, on drive: TapeDrive) throws(FileError) {
        try requirePartitions()
        try requireWritable(drive)
        let nexus = nexus
        try carryOut { () throws(CheckCondition) in try drive.thread(as: nexus) }
        if megabytes != 0 { try selectTwoPartitions(megabytes, on: drive) }
        try carryOut { () throws(CheckCondition) in try drive.format(megabytes == 0 ? .single : .asModePage) }
        lastVisited = [:]
        wantedPartition = nil
        end = .none
    }
}
