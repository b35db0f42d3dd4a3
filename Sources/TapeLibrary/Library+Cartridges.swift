// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import SCSI

extension Library {
    /// Makes an empty cartridge.
    ///
    /// - Parameters:
    ///   - specification: barcode, generation, kind; capacity nil for the generation's own, otherwise the whole medium
    ///     in bytes, from `minimumCapacity` up.
    ///   - place: a slot or mail slot that is empty; nil: the first free slot, or the shelf when all are full.
    /// - Returns: where it is, nil for the shelf.
    @discardableResult
    package func createCartridge(
        _ specification: CartridgeSpecification,
        at place: ElementPlace? = nil,
        actor: String = "operator"
    ) throws(LibraryError) -> ElementPlace? {
        try change(actor) { (core) throws(LibraryError) in
            try core.createCartridge(specification, at: place ?? core.elements.table.firstFreeSlot)
        }
    }

    /// Makes an empty cartridge that lies on the shelf.
    package func createCartridgeOnShelf(
        _ specification: CartridgeSpecification,
        actor: String = "operator"
    ) throws(LibraryError) {
        _ = try change(actor) { (core) throws(LibraryError) in
            try core.createCartridge(specification, at: nil)
        }
    }

    /// Destroys a cartridge and all that is on it. Refused while it is in a drive or being verified.
    package func deleteCartridge(barcode: String, actor: String = "operator") throws(LibraryError) {
        try change(actor) { (core) throws(LibraryError) in
            try core.deleteCartridge(barcode)
        }
    }

    /// Slides the write-protect switch of a cartridge; refused while it is in a drive.
    package func setWriteProtected(
        barcode: String,
        _ isProtected: Bool,
        actor: String = "operator"
    ) throws(LibraryError) {
        try change(actor) { (core) throws(LibraryError) in
            try core.setWriteProtected(barcode, isProtected)
        }
    }

    /// All about one cartridge, read from its own files (of a cartridge in a drive: as it was when it was loaded, with
    /// the drive's live numbers in `DriveStation.status`).
    package func cartridge(barcode: String) throws(LibraryError) -> CartridgeDetails {
        try core.withLock { (core) throws(LibraryError) in try core.details(of: barcode) }
    }

    /// Reads every record of a cartridge and checks it. Runs on the calling thread and may take hours: never on the
    /// library's own. The library goes on meanwhile, but the cartridge cannot be moved into or out of a drive or
    /// deleted; one that is in a drive is read there, and the drive is busy for every door.
    ///
    /// - Parameter progress: called now and then; false ends it early.
    package func verifyCartridge(
        barcode: String,
        progress: (VerifyProgress) -> Bool
    ) throws(LibraryError) -> VerifyReport {
        let place = try core.withLock { (core) throws(LibraryError) in try core.details(of: barcode).place }
        if case .drive(let number)? = place {
            return try verifyCartridge(barcode: barcode, inDrive: number, progress: progress)
        }
        let directory = try core.withLock { (core) throws(LibraryError) in
            try core.beginVerification(of: barcode)
        }
        defer { core.withLock { $0.endVerification(of: barcode) } }
        do throws(CartridgeError) {
            let cartridge = try Cartridge(opening: directory, on: disk, access: .readOnly)
            return try cartridge.verify(progress: progress)
        } catch {
            throw LibraryError(error, barcode: barcode)
        }
    }

    private func verifyCartridge(
        barcode: String,
        inDrive number: Int,
        progress: (VerifyProgress) -> Bool
    ) throws(LibraryError) -> VerifyReport {
        let lease: DriveLease
        do throws(DeviceBusy) {
            lease = try drives[number].lease(as: Nexus(id: .max, name: "console"), purpose: "verification")
        } catch {
            throw .driveLeased(drive: number, holder: error.holder)
        }
        defer { lease.end() }
        // The robot may have been there between the look and the lease.
        guard let cartridge = lease.drive.loaded, cartridge.metadata.barcode == barcode else {
            throw .cartridgeBusy(barcode: barcode, with: "a move")
        }
        do throws(CartridgeError) {
            return try cartridge.verify(progress: progress)
        } catch {
            throw LibraryError(error, barcode: barcode)
        }
    }

    /// Smallest capacity a cartridge may be given, in bytes: room for a label and some records behind early warning.
    package static let minimumCapacity: UInt64 = 1 << 20

    private var disk: any Disk { core.withLock { $0.disk } }
}

/// One cartridge in full.
package struct CartridgeDetails: Codable, Sendable {
    package var entry: CartridgeEntry
    /// Nil: on the shelf.
    package var place: ElementPlace?
    /// Nil when its directory is missing or damaged.
    package var metadata: CartridgeMetadata?
    /// Why there is no metadata.
    package var problem: String?
}
