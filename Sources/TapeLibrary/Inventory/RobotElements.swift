// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import LogicalUnits
import SCSI

/// The elements of the library on disk and in drives: what moves cartridges.
///
/// Owns the inventory file and puts cartridges into drives and takes them out. Promises that the inventory changes in
/// one step, on disk first, and that a move which fails leaves the cartridge where it was. Which moves are allowed is
/// the changer's business. Guarded by the library's lock.
final class RobotElements: ElementStore {
    let paths: StorePaths
    let disk: any Disk
    let seams: LibrarySeams
    let events: EventLog
    let identity: LibraryIdentity
    let stations: [DriveStation]
    let published: Guarded<InventorySnapshot>
    let elementMap: ElementMap

    private(set) var file: InventoryFile
    /// Barcodes of cartridges that are being verified.
    var verifying: Set<String> = []
    /// Who asked for what happens now, for events.
    var actor: String?
    /// The move under way takes nothing out of a drive that a door has open.
    var sparesOpenDrives = false
    /// What the last CHECK CONDITION from here meant, in full.
    private(set) var refusal: LibraryError?

    var table: InventoryTable { file.table }
    var configuration: LibraryConfiguration { file.configuration }

    init(
        paths: StorePaths,
        disk: any Disk,
        seams: LibrarySeams,
        events: EventLog,
        identity: LibraryIdentity,
        stations: [DriveStation],
        file: InventoryFile
    ) {
        self.paths = paths
        self.disk = disk
        self.seams = seams
        self.events = events
        self.identity = identity
        self.stations = stations
        self.file = file
        let configuration = file.configuration
        let addresses = configuration.library.addresses
        self.elementMap = ElementMap(
            mediumTransport: ElementRange(first: addresses.robot, count: 1),
            storage: ElementRange(first: addresses.slot, count: configuration.slots),
            importExport: ElementRange(first: addresses.mailSlot, count: configuration.mailSlots),
            dataTransfer: ElementRange(first: addresses.drive, count: configuration.drives)
        )
        let empty = InventorySnapshot(
            revision: 0,
            library: identity,
            drives: [],
            slots: [],
            mailSlots: [],
            shelf: []
        )
        self.published = Guarded(empty, name: "published inventory")
        publish()
    }

    // MARK: Changing the inventory

    /// Changes the inventory durably: on disk, then here, then for everyone to see.
    ///
    /// - Parameter change: false when the inventory does not allow it.
    func commit(_ change: (inout InventoryTable) -> Bool) throws(LibraryError) {
        var next = file
        guard change(&next.table) else {
            throw .refused(reason: "the inventory does not allow it")
        }
        next.table.revision += 1
        try next.write(to: paths.inventory, on: disk)
        file = next
        publish()
    }

    /// What is known about a cartridge's files; not written down, since looking tells it again.
    func setCondition(_ condition: CartridgeEntry.Condition, of barcode: String) {
        setConditions([barcode: condition])
    }

    /// The same for many at once, such as all of a directory that is not mounted.
    func setConditions(_ conditions: [String: CartridgeEntry.Condition]) {
        let changes = conditions.filter { barcode, condition in
            table.cartridges[barcode].map { $0.condition != condition } ?? false
        }.sorted { $0.key < $1.key }
        guard !changes.isEmpty else { return }
        for (barcode, condition) in changes {
            file.table.setCondition(condition, of: barcode)
        }
        // Whoever compares revisions sees that something is new; it is written down with the next change.
        file.table.revision += 1
        publish()
        for (barcode, condition) in changes.prefix(Self.maximumSingleReports) {
            report(condition, of: barcode)
        }
        let more = changes.count - Self.maximumSingleReports
        if more > 0 {
            events.record(.warning, "\(more) more cartridges went missing or came back; the inventory shows them.")
        }
    }

    /// Cartridges reported one by one when many change at once; more would only push other events out.
    private static let maximumSingleReports = 50

    private func report(_ condition: CartridgeEntry.Condition, of barcode: String) {
        let place = table.place(of: barcode)
        switch condition {
        case .good: events.record(.cartridgeFound, "\(barcode) is back.", barcode: barcode, place: place)
        case .missing:
            let location = place.map { ", which the inventory has in \($0)," } ?? ""
            events.record(
                .cartridgeMissing,
                "The directory of \(barcode)\(location) is gone from the store.",
                barcode: barcode,
                place: place
            )
        case .damaged:
            events.record(.cartridgeDamaged, "\(barcode) cannot be opened.", barcode: barcode, place: place)
        }
    }

    private func publish() {
        let snapshot = file.snapshot
        published.withLock { $0 = snapshot }
    }

    func forgetRefusal() {
        refusal = nil
    }

    // MARK: Addresses

    func address(of place: ElementPlace) -> UInt16 { file.address(of: place) }

    func place(at address: UInt16) -> ElementPlace? {
        if let index = elementMap.storage.index(of: address) { return .slot(index + 1) }
        if let index = elementMap.dataTransfer.index(of: address) { return .drive(index) }
        if let index = elementMap.importExport.index(of: address) { return .mailSlot(index + 1) }
        return nil
    }

