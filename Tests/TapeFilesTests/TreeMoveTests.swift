// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import LogicalUnits
import SCSI
import SimulatedDisk
import TapeFiles
import TapeLibrary
import Testing

@Suite("Robotics by rename, cartridges by mkdir")
struct TreeMoveTests {
    private let rig: TreeRig

    init() throws { rig = try TreeRig() }

    private func places() -> [String] {
        rig.library.inventory().cartridges.map { "\($0.place?.description ?? "shelf"): \($0.cartridge.barcode)" }
            .sorted()
    }

    @Test("mv moves the medium between slots, drives, mail slots and shelf; its name is then there and only there")
    func moves() throws {
        for (from, to) in [
            ("slots/1", "drives/0"), ("drives/0", "drives/1"), ("drives/1", "mail/2"), ("mail/2", "slots/4"),
            ("slots/4", "slots/1"), ("slots/1", "shelf"), ("shelf", "slots/4"), ("slots/4", "mail/1"),
            ("mail/1", "shelf"), ("shelf", "mail/2"), ("mail/2", "drives/1"), ("drives/1", "shelf"),
        ] {
            try rig.move("\(from)/CAP001L8", "\(to)/CAP001L8")
            #expect(rig.refusal { _ = try rig.tree.node("\(from)/CAP001L8") }?.code == ENOENT)
            #expect(try !rig.tree.names(from).contains("CAP001L8"))
            #expect(try rig.tree.names(to).contains("CAP001L8"))
            let up = to == "shelf" ? "../" : "../../"
            #expect(try rig.tree.link("\(to)/CAP001L8") == "\(up)cartridges/CAP001L8")
        }
        #expect(places() == ["shelf: CAP001L8", "slot 2: CAP002L8", "slot 3: CAP003L8"])
        let actors = Set(rig.library.events().compactMap(\.actor))
        #expect(actors == ["mount (uid 1000)"])
    }

    @Test("The drive has what was moved into it, and lets go of what is moved out")
    func driveLoads() throws {
        try rig.move("slots/2/CAP002L8", "drives/1/CAP002L8")
        #expect(rig.library.drives[1].status.condition == .ready)
        try rig.move("drives/1/CAP002L8", "slots/2/CAP002L8")
        #expect(rig.library.drives[1].status.condition == .empty)
        // A close that is on its way is waited for, before the cartridge is taken.
        #expect(rig.devices.settled.withLock { $0 } == [1])
    }

    @Test(
        "Refusals that a person understands",
        arguments: [
            ("slots/4/CAP001L8", "drives/0/CAP001L8", ENOENT, ""),
            ("slots/1/CAP001L8", "slots/2/CAP001L8", ENOTEMPTY, "Slot 2 holds CAP002L8 already."),
            (
                "slots/1/CAP001L8", "slots/4/OTHER", EPERM,
                "a cartridge keeps its barcode: CAP001L8 cannot get another name"
            ),
            (
                "slots/1/CAP001L8", "slots/1/OTHER", EPERM,
                "a cartridge keeps its barcode: CAP001L8 cannot get another name"
            ),
            (
                "slots/1/CAP001L8", "cartridges/CAP001L8", EPERM,
                "CAP001L8 can be moved between slots, mail, drives and shelf, and nowhere else"
            ),
            (
                "slots/1/CAP001L8", "slots/CAP001L8", EPERM,
                "CAP001L8 can be moved between slots, mail, drives and shelf, and nowhere else"
            ),
            (
                "slots/1/CAP001L8", "CAP001L8", EPERM,
                "CAP001L8 can be moved between slots, mail, drives and shelf, and nowhere else"
            ),
            (
                "slots/1/CAP001L8", "cartridges/CAP002L8/CAP001L8", EPERM,
                "CAP001L8 can be moved between slots, mail, drives and shelf, and nowhere else"
            ),
            (
                "cartridges/CAP001L8", "slots/4/CAP001L8", EPERM,
                "cartridges/ lists every cartridge; move CAP001L8 by its name in slots, mail, drives or shelf"
            ),
            ("slots/1", "slots/4/1", EPERM, "only cartridges can be moved"),
            ("library.json", "shelf/library.json", EPERM, "only cartridges can be moved"),
            ("drives/0/nst", "drives/1/nst", EPERM, "only cartridges can be moved"),
            ("cartridges/CAP001L8/label.json", "shelf/label.json", EPERM, "only cartridges can be moved"),
            ("nothing", "shelf/nothing", ENOENT, ""),
        ]
    )
    func refusals(from: String, to: String, code: Int32, reason: String) throws {
        let before = places()
        let error = rig.refusal { try rig.move(from, to) }
        #expect(error == FileError(code, reason))
        #expect(places() == before)
    }

