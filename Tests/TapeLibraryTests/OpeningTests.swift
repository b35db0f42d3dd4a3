// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import SCSI
import SimulatedDisk
import Synchronization
import TapeLibrary
import Testing

@Suite("Opening a store")
struct OpeningTests {
    @Test("A new store becomes the default library: 4 LTO-8 drives, 24 slots, 2 mail slots, 16 cartridges")
    func defaultLibrary() throws {
        let library = try Library.open(store: store, disk: SimulatedDisk())
        let inventory = library.inventory()
        #expect(inventory.drives.count == 4)
        #expect(inventory.slots.count == 24)
        #expect(inventory.mailSlots.count == 2)
        let barcodes = [1, 2, 3, 4, 5, 6, 7, 8, 9].map { "CAP00\($0)L8" } + (10...16).map { "CAP0\($0)L8" }
        #expect(inventory.slots.prefix(16).compactMap(\.cartridge?.barcode) == barcodes)
        #expect(inventory.slots[16...].allSatisfy { $0.cartridge == nil })
        let addresses: [UInt16] = Array(0x1000...0x1017)
        #expect(inventory.slots.map(\.address) == addresses)
        #expect(inventory.drives.map(\.address) == [0x100, 0x101, 0x102, 0x103])
        #expect(inventory.mailSlots.map(\.address) == [0x10, 0x11])
        #expect(inventory.library.product == "3573-TL")
        #expect(library.drives.map(\.deviceName) == ["nst0", "nst1", "nst2", "nst3"])
        #expect(library.changer.deviceName == "sg0")
        #expect(library.drives.allSatisfy { $0.identity.product == "ULT3580-TD8" && $0.identity.serial.count == 10 })
        try library.close()
    }

    @Test("Serial numbers and places are the same after a restart")
    func restart() throws {
        let disk = SimulatedDisk()
        let first = try Library.open(store: store, disk: disk)
        try first.move(from: .slot(1), to: .slot(20))
        let before = first.inventory()
        let serials = first.drives.map(\.identity.serial)
        try first.close()
        let second = try Library.open(store: store, disk: disk)
        #expect(second.inventory() == before)
        #expect(second.drives.map(\.identity.serial) == serials)
        #expect(Set(serials).count == 4)
        #expect(Set(second.drives.map(\.identity.worldWideName)).count == 4)
        try second.close()
    }

    @Test("A store in use is refused, with the process that holds it")
    func storeInUse() throws {
        let disk = SimulatedDisk()
        let library = try openLibrary(on: disk)
        let error = #expect(throws: LibraryError.self) { try openLibrary(on: disk) }
        #expect(error == .storeInUse(path: store, pid: getpid()))
        #expect(error?.sentence.contains("process \(getpid())") == true)
        try library.close()
        try openLibrary(on: disk).close()
    }

    @Test(
        "A damaged library.json is an error that names the file, and stays as it is",
        arguments: [
            "", "{", "[]", "{\"format\":\"other\",\"formatVersion\":1}",
            "{\"format\":\"capstan-library\",\"formatVersion\":1}",
        ]
    )
    func damaged(text: String) throws {
        let disk = SimulatedDisk()
        try openLibrary(on: disk).close()
        disk.setBytes(Array(text.utf8), of: "/store/library.json")
        let error = try #require(throws: LibraryError.self) { try openLibrary(on: disk) }
        #expect(error.code == "inventory-damaged")
        #expect(error.sentence.contains("/store/library.json"))
        #expect(error.hint.contains("move the file away"))
        #expect(disk.bytes(of: "/store/library.json") == Array(text.utf8))
    }

    @Test("Two cartridges in one element, one in an element that is not there, a newer version: refused")
    func inconsistent() throws {
        let disk = SimulatedDisk()
        try openLibrary(on: disk).close()
        let text = String(decoding: disk.bytes(of: "/store/library.json") ?? [], as: UTF8.self)
        for (old, new, code) in [
            ("\"slot:2\"", "\"slot:1\"", "inventory-damaged"), ("\"slot:2\"", "\"slot:99\"", "inventory-damaged"),
            ("\"CAP002L8\"", "\"CAP001L8\"", "inventory-damaged"), ("\"slot:2\"", "\"nowhere\"", "inventory-damaged"),
            ("\"revision\" : 1", "\"revision\" : 18446744073709551615", "inventory-damaged"),
            ("\"formatVersion\" : 1", "\"formatVersion\" : 2", "inventory-too-new"),
        ] {
            let changed = text.replacingOccurrences(of: old, with: new)
            #expect(changed != text)
            disk.setBytes(Array(changed.utf8), of: "/store/library.json")
            let error = #expect(throws: LibraryError.self) { try openLibrary(on: disk) }
            #expect(error?.code == code)
        }
    }

