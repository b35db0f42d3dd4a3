// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import SCSI
import SimulatedDisk
import TapeFiles
import TapeLibrary
import Testing

@Suite("What the tree tells the kernel when something changes by another door")
struct TreeChangeTests {
    private let rig: TreeRig

    init() throws { rig = try TreeRig() }

    private static func name(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// The changes until `count` have come; the test's own time limit ends a wait in vain.
    private func next(_ count: Int, of changes: AsyncStream<TreeChange>) async -> [TreeChange] {
        var taken: [TreeChange] = []
        for await change in changes {
            taken.append(change)
            if taken.count == count { break }
        }
        return taken
    }

    private func moved(_ barcode: String, from: FileNode, to: FileNode, drives: [Int] = []) -> [TreeChange] {
        let entries = [from, to].map { TreeChange.entry(directory: $0, name: Self.name(barcode)) }
        return entries + drives.map { .contents(.driveStatus($0)) } + [
            .contents(.libraryDescription), .contents(.changerStatus),
        ]
    }

    @Test("MOVE MEDIUM by another door: both directories, the drive's status, the texts", .timeLimit(.minutes(1)))
    func moveMedium() async throws {
        let changes = rig.tree.changes()
        let inventory = rig.library.inventory()
        _ = rig.changer([0x00, 0, 0, 0, 0, 0])
        #expect(rig.robot(inventory.slots[0].address, inventory.drives[1].address).status == .good)
        let expected = moved("CAP001L8", from: .slot(1), to: .drive(1), drives: [1])
        #expect(await next(expected.count, of: changes) == expected)
    }

    @Test("An operator's moves, import and export, through mail slots and the shelf", .timeLimit(.minutes(1)))
    func operatorMoves() async throws {
        let steps: [(() throws -> Void, [TreeChange])] = [
            (
                { try rig.library.move(from: .slot(1), to: .mailSlot(2)) },
                moved("CAP001L8", from: .slot(1), to: .mailSlot(2))
            ),
            (
                { try rig.library.exportCartridge(barcode: "CAP001L8") },
                moved("CAP001L8", from: .mailSlot(2), to: .shelf)
            ),
            (
                { try rig.library.importCartridge(barcode: "CAP001L8", to: .slot(4)) },
                moved("CAP001L8", from: .shelf, to: .slot(4))
            ),
            (
                { try rig.library.load(barcode: "CAP002L8", drive: 0) },
                moved("CAP002L8", from: .slot(2), to: .drive(0), drives: [0])
            ),
        ]
        for (step, expected) in steps {
            let changes = rig.tree.changes()
            try step()
            #expect(await next(expected.count, of: changes) == expected)
        }
    }

    @Test("Cartridges made and deleted: cartridges/ too", .timeLimit(.minutes(1)))
    func madeAndDeleted() async throws {
        var changes = rig.tree.changes()
        try rig.library.createCartridge(.init(barcode: "NEW001L8"), at: .slot(4))
        #expect(
            await next(4, of: changes) == [
                .entry(directory: .slot(4), name: Self.name("NEW001L8")),
                .entry(directory: .cartridges, name: Self.name("NEW001L8")),
                .contents(.libraryDescription), .contents(.changerStatus),
            ]
        )
        changes = rig.tree.changes()
        try rig.library.deleteCartridge(barcode: "CAP003L8")
        #expect(
            await next(4, of: changes) == [
                .entry(directory: .slot(3), name: Self.name("CAP003L8")),
                .entry(directory: .cartridges, name: Self.name("CAP003L8")),
                .contents(.libraryDescription), .contents(.changerStatus),
            ]
        )
    }

    @Test("An exchange: three names each in two directories", .timeLimit(.minutes(1)))
    func exchange() async throws {
        try rig.library.load(barcode: "CAP001L8", drive: 0)
        _ = try rig.tree.node("drives/0/CAP001L8")
        let changes = rig.tree.changes()
        try rig.library.exchange(source: .slot(2), first: .drive(0), second: .slot(2))
        let taken = await next(7, of: changes)
        for (directory, barcode) in [
            (FileNode.slot(2), "CAP002L8"), (.drive(0), "CAP002L8"), (.drive(0), "CAP001L8"), (.slot(2), "CAP001L8"),
        ] {
            #expect(taken.contains(.entry(directory: directory, name: Self.name(barcode))))
        }
        #expect(taken.contains(.contents(.driveStatus(0))))
    }

    @Test("A lookup right after a move by another door sees it, before the event was noticed")
    func atOnce() throws {
        for round in 0..<200 {
            let (from, to) = round % 2 == 0 ? (1, 4) : (4, 1)
            try rig.library.move(from: .slot(from), to: .slot(to))
            #expect(try rig.tree.names("slots/\(to)") == ["CAP001L8"])
            #expect(try rig.tree.names("slots/\(from)").isEmpty)
        }
    }

    @Test("What is remembered of a cartridge that moved is forgotten")
    func forgets() throws {
        try rig.library.move(from: .slot(1), to: .slot(4))
        _ = try rig.tree.names("slots")
        #expect(rig.cartridges.forgotten.withLock { $0.contains("CAP001L8") })
    }

    @Test("A cartridge that goes missing: its directory and the texts", .timeLimit(.minutes(1)))
    func missing() async throws {
        let changes = rig.tree.changes()
        try rig.disk.removeTree("/store/cartridges/CAP002L8")
        #expect(throws: LibraryError.self) { try rig.library.load(barcode: "CAP002L8", drive: 0) }
        #expect(
            await next(3, of: changes) == [
                .contents(.cartridge(barcode: "CAP002L8", .directory)), .contents(.libraryDescription),
                .contents(.changerStatus),
            ]
        )
        #expect(try rig.tree.text("library.json").contains("\"condition\": \"missing\""))
    }

    @Test("Closing the tree or the library ends the changes", .timeLimit(.minutes(1)))
    func ends() async throws {
        let one = rig.tree.changes()
        rig.tree.close()
        for await _ in one {}
        for await _ in rig.tree.changes() {}
        let again = MountedTree(library: rig.library, cartridges: FakeCartridges(), devices: FakeDevices())
        let two = again.changes()
        try rig.library.close()
        for await _ in two {}
    }

    @Test("A tree that nobody holds any more ends by itself", .timeLimit(.minutes(1)))
    func released() async throws {
        let changes: AsyncStream<TreeChange>
        do {
            let tree = MountedTree(library: rig.library, cartridges: FakeCartridges(), devices: FakeDevices())
            changes = tree.changes()
        }
        // The watcher lets go of it with the next event at the latest.
        try rig.library.move(from: .slot(1), to: .slot(4))
        for await _ in changes {}
    }
}
