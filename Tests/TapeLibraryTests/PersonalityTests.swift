// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import LogicalUnits
import SCSI
import SimulatedDisk
import TapeLibrary
import Testing

@Suite("Personalities")
struct PersonalityTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Config/personalities").standardizedFileURL

    /// Reads the plain YAML of these files, `key: value` and one level of nesting, as JSON. The program uses a parser.
    private static func json(_ file: String) throws -> Data {
        var object: [String: Any] = [:]
        var nested: String?
        for line in try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8).split(separator: "\n")
        {
            guard !line.hasPrefix("#"), let colon = line.firstIndex(of: ":") else { continue }
            let key = line[..<colon].trimmingCharacters(in: .whitespaces)
            let text = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            let value: Any =
                if text.hasPrefix("\"") {
                    text.replacingOccurrences(of: "\"", with: "")
                } else if text.hasPrefix("0x") {
                    Int(text.dropFirst(2), radix: 16) ?? -1
                } else {
                    Int(text) ?? text
                }
            if line.hasPrefix(" "), let nested {
                var inner = object[nested] as? [String: Any] ?? [:]
                inner[key] = value
                object[nested] = inner
            } else if text.isEmpty {
                nested = key
            } else {
                object[key] = value
            }
        }
        return try JSONSerialization.data(withJSONObject: object)
    }

    private static func files(of kind: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().filter { file in
            try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8).contains("kind: \(kind)\n")
        }
    }

    private static func library(_ name: String) throws -> LibraryPersonality {
        try JSONDecoder().decode(LibraryPersonality.self, from: json(name + ".yaml"))
    }

    private static func drive(_ name: String) throws -> DrivePersonality {
        try JSONDecoder().decode(DrivePersonality.self, from: json(name + ".yaml"))
    }

    @Test("Every library file makes a library of 2 drives, 24 slots and a mail slot; its name is the file's")
    func libraries() throws {
        let files = try Self.files(of: "library")
        #expect(files.count >= 6)
        for file in files {
            let personality = try JSONDecoder().decode(LibraryPersonality.self, from: Self.json(file))
            #expect(personality.name + ".yaml" == file)
            let configuration = LibraryConfiguration(
                drives: 2,
                slots: 24,
                mailSlots: 1,
                library: personality,
                cartridges: .init(count: 1, capacityBytes: 4 << 20)
            )
            let library = try openLibrary(on: SimulatedDisk(), configuration)
            let host = Nexus(id: 1, name: "test")
            let inquiry = library.robot([0x12, 0, 0, 0, 96, 0], as: host).dataIn
            let product = personality.product + String(repeating: " ", count: 16 - personality.product.utf8.count)
            #expect(String(decoding: inquiry[16..<32], as: UTF8.self) == product)
            try library.load(barcode: "CAP001L8", drive: 1)
            #expect(library.inventory().drives[1].address == personality.addresses.drive + 1)
            try library.close()
        }
    }

    @Test("Every drive file makes a drive of its generation; LTO-5 to LTO-9 are there")
    func drives() throws {
        var generations: Set<Int> = []
        for file in try Self.files(of: "drive") {
            let personality = try JSONDecoder().decode(DrivePersonality.self, from: Self.json(file))
            #expect(personality.name + ".yaml" == file)
            generations.insert(personality.generation)
            let configuration = LibraryConfiguration(
                drives: 1,
                slots: 4,
                driveModels: [personality],
                cartridges: .init(count: 0)
            )
            let library = try openLibrary(on: SimulatedDisk(), configuration)
            let host = Nexus(id: 1, name: "test")
            let inquiry = try library.drives[0].run([0x12, 0, 0, 0, 36, 0], as: host).dataIn
            let text = String(decoding: inquiry[8..<36], as: UTF8.self)
            #expect(text.hasPrefix(personality.vendor) && text.hasSuffix(personality.revision))
            #expect(text.contains(personality.product))
            #expect(library.drives[0].model.generation == personality.generation)
            try library.close()
        }
        #expect(generations == [5, 6, 7, 8, 9])
    }

    @Test("The files of the defaults say what is built in")
    func defaults() throws {
        #expect(try Self.library("ibm-3573-tl") == .ibm3573TL)
        #expect(try Self.drive("ibm-lto8") == .ibmLTO8)
    }

    @Test("Drives of several models stand side by side; the last one listed fills up")
    func mixed() throws {
        let configuration = LibraryConfiguration(
            drives: 3,
            driveModels: [try Self.drive("ibm-lto9"), try Self.drive("ibm-lto7")],
            cartridges: .init(count: 0)
        )
        let library = try openLibrary(on: SimulatedDisk(), configuration)
        #expect(library.drives.map(\.model.generation) == [9, 7, 7])
        try library.close()
    }

    @Test("More slots than the addresses of a family have room for are refused with the number that fits")
    func addressRoom() throws {
        let configuration = LibraryConfiguration(slots: 417, library: try Self.library("hp-msl-g3"))
        let error = #expect(throws: LibraryError.self) { try openLibrary(on: SimulatedDisk(), configuration) }
        #expect(error?.sentence.contains("at most 416") == true)
    }

    @Test("INQUIRY strings that are too long or not ASCII are refused")
    func strings() {
        for (vendor, product) in [("TOOLONGVENDOR", "X"), ("IBM", "é"), ("", "X")] {
            var configuration = smallConfiguration()
            configuration.library.vendor = vendor
            configuration.library.product = product
            #expect(throws: LibraryError.self) { try openLibrary(on: SimulatedDisk(), configuration) }
        }
    }
}
