// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import WireFormat

extension MediaChanger {
    /// Runs one admitted command.
    ///
    /// - Returns: nil for a reservation conflict.
    func perform(
        _ command: ChangerCommand,
        _ cdb: CDB,
        dataOut: Span<UInt8>,
        _ nexus: Nexus
    ) throws(CheckCondition) -> CommandReply? {
        switch command {
        case .testUnitReady: return CommandReply()
        case .initializeElementStatus, .initializeElementStatusWithRange, .moveMedium, .exchangeMedium,
            .positionToElement, .openCloseImportExport, .readElementStatus:
            return try performRobotCommand(command, cdb, nexus)
        case .requestSense: return requestSense(cdb, nexus)
        case .inquiry: return try inquiry(cdb)
        case .modeSense6: return try modeSense6(cdb)
        case .modeSense10: return try modeSense10(cdb)
        case .modeSelect6: return try modeSelect6(cdb, nexus, dataOut: dataOut)
        case .modeSelect10: return try modeSelect10(cdb, nexus, dataOut: dataOut)
        case .logSense: return try logSense(cdb)
        case .sendDiagnostic: return try sendDiagnostic(cdb)
        case .preventAllow: return try unit.preventAllow(cdb, nexus) ? CommandReply() : nil
        case .writeBuffer: return try unit.writeBuffer(cdb, nexus, dataOut: dataOut)
        case .readBuffer: return try unit.readBuffer(cdb, nexus)
        case .reportLUNs: return try unit.reportLUNs(cdb)
        case .reportSupportedOperationCodes:
            return try UnitState.reportSupportedOperationCodes(cdb, in: ChangerCommands.table)
        case .reportSupportedTaskManagement: return try UnitState.reportSupportedTaskManagement(cdb)
        case .reportTimestamp: return unit.reportTimestamp(cdb, now: clock.now())
        case .setTimestamp: return try unit.setTimestamp(cdb, nexus, dataOut: dataOut, now: clock.now())
        case .reserve6, .reserve10:
            unit.reserve(nexus)
            return CommandReply()
        case .release6, .release10:
            unit.release(nexus)
            return CommandReply()
        }
    }

    private func performRobotCommand(
        _ command: ChangerCommand,
        _ cdb: CDB,
        _ nexus: Nexus
    ) throws(CheckCondition) -> CommandReply? {
        switch command {
        case .moveMedium: try moveMedium(cdb)
        case .exchangeMedium: try exchangeMedium(cdb)
        case .positionToElement: try positionToElement(cdb)
        case .openCloseImportExport: try openCloseImportExport(cdb)
        case .initializeElementStatusWithRange: try initializeElementStatusWithRange(cdb)
        case .readElementStatus: return try readElementStatus(cdb, nexus)
        default: try store.takeInventory(of: nil)
        }
        return CommandReply()
    }

    // MARK: Robot

    private func moveMedium(_ cdb: CDB) throws(CheckCondition) {
        try checkTransport(cdb.unsigned(MoveMedium.transport))
        // A cartridge has one side: the robot does not turn it.
        guard !cdb.isSet(MoveMedium.invert) else { throw .invalidField(MoveMedium.invert) }
        try move(from: address(cdb, MoveMedium.source), to: address(cdb, MoveMedium.destination))
    }

    private func exchangeMedium(_ cdb: CDB) throws(CheckCondition) {
        try checkTransport(cdb.unsigned(ExchangeMedium.transport))
        for field in [ExchangeMedium.invertFirst, ExchangeMedium.invertSecond] where cdb.isSet(field) {
            throw .invalidField(field)
        }
        try exchange(
            source: address(cdb, ExchangeMedium.source),
            first: address(cdb, ExchangeMedium.first),
            second: address(cdb, ExchangeMedium.second)
        )
    }

    private func positionToElement(_ cdb: CDB) throws(CheckCondition) {
        try checkTransport(cdb.unsigned(PositionToElement.transport))
        guard !cdb.isSet(PositionToElement.invert) else { throw .invalidField(PositionToElement.invert) }
        let destination = address(cdb, PositionToElement.destination)
        try requirePlace(destination)
        try requireClosed(destination)
    }

