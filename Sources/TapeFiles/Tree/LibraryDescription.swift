// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import TapeLibrary

/// `library.json`: what the library is and what lies where. Made from the inventory alone; no drive and no cartridge is
/// asked. docs/reference/mounted-tree.md lists its keys.
enum LibraryDescription {
    /// Goes up when a key changes its meaning or goes; new keys may come without.
    static let version = 1

    static func text(_ inventory: TreeInventory, source: some TreeSource) -> [UInt8] {
        let snapshot = inventory.snapshot
        return JSONText.object { text in
            text.member("version", version)
            text.member("served", source.library != nil)
            text.member("revision", snapshot.revision)
            text.object("library") { text in
                text.member("vendor", snapshot.library.vendor)
                text.member("product", snapshot.library.product)
                text.member("revision", snapshot.library.revision)
                text.member("serial", snapshot.library.serial)
                text.member("personality", snapshot.library.personality)
            }
            counts(snapshot, inventory.cartridges.count, &text)
            text.array("drives", snapshot.drives) { text, element in
                begin(element, &text)
                let facts = source.drive(element.place.number)
                text.member("vendor", facts?.identity.vendor)
                text.member("product", facts?.identity.product)
                text.member("revision", facts?.identity.revision)
                text.member("serial", facts?.identity.serial)
                text.member("generation", facts?.generation)
            }
            text.array("slots", snapshot.slots) { text, element in begin(element, &text) }
            text.array("mailSlots", snapshot.mailSlots) { text, element in
                begin(element, &text)
                text.member("imported", element.imported)
            }
            text.array("cartridges", inventory.cartridges) { text, listed in
                guard let location = inventory.locations[listed.barcode] else { return }
                cartridge(location, &text)
            }
        }
    }

    private static func counts(_ snapshot: InventorySnapshot, _ cartridges: Int, _ text: inout JSONText) {
        text.object("counts") { text in
            text.member("drives", snapshot.drives.count)
            text.member("slots", snapshot.slots.count)
            text.member("freeSlots", snapshot.slots.count { $0.cartridge == nil })
            text.member("mailSlots", snapshot.mailSlots.count)
            text.member("freeMailSlots", snapshot.mailSlots.count { $0.cartridge == nil })
            text.member("shelf", snapshot.shelf.count)
            text.member("cartridges", cartridges)
        }
    }

    private static func begin(_ element: ElementEntry, _ text: inout JSONText) {
        text.member("number", element.place.number)
        text.member("address", element.address)
        text.member("barcode", element.cartridge?.barcode)
        text.member("source", element.source.map { FileNode.Place($0).path })
    }

    private static func cartridge(_ location: TreeInventory.Location, _ text: inout JSONText) {
        let entry = location.entry
        text.member("barcode", entry.barcode)
        text.member("generation", MediumGeneration.named(entry.generation)?.name ?? "LTO-\(entry.generation)")
        text.member("kind", entry.kind.rawValue)
        text.member("capacityBytes", entry.wholeCapacity)
        text.member("condition", entry.condition.rawValue)
        text.member("place", location.place?.path ?? "shelf")
    }
}

extension CartridgeEntry {
    /// Of the whole medium, in bytes; 0 for a cleaning cartridge.
    var wholeCapacity: UInt64 {
        guard kind != .cleaning else { return 0 }
        return capacityBytes ?? MediumGeneration.named(generation)?.capacity.rawValue ?? 0
    }
}

extension FileNode.Place {
    /// As the tree names its directory: `slots/3`.
    var path: String {
        switch self {
        case .slot(let number): "slots/\(number)"
        case .mailSlot(let number): "mail/\(number)"
        case .drive(let number): "drives/\(number)"
        }
    }
}