    @Test("A name moved onto itself is a success with nothing done")
    func ontoItself() throws {
        let before = rig.library.inventory().revision
        try rig.move("slots/3/CAP003L8", "slots/3/CAP003L8")
        #expect(rig.library.inventory().revision == before)
    }

    @Test("A drive that any door has open or leased keeps its cartridge; once closed it gives it out")
    func busyDrive() throws {
        try rig.move("slots/1/CAP001L8", "drives/0/CAP001L8")
        let drive = rig.library.drives[0]
        let session = Nexus(id: 9, name: "ndmp 192.0.2.7:40112")
        try drive.open(as: session)
        let open = rig.refusal { try rig.move("drives/0/CAP001L8", "slots/1/CAP001L8") }
        #expect(open == FileError(EBUSY, "Drive 0 is in use by ndmp 192.0.2.7:40112."))
        #expect(rig.refusal { try rig.move("drives/0/CAP001L8", "shelf/CAP001L8") }?.code == EBUSY)
        let lease = try drive.lease(as: session, purpose: "mover")
        #expect(rig.refusal { try rig.move("drives/0/CAP001L8", "slots/1/CAP001L8") }?.code == EBUSY)
        lease.end()
        drive.close(session)
        // MOVE MEDIUM goes on as before: a library that ejects by itself.
        try drive.open(as: session)
        _ = rig.changer([0x00, 0, 0, 0, 0, 0])
        let addresses = rig.library.inventory()
        #expect(rig.robot(addresses.drives[0].address, addresses.slots[0].address).status == .good)
        #expect(try rig.tree.names("slots/1") == ["CAP001L8"])
        drive.close(session)
    }

    @Test("Into a drive that a door has open: allowed, as programs wait there for a medium; leased: EBUSY")
    func intoOpenDrive() throws {
        let session = Nexus(id: 9, name: "ndmp 192.0.2.7:40112")
        try rig.library.drives[0].open(as: session)
        try rig.move("slots/1/CAP001L8", "drives/0/CAP001L8")
        let lease = try rig.library.drives[1].lease(as: session, purpose: "mover")
        #expect(rig.refusal { try rig.move("slots/2/CAP002L8", "drives/1/CAP002L8") }?.code == EBUSY)
        lease.end()
        #expect(rig.refusal { try rig.move("slots/2/CAP002L8", "drives/0/CAP002L8") }?.code == ENOTEMPTY)
    }

    @Test("A cartridge that is being verified or is borrowed does not go into a drive: EBUSY")
    func borrowed() throws {
        let loan = try rig.library.borrowCartridge(barcode: "CAP001L8")
        let error = rig.refusal { try rig.move("slots/1/CAP001L8", "drives/0/CAP001L8") }
        #expect(error?.code == EBUSY)
        #expect(error?.reason.hasPrefix("CAP001L8 is being used for") == true)
        loan.end()
        try rig.move("slots/1/CAP001L8", "drives/0/CAP001L8")
    }

    @Test("PREVENT ALLOW MEDIUM REMOVAL on drive or changer: EPERM, and the reason names it")
    func prevented() throws {
        try rig.move("slots/1/CAP001L8", "drives/0/CAP001L8")
        try rig.move("slots/2/CAP002L8", "mail/1/CAP002L8")
        let prevent: [UInt8] = [0x1E, 0, 0, 0, 1, 0]
        for _ in 0..<2 {
            _ = rig.changer(prevent)
            _ = try rig.library.drives[0].execute(
                cdb: prevent,
                dataOut: [UInt8]().span,
                dataInLimit: 0,
                nexus: rig.host
            )
        }
        let drive = rig.refusal { try rig.move("drives/0/CAP001L8", "slots/1/CAP001L8") }
        #expect(drive?.code == EPERM)
        #expect(drive?.reason == "An initiator locked the cartridge into drive 0 (PREVENT MEDIUM REMOVAL).")
        let mail = rig.refusal { try rig.move("mail/1/CAP002L8", "shelf/CAP002L8") }
        #expect(mail?.code == EPERM)
        #expect(mail?.reason == "An initiator locked the mail slots (PREVENT MEDIUM REMOVAL on the changer).")
        #expect(places() == ["drive 0: CAP001L8", "mail slot 1: CAP002L8", "slot 3: CAP003L8"])
    }

