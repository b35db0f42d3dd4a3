// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import ManagementAPI
import TapeLibrary

/// What changes the library. All of it runs on the library's own thread.
extension LibraryBackend {
    /// As events name whoever used the management API.
    private static let actor = "operator"
    /// Cartridges made by one request.
    private static let createLimit = 1_000

    package func move(_ request: MoveRequest) async throws(APIError) -> MoveReport {
        try await change { (library) throws(LibraryError) in
            let source = try library.place(request.from)
            guard let destination = ElementPlace(request.to) else { throw LibraryError.noSuchPlace(request.to) }
            let barcode = try Self.barcode(at: source, in: library)
            try library.move(from: source, to: destination, actor: Self.actor)
            return MoveReport(barcode: barcode, from: source.reference, to: destination.reference)
        }
    }

    package func load(_ request: LoadRequest) async throws(APIError) -> MoveReport {
        try await change { (library) throws(LibraryError) in
            let source = try library.place(request.cartridge)
            let barcode = try Self.barcode(at: source, in: library)
            let destination = ElementPlace.drive(request.drive)
            try library.move(from: source, to: destination, actor: Self.actor)
            return MoveReport(barcode: barcode, from: source.reference, to: destination.reference)
        }
    }

    package func unload(_ request: UnloadRequest) async throws(APIError) -> MoveReport {
        try await change { (library) throws(LibraryError) in
            let source = ElementPlace.drive(request.drive)
            let barcode = try Self.barcode(at: source, in: library)
            let wished = request.slot.map { ElementPlace.slot($0) }
            let destination = try library.unload(drive: request.drive, to: wished, actor: Self.actor)
            return MoveReport(barcode: barcode, from: source.reference, to: destination.reference)
        }
    }

    package func importCartridge(_ request: ImportRequest) async throws(APIError) -> MoveReport {
        try await change { (library) throws(LibraryError) in
            var wished: ElementPlace?
            if let to = request.to {
                guard let place = ElementPlace(to) else { throw LibraryError.noSuchPlace(to) }
                wished = place
            }
            let place = try library.importCartridge(barcode: request.barcode, to: wished, actor: Self.actor)
            return MoveReport(barcode: request.barcode, from: ElementKind.shelf.rawValue, to: place.reference)
        }
    }

    package func exportCartridge(_ request: ExportRequest) async throws(APIError) -> MoveReport {
        try await change { (library) throws(LibraryError) in
            let source = try library.place(request.cartridge)
            let barcode = try Self.barcode(at: source, in: library)
            try library.exportCartridge(barcode: barcode, actor: Self.actor)
            return MoveReport(barcode: barcode, from: source.reference, to: ElementKind.shelf.rawValue)
        }
    }

    package func createCartridges(_ request: CreateCartridgesRequest) async throws(APIError) -> CartridgeList {
        let count = request.barcodes.isEmpty ? request.count ?? 1 : request.barcodes.count
        guard (1...Self.createLimit).contains(count) else {
            throw APIError(.invalid, "one request makes 1 to \(Self.createLimit) cartridges, not \(count)")
        }
        let made = try await change { (library) throws(LibraryError) in
            let series = BarcodeSeries(library: library, request: request)
            // All or none, as far as that can be known before.
            if let known = series.firstTaken(of: request.barcodes) { throw .cartridgeExists(barcode: known) }
            var made: [String] = []
            for barcode in request.barcodes.isEmpty ? series.next(count) : request.barcodes {
                try library.createCartridge(series.specification(barcode), actor: Self.actor)
                made.append(barcode)
            }
            return made
        }
        let wanted = Set(made)
        return CartridgeList(cartridges: try await cartridges().cartridges.filter { wanted.contains($0.barcode) })
    }

    package func deleteCartridge(_ barcode: String) async throws(APIError) {
        try await change { (library) throws(LibraryError) in
            try library.deleteCartridge(barcode: barcode, actor: Self.actor)
        }
    }

    package func changeCartridge(
        _ barcode: String,
        _ request: ChangeCartridgeRequest
    ) async throws(APIError) -> CartridgeReport {
        if let isProtected = request.writeProtected {
            try await change { (library) throws(LibraryError) in
                try library.setWriteProtected(barcode: barcode, isProtected, actor: Self.actor)
            }
        }
        if let label = request.label {
            try await readers.run { () throws(APIError) in try self.setLabel(label, of: barcode) }
        }
        return try await cartridge(barcode, from: 0, files: CartridgeReport.filesDefault)
    }

