// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges

/// The library as it was after its last change. Reading it never waits for a robot or a drive.
package struct InventorySnapshot: Codable, Sendable, Equatable {
    /// Goes up with every change of the inventory.
    package var revision: UInt64
    package var library: LibraryIdentity
    /// By drive number, from 0.
    package var drives: [ElementEntry]
    /// By slot number, from 1.
    package var slots: [ElementEntry]
    /// By mail slot number, from 1.
    package var mailSlots: [ElementEntry]
    /// Cartridges of the store that lie outside of the library, by barcode.
    package var shelf: [CartridgeEntry]

    /// Every cartridge of the store with its place (nil: the shelf), elements first.
    package var cartridges: [(cartridge: CartridgeEntry, place: ElementPlace?)] {
        let inside = (slots + mailSlots + drives).compactMap { entry in
            entry.cartridge.map { (cartridge: $0, place: Optional(entry.place)) }
        }
        return inside + shelf.map { (cartridge: $0, place: nil) }
    }
}

/// What the library says it is.
package struct LibraryIdentity: Codable, Sendable, Equatable {
    package var vendor: String
    package var product: String
    package var revision: String
    package var serial: String
    /// Name of the personality it was made from.
    package var personality: String
}

/// One element: a slot, mail slot or drive.
package struct ElementEntry: Codable, Sendable, Equatable {
    package var place: ElementPlace
    /// As READ ELEMENT STATUS gives it.
    package var address: UInt16
    package var cartridge: CartridgeEntry?
    /// Slot or mail slot that the cartridge came from; nil when it never moved.
    package var source: ElementPlace?
    /// Mail slots: the operator put it in (true) or the robot (false).
    package var imported: Bool
}

/// What the inventory knows about a cartridge without opening it.
package struct CartridgeEntry: Codable, Sendable, Equatable {
    package var barcode: String
    /// 5…9, 78 for LTO-7 type M.
    package var generation: Int
    package var kind: MediumKind
    /// Whole medium, in bytes; nil when it is the generation's own.
    package var capacityBytes: UInt64?
    package var condition: Condition

    package enum Condition: String, Codable, Sendable {
        case good
        /// Its directory is gone from the store.
        case missing
        /// Its directory cannot be opened.
        case damaged
    }
}
