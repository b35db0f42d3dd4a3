// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// A picture of the drive for people and for monitoring, taken without waiting for anything.
package struct DriveStatus: Sendable, Hashable {
    package var condition: MediumCondition
    package var barcode: String?
    /// Of the medium: 5 to 9, 78 for type M.
    package var generation: Int?
    /// For example `LTO-8`.
    package var mediumName: String?
    package var isWORM: Bool
    package var isWriteProtected: Bool
    package var isRemovalPrevented: Bool
    package var position: TapePosition
    package var partitionCount: Int
    /// Of the current partition, payload and overhead, in bytes.
    package var usedBytes: UInt64
    /// Of the current partition, in bytes.
    package var capacityBytes: UInt64
    /// 0 is variable.
    package var fixedBlockLength: Int
    package var isCompressionEnabled: Bool
    /// This load's traffic.
    package var recordsWritten: UInt64
    package var recordsRead: UInt64
    package var bytesWritten: UInt64
    package var bytesRead: UInt64
    package var filemarksWritten: UInt64
    package var reservedBy: String?
    /// TapeAlert flag numbers, ascending.
    package var alerts: [UInt8]
}

extension TapeDrive {
    /// What the drive looks like now.
    package var status: DriveStatus {
        let ready = condition == .ready
        let cartridge = medium?.cartridge
        return DriveStatus(
            condition: condition,
            barcode: cartridge?.metadata.barcode,
            generation: cartridge?.metadata.generation,
            mediumName: medium?.format?.name,
            isWORM: medium?.isWORM ?? false,
            isWriteProtected: isWriteProtected,
            isRemovalPrevented: isRemovalPrevented,
            position: position,
            partitionCount: cartridge?.partitionCount ?? 0,
            usedBytes: ready ? cartridge?.usedBytes(partition) ?? 0 : 0,
            capacityBytes: ready ? cartridge?.capacity(partition) ?? 0 : 0,
            fixedBlockLength: fixedBlockLength,
            isCompressionEnabled: modePages[TapeModePages.compressionEnabled] == 1,
            recordsWritten: counters.load.recordsWritten,
            recordsRead: counters.load.recordsRead,
            bytesWritten: counters.load.bytesWritten,
            bytesRead: counters.load.bytesRead,
            filemarksWritten: counters.load.filemarksWritten,
            reservedBy: unit.reservedBy?.name,
            alerts: alerts.raised.sorted()
        )
    }
}
