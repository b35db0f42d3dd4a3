// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Glibc
import LogicalUnits
import SCSI

/// Brings a library up from its store.
struct LibraryOpener {
    private let paths: StorePaths
    private let disk: any Disk
    private let seams: LibrarySeams
    private let events: EventLog

    init(store: String, disk: any Disk, seams: LibrarySeams) {
        self.paths = StorePaths(store: store)
        self.disk = disk
        self.seams = seams
        self.events = EventLog(clock: seams.clock, journal: seams.journal)
    }

    func open(_ configuration: LibraryConfiguration?) throws(LibraryError) -> Library {
        try configuration?.validate()
        let lock = try takeStore()
        do throws(LibraryError) {
            let library = Library(core: try makeCore(configuration), lock: lock)
            let inventory = library.inventory()
            events.record(
                .libraryOpened,
                "\(inventory.library.product) is ready: \(library.drives.count) drives, \(inventory.slots.count) slots, "
                    + "\(inventory.cartridges.count) cartridges."
            )
            return library
        } catch {
            lock.release()
            throw error
        }
    }

    private func takeStore() throws(LibraryError) -> any DiskLock {
        do throws(DiskError) {
            try disk.makeDirectory(paths.cartridges)
        } catch {
            throw .storeUnusable(path: paths.store, reason: error.description)
        }
        do throws(DiskError) {
            return try disk.lock(paths.lock)
        } catch {
            if error.holderProcess != nil || error.code == EWOULDBLOCK {
                throw .storeInUse(path: paths.store, pid: error.holderProcess)
            }
            throw .storeUnusable(path: paths.lock, reason: error.description)
        }
    }

    private func makeCore(_ configuration: LibraryConfiguration?) throws(LibraryError) -> LibraryCore {
        let stored = try InventoryFile.read(from: paths.inventory, on: disk)
        let file =
            if let stored {
                try adapt(stored, to: configuration)
            } else {
                try begin(configuration ?? LibraryConfiguration())
            }
        let elements = makeElements(file)
        try elements.reconcile()
        reload(elements)
        let identity = ChangerIdentity(
            vendor: elements.identity.vendor,
            product: elements.identity.product,
            revision: elements.identity.revision,
            serial: elements.identity.serial + file.configuration.library.serialSuffix,
            worldWideName: SerialNumbers(file.serial).worldWideName(0)
        )
        let changer = MediaChanger(identity: identity, store: elements, clock: seams.clock)
        return LibraryCore(elements: elements, changer: changer)
    }

    // MARK: New store

    /// Cartridges first, the inventory last: without it the store is still new, and the next start goes on from here.
    private func begin(_ configuration: LibraryConfiguration) throws(LibraryError) -> InventoryFile {
        guard (0...configuration.slots).contains(configuration.cartridges.count) else {
            throw .configurationInvalid(
                reason: "\(configuration.cartridges.count) cartridges do not fit into \(configuration.slots) slots"
            )
        }
        let found: [String]
        do throws(DiskError) {
            found = try disk.list(paths.cartridges).filter { !$0.contains(".") }
        } catch {
            throw .storeUnusable(path: paths.cartridges, reason: error.description)
        }
        let barcodes = configuration.cartridges.barcodes
        // Cartridges of another library: its inventory was moved away. Nothing is added to them.
        let isForeign = !Set(found).isSubset(of: barcodes)
        var table = InventoryTable(
            drives: configuration.drives,
            slots: configuration.slots,
            mailSlots: configuration.mailSlots
        )
        for (index, barcode) in barcodes.enumerated() {
            let isThere = found.contains(barcode)
            guard isThere || !isForeign else { continue }
            var specification = CartridgeSpecification.following(barcode: barcode)
            specification.generation = configuration.cartridges.generation
            specification.capacity = configuration.cartridges.capacityBytes.map { ByteCount($0) }
            if !isThere {
                try create(specification)
            }
            table.add(CartridgeEntry(specification))
            _ = table.put(barcode, into: .slot(index + 1), imported: false)
        }
        table.revision = 1
        let serial = configuration.serial ?? SerialNumbers.random()
        let file = InventoryFile(serial: serial, configuration: configuration, table: table)
        try file.write(to: paths.inventory, on: disk)
        return file
    }

