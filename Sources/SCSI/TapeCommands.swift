// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Every command of the tape drive.
package enum TapeCommand: PrimaryCommandSet, CaseIterable {
    case testUnitReady, rewind, requestSense, formatMedium, readBlockLimits, read6, write6, setCapacity
    case writeFilemarks6, space6, inquiry, verify6, modeSelect6, reserve6, release6, erase6, modeSense6, loadUnload
    case sendDiagnostic, preventAllow, locate10, readPosition, writeBuffer, readBuffer, reportDensitySupport
    case logSelect, logSense, modeSelect10, reserve10, release10, modeSense10, writeFilemarks16, allowOverwrite
    case readAttribute, writeAttribute, space16, locate16, reportLUNs
    case reportSupportedOperationCodes, reportSupportedTaskManagement, reportTimestamp, setTimestamp
}

/// The drive's command table: SPC-4, SSC-4 and, for RESERVE and RELEASE, SPC-2. Timeouts are those an LTO drive
/// reports, in seconds.
package enum TapeCommands {
    package static let table = CommandTable<TapeCommand>(
        transfer + motion + parameters + CommandDescriptor.primary(testUnitReadyAccess: .needsMedium)
    )

    private typealias Row = CommandDescriptor<TapeCommand>

    private static let transfer: [Row] = [
        Row(
            .read6,
            0x08,
            "READ(6)",
            Read6.fields,
            direction: .fromDevice,
            access: .needsMedium,
            recommendedSeconds: 1500
        ),
        Row(
            .write6,
            0x0A,
            "WRITE(6)",
            Write6.fields,
            direction: .toDevice,
            access: .needsMedium,
            recommendedSeconds: 1500
        ),
        Row(
            .writeFilemarks6,
            0x10,
            "WRITE FILEMARKS(6)",
            WriteFilemarks6.fields,
            access: .needsMedium,
            recommendedSeconds: 1500
        ),
        Row(
            .writeFilemarks16,
            0x80,
            "WRITE FILEMARKS(16)",
            WriteFilemarks16.fields,
            access: .needsMedium,
            recommendedSeconds: 1500
        ),
        Row(
            .verify6,
            0x13,
            "VERIFY(6)",
            Verify6.fields,
            access: .needsMedium,
            nominalSeconds: 60,
            recommendedSeconds: 36_000
        ),
        Row(
            .erase6,
            0x19,
            "ERASE(6)",
            Erase6.fields,
            access: .needsMedium,
            nominalSeconds: 5,
            recommendedSeconds: 36_000
        ),
        Row(.allowOverwrite, 0x82, "ALLOW OVERWRITE", AllowOverwrite.fields, access: .needsMedium),
    ]

    private static let motion: [Row] = [
        Row(.rewind, 0x01, "REWIND", Rewind.fields, access: .needsMedium, recommendedSeconds: 1000),
        Row(
            .formatMedium,
            0x04,
            "FORMAT MEDIUM",
            FormatMedium.fields,
            access: .needsMedium,
            nominalSeconds: 5,
            recommendedSeconds: 3000
        ),
        Row(
            .setCapacity,
            0x0B,
            "SET CAPACITY",
            SetCapacity.fields,
            access: .needsMedium,
            nominalSeconds: 5,
            recommendedSeconds: 1000
        ),
        Row(.space6, 0x11, "SPACE(6)", Space6.fields, access: .needsMedium, recommendedSeconds: 3000),
        Row(.space16, 0x91, "SPACE(16)", Space16.fields, access: .needsMedium, recommendedSeconds: 3000),
        Row(.locate10, 0x2B, "LOCATE(10)", Locate10.fields, access: .needsMedium, recommendedSeconds: 3000),
        Row(.locate16, 0x92, "LOCATE(16)", Locate16.fields, access: .needsMedium, recommendedSeconds: 3000),
        Row(.loadUnload, 0x1B, "LOAD UNLOAD", LoadUnload.fields, nominalSeconds: 5, recommendedSeconds: 900),
        Row(
            .readPosition,
            0x34,
            "READ POSITION",
            ReadPosition.fields,
            direction: .fromDevice,
            access: .needsMedium
        ),
    ]

    private static let parameters: [Row] = [
        Row(.readBlockLimits, 0x05, "READ BLOCK LIMITS", ReadBlockLimits.fields, direction: .fromDevice),
        Row(
            .reportDensitySupport,
            0x44,
            "REPORT DENSITY SUPPORT",
            ReportDensitySupport.fields,
            direction: .fromDevice
        ),
        Row(.logSelect, 0x4C, "LOG SELECT", LogSelect.fields, direction: .toDevice),
        Row(
            .readAttribute,
            0x8C,
            "READ ATTRIBUTE",
            ReadAttribute.fields,
            direction: .fromDevice,
            access: .needsSeatedMedium
        ),
        Row(
            .writeAttribute,
            0x8D,
            "WRITE ATTRIBUTE",
            WriteAttribute.fields,
            direction: .toDevice,
            access: .needsSeatedMedium
        ),
    ]
}