    @Test("Moved away, library.json is made anew around the cartridges that are there")
    func withoutInventory() throws {
        let disk = SimulatedDisk()
        let first = try openLibrary(on: disk)
        try first.createCartridge(.following(barcode: "XYZ001L8", capacity: ByteCount(4 << 20)))
        try first.deleteCartridge(barcode: "CAP002L8")
        try first.close()
        try disk.remove("/store/library.json")
        let second = try openLibrary(on: disk)
        #expect(contents(second) == ["shelf: XYZ001L8", "slot 1: CAP001L8", "slot 3: CAP003L8"])
        try second.close()
    }

    @Test("Cartridges that are gone, damaged or unknown are events and status, never fatal")
    func reconciling() throws {
        let disk = SimulatedDisk()
        try openLibrary(on: disk).close()
        try disk.removeTree("/store/cartridges/CAP001L8")
        try disk.makeDirectory("/store/cartridges/BROKEN1L8")
        try disk.makeDirectory("/store/cartridges/not a cartridge")
        try disk.makeDirectory("/store/cartridges/CAP009L8.new")
        try disk.rename(from: "/store/cartridges/CAP003L8", to: "/store/cartridges/CAP003L8.deleted")
        let library = try openLibrary(on: disk)
        #expect(contents(library) == ["shelf: BROKEN1L8", "slot 1: CAP001L8", "slot 2: CAP002L8"])
        let inventory = library.inventory()
        #expect(inventory.slots[0].cartridge?.condition == .missing)
        #expect(inventory.shelf.first?.condition == .damaged)
        let kinds = library.events().map(\.kind)
        #expect(kinds.contains(.cartridgeMissing) && kinds.contains(.cartridgeDamaged) && kinds.contains(.warning))
        #expect(try disk.list("/store/cartridges") == ["BROKEN1L8", "CAP002L8", "not a cartridge"])
        let error = #expect(throws: LibraryError.self) { try library.load(barcode: "CAP001L8", drive: 0) }
        #expect(error?.code == "load-failed")
        #expect(library.inventory().slots[0].cartridge?.barcode == "CAP001L8")
        try library.deleteCartridge(barcode: "CAP001L8")
        try library.deleteCartridge(barcode: "BROKEN1L8")
        #expect(contents(library) == ["slot 2: CAP002L8"])
        try library.close()
    }

    @Test("An import that was cut off leaves the old cartridge, or the new one where the old is gone", arguments: 0...3)
    func cutOffImport(step: Int) throws {
        let disk = SimulatedDisk()
        try openLibrary(on: disk).close()
        let place = "/store/cartridges/CAP001L8"
        let folder = place + ".import"
        let specification = CartridgeSpecification(barcode: "CAP001L8", capacity: .mebibytes(2))
        try disk.makeDirectory(folder)
        try Cartridge.create(at: folder + "/CAP001L8", on: disk, specification)
        if step == 1 { try disk.rename(from: place, to: folder + "/old") }
        if step == 2 { try disk.removeTree(place) }
        if step == 3 { try disk.exchange(place, folder + "/CAP001L8") }
        let library = try openLibrary(on: disk)
        #expect(try disk.list("/store/cartridges") == ["CAP001L8", "CAP002L8", "CAP003L8"])
        let details = try library.cartridge(barcode: "CAP001L8")
        #expect(details.metadata?.capacity == .mebibytes(step < 2 ? 4 : 2))
        #expect(details.entry.condition == .good && details.place == .slot(1))
        // One that runs is not disturbed when the changer counts what it has.
        let loan = try library.borrowCartridge(barcode: "CAP001L8")
        try disk.makeDirectory(folder)
        let nexus = Nexus(id: 1, name: "ndmp one")
        try library.changer.open(as: nexus)
        #expect(library.robot([0x07, 0, 0, 0, 0, 0], as: nexus).status == .good)
        #expect(disk.exists(folder))
        loan.end()
        #expect(library.robot([0x07, 0, 0, 0, 0, 0], as: nexus).status == .good)
        #expect(!disk.exists(folder))
        try library.close()
    }

