// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Glibc
import SCSI
import SimulatedDisk
import TapeLibrary
import Testing

@Suite("Making, changing and deleting cartridges")
struct CartridgeManagementTests {
    private let disk = SimulatedDisk()
    private let library: Library

    init() throws {
        library = try openLibrary(on: disk)
    }

    private func failure(_ body: () throws -> Void) -> LibraryError? {
        #expect(throws: LibraryError.self) { try body() }
    }

    @Test("A cartridge of 64 MiB: first free slot, then the shelf; its capacity is the medium's")
    func create() throws {
        let small = ByteCount.mebibytes(64)
        #expect(try library.createCartridge(.following(barcode: "TST001L8", capacity: small)) == .slot(4))
        #expect(try library.createCartridge(.following(barcode: "TST002L8", capacity: small)) == nil)
        #expect(try library.createCartridge(.following(barcode: "TST003L8"), at: .mailSlot(1)) == .mailSlot(1))
        #expect(library.inventory().mailSlots[0].imported)
        let details = try library.cartridge(barcode: "TST001L8")
        #expect(details.metadata?.capacity == small)
        #expect(details.entry.capacityBytes == 64 << 20)
        #expect(details.place == .slot(4))
        #expect(try library.cartridge(barcode: "TST003L8").metadata?.capacity == .gigabytes(12_000))
        try library.load(barcode: "TST001L8", drive: 0)
        #expect(library.drives[0].status.capacityBytes == 64 << 20)
        try library.close()
        let again = try openLibrary(on: disk)
        #expect(try again.cartridge(barcode: "TST001L8").entry.capacityBytes == 64 << 20)
        try again.close()
    }

    @Test("Bar codes say generation and kind by the customs of LTO")
    func customs() {
        for (barcode, generation, kind) in [
            ("ABC123L5", 5, MediumKind.data), ("ABC123L9", 9, .data), ("ABC123M8", 78, .data),
            ("ABC123LX", 7, .worm), ("CLN123L7", 7, .cleaning), ("CLNU01CU", 8, .cleaning), ("PLAIN", 8, .data),
        ] {
            let specification = CartridgeSpecification.following(barcode: barcode)
            #expect(specification.generation == generation, "\(barcode)")
            #expect(specification.kind == kind, "\(barcode)")
        }
    }

    @Test(
        "Bar codes that cannot be are refused, and nothing appears in the store",
        arguments: ["", "a/b", "../x", "lower", "WITH SPACE", "DOT.NEW", String(repeating: "X", count: 200)]
    )
    func badBarcodes(barcode: String) throws {
        let before = try disk.list("/store/cartridges")
        #expect(failure { try library.createCartridge(.following(barcode: barcode)) }?.code == "invalid-barcode")
        #expect(try disk.list("/store/cartridges") == before)
    }

