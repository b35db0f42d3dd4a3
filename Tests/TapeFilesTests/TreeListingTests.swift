// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import SimulatedDisk
import TapeLibrary
import Testing

@testable import TapeFiles

@Suite("Names, listings and attributes of the tree")
struct TreeListingTests {
    private let rig: TreeRig

    init() throws { rig = try TreeRig() }

    @Test("The directories of the tree")
    func directories() throws {
        let tree = rig.tree
        #expect(
            try tree.names("") == ["library.json", "changer", "drives", "slots", "mail", "shelf", "cartridges"]
        )
        #expect(try tree.names("changer") == ["sg", "status"])
        #expect(try tree.names("drives") == ["0", "1"])
        #expect(try tree.names("drives/0") == ["nst", "st", "sg", "status.json"])
        #expect(try tree.names("slots") == ["1", "2", "3", "4"])
        #expect(try tree.names("slots/1") == ["CAP001L8"])
        #expect(try tree.names("slots/4").isEmpty)
        #expect(try tree.names("mail") == ["1", "2"])
        #expect(try tree.names("shelf").isEmpty)
        #expect(try tree.names("cartridges") == ["CAP001L8", "CAP002L8", "CAP003L8"])
        #expect(try tree.names("cartridges/CAP001L8") == ["label.json"])
        try rig.move("slots/1/CAP001L8", "drives/0/CAP001L8")
        #expect(try tree.names("drives/0") == ["nst", "st", "sg", "status.json", "CAP001L8"])
    }

    @Test("Whatever is listed can be looked up and is what the listing said, with one entry a call too")
    func listedIsThere() throws {
        try rig.move("slots/1/CAP001L8", "drives/0/CAP001L8")
        try rig.move("slots/2/CAP002L8", "shelf/CAP002L8")
        var open = [""]
        var seen = 0
        while let path = open.popLast() {
            let directory = try rig.tree.node(path)
            let names = try rig.tree.names(path)
            #expect(try rig.tree.names(path, step: 1) == names)
            try rig.tree.list(directory, after: 0) { entry in
                seen += 1
                do {
                    let (node, attributes) = try rig.tree.lookUp(entry.name, in: directory)
                    #expect(node == entry.node && attributes.kind == entry.kind && attributes.inode == entry.inode)
                    #expect(try rig.tree.attributes(of: node).inode == entry.inode)
                    if attributes.kind == .directory {
                        open.append(path + "/" + String(decoding: entry.name, as: UTF8.self))
                    }
                } catch {
                    Issue.record("\(path)/\(String(decoding: entry.name, as: UTF8.self)): \(error)")
                }
                return true
            }
        }
        #expect(seen == 7 + 2 + 2 + 5 + 4 + 4 + 1 + 2 + 1 + 3 + 3)
    }

    @Test("Link counts of directories: two and one for each directory in them")
    func linkCounts() throws {
        for path in ["", "changer", "drives", "drives/0", "slots", "slots/1", "mail", "shelf", "cartridges"] {
            let directory = try rig.tree.node(path)
            var subdirectories: UInt32 = 0
            try rig.tree.list(directory, after: 0) { entry in
                subdirectories += entry.kind == .directory ? 1 : 0
                return true
            }
            #expect(try rig.tree.attributes(of: directory).links == 2 + subdirectories, "\(path)")
        }
    }

    @Test("A cartridge's directory is believed for a second while it is in no drive, and not at all in one")
    func believedDirectories() throws {
        let cartridge = try rig.tree.node("cartridges/CAP001L8")
        #expect(try rig.tree.attributes(of: cartridge).validMilliseconds == 1000)
        let label = try rig.tree.node("cartridges/CAP001L8/label.json")
        #expect(try rig.tree.attributes(of: label).validMilliseconds == 0)
        try rig.library.move(from: .slot(1), to: .drive(0))
        #expect(try rig.tree.attributes(of: cartridge).validMilliseconds == 0)
    }

    @Test("Permissions: devices rw for owner and group, places writable by the owner, all else read-only")
    func permissions() throws {
        for (path, permissions) in [
            ("library.json", 0o444), ("changer/status", 0o444), ("drives/0/status.json", 0o444),
            ("changer/sg", 0o660), ("drives/0/nst", 0o660), ("drives/0/st", 0o660), ("drives/0/sg", 0o660),
            ("", 0o555), ("drives", 0o555), ("slots", 0o555), ("cartridges", 0o555), ("changer", 0o555),
            ("drives/0", 0o755), ("slots/1", 0o755), ("mail/1", 0o755), ("shelf", 0o755), ("slots/1/CAP001L8", 0o777),
        ] {
            #expect(try rig.tree.stat(path).permissions == UInt32(permissions), "\(path)")
        }
        for path in ["drives/0", "slots/1", "mail/1", "shelf"] {
            #expect(try rig.offline().stat(path).permissions == 0o555)
        }
    }

    @Test(
        "Names that are none",
        arguments: [
            "slots/0", "slots/5", "slots/01", "slots/1x", "slots/-1", "slots/99999999999999999999", "slots/",
            "drives/2", "drives/00", "mail/0", "mail/3", "slots/2/CAP001L8", "slots/1/cap001l8", "drives/0/status",
            "cartridges/NOPE", "Slots", "changer/nst",
        ]
    )
    func noSuchName(path: String) throws {
        guard path != "slots/" else {
            #expect(rig.refusal { _ = try rig.tree.lookUp([], in: .slots) }?.code == ENOENT)
            return
        }
        #expect(rig.refusal { _ = try rig.tree.node(path) }?.code == ENOENT)
    }

    @Test("Bytes that are no text name nothing; a file has no names in it; a directory is no link and not opened")
    func wrongKinds() throws {
        #expect(rig.refusal { _ = try rig.tree.lookUp([0xFF, 0x31], in: .slots) }?.code == ENOENT)
        #expect(rig.refusal { _ = try rig.tree.node("library.json/x") }?.code == ENOTDIR)
        #expect(rig.refusal { try rig.tree.list(.libraryDescription, after: 0) { _ in true } }?.code == ENOTDIR)
        #expect(rig.refusal { _ = try rig.tree.readLink(.slots) }?.code == EINVAL)
        #expect(rig.refusal { _ = try rig.tree.openFile(.slots, OpenRequest()) }?.code == EISDIR)
        #expect(rig.refusal { try rig.tree.truncate(.slot(1)) }?.code == EISDIR)
        #expect(rig.refusal { _ = try rig.tree.attributes(of: .slot(9)) }?.code == ENOENT)
    }

    @Test("A node whose cartridge has moved away is gone")
    func moved() throws {
        let node = try rig.tree.node("slots/1/CAP001L8")
        try rig.library.move(from: .slot(1), to: .slot(4))
        #expect(rig.refusal { _ = try rig.tree.attributes(of: node) }?.code == ENOENT)
        #expect(rig.refusal { _ = try rig.tree.readLink(node) }?.code == ENOENT)
    }

    @Test("Devices are opened as what they are; truncating one does nothing")
    func devices() throws {
        for (path, what) in [
            ("drives/1/nst", "tape 1"), ("drives/0/st", "tape 0 rewinding"), ("drives/1/sg", "generic 1"),
            ("changer/sg", "generic changer"), ("cartridges/CAP002L8/label.json", "/store/cartridges/CAP002L8"),
        ] {
            let file = try rig.tree.openFile(try rig.tree.node(path), OpenRequest())
            #expect((file as? FakeFile)?.text == what)
        }
        try rig.tree.truncate(try rig.tree.node("drives/1/nst"))
    }

    @Test("A cartridge whose files are damaged keeps its directory")
    func damaged() throws {
        rig.cartridges.damaged.withLock { _ = $0.insert("CAP002L8") }
        #expect(try rig.tree.stat("cartridges/CAP002L8").kind == .directory)
        #expect(try rig.tree.stat("cartridges/CAP002L8").permissions == 0o550)
        #expect(rig.refusal { _ = try rig.tree.node("cartridges/CAP002L8/label.json") }?.code == EIO)
    }

    // MARK: Inode numbers

    @Test("Inode numbers are the same after a new mount, offline too, and a cartridge's link takes its own along")
    func inodes() throws {
        var numbers: [String: UInt64] = [:]
        for path in ["", "library.json", "slots", "slots/3", "mail/1", "drives/0/status.json", "cartridges/CAP001L8"] {
            numbers[path] = try rig.tree.stat(path).inode
        }
        let link = try rig.tree.stat("slots/1/CAP001L8").inode
        try rig.move("slots/1/CAP001L8", "drives/0/CAP001L8")
        #expect(try rig.tree.stat("drives/0/CAP001L8").inode == link)
        let again = MountedTree(
            library: rig.library,
            cartridges: FakeCartridges(),
            devices: FakeDevices(),
            clock: rig.clock
        )
        let offline = try rig.offline()
        for (path, number) in numbers {
            #expect(try again.stat(path).inode == number)
            #expect(try offline.stat(path).inode == number)
        }
        // Numbers that backup programs may have stored: they never change.
        #expect(InodeNumber.of(.root) == 1)
        #expect(InodeNumber.of(.slot(3)) == 3_694_552_675_555_866_659)
        #expect(InodeNumber.of(.placed(nil, barcode: "CAP001L8")) == 3_068_149_533_996_234_807)
    }

    @Test("Half a million nodes have half a million inode numbers, positive, none below 16 but the root's")
    func inodesAreUnique() {
        var numbers: Set<UInt64> = []
        var count = 0
        func take(_ node: FileNode) {
            numbers.insert(InodeNumber.of(node))
            count += 1
        }
        for number in 0..<50_000 {
            take(.slot(number))
            take(.mailSlot(number))
            take(.placed(.slot(number), barcode: "CAP\(number)L8"))
            take(.cartridge(barcode: "CAP\(number)L8", .directory))
            take(.cartridge(barcode: "CAP\(number)L8", .label))
            for file: UInt64 in 0..<3 {
                let file = TapeFileNumber(number: file)
                take(.cartridge(barcode: "CAP\(number)L8", .fileData(file)))
                let contents = CartridgeNode.fileContents(file, generation: UInt32(number), entry: UInt32(number))
                take(.cartridge(barcode: "CAP\(number)L8", contents))
            }
        }
        #expect(numbers.count == count)
        #expect(numbers.allSatisfy { $0 >= 16 && $0 < 1 << 63 })
    }

    // MARK: Cookies

    @Test("A listing goes on at the right place while cartridges come and go")
    func cookies() throws {
        for number in 1...4 { try rig.make("shelf/NEW00\(number)L8") }
        var seen: [String] = []
        var cookie: UInt64 = 0
        func next() throws {
            var isFirst = true
            try rig.tree.list(.cartridges, after: cookie) { entry in
                guard isFirst else { return false }
                isFirst = false
                seen.append(String(decoding: entry.name, as: UTF8.self))
                cookie = entry.cookie
                return true
            }
        }
        try next()
        try next()
        try rig.library.deleteCartridge(barcode: "CAP001L8")
        try rig.library.deleteCartridge(barcode: "CAP002L8")
        try next()
        try rig.make("shelf/AAA001L8")
        try rig.library.deleteCartridge(barcode: "NEW001L8")
        try next()
        try rig.make("shelf/NEW005L8")
        try next()
        try next()
        try next()
        try next()
        #expect(
            seen == ["CAP001L8", "CAP002L8", "CAP003L8", "NEW002L8", "NEW003L8", "NEW004L8", "NEW005L8"]
        )
    }

    @Test("Cookies grow as barcodes do, up to 11 characters; longer ones come behind and keep theirs")
    func cookieOrder() {
        let barcodes = [
            "-", "0", "00", "9", "A", "A00001L8", "A0000L8", "A00010L8", "AB-1", "AB01", "ABC", "AB_", "CAP001L8",
            "ZZZZZZZZZZZ", "___________",
        ]
        #expect(barcodes.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) } == barcodes)
        var cookies = BarcodeCookies()
        let numbers = barcodes.map { cookies.cookie(of: $0) }
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
        #expect(numbers.allSatisfy { $0 > 0 && $0 < 1 << 60 })
        let first = cookies.cookie(of: "LONGBARCODE0001")
        let second = cookies.cookie(of: "ALONGBARCODE0002")
        #expect(first > 1 << 60 && second > first && second < 1 << 63)
        #expect(cookies.cookie(of: "LONGBARCODE0001") == first)
    }

    @Test("A library of 10,000 slots lists in pieces, in order, at a cost that does not grow with the place")
    func manySlots() throws {
        let rig = try TreeRig(drives: 1, slots: 10_000, cartridges: 0)
        let names = try rig.tree.names("slots", step: 100)
        #expect(names.count == 10_000)
        #expect(names == (1...10_000).map { String($0) })
        #expect(try rig.tree.stat("slots").links == 10_002)
        #expect(try rig.tree.stat("slots/10000").kind == .directory)
    }

    // MARK: statfs

    @Test("statfs: capacity and use of all cartridges; asked once, then only of those that changed or are in a drive")
    func statistics() throws {
        #expect(
            try rig.tree.statistics()
                == FileSystemStatistics(capacityBytes: 3 * 4 << 20, usedBytes: 3000, files: 3)
        )
        _ = try rig.tree.statistics()
        #expect(rig.cartridges.asked.withLock { $0.count } == 3)
        try rig.move("slots/1/CAP001L8", "drives/0/CAP001L8")
        rig.cartridges.used.withLock { $0 = 5000 }
        #expect(try rig.tree.statistics().usedBytes == 7000)
        rig.cartridges.used.withLock { $0 = 6000 }
        #expect(try rig.tree.statistics().usedBytes == 8000)
        try rig.move("drives/0/CAP001L8", "slots/1/CAP001L8")
        rig.cartridges.used.withLock { $0 = 7000 }
        #expect(try rig.tree.statistics().usedBytes == 9000)
        rig.cartridges.used.withLock { $0 = 1 }
        #expect(try rig.tree.statistics().usedBytes == 9000)
        try rig.make("shelf/CLN001L8")
        #expect(try rig.tree.statistics().capacityBytes == 3 * 4 << 20)
    }

    @Test(
        "statfs of many cartridges answers at once, and tells all when they have been looked into",
        .timeLimit(.minutes(1))
    )
    func statisticsOfMany() async throws {
        let rig = try TreeRig(drives: 1, slots: 300, cartridges: 300)
        rig.cartridges.delayMilliseconds.withLock { $0 = 2 }
        let first = try rig.tree.statistics()
        #expect(first.capacityBytes == 300 * 4 << 20)
        #expect(first.usedBytes < 300_000)
        while try rig.tree.statistics().usedBytes < 300_000 { await Task.yield() }
        #expect(Set(rig.cartridges.asked.withLock { $0 }).count == 300)
    }
}
