// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import LogicalUnits
import SCSI

/// MTIOCGET and MTIOCPOS.
extension TapeState {
    /// The status of the drive as it is.
    ///
    /// Deviation: the kernel's driver loses count of files and blocks after MTSEEK, MTBSF and a fast MTEOM and says -1;
    /// this drive always knows, so the numbers are right whenever a medium is ready.
    mutating func status(_ drive: TapeDrive) throws(FileError) -> MagneticTapeControl.Status {
        var status = MagneticTapeControl.Status()
        let isOurs: Bool
        do throws(FileError) {
            try requireMedium(drive)
            try changePartition(drive)
            isOurs = true
        } catch {
            isOurs = false
        }
        if options.contains(.asynchronousWrites) || drive.isBuffered
            || options.contains(.bufferWrites) && drive.fixedBlockLength > 0
        {
            status.general.insert(.immediateReports)
        }
        if drive.wantsCleaning { status.general.insert(.cleaningRequested) }
        guard let place = drive.place else {
            if drive.condition == .empty || drive.condition == .ejected { status.general.insert(.doorOpen) }
            return status
        }
        let position = drive.position
        status.residual = Int64(place.partition)
        status.registers =
            UInt32(truncatingIfNeeded: drive.fixedBlockLength) & 0xFF_FFFF | UInt32(drive.mediumDensityCode) << 24
        status.general.insert(.online)
        if drive.isWriteProtected { status.general.insert(.writeProtected) }
        if position.isFileKnown {
            status.file = Int32(clamping: position.file)
            status.block = Int32(clamping: position.blockInFile)
            if position.blockInFile == 0 {
                status.general.insert(position.file == 0 ? .beginningOfTape : .endOfFile)
            }
        }
        if isOurs {
            if end == .earlyWarning { status.general.insert(.endOfTape) }
            if end > .earlyWarning { status.general.insert(.endOfData) }
        }
        return status
    }

    /// The number of the next object in the partition.
    mutating func blockNumber(_ drive: TapeDrive) throws(FileError) -> UInt32 {
        do throws(FileError) {
            try requireMedium(drive)
        } catch {
            throw FileError(EIO, error.reason)
        }
        try changePartition(drive)
        return UInt32(clamping: drive.place?.block.rawValue ?? 0)
    }
}
