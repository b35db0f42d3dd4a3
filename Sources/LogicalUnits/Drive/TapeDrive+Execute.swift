// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// The CDB face: finds the row, applies what the row says, and calls the typed operations.
extension TapeDrive: LogicalUnit {
    package func execute(
        cdb bytes: [UInt8],
        dataOut: Span<UInt8>,
        dataInLimit: Int,
        nexus: Nexus
    ) -> CommandResult {
        let cdb = CDB(bytes)
        let row: CommandDescriptor<TapeCommand>
        switch unit.admit(cdb, as: nexus, in: TapeCommands.table, descriptorSense: reportsDescriptorSense) {
        case .refuse(let result): return result
        case .run(let admitted): row = admitted
        }
        let reply: CommandReply
        isExecutingCDB = true
        defer { isExecutingCDB = false }
        do throws(CheckCondition) {
            try requireMedium(for: row)
            reply = try perform(row.command, cdb, nexus, dataOut: dataOut, dataInLimit: max(0, dataInLimit))
        } catch {
            return UnitState.checkCondition(error.sense, descriptorSense: reportsDescriptorSense)
        }
        return UnitState.finish(reply, dataInLimit: dataInLimit, descriptorSense: reportsDescriptorSense)
    }

    package func describe(cdb: [UInt8]) -> String {
        TapeCommands.table.describe(cdb: cdb)
    }

    private var reportsDescriptorSense: Bool {
        modePages[TapeModePages.descriptorSense] == 1
    }

    private func requireMedium(for row: CommandDescriptor<TapeCommand>) throws(CheckCondition) {
        if row.access.contains(.needsMedium) {
            _ = try requireReady()
        }
        if row.access.contains(.needsSeatedMedium), condition != .held {
            _ = try requireReady()
        }
    }

    private func perform(
        _ command: TapeCommand,
        _ cdb: CDB,
        _ nexus: Nexus,
        dataOut: Span<UInt8>,
        dataInLimit: Int
    ) throws(CheckCondition) -> CommandReply {
        switch command {
        case .read6: return try performRead(cdb, dataInLimit: dataInLimit)
        case .write6: return try performWrite(cdb, dataOut: dataOut)
        case .verify6: return try performVerify(cdb)
        case .writeFilemarks6: return try performWriteFilemarks(cdb)
        case .writeFilemarks16: return try performWriteFilemarksAt(cdb)
        case .erase6: return try performErase(cdb)
        case .space6: return try performSpace(cdb[Space6.code], cdb.signed(Space6.count), Space6.code)
        case .space16: return try performSpace16(cdb)
        case .locate10: return try performLocate10(cdb)
        case .locate16: return try performLocate16(cdb)
        case .readPosition: return try performReadPosition(cdb)
        case .rewind: return try performRewind()
        case .loadUnload: return try performLoadUnload(cdb, nexus)
        case .formatMedium: return try performFormat(cdb, nexus)
        case .setCapacity: return try performSetCapacity(cdb)
        case .allowOverwrite: return try performAllowOverwrite(cdb)
        case .readBlockLimits: return performReadBlockLimits(cdb)
        case .reportDensitySupport: return try performReportDensity(cdb)
        case .modeSense6: return try performModeSense6(cdb)
        case .modeSense10: return try performModeSense10(cdb)
        case .modeSelect6: return try performModeSelect6(cdb, nexus, dataOut: dataOut)
        case .modeSelect10: return try performModeSelect10(cdb, nexus, dataOut: dataOut)
        case .logSense: return try performLogSense(cdb, nexus)
        case .logSelect: return try performLogSelect(cdb, nexus)
        case .readAttribute: return try performReadAttribute(cdb)
        case .writeAttribute: return try performWriteAttribute(cdb, dataOut: dataOut)
        default: return try performPrimary(command, cdb, nexus, dataOut: dataOut)
        }
    }

    private func performPrimary(
        _ command: TapeCommand,
        _ cdb: CDB,
        _ nexus: Nexus,
        dataOut: Span<UInt8>
    ) throws(CheckCondition) -> CommandReply {
        switch command {
        case .testUnitReady:
            return CommandReply()
        case .inquiry:
            return try performInquiry(cdb)
        case .requestSense:
            return performRequestSense(cdb, nexus)
        case .reportLUNs:
            return try unit.reportLUNs(cdb)
        case .reserve6, .reserve10:
            unit.reserve(nexus)
            return CommandReply()
        case .release6, .release10:
            unit.release(nexus)
            return CommandReply()
        case .preventAllow:
            var reply = CommandReply()
            reply.isConflict = try !unit.preventAllow(cdb, nexus)
            return reply
        case .sendDiagnostic:
            return try performSendDiagnostic(cdb)
        case .readBuffer:
            return try unit.readBuffer(cdb, nexus)
        case .writeBuffer:
            return try unit.writeBuffer(cdb, nexus, dataOut: dataOut)
        case .reportTimestamp:
            return unit.reportTimestamp(cdb, now: clock.now())
        case .setTimestamp:
            return try unit.setTimestamp(cdb, nexus, dataOut: dataOut, now: clock.now())
        case .reportSupportedOperationCodes:
            return try UnitState.reportSupportedOperationCodes(cdb, in: TapeCommands.table)
        case .reportSupportedTaskManagement:
            return try UnitState.reportSupportedTaskManagement(cdb)
        default:
            throw CheckCondition(.illegalRequest, .invalidCommand)
        }
    }

    /// SPC-4 6.29: a pending unit attention, else why the medium is not ready, else nothing.
    private func performRequestSense(_ cdb: CDB, _ nexus: Nexus) -> CommandReply {
        let sense = unit.attentions.take(for: nexus) ?? notReadySense
        let data = sense.encoded(descriptor: cdb.isSet(RequestSense.descriptorFormat))
        return CommandReply(data, allocationLength: cdb[RequestSense.allocationLength])
    }

    /// SPC-4 6.42: the default self-test passes; the others and diagnostic pages are not there.
    private func performSendDiagnostic(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        guard cdb[SendDiagnostic.selfTestCode] == 0 else { throw .invalidField(SendDiagnostic.selfTestCode) }
        guard cdb[SendDiagnostic.parameterListLength] == 0 else {
            if cdb.isSet(SendDiagnostic.selfTest) {
                throw .invalidField(SendDiagnostic.parameterListLength)
            }
            throw .invalidParameter(byte: 0)
        }
        return CommandReply()
    }
}
