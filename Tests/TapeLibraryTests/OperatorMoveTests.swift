// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI
import SimulatedDisk
import TapeLibrary
import Testing

@Suite("Moves that an operator asks for")
struct OperatorMoveTests {
    private let disk = SimulatedDisk()
    private let library: Library
    private let host = Nexus(id: 1, name: "iscsi host")

    init() throws {
        library = try openLibrary(on: disk)
    }

    private func failure(_ body: () throws -> Void) -> LibraryError? {
        #expect(throws: LibraryError.self) { try body() }
    }

    @Test("load, unload: home again, or to the first free slot when home is taken")
    func loadAndUnload() throws {
        #expect(try library.load(barcode: "CAP002L8", drive: 0) == .slot(2))
        #expect(library.drives[0].status.condition == .ready)
        #expect(library.drives[0].status.barcode == "CAP002L8")
        #expect(library.inventory().drives[0].source == .slot(2))
        #expect(try library.unload(drive: 0) == .slot(2))
        #expect(library.drives[0].status.condition == .empty)
        try library.load(barcode: "CAP002L8", drive: 0)
        try library.move(from: .slot(1), to: .slot(2))
        #expect(try library.unload(drive: 0) == .slot(1))
        #expect(contents(library) == ["slot 1: CAP002L8", "slot 2: CAP001L8", "slot 3: CAP003L8"])
    }

    @Test("A cartridge that its drive could not open at the start is opened by the drive it is moved to, or stays")
    func driveToDriveAfterDamage() throws {
        let description = "/store/cartridges/CAP001L8/cartridge.json"
        try library.load(barcode: "CAP001L8", drive: 0)
        try library.close()
        let whole = try #require(disk.bytes(of: description))
        disk.setBytes([], of: description)
        let again = try openLibrary(on: disk)
        #expect(again.drives[0].status.condition == .empty)
        let error = #expect(throws: LibraryError.self) { try again.move(from: .drive(0), to: .drive(1)) }
        #expect(error?.code == "load-failed")
        #expect(again.inventory().drives[0].cartridge?.barcode == "CAP001L8")
        disk.setBytes(whole, of: description)
        try again.move(from: .drive(0), to: .drive(1))
        #expect(again.drives[0].status.condition == .empty)
        #expect(again.drives[1].status.condition == .ready)
        try again.close()
    }

    @Test("From drive to drive the cartridge keeps its home")
    func driveToDrive() throws {
        try library.load(barcode: "CAP001L8", drive: 0)
        try library.move(from: .drive(0), to: .drive(1))
        #expect(library.drives[0].status.condition == .empty)
        #expect(library.drives[1].status.condition == .ready)
        #expect(library.inventory().drives[1].source == .slot(1))
        #expect(try library.unload(drive: 1) == .slot(1))
    }

    @Test("Exchange swaps the cartridge in a drive with one in a slot")
    func exchange() throws {
        try library.load(barcode: "CAP001L8", drive: 0)
        try library.exchange(source: .slot(2), first: .drive(0), second: .slot(2))
        #expect(library.drives[0].status.barcode == "CAP002L8")
        #expect(contents(library) == ["drive 0: CAP002L8", "slot 2: CAP001L8", "slot 3: CAP003L8"])
    }

