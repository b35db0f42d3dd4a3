// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import WireFormat

/// INQUIRY, its vital product data, and REPORT DENSITY SUPPORT.
extension TapeDrive {
    /// PQ 0, sequential access.
    private static let deviceType: UInt8 = 0x01

    func performInquiry(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let limit = cdb[Inquiry.allocationLength]
        let page = UInt8(cdb[Inquiry.pageCode])
        guard cdb.isSet(Inquiry.vitalProductData) else {
            guard page == 0 else { throw .invalidField(Inquiry.pageCode) }
            return CommandReply(standardInquiry, allocationLength: limit)
        }
        guard let body = vitalProductData.first(where: { $0.page == page })?.body else {
            throw .invalidField(Inquiry.pageCode)
        }
        var writer = ByteWriter()
        writer.u8(Self.deviceType)
        writer.u8(page)
        writer.u16(UInt16(body.count))
        writer.append(body)
        return CommandReply(writer.bytes, allocationLength: limit)
    }

    /// SPC-4 6.6.2, 96 bytes: removable medium, SPC-4, command queuing; SAM-5, SPC-4 and SSC-4 as versions.
    private var standardInquiry: [UInt8] {
        var writer = ByteWriter(reservingCapacity: 96)
        writer.append([Self.deviceType, 0x80, 0x06, 0x02, 0x5B, 0x00, 0x00, 0x02])
        writer.ascii(identity.vendor, width: 8)
        writer.ascii(identity.product, width: 16)
        writer.ascii(identity.revision, width: 4)
        writer.zeros(22)
        writer.u16(0x00A0)
        writer.u16(0x0460)
        writer.u16(0x0520)
        writer.zeros(96 - writer.count)
        return writer.bytes
    }

    /// Pages in ascending order; page 00h lists them.
    private var vitalProductData: [(page: UInt8, body: [UInt8])] {
        let serial = Array(identity.serial.utf8.prefix(32))
        let pages: [(page: UInt8, body: [UInt8])] = [
            (0x80, serial),
            (0x83, designators),
            // WORM media can be used.
            (0xB0, [0x01, 0x00]),
            (0xB1, serial),
            (0xB3, Array(identity.librarySerial.utf8.prefix(32))),
            (0xB4, [UInt8(identity.elementAddress >> 8), UInt8(identity.elementAddress & 0xFF)]),
        ]
        return [(0x00, [0x00] + pages.map(\.page))] + pages
    }

    /// SPC-4 7.8.6: T10 vendor identification and NAA, both of the logical unit.
    private var designators: [UInt8] {
        var vendor = ByteWriter()
        vendor.ascii(identity.vendor, width: 8)
        vendor.ascii(identity.product, width: 16)
        vendor.append(Array(identity.serial.utf8.prefix(32)))
        var writer = ByteWriter()
        writer.append([0x02, 0x01, 0x00, UInt8(vendor.count)])
        writer.append(vendor.bytes)
        writer.append([0x01, 0x03, 0x00, 0x08])
        writer.u64(identity.worldWideName)
        return writer.bytes
    }

    // MARK: REPORT DENSITY SUPPORT (SSC-4 7.11)

    func performReportDensity(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let formats: [MediumFormat]
        if cdb.isSet(ReportDensitySupport.media) {
            formats = [try requireReady().format].compactMap { $0 }
        } else {
            formats = model.formats
        }
        var writer = ByteWriter()
        writer.zeros(4)
        for format in formats.sorted(by: { $0.densityCode < $1.densityCode }) {
            if cdb.isSet(ReportDensitySupport.mediumType) {
                appendMediumType(format, isWORM: false, to: &writer)
                if format.wormMediumType != nil {
                    appendMediumType(format, isWORM: true, to: &writer)
                }
            } else {
                appendDensity(format, ofMedium: cdb.isSet(ReportDensitySupport.media), to: &writer)
            }
        }
        writer.patch16(at: 0, UInt16(writer.count - 2))
        return CommandReply(writer.bytes, allocationLength: cdb[ReportDensitySupport.allocationLength])
    }

    /// 52 bytes; WRTOK, and DEFLT on the native density.
    private func appendDensity(_ format: MediumFormat, ofMedium: Bool, to writer: inout ByteWriter) {
        let own = medium?.cartridge.metadata.capacity.rawValue ?? 0
        let capacity = ofMedium ? UInt32(clamping: max(1, own / 1_000_000)) : format.capacityMegabytes
        let isWritable = model.canWrite(generation: format.generation)
        let isDefault = format.generation == model.generation
        writer.u8(format.densityCode)
        writer.u8(format.densityCode)
        writer.u8((isWritable ? 0x80 : 0) | (isDefault ? 0x20 : 0))
        writer.zeros(2)
        writer.u24(format.bitsPerMillimetre)
        writer.u16(0x007F)
        writer.u16(format.tracks)
        writer.u32(capacity)
        writer.ascii("LTO-CVE", width: 8)
        writer.ascii(format.densityName, width: 8)
        writer.ascii(format.description, width: 20)
    }

    /// 56 bytes.
    private func appendMediumType(_ format: MediumFormat, isWORM: Bool, to writer: inout ByteWriter) {
        writer.u8(identity.mediumType(of: format, isWORM: isWORM))
        writer.u8(0)
        writer.u16(0x0034)
        writer.u8(1)
        writer.u8(format.densityCode)
        writer.zeros(8)
        writer.u16(0x007F)
        writer.u16(format.lengthMetres)
        writer.zeros(2)
        writer.ascii("LTO-CVE", width: 8)
        writer.ascii(format.densityName, width: 8)
        writer.ascii(isWORM ? "Ultrium WORM" : "Ultrium data", width: 20)
    }
}