    @Test("A disk that is full or broken: ENOSPC and EIO, nothing moved")
    func disk() throws {
        let before = places()
        rig.disk.intercept = { operation, path in operation == .rename || path.contains("library") ? ENOSPC : nil }
        #expect(rig.refusal { try rig.move("slots/1/CAP001L8", "slots/4/CAP001L8") }?.code == ENOSPC)
        rig.disk.intercept = { operation, path in operation == .rename || path.contains("library") ? EIO : nil }
        #expect(rig.refusal { try rig.move("slots/1/CAP001L8", "slots/4/CAP001L8") }?.code == EIO)
        rig.disk.intercept = nil
        #expect(places() == before)
        #expect(try rig.tree.names("slots/1") == ["CAP001L8"])
    }

    @Test("From the shelf straight into a drive: EPERM, with what to do instead")
    func shelfToDrive() throws {
        try rig.move("slots/1/CAP001L8", "shelf/CAP001L8")
        let error = rig.refusal { try rig.move("shelf/CAP001L8", "drives/0/CAP001L8") }
        #expect(error?.code == EPERM)
        #expect(error?.reason.contains("load it from there") == true)
    }

    @Test("Out of the library when every mail slot is full: EBUSY")
    func mailFull() throws {
        try rig.move("slots/1/CAP001L8", "mail/1/CAP001L8")
        try rig.move("slots/2/CAP002L8", "mail/2/CAP002L8")
        #expect(rig.refusal { try rig.move("slots/3/CAP003L8", "shelf/CAP003L8") }?.code == EBUSY)
    }

    @Test("A closed library: ENODEV, and the reason")
    func closed() throws {
        let source = try rig.tree.node("slots/1")
        let destination = try rig.tree.node("slots/4")
        try rig.library.close()
        let name = Array("CAP001L8".utf8)
        let error = rig.refusal { try rig.tree.rename(name, in: source, to: name, in: destination, caller: rig.caller) }
        #expect(error == FileError(ENODEV, "The library is closed."))
    }

    // MARK: mkdir

    @Test("mkdir makes a cartridge of the barcode's generation, and answers with a directory that becomes the link")
    func makes() throws {
        let (node, attributes) = try rig.make("slots/4/NEW001L7")
        #expect(attributes.kind == .directory)
        #expect(node == .justMade(.slot(4), barcode: "NEW001L7"))
        #expect(try rig.tree.attributes(of: node).permissions == 0o755)
        #expect(try rig.tree.stat("slots/4/NEW001L7").kind == .symbolicLink)
        try rig.make("mail/1/NEW002LY")
        try rig.make("shelf/NEW003L9")
        let made = rig.library.inventory().cartridges.filter { $0.cartridge.barcode.hasPrefix("NEW") }
        let described = made.map { "\($0.cartridge.barcode) \($0.cartridge.generation) \($0.cartridge.kind)" }.sorted()
        #expect(described == ["NEW001L7 7 data", "NEW002LY 8 worm", "NEW003L9 9 data"])
        #expect(try rig.tree.names("shelf") == ["NEW003L9"])
        #expect(try rig.tree.names("mail/1") == ["NEW002LY"])
        #expect(try rig.tree.names("cartridges").count == 6)
    }

    @Test(
        "mkdir elsewhere, twice, into a full slot, with what is no barcode",
        arguments: [
            (
                "slots/4/abc", EINVAL,
                "\"abc\" is not a barcode: it has 1 to 32 of the characters A to Z, 0 to 9, - and _."
            ),
            ("slots/4/CAP001L8", EEXIST, "A cartridge CAP001L8 exists already."),
            ("slots/1/CAP001L8", EEXIST, ""),
            ("slots/1/NEW", ENOTEMPTY, "Slot 1 holds CAP001L8 already."),
            ("drives/0/NEW", EPERM, "a new cartridge is made in a slot; move it to drive 0 from there"),
            ("slots/5", EPERM, "directories are made in slots/N, mail/N and shelf only, where they are new cartridges"),
            (
                "cartridges/NEW", EPERM,
                "directories are made in slots/N, mail/N and shelf only, where they are new cartridges"
            ),
            (
                "cartridges/CAP001L8/x", EPERM,
                "directories are made in slots/N, mail/N and shelf only, where they are new cartridges"
            ),
            ("x", EPERM, "directories are made in slots/N, mail/N and shelf only, where they are new cartridges"),
            ("slots", EEXIST, ""),
        ]
    )
    func makeRefusals(path: String, code: Int32, reason: String) throws {
        let error = rig.refusal { try rig.make(path) }
        #expect(error == FileError(code, reason))
        #expect(places() == ["slot 1: CAP001L8", "slot 2: CAP002L8", "slot 3: CAP003L8"])
    }

    @Test("mkdir with bytes that are no text: EINVAL")
    func makeNoText() throws {
        let error = rig.refusal {
            _ = try rig.tree.makeDirectory([0xFF, 0xFE], in: try rig.tree.node("shelf"), caller: rig.caller)
        }
        #expect(error?.code == EINVAL)
    }
}