    @Test("Refusals say what is wrong and where")
    func refusals() throws {
        #expect(failure { try library.move(from: .slot(4), to: .slot(1)) } == .sourceEmpty(.slot(4)))
        #expect(
            failure { try library.move(from: .slot(1), to: .slot(2)) }
                == .destinationFull(.slot(2), barcode: "CAP002L8")
        )
        #expect(failure { try library.move(from: .slot(9), to: .slot(2)) } == .noSuchElement(.slot(9), count: 4))
        #expect(failure { try library.move(from: .slot(0), to: .slot(2)) } == .noSuchElement(.slot(0), count: 4))
        #expect(failure { try library.load(barcode: "NOPE", drive: 0) } == .noSuchCartridge(barcode: "NOPE"))
        #expect(failure { try library.unload(drive: 1) } == .sourceEmpty(.drive(1)))
        #expect(failure { try library.unload(drive: 7) } == .noSuchElement(.drive(7), count: 2))
        let full = LibraryError.destinationFull(.slot(2), barcode: "CAP002L8")
        #expect(full.sentence == "Slot 2 holds CAP002L8 already.")
        #expect(full.hint == "Choose an empty place, or move that one away first.")
        #expect(full.code == "destination-full")
    }

    @Test("Places as people write them")
    func places() throws {
        for (text, place) in [
            ("3", ElementPlace.slot(3)), ("slot:3", .slot(3)), ("Slot 3", .slot(3)), ("drive:0", .drive(0)),
            ("nst1", .drive(1)), ("mail:1", .mailSlot(1)), ("CAP002L8", .slot(2)),
        ] {
            #expect(try library.place(text) == place)
        }
        #expect(failure { _ = try library.place("attic") } == .noSuchPlace("attic"))
        #expect(failure { _ = try library.place("slot:99999999999999999999") }?.code == "no-such-place")
        #expect(failure { _ = try library.place("slot:77") } == .noSuchElement(.slot(77), count: 4))
    }

    @Test("Export goes through the mail slot to the shelf, import back into it; initiators are told 6/28/01")
    func importAndExport() throws {
        try library.changer.open(as: host)
        try library.load(barcode: "CAP001L8", drive: 0)
        try library.exportCartridge(barcode: "CAP001L8")
        #expect(contents(library) == ["shelf: CAP001L8", "slot 2: CAP002L8", "slot 3: CAP003L8"])
        #expect(sense(library.robot([0, 0, 0, 0, 0, 0], as: host)) == [0x06, 0x28, 0x01])
        #expect(try library.importCartridge(barcode: "CAP001L8") == .mailSlot(1))
        #expect(library.inventory().mailSlots[0].imported)
        let status = library.robot([0xB8, 0x03, 0, 0, 0, 9, 0, 0, 1, 0, 0, 0], as: host)
        #expect(sense(status) == [0x06, 0x28, 0x01])
        let again = library.robot([0xB8, 0x03, 0, 0, 0, 9, 0, 0, 1, 0, 0, 0], as: host).dataIn
        #expect(again[18] == 0x3B)
        #expect(
            failure { try library.importCartridge(barcode: "CAP001L8") }
                == .cartridgeInLibrary(barcode: "CAP001L8", .mailSlot(1))
        )
        #expect(failure { try library.exportCartridge(barcode: "CAP002L8") } == .noFreeMailSlot)
        try library.move(from: .mailSlot(1), to: .slot(1))
        #expect(!library.inventory().slots[0].imported)
    }

    @Test("PREVENT by an initiator on the changer keeps the mail slots shut for operators too")
    func prevented() throws {
        try library.changer.open(as: host)
        #expect(library.robot([0x1E, 0, 0, 0, 1, 0], as: host).status == .good)
        #expect(failure { try library.exportCartridge(barcode: "CAP001L8") } == .removalPreventedByLibrary)
        #expect(failure { try library.move(from: .slot(1), to: .mailSlot(1)) } == .removalPreventedByLibrary)
        library.nexusLost(host)
        try library.exportCartridge(barcode: "CAP001L8")
    }

    @Test("A disk that cannot write the inventory: nothing moved, and the drive has its cartridge again")
    func inventoryNotWritten() throws {
        try library.load(barcode: "CAP001L8", drive: 0)
        disk.intercept = { operation, path in
            operation == .rename && path.contains("library.json") ? 28 : nil
        }
        #expect(failure { try library.unload(drive: 0) }?.code == "disk-full")
        #expect(library.drives[0].status.condition == .ready)
        #expect(failure { try library.load(barcode: "CAP002L8", drive: 1) }?.code == "disk-full")
        #expect(library.drives[1].status.condition == .empty)
        #expect(contents(library) == ["drive 0: CAP001L8", "slot 2: CAP002L8", "slot 3: CAP003L8"])
        disk.intercept = nil
        try library.unload(drive: 0)
    }

    @Test("Moves are events that name who asked")
    func events() throws {
        try library.move(from: .slot(1), to: .slot(4), actor: "anna")
        try library.changer.open(as: host)
        #expect(library.robot(moveMedium(0x1001, 0x0100), as: host).status == .good)
        let moves = library.events().filter { $0.kind == .cartridgeMoved || $0.kind == .cartridgeLoaded }
        #expect(
            moves.map(\.sentence) == [
                "CAP001L8 moved from slot 1 to slot 4.", "CAP002L8 moved from slot 2 to drive 0 and is loaded.",
            ]
        )
        #expect(moves.map(\.actor) == ["anna", "iscsi host"])
        #expect(library.events().map(\.sequence) == Array(1...UInt64(library.events().count)))
    }

    @Test("A cartridge the drive cannot read is carried there all the same; the drive refuses it")
    func incompatible() throws {
        try library.createCartridge(.following(barcode: "OLD001L5", capacity: ByteCount(4 << 20)), at: .slot(4))
        try library.load(barcode: "OLD001L5", drive: 0)
        #expect(library.drives[0].status.condition == .unsupported)
        #expect(library.events().last?.kind == .loadFailed)
        try library.unload(drive: 0)
        #expect(library.inventory().slots[3].cartridge?.barcode == "OLD001L5")
    }

    @Test("A cleaning cartridge cleans, and READ ELEMENT STATUS says what it is")
    func cleaning() throws {
        try library.createCartridge(.following(barcode: "CLN001L8"), at: .slot(4))
        try library.load(barcode: "CLN001L8", drive: 0)
        #expect(library.events().last?.kind == .cleaned)
        try library.changer.open(as: host)
        let element = library.robot([0xB8, 0x04, 0x01, 0, 0, 1, 0, 0, 1, 0, 0, 0], as: host).dataIn
        #expect(element[18] & 0x05 == 0x05)
        #expect(Array(element[20..<22]) == [0x30, 0x03])
        #expect(element[25] & 0x07 == 2)
        try library.unload(drive: 0)
        #expect(try library.cartridge(barcode: "CLN001L8").metadata?.cleaningsLeft == 49)
    }

    @Test("A robot that breaks down: the move fails with its sense, nothing moved")
    func faults() throws {
        struct JammedRobot: FaultPoints {
            func fault(at point: FaultPoint) -> CheckCondition? {
                guard case .robotMove(_, .drive) = point else { return nil }
                return CheckCondition(.hardwareError, AdditionalSense(0x15, 0x01))
            }
        }
        try library.close()
        let jammed = try openLibrary(on: disk, seams: LibrarySeams(clock: StillClock(), faults: JammedRobot()))
        #expect(failure { try jammed.load(barcode: "CAP001L8", drive: 0) }?.sentence.contains("4/15/01") == true)
        try jammed.changer.open(as: host)
        #expect(sense(jammed.robot(moveMedium(0x1000, 0x0100), as: host)) == [0x04, 0x15, 0x01])
        try jammed.move(from: .slot(1), to: .slot(4))
        try jammed.close()
    }
}