    private func openCloseImportExport(_ cdb: CDB) throws(CheckCondition) {
        let slot = address(cdb, OpenCloseImportExport.address)
        switch cdb[OpenCloseImportExport.action] {
        case 0: try openMailSlot(slot)
        case 1: try closeMailSlot(slot)
        default: throw .invalidField(OpenCloseImportExport.action)
        }
    }

    private func initializeElementStatusWithRange(_ cdb: CDB) throws(CheckCondition) {
        guard cdb.isSet(InitializeElementStatusWithRange.range) else {
            try store.takeInventory(of: nil)
            return
        }
        let first = address(cdb, InitializeElementStatusWithRange.startingAddress)
        guard store.elementMap.type(of: first) != nil else {
            throw CheckCondition(.illegalRequest, .invalidElementAddress)
        }
        let count = cdb[InitializeElementStatusWithRange.count]
        guard count > 0 else { return }
        try store.takeInventory(of: first...UInt16(clamping: Int(first) + count - 1))
    }

    /// SMC-3 6.12. Elements are chosen by address and reported by type, slots before mail slots, so that clients which
    /// number slots in the order of the pages agree with the numbers on the library.
    private func readElementStatus(_ cdb: CDB, _ nexus: Nexus) throws(CheckCondition) -> CommandReply? {
        if let holder = unit.reservedBy, holder != nexus, !cdb.isSet(ReadElementStatus.currentData) {
            return nil
        }
        let limit = cdb[ReadElementStatus.allocationLength]
        let code = cdb[ReadElementStatus.elementType]
        guard code == 0 || ElementType(rawValue: UInt8(code)) != nil else {
            throw .invalidField(ReadElementStatus.elementType)
        }
        let start = address(cdb, ReadElementStatus.startingAddress)
        let count = cdb[ReadElementStatus.count]
        let types = ElementType.allCases.filter { code == 0 || Int($0.rawValue) == code }
        let chosen =
            types
            .sorted { store.elementMap[$0].first < store.elementMap[$1].first }
            .reduce(into: [ElementState]()) { list, type in
                list += store.elements(of: type, from: start, limit: count - list.count)
            }
            .map(withOpenMailSlot)
        let report = ElementStatusReport(
            elements: chosen,
            volumeTags: cdb.isSet(ReadElementStatus.volumeTag),
            deviceIdentifiers: cdb.isSet(ReadElementStatus.deviceIdentifier)
        )
        return CommandReply(report.bytes, allocationLength: limit)
    }

    private func withOpenMailSlot(_ element: ElementState) -> ElementState {
        guard isOpen(element.address) else { return element }
        var element = element
        element.isAccessible = false
        return element
    }

    /// 0 is "the robot that there is"; any other robot does not exist.
    private func checkTransport(_ address: UInt64) throws(CheckCondition) {
        guard address == 0 || address == UInt64(store.elementMap.mediumTransport.first) else {
            throw CheckCondition(.illegalRequest, .invalidElementAddress)
        }
    }

    private func address(_ cdb: CDB, _ field: CDBField) -> UInt16 {
        UInt16(truncatingIfNeeded: cdb.unsigned(field))
    }

    // MARK: Primary commands

    /// SPC-4 6.35: an attention is handed over as data and with that cleared.
    private func requestSense(_ cdb: CDB, _ nexus: Nexus) -> CommandReply {
        let sense = unit.attentions.take(for: nexus) ?? SenseData(.noSense, .none)
        let data = sense.encoded(descriptor: cdb.isSet(RequestSense.descriptorFormat))
        return CommandReply(data, allocationLength: cdb[RequestSense.allocationLength])
    }

    /// SPC-4 6.42: every self-test passes at once; there are no diagnostic pages to send.
    private func sendDiagnostic(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        guard cdb[SendDiagnostic.parameterListLength] == 0 else {
            throw .invalidField(SendDiagnostic.parameterListLength)
        }
        if cdb.isSet(SendDiagnostic.selfTest), cdb.isSet(SendDiagnostic.selfTestCode) {
            throw .invalidField(SendDiagnostic.selfTestCode)
        }
        return CommandReply()
    }
}
