// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import FoundationEssentials

/// `library.json`: configuration and inventory in one file, replaced as a whole with every change, so that a crash
/// leaves the state before or after it and nothing between.
///
/// The file lists cartridges, each with at most one place: a cartridge in two elements cannot be written down.
struct InventoryFile: Sendable {
    static let formatVersion = 1
    /// `maximumCartridges` entries of about 200 bytes, and room.
    static let maximumBytes = 64 << 20
    /// No library is changed that often; counting on from there must not overflow.
    static let lastRevision: UInt64 = 1 << 60

    var serial: String
    var configuration: LibraryConfiguration
    var table: InventoryTable

    init(serial: String, configuration: LibraryConfiguration, table: InventoryTable) {
        self.serial = serial
        self.configuration = configuration
        self.table = table
    }

    private struct Contents: Codable {
        var format: String
        var formatVersion: Int
        var revision: UInt64
        var serial: String
        var configuration: LibraryConfiguration
        var cartridges: [Line]
    }

    private struct Version: Decodable {
        var format: String
        var formatVersion: Int
    }

    /// One cartridge; without `place` it lies on the shelf.
    private struct Line: Codable {
        var barcode: String
        var generation: Int
        var kind: MediumKind
        var capacityBytes: UInt64?
        var place: ElementPlace?
        var source: ElementPlace?
        var imported: Bool?
    }

    private static let formatName = "capstan-library"

    /// - Throws: `.diskFull`, `.diskFailed`; the file is then as before or as asked, never anything else.
    func write(to path: String, on disk: any Disk) throws(LibraryError) {
        let lines = table.cartridges.values.sorted { $0.barcode < $1.barcode }.map { entry in
            let place = table.place(of: entry.barcode)
            let occupant = place.flatMap { table[$0] }
            return Line(
                barcode: entry.barcode,
                generation: entry.generation,
                kind: entry.kind,
                capacityBytes: entry.capacityBytes,
                place: place,
                source: occupant?.source,
                imported: occupant?.imported == true ? true : nil
            )
        }
        let contents = Contents(
            format: Self.formatName,
            formatVersion: Self.formatVersion,
            revision: table.revision,
            serial: serial,
            configuration: configuration,
            cartridges: lines
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let bytes: [UInt8]
        do {
            bytes = Array(try encoder.encode(contents)) + [0x0A]
        } catch {
            throw .diskFailed(operation: "encode", path: path, reason: "\(error)")
        }
        do throws(DiskError) {
            try disk.replaceContents(of: path, with: bytes)
        } catch {
            throw LibraryError(error)
        }
    }

    /// - Returns: nil when there is no such file.
    /// - Throws: `.inventoryDamaged`, `.inventoryTooNew`, `.storeUnusable`.
    static func read(from path: String, on disk: any Disk) throws(LibraryError) -> InventoryFile? {
        let bytes: [UInt8]
        do throws(DiskError) {
            bytes = try disk.readContents(of: path, limit: maximumBytes)
        } catch {
            if error.isNotFound { return nil }
            throw .storeUnusable(path: path, reason: error.description)
        }
        let data = Data(bytes)
        let decoder = JSONDecoder()
        do {
            let version = try decoder.decode(Version.self, from: data)
            guard version.format == formatName else {
                throw LibraryError.inventoryDamaged(path: path, reason: "it is not a library's inventory")
            }
            guard version.formatVersion <= formatVersion else {
                throw LibraryError.inventoryTooNew(path: path, version: version.formatVersion)
            }
            return try Self(try decoder.decode(Contents.self, from: data), path: path)
        } catch let error as LibraryError {
            throw error
        } catch {
            throw .inventoryDamaged(path: path, reason: reason(of: error))
        }
    }

    private init(_ contents: Contents, path: String) throws(LibraryError) {
        serial = contents.serial
        configuration = contents.configuration
        do throws(LibraryError) {
            try configuration.validate()
        } catch {
            throw .inventoryDamaged(path: path, reason: error.sentence)
        }
        guard contents.cartridges.count <= InventoryTable.maximumCartridges else {
            throw .inventoryDamaged(path: path, reason: "it lists \(contents.cartridges.count) cartridges")
        }
        guard contents.revision < Self.lastRevision else {
            throw .inventoryDamaged(path: path, reason: "its revision is \(contents.revision)")
        }
        table = InventoryTable(
            drives: configuration.drives,
            slots: configuration.slots,
            mailSlots: configuration.mailSlots
        )
        table.revision = contents.revision
        for line in contents.cartridges {
            guard Barcode.isValid(line.barcode) else {
                throw .inventoryDamaged(path: path, reason: "a barcode in it is not valid")
            }
            guard table.cartridges[line.barcode] == nil else {
                throw .inventoryDamaged(path: path, reason: "it lists \(line.barcode) twice")
            }
            table.add(
                CartridgeEntry(
                    barcode: line.barcode,
                    generation: line.generation,
                    kind: line.kind,
                    capacityBytes: line.capacityBytes,
                    condition: .good
                )
            )
            guard let place = line.place else { continue }
            let isPut = table.put(
                line.barcode,
                into: place,
                source: line.source.flatMap { table.has($0) ? $0 : nil },
                imported: line.imported ?? false
            )
            guard isPut else {
                throw .inventoryDamaged(
                    path: path,
                    reason: "it puts \(line.barcode) into \(place), which is taken or does not exist"
                )
            }
        }
    }

    private static func reason(of error: any Error) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        return switch error {
        case .keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(context.codingPath.map(\.stringValue).joined(separator: ".")) has the wrong type"
        case .dataCorrupted(let context): context.debugDescription
        @unknown default: "it cannot be read"
        }
    }
}
