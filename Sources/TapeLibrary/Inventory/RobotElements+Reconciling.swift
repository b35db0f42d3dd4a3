// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO

extension RobotElements {
    /// Compares the inventory with what is in the store. Cartridges nobody knows go to the shelf; those that are gone
    /// or come back are noted; half-done deletions are completed. Cartridges that are known are not opened.
    ///
    /// - Throws: the store cannot be listed, or the inventory not be written.
    func reconcile() throws(LibraryError) {
        let names: [String]
        do throws(DiskError) {
            let found = try disk.list(paths.cartridges)
            names = settleReplacements(found) ? try disk.list(paths.cartridges) : found
        } catch {
            throw LibraryError(error)
        }
        let deleted = names.filter { $0.hasSuffix(StorePaths.deletedSuffix) }
            .map { String($0.dropLast(StorePaths.deletedSuffix.count)) }
        // A cartridge in a drive is never deleted: such a name was not given by the library.
        try finishDeletions(deleted.filter { table.place(of: $0)?.kind != .drive })
        removeUnfinished(names.filter { $0.hasSuffix(StorePaths.unfinishedSuffix) })
        let present = Set(names)
        var conditions: [String: CartridgeEntry.Condition] = [:]
        for (barcode, entry) in table.cartridges {
            if !present.contains(barcode) {
                conditions[barcode] = .missing
            } else if entry.condition == .missing {
                conditions[barcode] = .good
            }
        }
        setConditions(conditions)
        try adopt(names.filter { table.cartridges[$0] == nil && !$0.contains(".") })
    }

    /// Directories that were renamed to be deleted: the rename was the decision.
    private func finishDeletions(_ barcodes: [String]) throws(LibraryError) {
        let known = barcodes.filter { table.cartridges[$0] != nil && !disk.exists(paths.cartridge($0)) }
        if !known.isEmpty {
            try commit { table in
                known.forEach { table.forget($0) }
                return true
            }
        }
        for barcode in barcodes {
            removeTree(paths.deleted(barcode))
        }
    }

    /// Imports that were cut off. Where names cannot be exchanged, that may have been when the cartridge had no place: it
    /// is put back as it was, or the new one. Those that run are left alone, and those of cartridges that are not ours.
    ///
    /// - Returns: whether names changed.
    private func settleReplacements(_ names: [String]) -> Bool {
        let suffix = CartridgeReplacement.folderSuffix
        let barcodes = names.filter { $0.hasSuffix(suffix) }.map { String($0.dropLast(suffix.count)) }
            .filter { Barcode.isValid($0) && !verifying.contains($0) }
        for barcode in barcodes {
            let place = paths.cartridge(barcode)
            let folder = place + suffix
            if !disk.exists(place) {
                // One that was deleted does not come back.
                guard table.cartridges[barcode] != nil, !disk.exists(paths.deleted(barcode)),
                    let kept = [folder + "/old", folder + "/" + barcode].first(where: { disk.exists($0) })
                else { continue }
                do throws(DiskError) {
                    try disk.rename(from: kept, to: place)
                    try disk.synchronizeDirectory(paths.cartridges)
                } catch {
                    events.record(.warning, "\(barcode) could not be put back: \(error.description).")
                    continue
                }
            }
            removeTree(folder)
        }
        return !barcodes.isEmpty
    }

    private func removeUnfinished(_ names: [String]) {
        for name in names {
            removeTree(paths.cartridges + "/" + name)
        }
    }

    func removeTree(_ path: String) {
        guard disk.exists(path) else { return }
        do throws(DiskError) {
            try disk.removeTree(path)
        } catch {
            events.record(.warning, "Space could not be freed; the next start tries again: \(error.description).")
        }
    }

    /// Cartridges found in the store that the inventory does not have.
    private func adopt(_ names: [String]) throws(LibraryError) {
        var found: [CartridgeEntry] = []
        for name in names {
            guard Barcode.isValid(name) else {
                events.record(.warning, "\"\(name.prefix(64))\" in \(paths.cartridges) is not a cartridge; left alone.")
                continue
            }
            guard table.cartridges.count + found.count < InventoryTable.maximumCartridges else {
                events.record(.warning, "The store holds more cartridges than the library can list.")
                break
            }
            found.append(describe(name))
        }
        guard !found.isEmpty else { return }
        try commit { table in
            found.forEach { table.add($0) }
            return true
        }
        for entry in found where entry.condition == .good {
            events.record(
                .cartridgeFound,
                "\(entry.barcode) was found in the store and lies on the shelf.",
                barcode: entry.barcode
            )
        }
    }

    /// What a directory says it is; a damaged one is listed with what its bar code says.
    private func describe(_ barcode: String) -> CartridgeEntry {
        do throws(CartridgeError) {
            let metadata = try Cartridge.describe(paths.cartridge(barcode), on: disk)
            let native = MediumGeneration.named(metadata.generation)?.capacity
            return CartridgeEntry(
                barcode: barcode,
                generation: metadata.generation,
                kind: metadata.kind,
                capacityBytes: metadata.capacity == native ? nil : metadata.capacity.rawValue,
                condition: .good
            )
        } catch {
            events.record(
                .cartridgeDamaged,
                "\(barcode) in the store cannot be opened. \(error.description)",
                barcode: barcode
            )
            let guess = CartridgeSpecification.following(barcode: barcode)
            return CartridgeEntry(
                barcode: barcode,
                generation: guess.generation,
                kind: guess.kind,
                capacityBytes: nil,
                condition: .damaged
            )
        }
    }
}

extension CartridgeSpecification {
    /// What a bar code says by the customs of LTO: `…L8` LTO-8, `…LY` LTO-8 WORM, `…M8` type M, `CLN…` cleaning.
    /// One that names no generation is of the generation `otherwise`.
    package static func following(
        barcode: String,
        capacity: ByteCount? = nil,
        otherwise: Int = 8
    ) -> CartridgeSpecification {
        let isCleaning = barcode.hasPrefix("CLN") || barcode.hasSuffix("CU")
        let worm = ["LV": 5, "LW": 6, "LX": 7, "LY": 8, "LZ": 9]
        let data = ["L5": 5, "L6": 6, "L7": 7, "L8": 8, "L9": 9, "M8": 78]
        let suffix = String(barcode.suffix(2))
        let generation = data[suffix] ?? worm[suffix] ?? otherwise
        return CartridgeSpecification(
            barcode: barcode,
            generation: generation,
            kind: isCleaning ? .cleaning : worm[suffix] != nil ? .worm : .data,
            capacity: isCleaning ? nil : capacity
        )
    }
}
