// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import TapeLibrary

/// `changer/status`: the elements line by line, in the layout of `mtx status`, which people and scripts of tape libraries
/// read. Mail slots are counted on behind the slots, as mtx does.
enum ChangerListing {
    static func text(_ snapshot: InventorySnapshot) -> [UInt8] {
        let mailSlots = snapshot.mailSlots.count
        var text = "  Storage Changer changer/sg:\(snapshot.drives.count) Drives, "
        text += "\(snapshot.slots.count + mailSlots) Slots ( \(mailSlots) Import/Export )\n"
        for element in snapshot.drives {
            text += "Data Transfer Element \(element.place.number):"
            guard let cartridge = element.cartridge else {
                text += "Empty\n"
                continue
            }
            let source = element.source.flatMap { number(of: $0, in: snapshot) }
            text += "Full (" + (source.map { "Storage Element \($0)" } ?? "Unknown Storage Element")
            text += " Loaded):VolumeTag = \(cartridge.barcode)\n"
        }
        for element in snapshot.slots + snapshot.mailSlots {
            text += "      Storage Element \(number(of: element.place, in: snapshot) ?? 0)"
            text += element.place.kind == .mail ? " IMPORT/EXPORT:" : ":"
            text += element.cartridge.map { "Full :VolumeTag=\($0.barcode)\n" } ?? "Empty\n"
        }
        return Array(text.utf8)
    }

    private static func number(of place: ElementPlace, in snapshot: InventorySnapshot) -> Int? {
        switch place {
        case .slot(let number): number
        case .mailSlot(let number): snapshot.slots.count + number
        case .drive: nil
        }
    }
}
