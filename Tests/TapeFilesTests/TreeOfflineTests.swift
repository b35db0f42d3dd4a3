// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import SimulatedDisk
import TapeFiles
import TapeLibrary
import Testing

@Suite("The tree of a store that nobody need serve")
struct TreeOfflineTests {
    private let rig: TreeRig

    init() throws { rig = try TreeRig() }

    @Test("The same tree without changer and devices")
    func names() throws {
        try rig.move("slots/1/CAP001L8", "drives/0/CAP001L8")
        try rig.library.close()
        let tree = try rig.offline()
        #expect(try tree.names("") == ["library.json", "drives", "slots", "mail", "shelf", "cartridges"])
        #expect(try tree.names("drives/0") == ["status.json", "CAP001L8"])
        #expect(try tree.link("drives/0/CAP001L8") == "../../cartridges/CAP001L8")
        #expect(try tree.names("cartridges") == ["CAP001L8", "CAP002L8", "CAP003L8"])
        #expect(rig.refusal { _ = try tree.node("changer") }?.code == ENOENT)
        #expect(rig.refusal { _ = try tree.node("drives/0/nst") }?.code == ENOENT)
        #expect(rig.refusal { _ = try tree.openFile(.driveDevice(0, .nst), OpenRequest()) }?.code == ENOENT)
        #expect(try tree.stat("").links == 2 + 5)
    }

    @Test("Nothing is changed: EROFS")
    func readOnly() throws {
        let tree = try rig.offline()
        let name = Array("CAP001L8".utf8)
        let move = rig.refusal {
            try tree.rename(name, in: .slot(1), to: name, in: .slot(4), caller: rig.caller)
        }
        #expect(move?.code == EROFS)
        let make = rig.refusal { _ = try tree.makeDirectory(Array("NEW".utf8), in: .slot(4), caller: rig.caller) }
        #expect(make?.code == EROFS)
        #expect(rig.library.inventory().slots[0].cartridge?.barcode == "CAP001L8")
    }

    @Test("No lock is taken, and what a daemon moves meanwhile is seen at once")
    func daemonWorks() throws {
        // rig.library is that daemon: it holds the store's lock.
        let tree = try rig.offline()
        for round in 0..<50 {
            let (from, to) = round % 2 == 0 ? (1, 4) : (4, 1)
            try rig.library.move(from: .slot(from), to: .slot(to))
            #expect(try tree.names("slots/\(to)") == ["CAP001L8"])
            #expect(try tree.names("slots/\(from)").isEmpty)
        }
        try rig.make("shelf/NEW001L8")
        #expect(try tree.names("shelf") == ["NEW001L8"])
        #expect(try tree.stat("cartridges").links == 6)
    }

    @Test("Cartridges that are gone from the store are listed as missing, unknown ones lie on the shelf")
    func missingAndFound() throws {
        try rig.library.close()
        try rig.disk.removeTree("/store/cartridges/CAP002L8")
        try rig.disk.makeDirectory("/store/cartridges/FOUND1L7")
        try rig.disk.makeDirectory("/store/cartridges/not a barcode")
        let tree = try rig.offline()
        #expect(try tree.names("shelf") == ["FOUND1L7"])
        #expect(try tree.names("slots/2") == ["CAP002L8"])
        #expect(try tree.text("library.json").contains("\"condition\": \"missing\""))
        #expect(try tree.names("cartridges") == ["CAP001L8", "CAP002L8", "CAP003L8", "FOUND1L7"])
    }

    @Test("No library there, or a damaged inventory: an error at the start, EIO later")
    func damaged() throws {
        let error = #expect(throws: LibraryError.self) {
            try MountedTree(store: "/nowhere", disk: rig.disk, cartridges: FakeCartridges())
        }
        #expect(error?.code == "store-unusable")
        let tree = try rig.offline()
        let whole = try #require(rig.disk.bytes(of: "/store/library.json"))
        rig.disk.setBytes(Array(whole.dropLast(10)), of: "/store/library.json")
        let refusal = rig.refusal { _ = try tree.node("slots/1") }
        #expect(refusal?.code == EIO)
        #expect(refusal?.reason.hasPrefix("The inventory /store/library.json is damaged") == true)
        rig.disk.setBytes(whole, of: "/store/library.json")
        #expect(try tree.names("slots/1") == ["CAP001L8"])
        rig.disk.setBytes([], of: "/store/library.json")
        #expect(rig.refusal { _ = try tree.node("slots/1") }?.code == EIO)
    }
}
