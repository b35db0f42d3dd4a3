// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges

/// `label.json`: what the cartridge is and how full. The keys are documented in docs/reference/cartridge-files.md.
enum LabelDescription {
    static func text(_ view: CartridgeView) -> [UInt8] {
        let metadata = view.metadata
        return JSONText.object { text in
            text.member("barcode", metadata.barcode)
            text.member("identity", metadata.identity)
            text.member("formatVersion", metadata.formatVersion)
            text.member("generation", generation(metadata.generation))
            text.member("density", density(metadata.densityCode))
            text.member("kind", metadata.kind.rawValue)
            text.member("writeProtected", metadata.writeProtected)
            text.member("label", label(metadata))
            text.member("capacityBytes", metadata.capacity.rawValue)
            text.member("usedBytes", view.usedBytes)
            text.member("cleaningsLeft", metadata.kind == .cleaning ? metadata.cleaningsLeft : nil)
            text.member("volumeChangeReference", metadata.volumeChangeReference)
            text.array("partitions", view.partitions) { text, partition in
                text.member("partition", partition.number)
                text.member("capacityBytes", partition.capacity)
                text.member("usedBytes", partition.usedBytes)
                text.member("payloadBytes", partition.payloadBytes)
                text.member("records", partition.recordCount)
                text.member("filemarks", partition.filemarkCount)
                text.member("files", partition.fileCount)
                text.member("endOfDataBlock", partition.blockCount)
            }
            text.object("counters") { text in
                text.member("loads", metadata.counters.loadCount)
                text.member("bytesWritten", metadata.counters.bytesWritten)
                text.member("bytesRead", metadata.counters.bytesRead)
                text.member("recordsWritten", metadata.counters.recordsWritten)
                text.member("recordsRead", metadata.counters.recordsRead)
                text.member("filemarksWritten", metadata.counters.filemarksWritten)
                text.member("writeErrors", metadata.counters.writeErrors)
                text.member("readErrors", metadata.counters.readErrors)
            }
        }
    }

    static func generation(_ number: Int) -> String { MediumGeneration.named(number)?.name ?? "LTO-\(number)" }

    private static func density(_ code: UInt8) -> String {
        "0x" + CartridgeNames.hexadecimal([code])
    }

    /// The user medium text label (0803h).
    private static func label(_ metadata: CartridgeMetadata) -> String? {
        metadata.attributes.first { $0.identifier == 0x0803 && $0.partition == 0 }
            .map { String(decoding: AttributeFile.trimmed($0.value), as: UTF8.self) }
    }
}
