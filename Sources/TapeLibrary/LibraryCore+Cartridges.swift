// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO

extension LibraryCore {
    /// - Parameter place: nil for the shelf.
    func createCartridge(
        _ specification: CartridgeSpecification,
        at place: ElementPlace?
    ) throws(LibraryError) -> ElementPlace? {
        let barcode = specification.barcode
        try check(specification)
        let table = elements.table
        guard table.cartridges[barcode] == nil, !disk.exists(paths.cartridge(barcode)) else {
            throw .cartridgeExists(barcode: barcode)
        }
        guard table.cartridges.count < InventoryTable.maximumCartridges else {
            throw .tooManyCartridges(limit: InventoryTable.maximumCartridges)
        }
        if let place {
            try requireElement(place)
            guard place.kind != .drive else {
                throw .refused(reason: "a new cartridge is put into a slot or mail slot; load it from there")
            }
            if let occupant = table[place] { throw .destinationFull(place, barcode: occupant.barcode) }
            if place.kind == .mail, changer.isRemovalPrevented { throw .removalPreventedByLibrary }
        }
        try makeDirectory(of: specification)
        do throws(LibraryError) {
            try elements.commit { table in
                table.add(CartridgeEntry(specification))
                guard let place else { return true }
                return table.put(barcode, into: place, imported: place.kind == .mail)
            }
        } catch {
            elements.removeTree(paths.cartridge(barcode))
            throw error
        }
        if let place { announceHand(at: place) }
        events.record(
            .cartridgeCreated,
            "\(barcode) was made" + (place.map { " and put into \($0)." } ?? " and lies on the shelf."),
            barcode: barcode,
            place: place,
            actor: actor
        )
        return place
    }

    private func check(_ specification: CartridgeSpecification) throws(LibraryError) {
        guard Barcode.isValid(specification.barcode) else {
            throw .invalidBarcode(specification.barcode, reason: LibraryError.barcodeRule)
        }
        guard let medium = MediumGeneration.named(specification.generation) else {
            throw .invalidGeneration(specification.generation)
        }
        guard let capacity = specification.capacity?.rawValue else { return }
        guard capacity >= Library.minimumCapacity else {
            throw .invalidCapacity(reason: "\(capacity) bytes are less than \(Library.minimumCapacity)")
        }
        guard capacity <= medium.capacity.rawValue else {
            throw .invalidCapacity(reason: "\(medium.name) holds \(medium.capacity)")
        }
    }

    func makeDirectory(of specification: CartridgeSpecification) throws(LibraryError) {
        do throws(CartridgeError) {
            try Cartridge.create(at: paths.cartridge(specification.barcode), on: disk, specification)
        } catch {
            throw LibraryError(error, barcode: specification.barcode)
        }
    }

    /// The rename decides; what follows is repeated at the next start when it does not happen now.
    func deleteCartridge(_ barcode: String) throws(LibraryError) {
        guard elements.table.cartridges[barcode] != nil else { throw .noSuchCartridge(barcode: barcode) }
        let place = elements.table.place(of: barcode)
        try requireIdle(barcode)
        if place?.kind == .mail, changer.isRemovalPrevented { throw .removalPreventedByLibrary }
        let hadDirectory = disk.exists(paths.cartridge(barcode))
        if hadDirectory {
            elements.removeTree(paths.deleted(barcode))
            try onDisk { () throws(DiskError) in
                try disk.rename(from: paths.cartridge(barcode), to: paths.deleted(barcode))
                try disk.synchronizeDirectory(paths.cartridges)
            }
        }
        do throws(LibraryError) {
            try elements.commit { table in
                table.forget(barcode)
                return true
            }
        } catch {
            if hadDirectory {
                try onDisk { () throws(DiskError) in
                    try disk.rename(from: paths.deleted(barcode), to: paths.cartridge(barcode))
                }
            }
            throw error
        }
        if hadDirectory { elements.removeTree(paths.deleted(barcode)) }
        if let place { announceHand(at: place) }
        events.record(.cartridgeDeleted, "\(barcode) was deleted.", barcode: barcode, place: place, actor: actor)
    }

    func setWriteProtected(_ barcode: String, _ isProtected: Bool) throws(LibraryError) {
        guard elements.table.cartridges[barcode] != nil else { throw .noSuchCartridge(barcode: barcode) }
        try requireIdle(barcode)
        do throws(CartridgeError) {
            let cartridge = try Cartridge(opening: paths.cartridge(barcode), on: disk, access: .readWrite)
            try cartridge.updateMetadata { $0.writeProtected = isProtected }
            try cartridge.close()
        } catch {
            throw noteProblem(error, with: barcode)
        }
        events.record(
            .cartridgeChanged,
            "\(barcode) is " + (isProtected ? "write-protected now." : "writable now."),
            barcode: barcode,
            place: elements.table.place(of: barcode),
            actor: actor
        )
    }

    func details(of barcode: String) throws(LibraryError) -> CartridgeDetails {
        guard let entry = elements.table.cartridges[barcode] else { throw .noSuchCartridge(barcode: barcode) }
        let place = elements.table.place(of: barcode)
        do throws(CartridgeError) {
            let metadata = try Cartridge.describe(paths.cartridge(barcode), on: disk)
            return CartridgeDetails(entry: entry, place: place, metadata: metadata, problem: nil)
        } catch {
            _ = noteProblem(error, with: barcode)
            return CartridgeDetails(
                entry: elements.table.cartridges[barcode] ?? entry,
                place: place,
                metadata: nil,
                problem: error.description
            )
        }
    }

    /// - Returns: the cartridge's directory.
    func beginVerification(of barcode: String) throws(LibraryError) -> String {
        guard elements.table.cartridges[barcode] != nil else { throw .noSuchCartridge(barcode: barcode) }
        try requireIdle(barcode)
        elements.verifying.insert(barcode)
        return paths.cartridge(barcode)
    }

    func endVerification(of barcode: String) {
        elements.verifying.remove(barcode)
    }

    /// Not in a drive, not being verified.
    private func requireIdle(_ barcode: String) throws(LibraryError) {
        if case .drive(let number)? = elements.table.place(of: barcode) {
            throw .cartridgeInDrive(barcode: barcode, drive: number)
        }
        if elements.verifying.contains(barcode) {
            throw .cartridgeBusy(barcode: barcode, with: "verification")
        }
    }

    /// A cartridge that turns out to be gone or damaged is listed as such from then on.
    private func noteProblem(_ error: CartridgeError, with barcode: String) -> LibraryError {
        if !disk.exists(paths.cartridge(barcode)) {
            elements.setCondition(.missing, of: barcode)
            return .cartridgeMissing(barcode: barcode)
        }
        if case .disk(let error) = error { return LibraryError(error) }
        elements.setCondition(.damaged, of: barcode)
        return LibraryError(error, barcode: barcode)
    }

    private func onDisk(_ body: () throws(DiskError) -> Void) throws(LibraryError) {
        do throws(DiskError) {
            try body()
        } catch {
            throw LibraryError(error)
        }
    }
}

extension CartridgeEntry {
    init(_ specification: CartridgeSpecification) {
        self.init(
            barcode: specification.barcode,
            generation: specification.generation,
            kind: specification.kind,
            capacityBytes: specification.capacity?.rawValue,
            condition: .good
        )
    }
}