    @Test("Capacities, generations, duplicates and places that cannot be are refused")
    func badRequests() throws {
        let tiny = CartridgeSpecification(barcode: "TINY", capacity: ByteCount(1000))
        #expect(failure { try library.createCartridge(tiny) }?.code == "invalid-capacity")
        let huge = CartridgeSpecification(barcode: "HUGE", capacity: .gigabytes(12_001))
        #expect(failure { try library.createCartridge(huge) }?.code == "invalid-capacity")
        let strange = CartridgeSpecification(barcode: "STRANGE", generation: 3)
        #expect(failure { try library.createCartridge(strange) } == .invalidGeneration(3))
        #expect(
            failure { try library.createCartridge(.following(barcode: "CAP001L8")) }
                == .cartridgeExists(barcode: "CAP001L8")
        )
        #expect(
            failure { try library.createCartridge(.following(barcode: "NEW"), at: .slot(1)) }
                == .destinationFull(.slot(1), barcode: "CAP001L8")
        )
        #expect(failure { try library.createCartridge(.following(barcode: "NEW"), at: .drive(0)) }?.code == "refused")
        #expect(
            failure { try library.createCartridge(.following(barcode: "NEW"), at: .slot(5)) }?.code == "no-such-element"
        )
    }

    @Test("A full disk: no cartridge, no directory, a clear error")
    func diskFull() throws {
        disk.capacityBytes = 0
        let error = failure { try library.createCartridge(.following(barcode: "NEW001L8")) }
        #expect(error?.code == "disk-full")
        disk.capacityBytes = .max
        #expect(!disk.exists("/store/cartridges/NEW001L8"))
        try library.createCartridge(.following(barcode: "NEW001L8"))
    }

    @Test("In a drive a cartridge is neither deleted nor switched; out of it both work")
    func inUse() throws {
        try library.load(barcode: "CAP001L8", drive: 1)
        let inDrive = LibraryError.cartridgeInDrive(barcode: "CAP001L8", drive: 1)
        #expect(failure { try library.deleteCartridge(barcode: "CAP001L8") } == inDrive)
        #expect(failure { try library.setWriteProtected(barcode: "CAP001L8", true) } == inDrive)
        try library.unload(drive: 1)
        try library.setWriteProtected(barcode: "CAP001L8", true)
        #expect(try library.cartridge(barcode: "CAP001L8").metadata?.writeProtected == true)
        try library.load(barcode: "CAP001L8", drive: 1)
        #expect(library.drives[1].status.isWriteProtected)
        try library.unload(drive: 1)
        try library.deleteCartridge(barcode: "CAP001L8")
        #expect(!disk.exists("/store/cartridges/CAP001L8"))
        #expect(library.inventory().slots[0].cartridge == nil)
        #expect(failure { try library.deleteCartridge(barcode: "CAP001L8") } == .noSuchCartridge(barcode: "CAP001L8"))
    }

    @Test("While a cartridge is verified it is not loaded or deleted, but may move between slots")
    func verify() throws {
        let report = try library.verifyCartridge(barcode: "CAP001L8") { _ in true }
        #expect(report.isSound)
        let loan = try library.borrowCartridge(barcode: "CAP001L8")
        #expect(failure { try library.load(barcode: "CAP001L8", drive: 0) }?.code == "cartridge-in-use")
        #expect(failure { try library.deleteCartridge(barcode: "CAP001L8") }?.code == "cartridge-in-use")
        #expect(
            failure { _ = try library.verifyCartridge(barcode: "CAP001L8") { _ in true } }?.code == "cartridge-in-use"
        )
        try library.move(from: .slot(1), to: .slot(4))
        let host = Nexus(id: 1, name: "iscsi host")
        try library.changer.open(as: host)
        #expect(sense(library.robot(moveMedium(0x1003, 0x0100), as: host)) == [0x02, 0x04, 0x07])
        loan.end()
        try library.load(barcode: "CAP001L8", drive: 0)
    }

    @Test("A cartridge in a drive is verified there; meanwhile the drive is busy, and a drive in use is refused")
    func verifyInDrive() throws {
        try library.load(barcode: "CAP001L8", drive: 0)
        let host = Nexus(id: 1, name: "ndmp host")
        let written = try library.drives[0].perform(as: host) { (drive) throws(CheckCondition) in
            _ = try drive.write([UInt8](repeating: 7, count: 1000).span)
            return try drive.writeFilemarks(1, immediate: true)
        }
        #expect(throws: Never.self) { try written.get() }
        var seenBusy = false
        let report = try library.verifyCartridge(barcode: "CAP001L8") { _ in
            seenBusy = failure { try library.unload(drive: 0) }?.code == "drive-busy"
            return true
        }
        #expect(report.isSound && report.records == 1 && report.filemarks == 1)
        #expect(seenBusy)
        try library.drives[0].open(as: host)
        #expect(failure { _ = try library.verifyCartridge(barcode: "CAP001L8") { _ in true } }?.code == "drive-busy")
        library.drives[0].close(host)
        try library.unload(drive: 0)
    }

    @Test("A cartridge damaged behind our back is listed as such when it is looked at; loading it is 4/53/09")
    func damaged() throws {
        disk.setBytes(Array("{}".utf8), of: "/store/cartridges/CAP002L8/cartridge.json")
        let details = try library.cartridge(barcode: "CAP002L8")
        #expect(details.metadata == nil)
        #expect(details.problem?.isEmpty == false)
        #expect(library.inventory().slots[1].cartridge?.condition == .damaged)
        let host = Nexus(id: 1, name: "iscsi host")
        try library.changer.open(as: host)
        #expect(sense(library.robot(moveMedium(0x1001, 0x0100), as: host)) == [0x04, 0x53, 0x09])
        let element = library.robot([0xB8, 0x02, 0x10, 0x01, 0, 1, 0, 0, 1, 0, 0, 0], as: host).dataIn
        #expect(element[18] & 0x05 == 0x05)
        #expect(library.inventory().slots[1].cartridge?.barcode == "CAP002L8")
    }

    @Test("A cartridge is not called damaged when descriptors are short", arguments: [EMFILE, ENFILE, ENOMEM])
    func shortOfDescriptors(code: Int32) throws {
        disk.intercept = { operation, path in operation == .open && path.contains("CAP002L8") ? code : nil }
        #expect(failure { try library.load(barcode: "CAP002L8", drive: 0) }?.code == "load-failed")
        #expect(try library.cartridge(barcode: "CAP002L8").problem?.isEmpty == false)
        #expect(library.inventory().slots[1].cartridge?.condition == .good)
        disk.intercept = nil
        try library.load(barcode: "CAP002L8", drive: 0)
        #expect(library.inventory().drives[0].cartridge?.barcode == "CAP002L8")
    }

    @Test("INITIALIZE ELEMENT STATUS notices what went and what came back")
    func inventoryTaken() throws {
        let host = Nexus(id: 1, name: "iscsi host")
        try library.changer.open(as: host)
        try disk.rename(from: "/store/cartridges/CAP003L8", to: "/elsewhere")
        #expect(library.robot([0x07, 0, 0, 0, 0, 0], as: host).status == .good)
        #expect(library.inventory().slots[2].cartridge?.condition == .missing)
        try disk.rename(from: "/elsewhere", to: "/store/cartridges/CAP003L8")
        #expect(library.robot([0x07, 0, 0, 0, 0, 0], as: host).status == .good)
        #expect(library.inventory().slots[2].cartridge?.condition == .good)
    }
}
