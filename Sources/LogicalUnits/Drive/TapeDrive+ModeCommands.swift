// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI
import WireFormat

/// MODE SENSE and MODE SELECT, 6 and 10 (SPC-4 6.11 to 6.14; header and block descriptor of SSC-4 8.3).
extension TapeDrive {
    private static let blockDescriptorLength = 8

    // MARK: MODE SENSE

    func performModeSense6(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let control = cdb[ModeSense6.pageControl]
        let descriptor = cdb.isSet(ModeSense6.disableBlockDescriptors) ? [] : blockDescriptor(control: control)
        let pages = try modePages.sense(
            control: control,
            code: cdb[ModeSense6.pageCode],
            subpage: cdb[ModeSense6.subpageCode]
        )
        guard let pages else { throw .invalidField(ModeSense6.pageCode) }
        let rest = descriptor + pages
        guard rest.count + 3 <= 0xFF else { throw .invalidField(ModeSense6.pageCode) }
        let header = [UInt8(rest.count + 3), mediumType, deviceSpecificParameter, UInt8(descriptor.count)]
        return CommandReply(header + rest, allocationLength: cdb[ModeSense6.allocationLength])
    }

    func performModeSense10(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let control = cdb[ModeSense10.pageControl]
        let descriptor = cdb.isSet(ModeSense10.disableBlockDescriptors) ? [] : blockDescriptor(control: control)
        let pages = try modePages.sense(
            control: control,
            code: cdb[ModeSense10.pageCode],
            subpage: cdb[ModeSense10.subpageCode]
        )
        guard let pages else { throw .invalidField(ModeSense10.pageCode) }
        var writer = ByteWriter()
        writer.u16(UInt16(6 + descriptor.count + pages.count))
        writer.u8(mediumType)
        writer.u8(deviceSpecificParameter)
        writer.zeros(2)
        writer.u16(UInt16(descriptor.count))
        writer.append(descriptor)
        writer.append(pages)
        return CommandReply(writer.bytes, allocationLength: cdb[ModeSense10.allocationLength])
    }

    /// 0 without a medium.
    private var mediumType: UInt8 {
        guard let medium, condition == .ready || condition == .held, let format = medium.format else { return 0 }
        return identity.mediumType(of: format, isWORM: medium.isWORM)
    }

    /// WP, BUFFERED MODE, speed 0.
    private var deviceSpecificParameter: UInt8 {
        (isWriteProtected ? 0x80 : 0) | bufferedMode << 4
    }