    @Test("A directory named as deleted does not take a cartridge out of the drive that has it loaded")
    func deletedWhileLoaded() throws {
        let disk = SimulatedDisk()
        let library = try openLibrary(on: disk)
        let nexus = Nexus(id: 1, name: "ndmp one")
        try library.changer.open(as: nexus)
        try library.load(barcode: "CAP001L8", drive: 0)
        try disk.rename(from: "/store/cartridges/CAP001L8", to: "/store/cartridges/CAP001L8.deleted")
        #expect(library.robot([0x07, 0, 0, 0, 0, 0], as: nexus).status == .good)
        #expect(library.inventory().drives[0].cartridge?.barcode == "CAP001L8")
        #expect(sense(library.robot(moveMedium(0x1001, 0x0100), as: nexus)) == [0x05, 0x3B, 0x0D])
        #expect(disk.exists("/store/cartridges/CAP001L8.deleted"))
        try library.close()
    }

    @Test("Fewer elements: their cartridges lie on the shelf; more: nothing else moves")
    func reconfiguration() throws {
        let disk = SimulatedDisk()
        let first = try openLibrary(on: disk)
        try first.load(barcode: "CAP001L8", drive: 1)
        try first.close()
        let second = try openLibrary(on: disk, smallConfiguration(drives: 1, slots: 2, mailSlots: 0, cartridges: 2))
        #expect(contents(second) == ["shelf: CAP001L8", "shelf: CAP003L8", "slot 2: CAP002L8"])
        try second.close()
        let third = try openLibrary(on: disk, smallConfiguration(drives: 3, slots: 9))
        #expect(contents(third) == ["shelf: CAP001L8", "shelf: CAP003L8", "slot 2: CAP002L8"])
        #expect(third.inventory().slots.count == 9)
        try third.close()
        let fourth = try openLibrary(on: disk, nil)
        #expect(fourth.inventory().drives.count == 3)
        try fourth.close()
    }

    @Test("What cannot be configured is said in a sentence")
    func badConfigurations() {
        for (configuration, words) in [
            (LibraryConfiguration(drives: 0), "1 to 64 drives"), (LibraryConfiguration(slots: 0), "slots"),
            (LibraryConfiguration(mailSlots: -1), "mail slots"), (LibraryConfiguration(slots: 3), "do not fit"),
            (LibraryConfiguration(mailSlots: 200), ""), (LibraryConfiguration(serial: "x y"), "serial number"),
        ] {
            let error = #expect(throws: LibraryError.self) {
                try Library.open(store: store, disk: SimulatedDisk(), configuration: configuration).close()
                if words.isEmpty { throw LibraryError.configurationInvalid(reason: "") }
            }
            #expect(error?.code == "configuration-invalid")
            #expect(error?.sentence.contains(words) == true || words.isEmpty)
        }
    }

    @Test("Opening a store of 10,000 cartridges reads the inventory and opens none of them")
    func manyCartridges() throws {
        let disk = SimulatedDisk()
        try openLibrary(on: disk, smallConfiguration(slots: 10_000, cartridges: 0)).close()
        var text = String(decoding: disk.bytes(of: "/store/library.json") ?? [], as: UTF8.self)
        let lines = (1...10_000).map { number in
            #"{"barcode":"C\#(number)L8","generation":8,"kind":"data","place":"slot:\#(number)"}"#
        }
        text = text.replacingOccurrences(
            of: #""cartridges" : \[\s*\]"#,
            with: "\"cartridges\" : [\(lines.joined(separator: ","))]",
            options: .regularExpression
        )
        disk.setBytes(Array(text.utf8), of: "/store/library.json")
        for number in 1...10_000 {
            try disk.makeDirectory("/store/cartridges/C\(number)L8")
        }
        let opened = Opened()
        disk.intercept = { operation, path in
            if operation == .open, path.contains("/cartridges/") { opened.paths.withLock { $0.append(path) } }
            return nil
        }
        let library = try openLibrary(on: disk, nil)
        #expect(library.inventory().slots.allSatisfy { $0.cartridge?.condition == .good })
        #expect(library.inventory().cartridges.count == 10_000)
        #expect(opened.paths.withLock { $0 }.isEmpty)
        try library.move(from: .slot(10_000), to: .mailSlot(1))
        try library.close()
    }

    private final class Opened: Sendable {
        let paths = Mutex<[String]>([])
    }
}
