// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import LogicalUnits
import SCSI

/// The library behind its lock: elements, robot, and what an operator may ask for.
///
/// Every move goes through the robot's typed operations, so that an operator and a MOVE MEDIUM meet the same rules.
final class LibraryCore {
    let elements: RobotElements
    let changer: MediaChanger
    private(set) var isClosed = false

    var paths: StorePaths { elements.paths }
    var disk: any Disk { elements.disk }
    var seams: LibrarySeams { elements.seams }
    var events: EventLog { elements.events }
    var identity: LibraryIdentity { elements.identity }
    var stations: [DriveStation] { elements.stations }
    var configuration: LibraryConfiguration { elements.configuration }
    var published: Guarded<InventorySnapshot> { elements.published }

    var actor: String? {
        get { elements.actor }
        set { elements.actor = newValue }
    }

    init(elements: RobotElements, changer: MediaChanger) {
        self.elements = elements
        self.changer = changer
    }

    // MARK: Places

    func requireElement(_ place: ElementPlace) throws(LibraryError) {
        guard elements.table.has(place) else {
            throw .noSuchElement(place, count: elements.table.count(of: place.kind))
        }
    }

    /// - Throws: `.noSuchCartridge`, also for one on the shelf.
    func place(ofCartridge barcode: String) throws(LibraryError) -> ElementPlace {
        guard elements.table.cartridges[barcode] != nil else { throw .noSuchCartridge(barcode: barcode) }
        guard let place = elements.table.place(of: barcode) else {
            throw .refused(reason: "\(barcode) lies on the shelf, outside of the library; import it first")
        }
        return place
    }

    /// A barcode wins over a place: `S3` may be either.
    func place(named text: String) throws(LibraryError) -> ElementPlace {
        if elements.table.cartridges[text] != nil {
            return try place(ofCartridge: text)
        }
        guard let place = ElementPlace(text) else {
            throw Barcode.isValid(text) ? .noSuchCartridge(barcode: text) : .noSuchPlace(text)
        }
        try requireElement(place)
        return place
    }

    // MARK: Moves

    func move(from source: ElementPlace, to destination: ElementPlace) throws(LibraryError) {
        try requireElement(source)
        try requireElement(destination)
        try asOperator(from: source, to: [destination]) { () throws(CheckCondition) in
            try changer.move(from: elements.address(of: source), to: elements.address(of: destination))
        }
    }

    func exchange(source: ElementPlace, first: ElementPlace, second: ElementPlace) throws(LibraryError) {
        for place in [source, first, second] {
            try requireElement(place)
        }
        try asOperator(from: source, to: [first, second]) { () throws(CheckCondition) in
            try changer.exchange(
                source: elements.address(of: source),
                first: elements.address(of: first),
                second: elements.address(of: second)
            )
        }
    }

    func carry(
        _ barcode: String,
        from source: ElementPlace?,
        to destination: ElementPlace?
    ) throws(LibraryError) {
        guard elements.table.cartridges[barcode] != nil else { throw .noSuchCartridge(barcode: barcode) }
        if let source, elements.table[source]?.barcode != barcode { throw .sourceEmpty(source) }
        elements.sparesOpenDrives = true
        defer { elements.sparesOpenDrives = false }
        switch (source, destination) {
        case (let source?, let destination?): try move(from: source, to: destination)
        case (_?, nil): try exportCartridge(barcode)
        case (nil, let destination?): _ = try importCartridge(barcode, to: destination)
        case (nil, nil):
            if let place = elements.table.place(of: barcode) { throw .cartridgeInLibrary(barcode: barcode, place) }
        }
    }

    private func asOperator(
        from source: ElementPlace,
        to destinations: [ElementPlace],
        _ body: () throws(CheckCondition) -> Void
    ) throws(LibraryError) {
        elements.forgetRefusal()
        do throws(CheckCondition) {
            try body()
        } catch {
            if let refusal = elements.refusal { throw refusal }
            throw LibraryError(error, from: source, to: destinations, in: elements.table)
        }
    }