    /// Density, number of blocks 0 (all), block length. Without a medium the density is the drive's own.
    private func blockDescriptor(control: Int) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: Self.blockDescriptorLength)
        let format = condition == .ready ? medium?.format : model.nativeFormat
        writer.u8(control == 1 ? 0 : format?.densityCode ?? 0)
        writer.zeros(4)
        switch control {
        case 1: writer.u24(0xFF_FFFF)
        case 2: writer.u24(0)
        default: writer.u24(UInt32(fixedBlockLength))
        }
        return writer.bytes
    }

    // MARK: MODE SELECT

    func performModeSelect6(
        _ cdb: CDB,
        _ nexus: Nexus,
        dataOut: Span<UInt8>
    ) throws(CheckCondition) -> CommandReply {
        guard cdb.isSet(ModeSelect6.pageFormat) else { throw .invalidField(ModeSelect6.pageFormat) }
        guard !cdb.isSet(ModeSelect6.savePages) else { throw .invalidField(ModeSelect6.savePages) }
        let length = cdb[ModeSelect6.parameterListLength]
        guard length > 0 else { return CommandReply() }
        let list = try UnitState.parameterList(dataOut, length: length)
        guard list.count >= 4 else { throw CheckCondition(.illegalRequest, .parameterListLengthError) }
        try select(list, parameter: 2, descriptorLength: Int(list[3]), descriptorLengthAt: 3, headerLength: 4, nexus)
        return CommandReply(dataOutConsumed: length)
    }

    func performModeSelect10(
        _ cdb: CDB,
        _ nexus: Nexus,
        dataOut: Span<UInt8>
    ) throws(CheckCondition) -> CommandReply {
        guard cdb.isSet(ModeSelect10.pageFormat) else { throw .invalidField(ModeSelect10.pageFormat) }
        guard !cdb.isSet(ModeSelect10.savePages) else { throw .invalidField(ModeSelect10.savePages) }
        let length = cdb[ModeSelect10.parameterListLength]
        guard length > 0 else { return CommandReply() }
        let list = try UnitState.parameterList(dataOut, length: length)
        guard list.count >= 8 else { throw CheckCondition(.illegalRequest, .parameterListLengthError) }
        let descriptorLength = Int(list[6]) << 8 | Int(list[7])
        try select(
            list,
            parameter: 3,
            descriptorLength: descriptorLength,
            descriptorLengthAt: 6,
            headerLength: 8,
            nexus
        )
        return CommandReply(dataOutConsumed: length)
    }

    /// Checks all of the list, then applies all of it. Mode data length, medium type, WP and speed are ignored: initiators
    /// send back what MODE SENSE gave them.
    private func select(
        _ list: [UInt8],
        parameter: Int,
        descriptorLength: Int,
        descriptorLengthAt: Int,
        headerLength: Int,
        _ nexus: Nexus
    ) throws(CheckCondition) {
        let buffered = list[parameter] >> 4 & 0x07
        guard buffered <= 1 else { throw .invalidParameter(byte: parameter, bit: 6) }
        guard descriptorLength == 0 || descriptorLength == Self.blockDescriptorLength else {
            throw .invalidParameter(byte: descriptorLengthAt)
        }
        guard headerLength + descriptorLength <= list.count else {
            throw CheckCondition(.illegalRequest, .parameterListLengthError)
        }
        var blockLength = fixedBlockLength
        if descriptorLength > 0 {
            blockLength = try checkBlockDescriptor(list, at: headerLength)
        }
        let changes = try modePages.parse(list, from: headerLength + descriptorLength)
        for change in changes {
            try check(change)
        }

        var changed = buffered != bufferedMode || blockLength != fixedBlockLength
        bufferedMode = buffered
        fixedBlockLength = blockLength
        for change in changes where modePages.apply(change) {
            changed = true
            didApply(change)
        }
        if changed {
            unit.attentions.raise(.modeParametersChanged, exceptFor: nexus)
        }
    }

    /// Density: default (00h), no change (7Fh) or one the drive knows; LTO takes it from the cartridge anyway.
    private func checkBlockDescriptor(_ list: [UInt8], at offset: Int) throws(CheckCondition) -> Int {
        var reader = ByteReader(Array(list[offset...]))
        let density = reader.u8() ?? 0
        guard density == 0 || density == 0x7F || model.formats.contains(where: { $0.densityCode == density }) else {
            throw .invalidParameter(byte: offset)
        }
        guard reader.skip(4), let length = reader.u24() else {
            throw CheckCondition(.illegalRequest, .parameterListLengthError)
        }
        return Int(length)
    }

    /// What a page's masks cannot say.
    private func check(_ change: ModePages.Change) throws(CheckCondition) {
        switch (change.page.code, change.page.subpage) {
        case (0x0F, 0):
            for field in [TapeModePages.compressionAlgorithm, TapeModePages.decompressionAlgorithm] {
                try require([0, 1, 0x10].contains(change.value(field)), field, change)
            }
        case (0x10, 0):
            let field = TapeModePages.selectCompression
            try require(change.value(field) <= 1, field, change)
        case (0x10, 1):
            let field = TapeModePages.writeMode
            let wanted = change.value(field)
            try require(wanted <= 1, field, change)
            let mayChange = condition != .ready || partition == 0 && block == .zero
            try require(wanted == modePages[field] || mayChange, field, change)
        case (0x11, 0):
            let most = UInt64((change.page.length - 8) / 2 - 1)
            try require(change.value(TapeModePages.additional) <= most, TapeModePages.additional, change)
            let modes = [
                TapeModePages.fixedPartitions, TapeModePages.selectPartitions, TapeModePages.initiatorPartitions,
            ]
            try require(modes.count { change.value($0) == 1 } <= 1, TapeModePages.fixedPartitions, change)
        case (0x1C, 0):
            guard change.value(TapeModePages.testAlerts) == 1 else { return }
            let number = Int32(truncatingIfNeeded: change.value(TapeModePages.alertNumber))
            let isFlag = number.magnitude >= 1 && number.magnitude <= UInt32(TapeAlerts.flagCount)
            try require(isFlag || number == Int32(Int16.max), TapeModePages.alertNumber, change)
        default:
            break
        }
    }

    private func require(
        _ condition: Bool,
        _ field: ModeField,
        _ change: ModePages.Change
    ) throws(CheckCondition) {
        guard !condition else { return }
        let bit = field.layout.width < 8 ? field.layout.bit : nil
        throw .invalidParameter(byte: change.offset + field.layout.byte, bit: bit)
    }

    /// Effects beyond the value itself.
    private func didApply(_ change: ModePages.Change) {
        switch (change.page.code, change.page.subpage) {
        case (0x0F, 0):
            // Two pages show whether the drive compresses.
            modePages[TapeModePages.selectCompression] = modePages[TapeModePages.compressionEnabled]
        case (0x10, 0):
            modePages[TapeModePages.compressionEnabled] = modePages[TapeModePages.selectCompression]
        case (0x10, 1):
            overwriteLicence = nil
        case (0x1C, 0) where change.value(TapeModePages.testAlerts) == 1:
            testAlerts(Int32(truncatingIfNeeded: change.value(TapeModePages.alertNumber)))
            modePages[TapeModePages.testAlerts] = 0
        default:
            break
        }
    }

    /// SSC-4 annex A: a positive number raises that flag, a negative one lowers it, 32767 raises all.
    private func testAlerts(_ number: Int32) {
        if number == Int32(Int16.max) {
            for flag in 1...UInt8(TapeAlerts.flagCount) {
                alerts.raise(number: flag)
            }
        } else if number > 0 {
            alerts.raise(number: UInt8(clamping: number))
        } else {
            alerts.lower(number: UInt8(clamping: -number))
        }
    }
}