    private func change<Result: Sendable>(
        _ body: @Sendable (Library) throws(LibraryError) -> Result
    ) async throws(APIError) -> Result {
        do throws(LibraryError) { return try await library.perform(body) } catch { throw APIError(error) }
    }

    /// - Throws: `.sourceEmpty`, `.noSuchElement`.
    private static func barcode(at place: ElementPlace, in library: Library) throws(LibraryError) -> String {
        let inventory = library.inventory()
        let elements =
            switch place {
            case .drive: inventory.drives
            case .slot: inventory.slots
            case .mailSlot: inventory.mailSlots
            }
        guard let entry = elements.first(where: { $0.place == place }) else {
            throw .noSuchElement(place, count: elements.count)
        }
        guard let cartridge = entry.cartridge else { throw .sourceEmpty(place) }
        return cartridge.barcode
    }

    /// Writes MAM attribute 0803h. Runs on the readers' thread.
    private func setLabel(_ label: String, of barcode: String) throws(APIError) {
        let value = Array(label.utf8)
        guard value.count <= CartridgeInspector.labelLimitBytes else {
            throw APIError(.invalid, "a label has at most \(CartridgeInspector.labelLimitBytes) bytes")
        }
        let loan = try borrow(barcode)
        defer { loan.end() }
        do throws(CartridgeError) {
            let cartridge = try Cartridge(opening: loan.directory, on: disk, access: .readWrite)
            try cartridge.updateMetadata { metadata in
                metadata.attributes.removeAll { $0.identifier == CartridgeInspector.labelIdentifier }
                guard !value.isEmpty else { return }
                metadata.attributes.append(
                    MediumAttribute(
                        partition: 0,
                        identifier: CartridgeInspector.labelIdentifier,
                        format: 2,
                        readOnly: false,
                        value: value
                    )
                )
            }
            try cartridge.close()
        } catch { throw APIError(error, barcode: barcode) }
    }

    /// Takes a cartridge that is not in a drive out of the robot's reach for a while.
    func borrow(_ barcode: String) throws(APIError) -> CartridgeLoan {
        do throws(LibraryError) { return try library.borrowCartridge(barcode: barcode) } catch { throw APIError(error) }
    }
}

/// The barcodes and kinds of cartridges that one request makes.
struct BarcodeSeries: Sendable {
    private let request: CreateCartridgesRequest
    private let prefix: String
    private let generation: Int
    private let taken: Set<String>

    init(library: Library, request: CreateCartridgesRequest) {
        let defaults = library.configuration.cartridges
        self.init(
            request: request,
            prefix: defaults.prefix,
            generation: defaults.generation,
            taken: Set(library.inventory().cartridges.map(\.cartridge.barcode))
        )
    }

    init(request: CreateCartridgesRequest, prefix: String, generation: Int, taken: Set<String>) {
        self.request = request
        self.prefix = prefix
        self.generation = generation
        self.taken = taken
    }

    /// The first of these barcodes that a cartridge bears already, or that stands twice among them.
    func firstTaken(of barcodes: [String]) -> String? {
        var seen = taken
        return barcodes.first { !seen.insert($0).inserted }
    }

    /// The next free barcodes: `CAP017L8`, `CLN001CU`.
    func next(_ count: Int) -> [String] {
        var result: [String] = []
        var number = 1
        while result.count < count, number < 100_000 {
            let digits = String(number)
            let padded = String(repeating: "0", count: max(0, 3 - digits.count)) + digits
            let barcode = (request.cleaning ? "CLN" : prefix) + padded + suffix
            if !taken.contains(barcode) { result.append(barcode) }
            number += 1
        }
        return result
    }

    /// What the barcode says holds unless the request says otherwise.
    func specification(_ barcode: String) -> CartridgeSpecification {
        var result = CartridgeSpecification.following(
            barcode: barcode,
            capacity: request.capacityBytes.map { ByteCount($0) },
            otherwise: generation
        )
        if let chosen = request.generation {
            result.generation = chosen
            if result.kind == .worm { result.kind = .data }
        }
        if request.worm { result.kind = .worm }
        if request.cleaning { result.kind = .cleaning }
        return result
    }

    /// The media identifier that LTO labels end with.
    private var suffix: String {
        if request.cleaning { return "CU" }
        let generation = request.generation ?? self.generation
        if generation == 78 { return "M8" }
        if request.worm, let letter = Self.wormLetters[generation] { return "L\(letter)" }
        return "L\(generation)"
    }

    private static let wormLetters: [Int: Character] = [5: "V", 6: "W", 7: "X", 8: "Y", 9: "Z"]
}
