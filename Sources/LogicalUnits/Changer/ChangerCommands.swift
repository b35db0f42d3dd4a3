// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// Every command of the media changer.
package enum ChangerCommand: Hashable, Sendable, CaseIterable {
    case testUnitReady, requestSense, initializeElementStatus, inquiry, modeSelect6, reserve6, release6, modeSense6
    case openCloseImportExport, sendDiagnostic, preventAllow, positionToElement, initializeElementStatusWithRange
    case writeBuffer, readBuffer, logSense, modeSelect10, reserve10, release10, modeSense10
    case reportLUNs, reportSupportedOperationCodes, reportSupportedTaskManagement, reportTimestamp, setTimestamp
    case moveMedium, exchangeMedium, readElementStatus
}

/// The changer's command table: SPC-4, SMC-3 and, for RESERVE and RELEASE, SPC-2. Timeouts are those that hosts give
/// real robots, in seconds.
package enum ChangerCommands {
    package static let table = CommandTable<ChangerCommand>(robot + parameters + primary)

    private typealias Row = CommandDescriptor<ChangerCommand>

    private static let robot: [Row] = [
        Row(
            .initializeElementStatus,
            0x07,
            "INITIALIZE ELEMENT STATUS",
            [],
            nominalSeconds: 10,
            recommendedSeconds: 3600
        ),
        Row(
            .openCloseImportExport,
            0x1B,
            "OPEN/CLOSE IMPORT/EXPORT ELEMENT",
            OpenCloseImportExport.fields,
            nominalSeconds: 5,
            recommendedSeconds: 300
        ),
        Row(
            .positionToElement,
            0x2B,
            "POSITION TO ELEMENT",
            PositionToElement.fields,
            nominalSeconds: 5,
            recommendedSeconds: 300
        ),
        initializeWithRange(operationCode: 0x37),
        // The same command at the code that libraries used before the standard gave it one.
        initializeWithRange(operationCode: 0xE7),
        Row(
            .moveMedium,
            0xA5,
            "MOVE MEDIUM",
            MoveMedium.fields,
            nominalSeconds: 5,
            recommendedSeconds: 600
        ),
        Row(
            .exchangeMedium,
            0xA6,
            "EXCHANGE MEDIUM",
            ExchangeMedium.fields,
            nominalSeconds: 10,
            recommendedSeconds: 900
        ),
        Row(
            .readElementStatus,
            0xB8,
            "READ ELEMENT STATUS",
            ReadElementStatus.fields,
            direction: .fromDevice,
            access: .checksReservationItself,
            recommendedSeconds: 300
        ),
    ]

    private static func initializeWithRange(operationCode: UInt8) -> Row {
        Row(
            .initializeElementStatusWithRange,
            operationCode,
            "INITIALIZE ELEMENT STATUS WITH RANGE",
            InitializeElementStatusWithRange.fields,
            nominalSeconds: 10,
            recommendedSeconds: 3600,
            vendorLength: 10
        )
    }

    private static let parameters: [Row] = [
        Row(.modeSelect6, 0x15, "MODE SELECT(6)", ModeSelect6.fields, direction: .toDevice),
        Row(.modeSense6, 0x1A, "MODE SENSE(6)", ModeSense6.fields, direction: .fromDevice),
        Row(.modeSelect10, 0x55, "MODE SELECT(10)", ModeSelect10.fields, direction: .toDevice),
        Row(.modeSense10, 0x5A, "MODE SENSE(10)", ModeSense10.fields, direction: .fromDevice),
        Row(
            .logSense,
            0x4D,
            "LOG SENSE",
            LogSense.fields,
            direction: .fromDevice,
            access: .allowedWhenReserved
        ),
        Row(
            .reportTimestamp,
            0xA3,
            serviceAction: 0x0F,
            "REPORT TIMESTAMP",
            ReportTimestamp.fields,
            direction: .fromDevice,
            access: .allowedWhenReserved
        ),
        Row(
            .setTimestamp,
            0xA4,
            serviceAction: 0x0F,
            "SET TIMESTAMP",
            SetTimestamp.fields,
            direction: .toDevice
        ),
    ]

    private static let primary: [Row] = [
        Row(.testUnitReady, 0x00, "TEST UNIT READY", []),
        Row(
            .requestSense,
            0x03,
            "REQUEST SENSE",
            RequestSense.fields,
            direction: .fromDevice,
            access: [.allowedWhenReserved, .ignoresUnitAttention]
        ),
        Row(
            .inquiry,
            0x12,
            "INQUIRY",
            Inquiry.fields,
            direction: .fromDevice,
            access: [.allowedWhenReserved, .ignoresUnitAttention]
        ),
        Row(.reserve6, 0x16, "RESERVE(6)", []),
        Row(.release6, 0x17, "RELEASE(6)", [], access: .allowedWhenReserved),
        Row(
            .sendDiagnostic,
            0x1D,
            "SEND DIAGNOSTIC",
            SendDiagnostic.fields,
            direction: .toDevice,
            recommendedSeconds: 2100
        ),
        Row(
            .preventAllow,
            0x1E,
            "PREVENT ALLOW MEDIUM REMOVAL",
            PreventAllow.fields,
            access: .checksReservationItself
        ),
        Row(.writeBuffer, 0x3B, "WRITE BUFFER", WriteBuffer.fields, direction: .toDevice, recommendedSeconds: 2100),
        Row(.readBuffer, 0x3C, "READ BUFFER", ReadBuffer.fields, direction: .fromDevice, recommendedSeconds: 2100),
        Row(.reserve10, 0x56, "RESERVE(10)", []),
        Row(.release10, 0x57, "RELEASE(10)", [], access: .allowedWhenReserved),
        Row(
            .reportLUNs,
            0xA0,
            "REPORT LUNS",
            ReportLUNs.fields,
            direction: .fromDevice,
            access: [.allowedWhenReserved, .ignoresUnitAttention]
        ),
        Row(
            .reportSupportedOperationCodes,
            0xA3,
            serviceAction: 0x0C,
            "REPORT SUPPORTED OPERATION CODES",
            ReportSupportedOperationCodes.fields,
            direction: .fromDevice
        ),
        Row(
            .reportSupportedTaskManagement,
            0xA3,
            serviceAction: 0x0D,
            "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
            ReportSupportedTaskManagement.fields,
            direction: .fromDevice
        ),
    ]
}
