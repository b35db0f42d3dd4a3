// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import TapeLibrary

/// Listings. Cookies follow from what an entry is, so that a listing goes on at the right place whatever came and went
/// meanwhile, and going on costs the same anywhere.
extension MountedTree {
    package func list(
        _ directory: FileNode,
        after cookie: UInt64,
        _ take: (DirectoryEntry) -> Bool
    ) throws(FileError) {
        let inventory = try current()
        switch directory {
        case .cartridge(let barcode, let inner):
            try requireCartridge(barcode, in: inventory)
            try cartridges.list(inner, of: stored(barcode), after: cookie, take)
        case .drives:
            listNumbers(0..<inventory.snapshot.drives.count, after: cookie, take) { .drive($0) }
        case .slots:
            listNumbers(1..<inventory.snapshot.slots.count + 1, after: cookie, take) { .slot($0) }
        case .mail:
            listNumbers(1..<inventory.snapshot.mailSlots.count + 1, after: cookie, take) { .mailSlot($0) }
        case .cartridges:
            listBarcodes(inventory.cartridges, after: cookie, take) { .cartridge(barcode: $0, .directory) }
        case .shelf:
            listBarcodes(inventory.shelf, after: cookie, take) { .placed(nil, barcode: $0) }
        default:
            try requireExistence(of: directory, in: inventory)
            guard isDirectory(directory) else { throw FileError(ENOTDIR) }
            listFixed(directory, after: cookie, in: inventory, take)
        }
    }

    /// Cookie of number n: n + 1.
    private func listNumbers(
        _ numbers: Range<Int>,
        after cookie: UInt64,
        _ take: (DirectoryEntry) -> Bool,
        _ node: (Int) -> FileNode
    ) {
        let start = max(numbers.lowerBound, Int(clamping: cookie))
        guard start < numbers.upperBound else { return }
        for number in start..<numbers.upperBound {
            guard take(entry(String(number), node(number), UInt64(number) + 1)) else { return }
        }
    }

    private func listBarcodes(
        _ all: [TreeInventory.Listed],
        after cookie: UInt64,
        _ take: (DirectoryEntry) -> Bool,
        _ node: (String) -> FileNode
    ) {
        for listed in TreeInventory.listed(all, after: cookie) {
            guard take(entry(listed.barcode, node(listed.barcode), listed.cookie)) else { return }
        }
    }

    private func listFixed(
        _ directory: FileNode,
        after cookie: UInt64,
        in inventory: TreeInventory,
        _ take: (DirectoryEntry) -> Bool
    ) {
        for (index, fixed) in fixedEntries(of: directory).enumerated() where UInt64(index) + 1 > cookie {
            guard take(entry(fixed.name, fixed.node, UInt64(index) + 1)) else { return }
        }
        guard cookie < Self.occupantCookie, let place = directory.asPlace ?? nil else { return }
        guard let occupant = inventory.occupant(of: place) else { return }
        let node = FileNode.placed(place, barcode: occupant.barcode)
        _ = take(entry(occupant.barcode, node, Self.occupantCookie))
    }

    private func entry(_ name: String, _ node: FileNode, _ cookie: UInt64) -> DirectoryEntry {
        DirectoryEntry(
            name: Array(name.utf8),
            node: node,
            kind: kind(of: node),
            inode: InodeNumber.of(node),
            cookie: cookie
        )
    }
}
