// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Logging
import Synchronization
import TapeFiles
import Testing

@testable import FUSEMount

@Suite("What the door remembers and parses")
struct TableTests {
    // MARK: Nodes

    @Test("a node keeps its number while a lookup of it is not forgotten, and never gets the same again")
    func numbers() {
        let table = NodeTable()
        let first = table.remember(.drives, inode: 7, parent: 1)
        #expect(table.remember(.drives, inode: 7, parent: 1) == first)
        table.forget(first, 1)
        #expect(table.node(first) == .drives)
        table.forget(first, 1)
        #expect(table.node(first) == nil)
        #expect(table.number(of: .drives) == nil)
        #expect(table.remember(.drives, inode: 7, parent: 1) > first)
        #expect(table.count == 2)
    }

    @Test("the root is there from the start and cannot be forgotten")
    func root() {
        let table = NodeTable(rootInode: 5)
        table.forget(NodeTable.rootNumber, .max)
        #expect(table.node(1) == .root)
        #expect(table.entry(1)?.inode == 5)
    }

    @Test("forgetting what nobody knows, or more often than it was looked up, is harmless")
    func hostileForget() {
        let table = NodeTable()
        table.forget(0, 1)
        table.forget(.max, .max)
        let number = table.remember(.slots, inode: 1, parent: 1)
        table.forget(number, .max)
        #expect(table.node(number) == nil)
        #expect(table.count == 1)
    }

    @Test("a hundred thousand lookups and forgets leave nothing behind")
    func balance() {
        let table = NodeTable()
        var numbers: [UInt64] = []
        for index in 0..<10_000 { numbers.append(table.remember(.slot(index), inode: 1, parent: 1)) }
        for _ in 0..<9 { for index in 0..<10_000 { _ = table.remember(.slot(index), inode: 1, parent: 1) } }
        #expect(table.count == 10_001)
        for number in numbers { table.forget(number, 10) }
        #expect(table.count == 1)
    }

    // MARK: /proc/THREAD/syscall

    /// Lines as proc(5) describes them; the numbers are those of the kernel's tables for each processor.
    @Test("the call that a thread is in tells the length it asked for")
    func systemCalls() throws {
        #if arch(x86_64)
            let calls: [(String, SystemCallLine.Length?)] = [
                ("0 0x3 0x7f00 0x200000 0x0 0x0 0x0 0x7ffd 0x7f12\n", .bytes(0x200000)),
                ("1 0x3 0x7f00 0x1 0x0 0x0 0x0 0x7ffd 0x7f12\n", .bytes(1)),
                ("18 0x3 0x7f00 0x100000 0x1000 0x0 0x0 0x7ffd 0x7f12\n", .bytes(0x100000)),
                (
                    "20 0x3 0x7f00 0x2 0x0 0x0 0x0 0x7ffd 0x7f12\n",
                    .vector(address: 0x7f00, count: 2, isCompatible: false)
                ),
                (
                    "146 0x3 0x7f00 0x2 0x0 0x0 0x0 0x7ffd 0x7f12\n",
                    .vector(address: 0x7f00, count: 2, isCompatible: true)
                ),
                ("16 0x3 0x2285 0x7ffd 0x0 0x0 0x0 0x7ffd 0x7f12\n", nil),
            ]
        #else
            let calls: [(String, SystemCallLine.Length?)] = [
                ("63 0x3 0x7f00 0x200000 0x0 0x0 0x0 0x7ffd 0x7f12\n", .bytes(0x200000)),
                ("64 0x3 0x7f00 0x1 0x0 0x0 0x0 0x7ffd 0x7f12\n", .bytes(1)),
                (
                    "66 0x3 0x7f00 0x2 0x0 0x0 0x0 0x7ffd 0x7f12\n",
                    .vector(address: 0x7f00, count: 2, isCompatible: false)
                ),
                ("29 0x3 0x2285 0x7ffd 0x0 0x0 0x0 0x7ffd 0x7f12\n", nil),
            ]
        #endif
        for (text, length) in calls {
            let line = try #require(SystemCallLine(Array(text.utf8)))
            #expect(line.length == length, "\(text)")
        }
    }

    @Test(
        "a line that is none is not misread",
        arguments: [
            "", "\n", "running\n", "-1 0x7ffd 0x7f12\n", "0 0x3 0x7f00\n", "0 3 4 5 6 7 8 9 10\n",
            "99999999999999999999999 0x0 0x0 0x0 0x0 0x0 0x0\n", "18446744073709551615 0x0 0x0 0x0 0x0 0x0 0x0\n",
            "0 0x 0x0 0x0 0x0 0x0 0x0\n", "0 0x11112222333344445 0x0 0x0 0x0 0x0 0x0\n", "0 0xg 0x0 0x0 0x0 0x0 0x0\n",
        ]
    )
    func strangeLines(text: String) {
        #expect(SystemCallLine(Array(text.utf8))?.length == nil)
    }