    /// Where a drive's cartridge goes: as wished, back where it came from, or the first free slot.
    func destination(forUnloading drive: Int, wished: ElementPlace?) throws(LibraryError) -> ElementPlace {
        try requireElement(.drive(drive))
        guard let occupant = elements.table[.drive(drive)] else { throw .sourceEmpty(.drive(drive)) }
        if let wished { return wished }
        if let home = occupant.source, home.kind == .slot, elements.table[home] == nil {
            return home
        }
        guard let free = elements.table.firstFreeSlot else { throw .noFreeSlot }
        return free
    }

    /// By hand from the shelf: into the mail slot, or through the door into a slot.
    func importCartridge(_ barcode: String, to wished: ElementPlace?) throws(LibraryError) -> ElementPlace {
        let table = elements.table
        guard table.cartridges[barcode] != nil else { throw .noSuchCartridge(barcode: barcode) }
        if let place = table.place(of: barcode) { throw .cartridgeInLibrary(barcode: barcode, place) }
        let place = if let wished { wished } else { try placeForImport() }
        try requireElement(place)
        guard place.kind != .drive else {
            throw .refused(reason: "a cartridge is imported into a mail slot or a slot; load it from there")
        }
        if let occupant = table[place] { throw .destinationFull(place, barcode: occupant.barcode) }
        if place.kind == .mail, changer.isRemovalPrevented { throw .removalPreventedByLibrary }
        try elements.commit { $0.put(barcode, into: place, imported: place.kind == .mail) }
        announceHand(at: place)
        events.record(
            .cartridgeImported,
            "\(barcode) was put into \(place).",
            barcode: barcode,
            place: place,
            actor: actor
        )
        return place
    }

    private func placeForImport() throws(LibraryError) -> ElementPlace {
        let table = elements.table
        if let mailSlot = table.firstFreeMailSlot { return mailSlot }
        guard table.count(of: .mail) == 0 else { throw .noFreeMailSlot }
        guard let slot = table.firstFreeSlot else { throw .noFreeSlot }
        return slot
    }

    /// By robot to a mail slot, unless it is in one, and from there by hand to the shelf. A library without mail slots
    /// opens its door.
    func exportCartridge(_ barcode: String) throws(LibraryError) {
        var place = try place(ofCartridge: barcode)
        if place.kind != .mail, elements.table.count(of: .mail) > 0 {
            guard let mailSlot = elements.table.firstFreeMailSlot else { throw .noFreeMailSlot }
            try move(from: place, to: mailSlot)
            place = mailSlot
        } else if place.kind == .drive {
            let slot = try destination(forUnloading: place.number, wished: nil)
            try move(from: place, to: slot)
            place = slot
        }
        guard place.kind != .mail || !changer.isRemovalPrevented else { throw .removalPreventedByLibrary }
        try elements.commit { table in
            table.take(barcode)
            return true
        }
        announceHand(at: place)
        events.record(
            .cartridgeExported,
            "\(barcode) was taken out of \(place) and lies on the shelf.",
            barcode: barcode,
            actor: actor
        )
    }

    /// A hand was in the library: initiators are told in the way of SMC.
    func announceHand(at place: ElementPlace) {
        if place.kind == .mail {
            changer.mailSlotAccessed()
        } else {
            changer.inventoryChanged()
        }
    }

    // MARK: End

    /// Writes back and closes what is in the drives, where it stays.
    ///
    /// - Returns: nil when it was closed before.
    func close() -> Result<Void, LibraryError>? {
        guard !isClosed else { return nil }
        isClosed = true
        var failure: LibraryError?
        for station in stations {
            station.whileClosed { drive in
                guard let cartridge = drive.loaded else { return }
                let barcode = cartridge.metadata.barcode
                do throws(CheckCondition) {
                    // Held, not ejected: prevention by an initiator does not outlive the library.
                    try drive.eject(hold: true)
                } catch {
                    failure = failure ?? .unloadFailed(drive: station.index, reason: "\(barcode) was not written back")
                }
                do throws(CartridgeError) {
                    try cartridge.close()
                } catch {
                    failure = failure ?? LibraryError(error, barcode: barcode)
                }
            }
        }
        events.record(.libraryClosed, "The library was closed.")
        return failure.map { .failure($0) } ?? .success(())
    }
}
