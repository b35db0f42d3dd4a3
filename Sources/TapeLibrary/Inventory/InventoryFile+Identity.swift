// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits

/// Who library and drives are, by what the inventory file says: the same for the daemon that serves the store and for
/// whoever only looks at it.
extension InventoryFile {
    var identity: LibraryIdentity {
        let personality = configuration.library
        return LibraryIdentity(
            vendor: personality.vendor,
            product: personality.product,
            revision: personality.revision,
            serial: serial,
            personality: personality.name
        )
    }

    func driveIdentity(_ index: Int) -> DriveIdentity {
        let serials = SerialNumbers(serial)
        let chosen = configuration.driveModel(index)
        return DriveIdentity(
            vendor: chosen.vendor,
            product: chosen.product,
            revision: chosen.revision,
            serial: serials.drive(index),
            elementAddress: configuration.library.addresses.drive + UInt16(index),
            librarySerial: serials.library,
            worldWideName: serials.worldWideName(index + 1)
        )
    }

    func driveModel(_ index: Int) -> DriveModel {
        DriveModel.of(generation: configuration.driveModel(index).generation) ?? .lto8
    }

    /// What everyone may see of it.
    var snapshot: InventorySnapshot {
        func entries(_ kind: ElementPlace.Kind) -> [ElementEntry] {
            let first = kind == .drive ? 0 : 1
            return (0..<table.count(of: kind)).map { index in
                let place = ElementPlace(kind: kind, number: index + first)
                let occupant = table[place]
                return ElementEntry(
                    place: place,
                    address: address(of: place),
                    cartridge: occupant.flatMap { table.cartridges[$0.barcode] },
                    source: occupant?.source,
                    imported: occupant?.imported ?? false
                )
            }
        }
        return InventorySnapshot(
            revision: table.revision,
            library: identity,
            drives: entries(.drive),
            slots: entries(.slot),
            mailSlots: entries(.mail),
            shelf: table.shelf
        )
    }

    /// Element address, as READ ELEMENT STATUS gives it.
    func address(of place: ElementPlace) -> UInt16 {
        let addresses = configuration.library.addresses
        let (first, index) =
            switch place {
            case .slot(let number): (addresses.slot, number - 1)
            case .mailSlot(let number): (addresses.mailSlot, number - 1)
            case .drive(let number): (addresses.drive, number)
            }
        return UInt16(clamping: Int(first) + index)
    }
}
