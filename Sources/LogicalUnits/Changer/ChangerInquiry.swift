// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import WireFormat

/// The VPD pages a changer has, ascending.
enum ChangerVitalProductDataPage: UInt8, CaseIterable {
    case supportedPages = 0x00
    case unitSerialNumber = 0x80
    case deviceIdentification = 0x83
}

extension MediaChanger {
    /// SPC-4 6.6.
    func inquiry(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let limit = cdb[Inquiry.allocationLength]
        guard cdb.isSet(Inquiry.vitalProductData) else {
            guard cdb[Inquiry.pageCode] == 0 else { throw .invalidField(Inquiry.pageCode) }
            return CommandReply(standardInquiry, allocationLength: limit)
        }
        let code = cdb[Inquiry.pageCode]
        guard let page = ChangerVitalProductDataPage.allCases.first(where: { Int($0.rawValue) == code }) else {
            throw .invalidField(Inquiry.pageCode)
        }
        var writer = ByteWriter()
        writer.u8(Self.peripheralType)
        writer.u8(page.rawValue)
        let contents = contents(of: page)
        writer.u16(UInt16(clamping: contents.count))
        writer.append(contents)
        return CommandReply(writer.bytes, allocationLength: limit)
    }

    /// SPC-4: a media changer.
    private static let peripheralType: UInt8 = 0x08

    /// 96 bytes: what fits the customary allocation lengths.
    private var standardInquiry: [UInt8] {
        var writer = ByteWriter(reservingCapacity: 96)
        // Removable medium; SPC-4; response data format 2; 91 bytes follow byte 4.
        writer.append([Self.peripheralType, 0x80, 0x06, 0x02, 91, 0, 0, 0x02])
        writer.ascii(identity.vendor, width: 8)
        writer.ascii(identity.product, width: 16)
        writer.ascii(identity.revision, width: 4)
        // Vendor specific, as IBM libraries fill it: serial number in 38 to 49, bit 0 of byte 55 a bar code scanner.
        writer.zeros(2)
        writer.ascii(identity.serial, width: 12)
        writer.zeros(5)
        writer.u8(0x01)
        writer.zeros(2)
        // Version descriptors: SAM-5, SPC-4, SMC-3.
        for descriptor: UInt16 in [0x00A0, 0x0460, 0x0480] {
            writer.u16(descriptor)
        }
        writer.zeros(96 - writer.count)
        return writer.bytes
    }

    private func contents(of page: ChangerVitalProductDataPage) -> [UInt8] {
        switch page {
        case .supportedPages: ChangerVitalProductDataPage.allCases.map(\.rawValue)
        case .unitSerialNumber: Array(identity.serial.utf8)
        case .deviceIdentification: deviceIdentification
        }
    }

    /// SPC-4 7.8.6: of the logical unit, T10 vendor identification and NAA.
    private var deviceIdentification: [UInt8] {
        var writer = ByteWriter()
        let serial = Array(identity.serial.utf8.prefix(64))
        writer.append([0x02, 0x01, 0, UInt8(24 + serial.count)])
        writer.ascii(identity.vendor, width: 8)
        writer.ascii(identity.product, width: 16)
        writer.append(serial)
        writer.append([0x01, 0x03, 0, 8])
        writer.u64(identity.worldWideName)
        return writer.bytes
    }
}
