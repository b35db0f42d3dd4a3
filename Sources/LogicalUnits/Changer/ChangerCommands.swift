// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// Every command of the media changer.
package enum ChangerCommand: PrimaryCommandSet, CaseIterable {
    case testUnitReady, requestSense, initializeElementStatus, inquiry, modeSelect6, reserve6, release6, modeSense6
    case openCloseImportExport, sendDiagnostic, preventAllow, positionToElement, initializeElementStatusWithRange
    case writeBuffer, readBuffer, logSense, modeSelect10, reserve10, release10, modeSense10
    case reportLUNs, reportSupportedOperationCodes, reportSupportedTaskManagement, reportTimestamp, setTimestamp
    case moveMedium, exchangeMedium, readElementStatus
}

/// The changer's command table: SPC-4, SMC-3 and, for RESERVE and RELEASE, SPC-2. Timeouts are those that hosts give
/// real robots, in seconds.
package enum ChangerCommands {
    package static let table = CommandTable<ChangerCommand>(robot + CommandDescriptor.primary(testUnitReadyAccess: []))

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
}
