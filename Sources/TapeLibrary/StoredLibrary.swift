// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import LogicalUnits

/// A library as its store describes it, for looking without a daemon.
///
/// Takes no lock and changes nothing: a daemon may work on the store at the same moment. What is read is one state of
/// the inventory, whole, since the inventory file is only ever replaced.
package struct StoredLibrary: Sendable {
    package let inventory: InventorySnapshot
    /// By number, from 0.
    package let drives: [StoredDrive]

    /// What is known of a drive that nobody runs.
    package struct StoredDrive: Sendable {
        package let identity: DriveIdentity
        package let model: DriveModel
    }

    /// Tells one state of the inventory from another; costs one small read, however large the inventory is.
    package struct Mark: Sendable, Equatable {
        private let length: Int64
        private let tail: [UInt8]

        /// The inventory's revision stands behind the list of cartridges, in the file's last lines.
        fileprivate init(length: Int64, tail: [UInt8]) {
            self.length = length
            self.tail = tail
        }
    }

    private static let tailBytes: Int64 = 256

    /// - Throws: `.storeUnusable` when there is no library in `store`, or it cannot be read.
    package static func mark(of store: String, on disk: any Disk) throws(LibraryError) -> Mark {
        let path = StorePaths(store: store).inventory
        do throws(DiskError) {
            let file = try disk.open(path, .readOnly)
            let length = try file.size()
            var tail = [UInt8](repeating: 0, count: Int(min(length, tailBytes)))
            var room = tail.mutableSpan
            _ = try file.read(into: &room, at: length - Int64(room.count))
            return Mark(length: length, tail: tail)
        } catch {
            throw .storeUnusable(path: store, reason: reason(for: error))
        }
    }

    /// Reads the inventory. Cartridges whose directory is gone are listed as missing, those that the inventory does not
    /// know lie on the shelf.
    ///
    /// - Throws: `.storeUnusable`, `.inventoryDamaged`, `.inventoryTooNew`.
    package static func read(_ store: String, on disk: any Disk) throws(LibraryError) -> StoredLibrary {
        let paths = StorePaths(store: store)
        guard var file = try InventoryFile.read(from: paths.inventory, on: disk) else {
            throw .storeUnusable(path: store, reason: "there is no library in it")
        }
        let names: [String]
        do throws(DiskError) {
            names = try disk.list(paths.cartridges)
        } catch {
            throw .storeUnusable(path: paths.cartridges, reason: error.description)
        }
        let present = Set(names)
        for barcode in file.table.cartridges.keys where !present.contains(barcode) {
            file.table.setCondition(.missing, of: barcode)
        }
        for name in names where file.table.cartridges[name] == nil && Barcode.isValid(name) {
            guard file.table.cartridges.count < InventoryTable.maximumCartridges else { break }
            file.table.add(CartridgeEntry(CartridgeSpecification.following(barcode: name)))
        }
        let drives = (0..<file.configuration.drives).map { index in
            StoredDrive(identity: file.driveIdentity(index), model: file.driveModel(index))
        }
        return StoredLibrary(inventory: file.snapshot, drives: drives)
    }

    /// The directory of a cartridge in a store.
    package static func directory(of barcode: String, in store: String) -> String {
        StorePaths(store: store).cartridge(barcode)
    }

    private static func reason(for error: DiskError) -> String {
        error.isNotFound ? "there is no library in it" : error.description
    }
}
