// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import TapeLibrary

/// `drives/N/status.json`: one drive as it stands. docs/reference/mounted-tree.md lists its keys.
enum DriveDescription {
    /// Goes up when a key changes its meaning or goes; new keys may come without.
    static let version = 1

    static func text(_ number: Int, in inventory: TreeInventory, source: some TreeSource) -> [UInt8] {
        let element = inventory.snapshot.drives.indices.contains(number) ? inventory.snapshot.drives[number] : nil
        let facts = source.drive(number)
        return JSONText.object { text in
            text.member("version", version)
            text.member("drive", number)
            text.member("address", element?.address)
            text.member("vendor", facts?.identity.vendor)
            text.member("product", facts?.identity.product)
            text.member("revision", facts?.identity.revision)
            text.member("serial", facts?.identity.serial)
            text.member("generation", facts?.generation)
            text.member("served", source.library != nil)
            text.member("barcode", element?.cartridge?.barcode)
            text.member("source", element?.source.map { FileNode.Place($0).path })
            guard let library = source.library, library.drives.indices.contains(number) else { return }
            live(library.drives[number].status, holder: library.drives[number].holder, &text)
        }
    }

    private static func live(_ status: DriveStatus, holder: Holder?, _ text: inout JSONText) {
        text.member("condition", status.condition.rawValue)
        let isReady = status.condition == .ready
        text.object("medium", isNull: status.barcode == nil) { text in
            text.member("type", status.mediumName)
            text.member("worm", status.isWORM)
            text.member("writeProtected", status.isWriteProtected)
            text.member("partitions", status.partitionCount)
            text.member("usedBytes", isReady ? status.usedBytes : nil)
            text.member("capacityBytes", isReady ? status.capacityBytes : nil)
        }
        text.object("position", isNull: !isReady) { text in
            let position = status.position
            text.member("partition", position.partition)
            text.member("block", position.block.rawValue)
            text.member("file", position.isFileKnown ? position.file : nil)
            text.member("blockInFile", position.isFileKnown ? position.blockInFile : nil)
            text.member("atBeginning", position.atBeginning)
            text.member("atEndOfData", position.atEndOfData)
            text.member("pastEarlyWarning", position.pastEarlyWarning)
        }
        text.member("fixedBlockBytes", status.fixedBlockLength)
        text.member("compression", status.isCompressionEnabled)
        text.object("holder", isNull: holder == nil) { text in
            text.member("name", holder?.nexus.name)
            text.member("purpose", holder?.purpose)
        }
        text.member("removalPrevented", status.isRemovalPrevented)
        text.member("reservedBy", status.reservedBy)
        text.numbers("alerts", status.alerts)
        text.object("traffic", isNull: status.barcode == nil) { text in
            text.member("recordsWritten", status.recordsWritten)
            text.member("bytesWritten", status.bytesWritten)
            text.member("filemarksWritten", status.filemarksWritten)
            text.member("recordsRead", status.recordsRead)
            text.member("bytesRead", status.bytesRead)
        }
    }
}
