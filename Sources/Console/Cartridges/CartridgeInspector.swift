// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import ManagementAPI
import TapeFiles

/// Tells about a cartridge.
enum CartridgeInspector {
    /// User medium text label (SPC-5, medium auxiliary memory).
    static let labelIdentifier: UInt16 = 0x0803
    static let labelLimitBytes = 160

    /// The cartridge's map, with the tape files from number `first` on.
    static func report(
        _ map: CartridgeMap,
        location: String?,
        from first: UInt64,
        files limit: Int
    ) throws(FileError) -> CartridgeReport {
        let metadata = map.view.metadata
        var partitions: [CartridgeReport.Partition] = []
        for partition in map.view.partitions {
            let files = try map.files(partition: partition.number, from: first, limit: limit)
            partitions.append(
                CartridgeReport.Partition(
                    capacityBytes: partition.capacity,
                    usedBytes: partition.usedBytes,
                    payloadBytes: partition.payloadBytes,
                    objects: partition.blockCount,
                    records: partition.recordCount,
                    filemarks: partition.filemarkCount,
                    fileCount: partition.fileCount,
                    files: files.map(file),
                    filesCut: first < partition.fileCount && UInt64(files.count) < partition.fileCount - first
                )
            )
        }
        let label = metadata.attributes.first { $0.identifier == labelIdentifier }
        return CartridgeReport(
            summary: summary(metadata, usedBytes: map.view.usedBytes, location: location),
            formatVersion: metadata.formatVersion,
            loadCount: metadata.counters.loadCount,
            bytesWritten: metadata.counters.bytesWritten,
            bytesRead: metadata.counters.bytesRead,
            cleaningsLeft: metadata.kind == .cleaning ? metadata.cleaningsLeft : nil,
            label: label.map { text($0.value) },
            partitions: partitions,
            attributes: metadata.attributes.map(attribute)
        )
    }

    private static func file(_ file: CartridgeMap.File) -> CartridgeReport.TapeFile {
        CartridgeReport.TapeFile(
            index: file.extent.number,
            firstBlock: file.extent.firstBlock.rawValue,
            records: file.extent.recordCount,
            bytes: file.extent.lengthBytes,
            recordBytes: file.sizes.first,
            lastRecordBytes: file.sizes.last,
            smallestRecordBytes: file.sizes.smallest,
            largestRecordBytes: file.sizes.largest,
            endsWithFilemark: file.extent.endsWithFilemark,
            format: file.format,
            title: file.title,
            problem: file.problem
        )
    }

    static func summary(_ metadata: CartridgeMetadata, usedBytes: UInt64?, location: String?) -> CartridgeSummary {
        CartridgeSummary(
            barcode: metadata.barcode,
            generation: name(ofGeneration: metadata.generation),
            kind: metadata.kind.rawValue,
            writeProtected: metadata.writeProtected,
            capacityBytes: metadata.capacity.rawValue,
            usedBytes: usedBytes,
            location: location
        )
    }

    /// Charged bytes of all partitions.
    static func used(_ cartridge: Cartridge) -> UInt64 {
        (0..<cartridge.partitionCount).reduce(0) { $0 + cartridge.usedBytes($1) }
    }

    static func name(ofGeneration generation: Int) -> String {
        MediumGeneration.named(generation)?.name ?? "LTO-\(generation)"
    }

    private static func attribute(_ attribute: MediumAttribute) -> CartridgeReport.Attribute {
        let digits = String(attribute.identifier, radix: 16, uppercase: true)
        return CartridgeReport.Attribute(
            partition: attribute.partition,
            id: String(repeating: "0", count: 4 - digits.count) + digits,
            name: MediumAttributeNames.name(of: attribute.identifier),
            readOnly: attribute.readOnly,
            value: attribute.format == 0 ? hexadecimal(attribute.value) : text(attribute.value)
        )
    }

    /// Text attributes are padded with blanks or ended with NUL.
    private static func text(_ bytes: [UInt8]) -> String {
        var text = bytes.prefix { $0 != 0 }
        while text.last == UInt8(ascii: " ") { text.removeLast() }
        return String(decoding: text, as: UTF8.self)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// Names of medium auxiliary memory attributes that people meet (SPC-5, attribute identifier tables).
enum MediumAttributeNames {
    static func name(of identifier: UInt16) -> String? { names[identifier] }

    private static let names: [UInt16: String] = [
        0x0000: "remaining capacity", 0x0001: "maximum capacity", 0x0002: "TapeAlert flags", 0x0003: "load count",
        0x0004: "space remaining in memory", 0x0005: "assigning organization", 0x0006: "formatted density code",
        0x0007: "initialization count", 0x0009: "volume change reference", 0x020A: "last load device",
        0x020B: "last but one load device", 0x020C: "last but two load device", 0x020D: "last but three load device",
        0x0220: "total written", 0x0221: "total read", 0x0222: "written in last load", 0x0223: "read in last load",
        0x0400: "medium manufacturer", 0x0401: "medium serial number", 0x0402: "medium length",
        0x0403: "medium width", 0x0404: "assigning organization", 0x0405: "medium density code",
        0x0406: "manufacture date", 0x0407: "memory capacity", 0x0408: "medium type",
        0x0409: "medium type information", 0x0800: "application vendor", 0x0801: "application name",
        0x0802: "application version", 0x0803: "user medium text label", 0x0804: "date last written",
        0x0805: "text localization", 0x0806: "barcode", 0x0807: "owning host", 0x0808: "media pool",
        0x0809: "partition text label", 0x080A: "load/unload at partition", 0x080B: "application format version",
        0x080C: "volume coherency information",
    ]
}