    // MARK: /proc/self/mountinfo

    @Test("the mount table is read with its escapes and optional fields, and the last of a point is what is seen")
    func mountTable() {
        let text = """
            36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:3 - ext3 /dev/root rw,errors=continue
            60 36 0:51 / /mnt\\040with\\134space rw,nosuid,nodev - fuse.capstan capstan rw,user_id=0
            61 36 0:52 / /dev/vtl rw - tmpfs none rw
            62 36 0:53 / /dev/vtl rw - fuse.capstan capstan rw
            broken line
            70 36 0:53 / /x rw -
            """
        let table = MountTable(Array(text.utf8))
        #expect(table.rows.count == 4)
        #expect(table.topmost(at: "/mnt2")?.type == "ext3")
        #expect(table.topmost(at: "/mnt with\\space")?.type == "fuse.capstan")
        #expect(table.topmost(at: "/dev/vtl")?.type == "fuse.capstan")
        #expect(table.topmost(at: "/dev") == nil)
    }

    // MARK: The log

    @Test("a caller that is refused again and again does not fill the log, and what was left out is counted")
    func rateOfRefusals() {
        let now = Atomic<Int64>(0)
        let log = RefusalLog(Logger(label: "test")) { now.load(ordering: .relaxed) }
        var told = 0
        for _ in 0..<1000 where log.take() != nil { told += 1 }
        #expect(told == MountLimits.loggedAtOnce)
        now.store(MountLimits.loggedEachNanoseconds, ordering: .relaxed)
        #expect(log.take() == 1000 - MountLimits.loggedAtOnce)
        #expect(log.take() == nil)
        now.store(3600 * MountLimits.loggedEachNanoseconds, ordering: .relaxed)
        #expect(log.take() == 1)
        #expect(log.take() == 0)
    }

    @Test("what a caller made up cannot forge lines of the log or speak to a terminal")
    func harmlessReasons() {
        #expect(
            RefusalLog.harmless("\"a\nERROR: b\u{1B}[31m\u{202E}\" is no barcode ÄÖ")
                == "\"a?ERROR: b?[31m?\" is no barcode ÄÖ"
        )
        #expect(RefusalLog.harmless(String(repeating: "x", count: 10_000)).count == MountLimits.reasonLength)
    }

    // MARK: Opens

    @Test("opens beyond the limit wait in line, and whoever is done takes the next")
    func openLine() {
        let line = OpenLine(limit: 1)
        let order = Mutex<[Int]>([])
        let served = line.serve {
            // On this thread, while the line's only place is taken.
            for index in 1...3 { #expect(line.serve { order.withLock { $0.append(index) } }) }
            order.withLock { $0.append(0) }
        }
        #expect(served)
        #expect(order.withLock { $0 } == [0, 1, 2, 3])
        #expect(line.serve { order.withLock { $0.append(4) } })
        #expect(order.withLock { $0 } == [0, 1, 2, 3, 4])
    }

    @Test("the line of opens has an end")
    func openLineLimit() {
        let line = OpenLine(limit: 1)
        let count = Mutex(0)
        let served = line.serve {
            for _ in 0..<MountLimits.queuedOpens { #expect(line.serve { count.withLock { $0 += 1 } }) }
            #expect(!line.serve { count.withLock { $0 += 1 } })
        }
        #expect(served)
        #expect(count.withLock { $0 } == MountLimits.queuedOpens)
    }

    // MARK: Notes of user_allow_other

    @Test("other users may look when root mounts, or /etc/fuse.conf says so outside of a comment")
    func others() throws {
        let folder = try Folder()
        let path = folder.path + "/fuse.conf"
        try folder.write("fuse.conf", "# allow\n#user_allow_other\nmount_max = 7\n")
        #expect(!MountPoint.mayServeOthers(user: 1000, configuration: path))
        #expect(MountPoint.mayServeOthers(user: 0, configuration: path))
        try folder.write("fuse.conf", "mount_max = 7\n  user_allow_other \n")
        #expect(MountPoint.mayServeOthers(user: 1000, configuration: path))
        #expect(!MountPoint.mayServeOthers(user: 1000, configuration: folder.path + "/none"))
    }
}
