// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The commands that every logical unit here has; the cases of each kind's commands meet the requirements.
package protocol PrimaryCommandSet: Hashable, Sendable {
    static var testUnitReady: Self { get }
    static var requestSense: Self { get }
    static var inquiry: Self { get }
    static var reserve6: Self { get }
    static var release6: Self { get }
    static var reserve10: Self { get }
    static var release10: Self { get }
    static var sendDiagnostic: Self { get }
    static var preventAllow: Self { get }
    static var writeBuffer: Self { get }
    static var readBuffer: Self { get }
    static var modeSelect6: Self { get }
    static var modeSense6: Self { get }
    static var modeSelect10: Self { get }
    static var modeSense10: Self { get }
    static var logSense: Self { get }
    static var reportLUNs: Self { get }
    static var reportSupportedOperationCodes: Self { get }
    static var reportSupportedTaskManagement: Self { get }
    static var reportTimestamp: Self { get }
    static var setTimestamp: Self { get }
}

/// Their rows: SPC-4 and, for RESERVE and RELEASE, SPC-2.
extension CommandDescriptor where Command: PrimaryCommandSet {
    private typealias Row = Self

    /// - Parameter testUnitReadyAccess: what makes this kind of unit ready.
    package static func primary(testUnitReadyAccess: CommandAccess) -> [Self] {
        unit(testUnitReadyAccess) + parameters + reports
    }

    private static func unit(_ testUnitReadyAccess: CommandAccess) -> [Self] {
        [
            Row(.testUnitReady, 0x00, "TEST UNIT READY", [], access: testUnitReadyAccess),
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
        ]
    }

    private static var parameters: [Self] {
        [
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
        ]
    }

    private static var reports: [Self] {
        [
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
    }
}