    private func create(_ specification: CartridgeSpecification) throws(LibraryError) {
        do throws(CartridgeError) {
            try Cartridge.create(at: paths.cartridge(specification.barcode), on: disk, specification)
        } catch {
            switch error {
            case .disk(let error): throw LibraryError(error)
            case .invalidBarcode: throw .configurationInvalid(reason: "\(specification.barcode) is not a barcode")
            default: throw .configurationInvalid(reason: error.description)
            }
        }
    }

    // MARK: Store with a library

    /// Cartridges of elements that are gone lie on the shelf.
    private func adapt(
        _ stored: InventoryFile,
        to configuration: LibraryConfiguration?
    ) throws(LibraryError) -> InventoryFile {
        guard var wanted = configuration else { return stored }
        // The cartridges to begin with were made long ago.
        wanted.cartridges = stored.configuration.cartridges
        guard wanted != stored.configuration || (wanted.serial ?? stored.serial) != stored.serial else {
            return stored
        }
        var table = InventoryTable(drives: wanted.drives, slots: wanted.slots, mailSlots: wanted.mailSlots)
        table.revision = stored.table.revision + 1
        var evicted: [String] = []
        for entry in stored.table.cartridges.values {
            table.add(entry)
            guard let place = stored.table.place(of: entry.barcode), let occupant = stored.table[place] else {
                continue
            }
            let source = occupant.source.flatMap { table.has($0) ? $0 : nil }
            if !table.put(entry.barcode, into: place, source: source, imported: occupant.imported) {
                evicted.append(entry.barcode)
            }
        }
        let file = InventoryFile(serial: wanted.serial ?? stored.serial, configuration: wanted, table: table)
        try file.write(to: paths.inventory, on: disk)
        events.record(
            .configurationChanged,
            "The library has \(wanted.drives) drives, \(wanted.slots) slots and \(wanted.mailSlots) mail slots now."
        )
        for barcode in evicted.sorted() {
            events.record(
                .cartridgeExported,
                "\(barcode) lies on the shelf: its place is gone.",
                barcode: barcode
            )
        }
        return file
    }

    // MARK: Devices

    private func makeElements(_ file: InventoryFile) -> RobotElements {
        let stations = (0..<file.configuration.drives).map { index in
            let drive = TapeDrive(
                identity: file.driveIdentity(index),
                model: file.driveModel(index),
                clock: seams.clock
            )
            return DriveStation(index: index, drive: drive, trace: seams.trace)
        }
        return RobotElements(
            paths: paths,
            disk: disk,
            seams: seams,
            events: events,
            identity: file.identity,
            stations: stations,
            file: file
        )
    }

    /// A cartridge that was in a drive still is: the drive threads it again, as after a power cycle.
    private func reload(_ elements: RobotElements) {
        for station in elements.stations {
            let place = ElementPlace.drive(station.index)
            guard let barcode = elements.table[place]?.barcode else { continue }
            // What cannot be opened is noted there; the drive stays empty and the cartridge can be moved out.
            guard let cartridge = try? elements.open(barcode, forDrive: station.index) else { continue }
            station.whileClosed { $0.load(cartridge) }
        }
    }
}

/// The serial numbers of one library, all made from one.
struct SerialNumbers {
    let library: String

    init(_ library: String) {
        self.library = library
    }

    /// Six digits and capitals of its own between fixed characters: as long as those of IBM libraries.
    static func random() -> String {
        let alphabet = Array("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ")
        let own = (0..<6).compactMap { _ in alphabet.randomElement() }
        return "00L4U78" + String(own)
    }

    /// Ten characters, different for every drive of the library, the same after every start.
    func drive(_ index: Int) -> String {
        let number = String(index + 1)
        let own = String(library.suffix(6))
        return "10" + own + (number.count < 2 ? "0" + number : number)
    }

    /// NAA 3h, locally assigned: 52 bits of the serial number's hash, 8 bits of the device's number.
    func worldWideName(_ device: Int) -> UInt64 {
        // FNV-1a: must never change, since initiators know devices by this name.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in library.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        return 0x3 << 60 | (hash & 0xF_FFFF_FFFF_FFFF) << 8 | UInt64(device & 0xFF)
    }
}
