// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import LogicalUnits
import SCSI

/// One cartridge on its way.
struct Carriage {
    let from: ElementPlace
    let to: ElementPlace
}

extension RobotElements {
    /// Carries cartridges, all or none: everything that can fail is tried before the inventory changes, and undone
    /// when the inventory cannot be written.
    ///
    /// The locks of the drives concerned are held throughout, in the order of their numbers, so that no session gets
    /// between.
    func carry(
        _ carriages: [Carriage],
        _ change: (inout InventoryTable) -> Bool
    ) throws(LibraryError) {
        for carriage in carriages {
            if let condition = seams.faults.fault(at: .robotMove(from: carriage.from, to: carriage.to)) {
                throw .robotFailed(condition.sense)
            }
        }
        let spared = sparesOpenDrives ? Set(carriages.map(\.from)) : []
        let numbers = Set(carriages.flatMap { [$0.from, $0.to] }.filter { $0.kind == .drive }.map(\.number))
        try withDrives(numbers.sorted()[...], sparing: spared, [:]) { (drives) throws(LibraryError) in
            try carry(carriages, drives, change)
        }
        for carriage in carriages {
            announce(carriage)
        }
    }

    private func withDrives(
        _ numbers: ArraySlice<Int>,
        sparing spared: Set<ElementPlace>,
        _ drives: [Int: TapeDrive],
        _ body: ([Int: TapeDrive]) throws(LibraryError) -> Void
    ) throws(LibraryError) {
        guard let first = numbers.first else { return try body(drives) }
        try stations[first].forRobot(unlessOpen: spared.contains(.drive(first))) { (drive) throws(LibraryError) in
            var drives = drives
            drives[first] = drive
            try withDrives(numbers.dropFirst(), sparing: spared, drives, body)
        }
    }

    private func carry(
        _ carriages: [Carriage],
        _ drives: [Int: TapeDrive],
        _ change: (inout InventoryTable) -> Bool
    ) throws(LibraryError) {
        /// In hand: taken out of a drive, or opened to go into one.
        var inHand: [(cartridge: Cartridge, carriage: Carriage)] = []
        do throws(LibraryError) {
            // What goes into a drive is opened first: a damaged cartridge shall not cost anyone a rewind.
            for carriage in carriages where carriage.to.kind == .drive && carriage.from.kind != .drive {
                if let cartridge = try openForDrive(carriage) {
                    inHand.append((cartridge, carriage))
                }
            }
            for carriage in carriages where carriage.from.kind == .drive {
                guard let drive = drives[carriage.from.number] else { continue }
                if let cartridge = try takeOut(of: drive, carriage) {
                    inHand.append((cartridge, carriage))
                } else if carriage.to.kind == .drive, let cartridge = try openForDrive(carriage) {
                    // What the one drive could not open, the other tries to.
                    inHand.append((cartridge, carriage))
                }
            }
            try commit(change)
        } catch {
            putBack(inHand, drives)
            throw error
        }
        for (cartridge, carriage) in inHand {
            if carriage.to.kind == .drive {
                drives[carriage.to.number]?.load(cartridge)
            } else {
                close(cartridge)
            }
        }
    }

    private func openForDrive(_ carriage: Carriage) throws(LibraryError) -> Cartridge? {
        guard let barcode = table[carriage.from]?.barcode else { return nil }
        let number = carriage.to.number
        if let condition = seams.faults.fault(at: .driveLoad(drive: number, barcode: barcode)) {
            throw .robotFailed(condition.sense)
        }
        return try open(barcode, forDrive: number)
    }

    /// - Throws: `.cartridgeBusy`, `.loadFailed`.
    func open(_ barcode: String, forDrive number: Int) throws(LibraryError) -> Cartridge {
        guard !verifying.contains(barcode) else {
            throw .cartridgeBusy(barcode: barcode, with: "verification")
        }
        do throws(CartridgeError) {
            let cartridge = try Cartridge(opening: paths.cartridge(barcode), on: disk, access: .readWrite)
            setCondition(.good, of: barcode)
            return cartridge
        } catch {
            if case .disk(let error) = error, error.isOutOfResources {
                // The cartridge was not looked at: it is as good as before.
            } else {
                setCondition(disk.exists(paths.cartridge(barcode)) ? .damaged : .missing, of: barcode)
            }
            events.record(
                .loadFailed,
                "\(barcode) could not be loaded into drive \(number). \(error.description)",
                barcode: barcode,
                place: table.place(of: barcode),
                actor: actor
            )
            throw .loadFailed(drive: number, barcode: barcode, reason: error.description)
        }
    }

    /// Nil when the drive never got hold of the cartridge, because it could not be opened.
    private func takeOut(of drive: TapeDrive, _ carriage: Carriage) throws(LibraryError) -> Cartridge? {
        let number = carriage.from.number
        guard drive.loaded != nil else { return nil }
        if let condition = seams.faults.fault(at: .driveUnload(drive: number)) {
            throw .robotFailed(condition.sense)
        }
        do throws(CheckCondition) {
            return try drive.unload()
        } catch {
            guard error.sense.additional != .mediumRemovalPrevented else {
                throw .removalPreventedByDrive(drive: number)
            }
            let reason = "data that was written to it could not be made durable"
            events.record(
                .warning,
                "Drive \(number) could not unload its cartridge: \(reason).",
                place: carriage.from,
                actor: actor
            )
            throw .unloadFailed(drive: number, reason: reason)
        }
    }

    private func putBack(_ inHand: [(cartridge: Cartridge, carriage: Carriage)], _ drives: [Int: TapeDrive]) {
        for (cartridge, carriage) in inHand {
            if carriage.from.kind == .drive {
                drives[carriage.from.number]?.load(cartridge)
            } else {
                close(cartridge)
            }
        }
    }

    /// Everything written was made durable when the drive let go; what can fail here is giving back space.
    private func close(_ cartridge: Cartridge) {
        do throws(CartridgeError) {
            try cartridge.close()
        } catch {
            events.record(
                .warning,
                "\(cartridge.metadata.barcode) did not close cleanly; it is checked at its next load. "
                    + error.description,
                barcode: cartridge.metadata.barcode
            )
        }
    }

    private func announce(_ carriage: Carriage) {
        guard let barcode = table[carriage.to]?.barcode else { return }
        let words = "\(barcode) moved from \(carriage.from) to \(carriage.to)"
        guard carriage.to.kind == .drive else {
            let kind: LibraryEvent.Kind = carriage.from.kind == .drive ? .cartridgeUnloaded : .cartridgeMoved
            events.record(kind, words + ".", barcode: barcode, place: carriage.to, actor: actor)
            return
        }
        let (kind, remark) = outcome(of: stations[carriage.to.number])
        events.record(kind, words + remark, barcode: barcode, place: carriage.to, actor: actor)
    }

    /// What the drive made of the cartridge it got.
    func outcome(of station: DriveStation) -> (LibraryEvent.Kind, String) {
        let generation = station.model.name
        return switch station.status.condition {
        case .unsupported:
            (.loadFailed, ", but the \(generation) drive cannot read a medium of its generation.")
        case .cleaning: (.cleaned, " and cleaned the drive.")
        case .cleaningExpired: (.loadFailed, ", but this cleaning cartridge is used up.")
        default: (.cartridgeLoaded, " and is loaded.")
        }
    }
}