    // MARK: ElementStore

    func elements(of type: ElementType, from start: UInt16, limit: Int) -> [ElementState] {
        let range = elementMap[type]
        let skipped = max(0, Int(start) - Int(range.first))
        guard skipped < range.count, limit > 0 else { return [] }
        return (skipped..<min(range.count, skipped + limit)).compactMap { index in
            element(at: UInt16(clamping: Int(range.first) + index))
        }
    }

    func element(at address: UInt16) -> ElementState? {
        guard let place = place(at: address) else {
            guard elementMap.mediumTransport.contains(address) else { return nil }
            return ElementState(address: address, type: .mediumTransport)
        }
        let occupant = table[place]
        let cartridge = occupant.flatMap { table.cartridges[$0.barcode] }
        var state = ElementState(address: address, type: type(of: place), volumeTag: occupant?.barcode)
        state.source = occupant?.source.map(self.address)
        state.isImported = occupant?.imported ?? false
        if let cartridge {
            state.medium = mediumClass(of: cartridge.kind)
            if cartridge.condition != .good {
                state.exception = .incompatibleMedium
            }
        }
        if case .drive(let number) = place {
            describeDrive(number, cartridge, &state)
        }
        return state
    }

    /// The robot reaches a cartridge in a drive only when the drive has let go of it.
    private func describeDrive(_ number: Int, _ cartridge: CartridgeEntry?, _ state: inout ElementState) {
        let station = stations[number]
        let condition = station.status.condition
        state.isAccessible = cartridge == nil || condition == .empty || condition == .ejected
        if cartridge?.kind == .cleaning {
            state.exception = .cleaningCartridgeInstalled
        }
        state.deviceIdentifier = identifier(of: station)
    }

    private func identifier(of station: DriveStation) -> ElementDeviceIdentifier {
        let serial = Array(station.identity.serial.utf8)
        guard configuration.library.driveIdentifier == .vendorProductSerial else {
            return ElementDeviceIdentifier(codeSet: 2, type: 0, bytes: serial)
        }
        let bytes = padded(station.identity.vendor, 8) + padded(station.identity.product, 16) + serial
        return ElementDeviceIdentifier(codeSet: 2, type: 1, bytes: bytes)
    }

    private func padded(_ text: String, _ width: Int) -> [UInt8] {
        let bytes = Array(text.utf8.prefix(width))
        return bytes + [UInt8](repeating: 0x20, count: width - bytes.count)
    }

    private func type(of place: ElementPlace) -> ElementType {
        switch place.kind {
        case .slot: .storage
        case .mail: .importExport
        case .drive: .dataTransfer
        }
    }

    private func mediumClass(of kind: MediumKind) -> ElementState.MediumClass {
        switch kind {
        case .data: .data
        case .worm: .worm
        case .cleaning: .cleaning
        }
    }

    func move(from source: UInt16, to destination: UInt16) throws(CheckCondition) {
        guard let from = place(at: source), let to = place(at: destination) else {
            throw CheckCondition(.illegalRequest, .invalidElementAddress)
        }
        try asCheckCondition { () throws(LibraryError) in
            try carry([Carriage(from: from, to: to)]) { $0.move(from: from, to: to) }
        }
    }

    func exchange(source: UInt16, first: UInt16, second: UInt16) throws(CheckCondition) {
        guard let from = place(at: source), let middle = place(at: first), let to = place(at: second) else {
            throw CheckCondition(.illegalRequest, .invalidElementAddress)
        }
        try asCheckCondition { () throws(LibraryError) in
            try carry([Carriage(from: from, to: middle), Carriage(from: middle, to: to)]) {
                $0.exchange(source: from, first: middle, second: to)
            }
        }
    }

    func takeInventory(of addresses: ClosedRange<UInt16>?) throws(CheckCondition) {
        try asCheckCondition { () throws(LibraryError) in try reconcile() }
    }

    /// Remembers what happened in full, and says it in the changer's words.
    private func asCheckCondition(_ body: () throws(LibraryError) -> Void) throws(CheckCondition) {
        refusal = nil
        do throws(LibraryError) {
            try body()
        } catch {
            refusal = error
            throw CheckCondition(error.sense)
        }
    }
}

extension LibraryError {
    /// SMC and SPC sense for what can go wrong while the robot works.
    fileprivate var sense: SenseData {
        switch self {
        case .driveLeased, .removalPreventedByDrive:
            SenseData(.illegalRequest, .removalPreventedByDataTransferElement)
        case .cartridgeBusy: SenseData(.notReady, AdditionalSense(0x04, 0x07))
        case .loadFailed, .cartridgeMissing, .cartridgeDamaged: SenseData(.hardwareError, AdditionalSense(0x53, 0x09))
        case .unloadFailed: SenseData(.hardwareError, AdditionalSense(0x53, 0x0C))
        case .robotFailed(let sense): sense
        default: SenseData(.hardwareError, .internalTargetFailure)
        }
    }
}
