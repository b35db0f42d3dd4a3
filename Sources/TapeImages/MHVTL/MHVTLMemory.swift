// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// What mhvtl keeps of a medium: its format version, and the attributes of its memory.
///
/// Version 3 has a structure of 1,024 bytes at the beginning of `meta`, version 4 the same alone in `mam`; from 5 on `mam`
/// is a list of identifier, length and value. Numbers are in the order of the host.
struct MHVTLMemory {
    static let versions: ClosedRange<UInt32> = 3...6

    var version: UInt32
    var barcode: String?
    var capacityBytes: UInt64?
    var attributes: [TapeDescription.Attribute] = []

    /// Attributes that applications write, and how SPC-5 says they are to be read: 0 binary, 1 ASCII, 2 text.
    private static let formats: [UInt16: UInt8] = [
        0x0800: 1, 0x0801: 1, 0x0802: 1, 0x0803: 2, 0x0804: 1, 0x0805: 0, 0x0807: 2, 0x0808: 2, 0x0809: 2, 0x080A: 0,
        0x080B: 1, 0x080C: 0,
    ]
    private static let barcodeIdentifier: UInt16 = 0x0806
    private static let capacityIdentifier: UInt16 = 0x0001
    /// The structure of versions 3 and 4.
    private static let structureBytes = 1024
    private static let structure: [(identifier: UInt16, offset: Int, bytes: Int)] = [
        (0x0001, 16, 8), (0x0800, 332, 8), (0x0801, 340, 32), (0x0802, 372, 8), (0x0803, 380, 160), (0x0804, 540, 12),
        (0x0805, 552, 1), (0x0806, 553, 32), (0x0807, 585, 80), (0x0808, 665, 160),
    ]
    private static let memoryLimit = 1 << 20

    init(in directory: String, on disk: any Disk) throws(ImageError) {
        let separate = directory + "/mam"
        let path = disk.exists(separate) ? separate : directory + "/meta"
        let input = try ImageInput(path, on: disk)
        guard let version = try input.word(), let memoryVersion = try input.word(at: 4) else {
            throw input.malformed("it is too short to tell what version the cartridge has", at: 0)
        }
        guard Self.versions.contains(version) else {
            throw .unsupported(
                file: path,
                reason: "mhvtl's tape format \(version) is not known",
                hint:
                    "versions 3 to 6 of little-endian hosts can be read; newer mhvtl converts older cartridges at their "
                    + "first load"
            )
        }
        self.version = version
        if version >= 5 {
            input.skip(8)
            try readList(input)
        } else if memoryVersion == 3, input.length >= UInt64(Self.structureBytes) {
            try readStructure(input)
        }
    }

    private mutating func readList(_ input: ImageInput) throws(ImageError) {
        guard input.length <= UInt64(Self.memoryLimit) else {
            throw input.malformed("\(input.length) bytes are too many for a medium's memory", at: 0)
        }
        var value: [UInt8] = []
        while input.remaining > 0 {
            let begin = input.offset
            guard let identifier = try input.number(bytes: 2), let length = try input.number(bytes: 2, at: 2) else {
                throw input.malformed("the list of attributes ends inside of one")
            }
            input.skip(4)
            value.removeAll(keepingCapacity: true)
            try input.append(Int(length), to: &value, of: "an attribute", from: begin)
            take(UInt16(truncatingIfNeeded: identifier), value)
        }
    }

    private mutating func readStructure(_ input: ImageInput) throws(ImageError) {
        var bytes: [UInt8] = []
        try input.append(Self.structureBytes, to: &bytes, of: "the medium's memory", from: 0)
        for field in Self.structure { take(field.identifier, Array(bytes[field.offset..<field.offset + field.bytes])) }
    }

    private mutating func take(_ identifier: UInt16, _ value: [UInt8]) {
        switch identifier {
        case Self.capacityIdentifier where value.count == 8:
            // SCSI's order, most significant byte first.
            capacityBytes = value.reduce(0) { $0 << 8 | UInt64($1) }
        case Self.barcodeIdentifier:
            let text = String(decoding: value.prefix { $0 != 0 }, as: UTF8.self)
            barcode = text.split(separator: " ").first.map(String.init)
        default:
            guard let format = Self.formats[identifier], value.contains(where: { $0 != 0 && $0 != 0x20 }) else {
                return
            }
            attributes.append(
                TapeDescription.Attribute(
                    partition: 0,
                    identifier: identifier,
                    format: format,
                    value: Hexadecimal.text(value)
                )
            )
        }
    }
}
