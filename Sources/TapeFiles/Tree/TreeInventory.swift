// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import TapeLibrary

extension FileNode.Place {
    /// The library's own word for it.
    var element: ElementPlace {
        switch self {
        case .slot(let number): .slot(number)
        case .mailSlot(let number): .mailSlot(number)
        case .drive(let number): .drive(number)
        }
    }

    init(_ place: ElementPlace) {
        switch place {
        case .slot(let number): self = .slot(number)
        case .mailSlot(let number): self = .mailSlot(number)
        case .drive(let number): self = .drive(number)
        }
    }

    /// The directory that holds the link.
    var directory: FileNode {
        switch self {
        case .slot(let number): .slot(number)
        case .mailSlot(let number): .mailSlot(number)
        case .drive(let number): .drive(number)
        }
    }
}

extension FileNode {
    /// Of a directory that cartridges are moved into and out of: nil in the optional is the shelf.
    var asPlace: Place?? {
        switch self {
        case .slot(let number): .some(.slot(number))
        case .mailSlot(let number): .some(.mailSlot(number))
        case .drive(let number): .some(.drive(number))
        case .shelf: .some(nil)
        default: nil
        }
    }
}

/// One state of the library's inventory, in the order in which the tree asks for it. Made once per revision.
struct TreeInventory: Sendable {
    /// Grows with every state.
    let number: UInt64
    let snapshot: InventorySnapshot
    /// Every cartridge of the store.
    let locations: [String: Location]
    /// By cookie, which is by barcode.
    let cartridges: [Listed]
    /// The same of those on the shelf.
    let shelf: [Listed]

    struct Location: Sendable, Equatable {
        var entry: CartridgeEntry
        /// Nil: the shelf.
        var place: FileNode.Place?
    }

    struct Listed: Sendable, Equatable {
        var cookie: UInt64
        var barcode: String
    }

    init(_ snapshot: InventorySnapshot, number: UInt64, cookies: inout BarcodeCookies) {
        self.number = number
        self.snapshot = snapshot
        var locations: [String: Location] = [:]
        var cartridges: [Listed] = []
        for (entry, place) in snapshot.cartridges {
            locations[entry.barcode] = Location(entry: entry, place: place.map { FileNode.Place($0) })
            cartridges.append(Listed(cookie: cookies.cookie(of: entry.barcode), barcode: entry.barcode))
        }
        cartridges.sort { $0.cookie < $1.cookie }
        self.locations = locations
        self.cartridges = cartridges
        self.shelf = cartridges.filter { locations[$0.barcode]?.place == nil }
    }

    /// What is in a drive may change at any moment.
    func isInDrive(_ barcode: String) -> Bool {
        if case .drive? = locations[barcode]?.place { true } else { false }
    }

    func has(_ place: FileNode.Place) -> Bool {
        switch place {
        case .slot(let number): number >= 1 && number <= snapshot.slots.count
        case .mailSlot(let number): number >= 1 && number <= snapshot.mailSlots.count
        case .drive(let number): snapshot.drives.indices.contains(number)
        }
    }

    /// What lies in an element; nil also when there is no such element.
    func occupant(of place: FileNode.Place) -> CartridgeEntry? {
        guard has(place) else { return nil }
        return switch place {
        case .slot(let number): snapshot.slots[number - 1].cartridge
        case .mailSlot(let number): snapshot.mailSlots[number - 1].cartridge
        case .drive(let number): snapshot.drives[number].cartridge
        }
    }

    /// The entries behind a cookie: a binary search, then one by one.
    static func listed(_ all: [Listed], after cookie: UInt64) -> ArraySlice<Listed> {
        var low = 0
        var high = all.count
        while low < high {
            let middle = low + (high - low) / 2
            if all[middle].cookie <= cookie { low = middle + 1 } else { high = middle }
        }
        return all[low...]
    }
}

/// What is different between two states of the inventory.
struct InventoryDifference: Sendable {
    /// Barcodes that were in `place` before, after, or both times with something else about them.
    struct Change: Sendable {
        var place: FileNode.Place?
        var gone: String?
        var come: String?
    }

    var changes: [Change] = []
    /// Made or deleted.
    var made: [String] = []
    var deleted: [String] = []
    /// In the same place, but missing, damaged or found again.
    var condition: [String] = []

    var isEmpty: Bool { changes.isEmpty && made.isEmpty && deleted.isEmpty && condition.isEmpty }

    init(from old: TreeInventory, to new: TreeInventory) {
        for (barcode, location) in new.locations {
            guard let before = old.locations[barcode] else {
                made.append(barcode)
                changes.append(Change(place: location.place, gone: nil, come: barcode))
                continue
            }
            if before.place != location.place {
                changes.append(Change(place: before.place, gone: barcode, come: nil))
                changes.append(Change(place: location.place, gone: nil, come: barcode))
            } else if before.entry != location.entry {
                condition.append(barcode)
            }
        }
        guard old.locations.count != new.locations.count - made.count else { return }
        for (barcode, location) in old.locations where new.locations[barcode] == nil {
            deleted.append(barcode)
            changes.append(Change(place: location.place, gone: barcode, come: nil))
        }
    }
}
