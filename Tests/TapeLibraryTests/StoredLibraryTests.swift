// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import LogicalUnits
import SCSI
import SimulatedDisk
import TapeLibrary
import Testing

@Suite("A store that is only looked at")
struct StoredLibraryTests {
    private let disk = SimulatedDisk()

    @Test("What is read is what the daemon has, while it holds the lock")
    func sameAsServed() throws {
        let library = try openLibrary(on: disk)
        try library.load(barcode: "CAP002L8", drive: 1)
        try library.exportCartridge(barcode: "CAP003L8")
        let stored = try StoredLibrary.read(store, on: disk)
        #expect(stored.inventory == library.inventory())
        #expect(stored.drives.map(\.identity) == library.drives.map(\.identity))
        #expect(stored.drives.map(\.model.name) == library.drives.map(\.model.name))
    }

    @Test("The mark changes with every change of the inventory, and only then")
    func mark() throws {
        let library = try openLibrary(on: disk)
        var marks = [try StoredLibrary.mark(of: store, on: disk)]
        #expect(try StoredLibrary.mark(of: store, on: disk) == marks[0])
        // There and back again: the same places, the same length.
        for _ in 0..<20 {
            try library.move(from: .slot(1), to: .slot(4))
            marks.append(try StoredLibrary.mark(of: store, on: disk))
            try library.move(from: .slot(4), to: .slot(1))
            marks.append(try StoredLibrary.mark(of: store, on: disk))
        }
        for (index, mark) in marks.enumerated() { #expect(!marks[..<index].contains(mark)) }
    }

    @Test("No library, an empty inventory, a damaged one")
    func refusals() throws {
        func code(_ body: () throws -> Void) -> String? {
            (#expect(throws: LibraryError.self) { try body() })?.code
        }
        #expect(code { _ = try StoredLibrary.mark(of: "/nowhere", on: disk) } == "store-unusable")
        #expect(code { _ = try StoredLibrary.read("/nowhere", on: disk) } == "store-unusable")
        try openLibrary(on: disk).close()
        disk.setBytes([], of: "/store/library.json")
        _ = try StoredLibrary.mark(of: store, on: disk)
        #expect(code { _ = try StoredLibrary.read(store, on: disk) } == "inventory-damaged")
    }
}

@Suite("Moves of one certain cartridge")
struct CarryTests {
    private let disk = SimulatedDisk()
    private let library: Library

    init() throws { library = try openLibrary(on: disk) }

    @Test("Another cartridge in the place meanwhile, or none: nothing moves")
    func anotherWasFaster() throws {
        try library.exchange(source: .slot(1), first: .slot(2), second: .slot(1))
        let before = contents(library)
        #expect(throws: LibraryError.sourceEmpty(.slot(1))) {
            try library.carry("CAP001L8", from: .slot(1), to: .slot(4))
        }
        #expect(throws: LibraryError.sourceEmpty(.slot(4))) {
            try library.carry("CAP001L8", from: .slot(4), to: .drive(0))
        }
        #expect(throws: LibraryError.noSuchCartridge(barcode: "NOPE")) {
            try library.carry("NOPE", from: nil, to: .slot(4))
        }
        #expect(throws: LibraryError.cartridgeInLibrary(barcode: "CAP001L8", .slot(2))) {
            try library.carry("CAP001L8", from: nil, to: .slot(4))
        }
        #expect(throws: LibraryError.noSuchElement(.slot(9), count: 4)) {
            try library.carry("CAP001L8", from: .slot(2), to: .slot(9))
        }
        #expect(contents(library) == before)
    }

    @Test("A drive that is open gives nothing out, however it is asked; afterwards MOVE MEDIUM does as before")
    func openDrive() throws {
        let session = Nexus(id: 7, name: "ndmp 192.0.2.7:1")
        try library.load(barcode: "CAP001L8", drive: 0)
        try library.drives[0].open(as: session)
        let busy = LibraryError.driveLeased(drive: 0, holder: "ndmp 192.0.2.7:1")
        #expect(throws: busy) { try library.carry("CAP001L8", from: .drive(0), to: .slot(1)) }
        #expect(throws: busy) { try library.carry("CAP001L8", from: .drive(0), to: .drive(1)) }
        #expect(throws: busy) { try library.carry("CAP001L8", from: .drive(0), to: nil) }
        try library.move(from: .drive(0), to: .slot(1))
        try library.carry("CAP001L8", from: .slot(1), to: .drive(0))
        library.drives[0].close(session)
        try library.carry("CAP001L8", from: .drive(0), to: .drive(1))
        #expect(contents(library) == ["drive 1: CAP001L8", "slot 2: CAP002L8", "slot 3: CAP003L8"])
    }

    @Test("A cartridge made on the shelf lies there although slots are free")
    func madeOnShelf() throws {
        try library.createCartridgeOnShelf(.init(barcode: "NEW001L8"))
        #expect(library.inventory().shelf.map(\.barcode) == ["NEW001L8"])
        #expect(try library.createCartridge(.init(barcode: "NEW002L8")) == .slot(4))
    }
}
