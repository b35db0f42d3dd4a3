// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import WireFormat

/// The changer's mode pages (SPC-4 7.5, SMC-3 7.3).
enum ChangerModePages {
    /// D_SENSE of the Control page: which format sense data has.
    static let descriptorSense = ModeField("D_SENSE", page: 0x0A, byte: 2, bit: 2, changeable: true)

    static func pages(for map: ElementMap) -> ModePages {
        ModePages([control, informationalExceptions, addresses(map), transportGeometry(map), capabilities])
    }

    private static let control = ModePage(
        "Control",
        code: 0x0A,
        parameterLength: 0x0A,
        fields: [
            descriptorSense,
            // Log parameters are not saved by themselves.
            ModeField("GLTSD", page: 0x0A, byte: 2, bit: 1, value: 1),
        ]
    )

    private static let informationalExceptions = ModePage(
        "Informational Exceptions Control",
        code: 0x1C,
        parameterLength: 0x0A,
        fields: [
            // No exceptions are reported by themselves; TapeAlert is read from its log page.
            ModeField("DEXCPT", page: 0x1C, byte: 2, bit: 3, value: 1),
            ModeField("MRIE", page: 0x1C, byte: 3, bit: 3, width: 4, value: 3),
        ]
    )

    /// SMC-3 7.3.4: the four address ranges, in this order.
    private static func addresses(_ map: ElementMap) -> ModePage {
        let ranges = [
            ("TRANSPORT", map.mediumTransport), ("STORAGE", map.storage), ("IMPORT/EXPORT", map.importExport),
            ("DATA TRANSFER", map.dataTransfer),
        ]
        let fields = ranges.enumerated().flatMap { index, range in
            let byte = 2 + 4 * index
            // A range that is empty has no first address.
            let first = range.1.count == 0 ? 0 : UInt64(range.1.first)
            return [
                ModeField("FIRST \(range.0) ELEMENT ADDRESS", page: 0x1D, bytes: byte...byte + 1, value: first),
                ModeField(
                    "NUMBER OF \(range.0) ELEMENTS",
                    page: 0x1D,
                    bytes: byte + 2...byte + 3,
                    value: UInt64(range.1.count)
                ),
            ]
        }
        return ModePage("Element Address Assignment", code: 0x1D, parameterLength: 0x12, fields: fields)
    }

    /// SMC-3 7.3.6: two bytes a robot, neither of which turns cartridges over; the second is its number.
    private static func transportGeometry(_ map: ElementMap) -> ModePage {
        ModePage(
            "Transport Geometry",
            code: 0x1E,
            parameterLength: 2 * map.mediumTransport.count,
            fields: []
        )
    }

    /// SMC-3 7.3.2. Slots, mail slots and drives can hold a cartridge, the gripper cannot; anything goes anywhere.
    private static let capabilities = ModePage(
        "Device Capabilities",
        code: 0x1F,
        parameterLength: 0x12,
        fields: [ModeField("STORAGE", page: 0x1F, bytes: 2...2, value: 0x0E)]
            + ["ST", "I/E", "DT"].enumerated().flatMap { index, type in
                [
                    ModeField("MOVE FROM \(type)", page: 0x1F, bytes: 5 + index...5 + index, value: 0x0E),
                    ModeField("EXCHANGE FROM \(type)", page: 0x1F, bytes: 13 + index...13 + index, value: 0x0E),
                ]
            }
    )
}

extension MediaChanger {
    func modeSense6(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let pages = try modePages.sense(
            control: cdb[ModeSense6.pageControl],
            code: cdb[ModeSense6.pageCode],
            subpage: cdb[ModeSense6.subpageCode]
        )
        guard let pages else { throw .invalidField(ModeSense6.pageCode) }
        // Header: mode data length, medium type, device-specific parameter, no block descriptor.
        return CommandReply(
            [UInt8(clamping: 3 + pages.count), 0, 0, 0] + pages,
            allocationLength: cdb[ModeSense6.allocationLength]
        )
    }

    func modeSense10(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let pages = try modePages.sense(
            control: cdb[ModeSense10.pageControl],
            code: cdb[ModeSense10.pageCode],
            subpage: cdb[ModeSense10.subpageCode]
        )
        guard let pages else { throw .invalidField(ModeSense10.pageCode) }
        var writer = ByteWriter()
        writer.u16(UInt16(clamping: 6 + pages.count))
        writer.zeros(6)
        writer.append(pages)
        return CommandReply(writer.bytes, allocationLength: cdb[ModeSense10.allocationLength])
    }

    func modeSelect6(_ cdb: CDB, _ nexus: Nexus, dataOut: Span<UInt8>) throws(CheckCondition) -> CommandReply {
        guard !cdb.isSet(ModeSelect6.savePages) else { throw .invalidField(ModeSelect6.savePages) }
        guard cdb[ModeSelect6.parameterListLength] == 0 || cdb.isSet(ModeSelect6.pageFormat) else {
            throw .invalidField(ModeSelect6.pageFormat)
        }
        let list = try UnitState.parameterList(dataOut, length: cdb[ModeSelect6.parameterListLength])
        return try modeSelect(list, headerLength: 4, blockDescriptorLength: 3...3, nexus)
    }

    func modeSelect10(_ cdb: CDB, _ nexus: Nexus, dataOut: Span<UInt8>) throws(CheckCondition) -> CommandReply {
        guard !cdb.isSet(ModeSelect10.savePages) else { throw .invalidField(ModeSelect10.savePages) }
        guard cdb[ModeSelect10.parameterListLength] == 0 || cdb.isSet(ModeSelect10.pageFormat) else {
            throw .invalidField(ModeSelect10.pageFormat)
        }
        let list = try UnitState.parameterList(dataOut, length: cdb[ModeSelect10.parameterListLength])
        return try modeSelect(list, headerLength: 8, blockDescriptorLength: 6...7, nexus)
    }

    /// All pages are checked before any is applied. A changer has no block descriptors.
    private func modeSelect(
        _ list: [UInt8],
        headerLength: Int,
        blockDescriptorLength: ClosedRange<Int>,
        _ nexus: Nexus
    ) throws(CheckCondition) -> CommandReply {
        guard !list.isEmpty else { return CommandReply() }
        guard list.count >= headerLength else {
            throw CheckCondition(.illegalRequest, .parameterListLengthError)
        }
        if let wrong = blockDescriptorLength.first(where: { list[$0] != 0 }) {
            throw .invalidParameter(byte: wrong)
        }
        let changes = try modePages.parse(list, from: headerLength)
        var hasChanged = false
        for change in changes {
            hasChanged = modePages.apply(change) || hasChanged
        }
        if hasChanged {
            unit.attentions.raise(.modeParametersChanged, exceptFor: nexus)
        }
        return CommandReply(dataOutConsumed: list.count)
    }
}
