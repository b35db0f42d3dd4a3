// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import ManagementAPI
import Synchronization
import TapeFiles
import TapeLibrary

/// The management API of a real library.
///
/// Owns a thread for reading cartridges; moves run on the library's own. Promises that no request blocks an event
/// loop or the cooperative pool.
package final class LibraryBackend: ManagementBackend {
    /// In larger libraries lists do not open every cartridge to tell how full it is.
    static let openedForListLimit = 2_000

    let library: Library
    let disk: any Disk
    private let ndmp: any NDMPDoor
    private let facts: DaemonFacts
    private let doors: Mutex<DoorsReport>
    let readers = ThreadGate(DeviceThread(name: "console"))

    /// - Parameter doors: as far as they are open; `update(_:)` tells of more.
    package init(library: Library, disk: any Disk, ndmp: any NDMPDoor, facts: DaemonFacts, doors: DoorsReport) {
        self.library = library
        self.disk = disk
        self.ndmp = ndmp
        self.facts = facts
        self.doors = Mutex(doors)
    }

    /// Tells `status` of a door that has opened.
    package func update(_ change: @Sendable (inout DoorsReport) -> Void) {
        doors.withLock { (doors: inout sending DoorsReport) in change(&doors) }
    }

    package var openDoors: DoorsReport { doors.withLock { $0 } }

    // MARK: Looking

    package func status() async throws(APIError) -> StatusReport {
        let inventory = library.inventory()
        let free = await readers.run { try? self.disk.freeSpace(self.library.store) }
        let used = inventory.slots.count { $0.cartridge != nil }
        return StatusReport(
            version: facts.version,
            pid: facts.pid,
            uptimeSeconds: UInt64(clamping: (ContinuousClock.now - facts.started).components.seconds),
            store: library.store,
            storeFreeBytes: free.map { UInt64(clamping: $0) },
            library: LibraryReport(
                vendor: inventory.library.vendor,
                product: inventory.library.product,
                serial: inventory.library.serial,
                changer: library.changer.deviceName
            ),
            doors: openDoors,
            drives: library.drives.map { drive($0, in: inventory) },
            slots: SlotSummary(total: inventory.slots.count, used: used, shelf: inventory.shelf.count),
            mailSlots: inventory.mailSlots.map(element),
            robot: RobotReport(
                element: Int(library.configuration.library.addresses.robot),
                owner: library.changer.holder?.nexus.name
            ),
            sessions: ndmp.sessions()
        )
    }

    package func inventory() async throws(APIError) -> InventoryReport {
        let inventory = library.inventory()
        return InventoryReport(
            elements: (inventory.drives + inventory.slots + inventory.mailSlots).map(element),
            cartridges: await summaries(inventory)
        )
    }

    package func cartridges() async throws(APIError) -> CartridgeList {
        CartridgeList(cartridges: await summaries(library.inventory()))
    }

    package func cartridge(
        _ barcode: String,
        from first: UInt64,
        files limit: Int
    ) async throws(APIError) -> CartridgeReport {
        try await readers.run { () throws(APIError) in try self.report(barcode, from: first, files: limit) }
    }

    // MARK: NDMP

    package func sessions() async throws(APIError) -> SessionList { SessionList(sessions: ndmp.sessions()) }

    package func ndmpSettings() async throws(APIError) -> NDMPSettingsReport { ndmp.settings() }

    package func changeNDMPSettings(
        _ request: ChangeNDMPSettingsRequest
    ) async throws(APIError) -> NDMPSettingsReport {
        try ndmp.change(request)
        let settings = ndmp.settings()
        update { $0.ndmp?.dataPorts = settings.dataPorts }
        return settings
    }

    // MARK: Events

    package func events() async throws(APIError) -> AsyncStream<EventLine> {
        let events = library.subscribe()
        return AsyncStream(bufferingPolicy: .bufferingNewest(Beats.pendingLimit)) { continuation in
            let task = Task {
                for await event in events {
                    continuation.yield(
                        EventLine(
                            sequence: event.sequence,
                            time: event.time,
                            kind: event.kind.rawValue,
                            text: event.sentence
                        )
                    )
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}

/// Reports from snapshots.
extension LibraryBackend {
    private func element(_ entry: ElementEntry) -> ElementReport {
        ElementReport(
            kind: ElementKind(entry.place.kind),
            index: entry.place.number,
            element: Int(entry.address),
            barcode: entry.cartridge?.barcode,
            source: entry.source?.reference
        )
    }

    private func drive(_ station: DriveStation, in inventory: InventorySnapshot) -> DriveReport {
        let status = station.status
        let holder = station.holder
        let entry = inventory.drives.first { $0.place == .drive(station.index) }?.cartridge
        let activity =
            switch holder {
            case let holder? where !holder.purpose.isEmpty: "transferring"
            case _?: "open"
            case nil: entry == nil ? "empty" : status.condition == .ready ? "idle" : "\(status.condition)"
            }
        let position = status.position
        return DriveReport(
            index: station.index,
            name: station.deviceName,
            element: Int(station.identity.elementAddress),
            product: station.identity.product,
            serial: station.identity.serial,
            activity: activity,
            owner: holder?.nexus.name,
            cartridge: entry.map { summary($0, in: station) },
            position: entry == nil
                ? nil
                : DriveReport.Position(
                    partition: position.partition,
                    block: position.block.rawValue,
                    file: position.file,
                    blockInFile: position.blockInFile
                ),
            bytesRead: status.bytesRead,
            bytesWritten: status.bytesWritten
        )
    }

    private func summary(_ entry: CartridgeEntry, in station: DriveStation) -> CartridgeSummary {
        let status = station.status
        var summary = summary(entry, location: ElementPlace.drive(station.index).reference)
        if status.condition == .ready {
            summary.writeProtected = status.isWriteProtected
            summary.usedBytes = status.usedBytes
            if status.partitionCount == 1 { summary.capacityBytes = status.capacityBytes }
        }
        return summary
    }

    /// What is known without opening the cartridge.
    private func summary(_ entry: CartridgeEntry, location: String) -> CartridgeSummary {
        CartridgeSummary(
            barcode: entry.barcode,
            generation: CartridgeInspector.name(ofGeneration: entry.generation),
            kind: entry.kind.rawValue,
            writeProtected: false,
            capacityBytes: entry.capacityBytes ?? MediumGeneration.named(entry.generation)?.capacity.rawValue ?? 0,
            usedBytes: nil,
            location: location,
            problem: entry.condition == .good ? nil : entry.condition.rawValue
        )
    }

    /// Every cartridge of the store; those at rest are opened to see how full they are.
    private func summaries(_ inventory: InventorySnapshot) async -> [CartridgeSummary] {
        let all = inventory.cartridges.map { (entry: $0.cartridge, place: $0.place) }
        let opens = all.count <= Self.openedForListLimit
        return await readers.run {
            all.map { entry, place in
                if case .drive(let number)? = place, self.library.drives.indices.contains(number) {
                    return self.summary(entry, in: self.library.drives[number])
                }
                let location = place?.reference ?? ElementKind.shelf.rawValue
                let known = self.summary(entry, location: location)
                guard opens, entry.condition == .good else { return known }
                let cartridge = try? Cartridge(
                    opening: self.directory(entry.barcode),
                    on: self.disk,
                    access: .readOnly
                )
                guard let cartridge else { return known }
                return CartridgeInspector.summary(
                    cartridge.metadata,
                    usedBytes: CartridgeInspector.used(cartridge),
                    location: location
                )
            }
        }
    }

    /// Runs on the readers' thread.
    func report(
        _ barcode: String,
        from first: UInt64 = 0,
        files limit: Int = CartridgeReport.filesDefault
    ) throws(APIError) -> CartridgeReport {
        let details: CartridgeDetails
        do throws(LibraryError) { details = try library.cartridge(barcode: barcode) } catch { throw APIError(error) }
        if let problem = details.problem { throw APIError(.damaged, "\(barcode): \(problem.withoutFullStop)") }
        do throws(FileError) {
            let stored = StoredCartridge(barcode: barcode, directory: directory(barcode))
            let map = try CartridgeMap(of: stored, on: disk)
            let location = details.place?.reference ?? ElementKind.shelf.rawValue
            return try CartridgeInspector.report(map, location: location, from: first, files: limit)
        } catch { throw APIError(error) }
    }

    func directory(_ barcode: String) -> String { OfflineStore.directory(of: barcode, in: library.store) }
}

extension ElementKind {
    init(_ kind: ElementPlace.Kind) {
        switch kind {
        case .slot: self = .slot
        case .mail: self = .mail
        case .drive: self = .drive
        }
    }
}
