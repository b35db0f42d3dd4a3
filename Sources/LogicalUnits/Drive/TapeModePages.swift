// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// The drive's mode pages (SPC-4 7.5, SSC-4 8.3). Fields that code looks at have names; the rest stands in the rows.
package enum TapeModePages {
    // Control
    static let descriptorSense = ModeField("D_SENSE", page: 0x0A, byte: 2, bit: 2, changeable: true)
    static let softwareWriteProtect = ModeField("SWP", page: 0x0A, byte: 4, bit: 3, changeable: true)
    // Data compression: kept and shown; what is stored is not compressed.
    static let compressionEnabled = ModeField("DCE", page: 0x0F, byte: 2, bit: 7, value: 1, changeable: true)
    static let compressionAlgorithm = ModeField(
        "COMPRESSION ALGORITHM",
        page: 0x0F,
        bytes: 4...7,
        value: 0x10,
        changeable: true
    )
    static let decompressionAlgorithm = ModeField(
        "DECOMPRESSION ALGORITHM",
        page: 0x0F,
        bytes: 8...11,
        value: 0x10,
        changeable: true
    )
    // Device configuration
    static let activePartition = ModeField("ACTIVE PARTITION", page: 0x10, bytes: 3...3)
    static let selectCompression = ModeField(
        "SELECT DATA COMPRESSION ALGORITHM",
        page: 0x10,
        bytes: 14...14,
        value: 1,
        changeable: true
    )
    static let deviceSoftwareWriteProtect = ModeField("SWP", page: 0x10, byte: 10, bit: 2, changeable: true)
    // Device configuration extension
    static let alertsRetained = ModeField("TARPF", page: 0x10, subpage: 1, byte: 4, bit: 3)
    static let writeMode = ModeField("WRITE MODE", page: 0x10, subpage: 1, byte: 5, bit: 7, width: 4, changeable: true)
    static let programmableEarlyWarning = ModeField("PEWS", page: 0x10, subpage: 1, bytes: 6...7, changeable: true)
    // Medium partition
    static let additional = ModeField("ADDITIONAL PARTITIONS DEFINED", page: 0x11, bytes: 3...3, changeable: true)
    static let fixedPartitions = ModeField("FDP", page: 0x11, byte: 4, bit: 7, changeable: true)
    static let selectPartitions = ModeField("SDP", page: 0x11, byte: 4, bit: 6, changeable: true)
    static let initiatorPartitions = ModeField("IDP", page: 0x11, byte: 4, bit: 5, value: 1, changeable: true)
    static let sizeUnit = ModeField("PSUM", page: 0x11, byte: 4, bit: 4, width: 2, value: 3, changeable: true)
    static let partitionUnits = ModeField(
        "PARTITION UNITS",
        page: 0x11,
        byte: 6,
        bit: 3,
        width: 4,
        value: 9,
        changeable: true
    )
    // Informational exceptions
    static let testAlerts = ModeField("TEST", page: 0x1C, byte: 2, bit: 2, changeable: true)
    static let alertNumber = ModeField("REPORT COUNT", page: 0x1C, bytes: 8...11, changeable: true)
    // Medium configuration
    static let wormMode = ModeField("WORMM", page: 0x1D, byte: 2, bit: 0)
    static let wormLabelRestrictions = ModeField("WORM LABEL RESTRICTIONS", page: 0x1D, bytes: 4...4)
    static let wormFilemarkRestrictions = ModeField("WORM FILEMARK RESTRICTIONS", page: 0x1D, bytes: 5...5)

    /// Slots for partition sizes in page 11h: the drive has as many as its media have partitions.
    static func partitionSizes(slots: Int) -> [ModeField] {
        (0..<slots).map {
            ModeField("PARTITION SIZE \($0)", page: 0x11, bytes: 8 + 2 * $0...9 + 2 * $0, changeable: true)
        }
    }

    /// The pages of one model.
    static func pages(for model: DriveModel) -> ModePages {
        let slots = model.generation == 5 ? 2 : 4
        return ModePages(recoveryAndControl + configuration + [mediumPartition(slots: slots)] + exceptions)
    }

    private static let recoveryAndControl = [
        ModePage(
            "Read-write error recovery",
            code: 0x01,
            parameterLength: 0x0A,
            fields: [
                ModeField("TB", page: 0x01, byte: 2, bit: 5, changeable: true),
                ModeField("EER", page: 0x01, byte: 2, bit: 3),
                ModeField("PER", page: 0x01, byte: 2, bit: 2, changeable: true),
                ModeField("DTE", page: 0x01, byte: 2, bit: 1, changeable: true),
                ModeField("DCR", page: 0x01, byte: 2, bit: 0),
                ModeField("READ RETRY COUNT", page: 0x01, bytes: 3...3),
                ModeField("WRITE RETRY COUNT", page: 0x01, bytes: 8...8),
            ]
        ),
        ModePage("Disconnect-reconnect", code: 0x02, parameterLength: 0x0E, fields: []),
        ModePage(
            "Control",
            code: 0x0A,
            parameterLength: 0x0A,
            fields: [
                descriptorSense,
                ModeField("GLTSD", page: 0x0A, byte: 2, bit: 1, value: 1),
                softwareWriteProtect,
            ]
        ),
        ModePage(
            "Control extension",
            code: 0x0A,
            subpage: 0x01,
            parameterLength: 0x1C,
            fields: [ModeField("SCSIP", page: 0x0A, subpage: 1, byte: 4, bit: 1, value: 1)]
        ),
    ]

    private static let configuration = [
        ModePage(
            "Data compression",
            code: 0x0F,
            parameterLength: 0x0E,
            fields: [
                compressionEnabled,
                ModeField("DCC", page: 0x0F, byte: 2, bit: 6, value: 1),
                ModeField("DDE", page: 0x0F, byte: 3, bit: 7, value: 1),
                compressionAlgorithm,
                decompressionAlgorithm,
            ]
        ),
        ModePage(
            "Device configuration",
            code: 0x10,
            parameterLength: 0x0E,
            fields: [
                activePartition,
                ModeField("WRITE DELAY TIME", page: 0x10, bytes: 6...7, value: 0x64),
                ModeField("LOIS", page: 0x10, byte: 8, bit: 6, value: 1),
                ModeField("EEG", page: 0x10, byte: 10, bit: 4, value: 1),
                ModeField("SEW", page: 0x10, byte: 10, bit: 3, value: 1),
                deviceSoftwareWriteProtect,
                selectCompression,
                ModeField("WTRE", page: 0x10, byte: 15, bit: 7, width: 2, value: 2),
                ModeField("REWIND ON RESET", page: 0x10, byte: 15, bit: 4, width: 2, value: 2),
            ]
        ),
        ModePage(
            "Device configuration extension",
            code: 0x10,
            subpage: 0x01,
            parameterLength: 0x1C,
            fields: [
                alertsRetained,
                writeMode,
                ModeField("SHORT ERASE MODE", page: 0x10, subpage: 1, byte: 5, bit: 3, width: 4, value: 2),
                programmableEarlyWarning,
            ]
        ),
    ]

    private static func mediumPartition(slots: Int) -> ModePage {
        ModePage(
            "Medium partition",
            code: 0x11,
            parameterLength: 6 + 2 * slots,
            fields: [
                ModeField(
                    "MAXIMUM ADDITIONAL PARTITIONS",
                    page: 0x11,
                    bytes: 2...2,
                    value: UInt64(slots - 1)
                ),
                additional, fixedPartitions, selectPartitions, initiatorPartitions, sizeUnit,
                ModeField("MEDIUM FORMAT RECOGNITION", page: 0x11, bytes: 5...5, value: 3),
                partitionUnits,
            ] + partitionSizes(slots: slots)
        )
    }

    private static let exceptions = [
        ModePage("Power condition", code: 0x1A, parameterLength: 0x0A, fields: []),
        ModePage(
            "Informational exceptions control",
            code: 0x1C,
            parameterLength: 0x0A,
            fields: [
                ModeField("DEXCPT", page: 0x1C, byte: 2, bit: 3, value: 1, changeable: true),
                testAlerts,
                ModeField("MRIE", page: 0x1C, byte: 3, bit: 3, width: 4, value: 3, changeable: true),
                ModeField("INTERVAL TIMER", page: 0x1C, bytes: 4...7, changeable: true),
                alertNumber,
            ]
        ),
        ModePage(
            "Medium configuration",
            code: 0x1D,
            parameterLength: 0x1E,
            fields: [wormMode, wormLabelRestrictions, wormFilemarkRestrictions]
        ),
    ]
}
