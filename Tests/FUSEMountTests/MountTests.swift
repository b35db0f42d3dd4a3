// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Foundation
import Glibc
import Synchronization
import TapeFiles
import Testing

@testable import FUSEMount

@Suite("A mounted tree as programs see it", .serialized)
struct MountTests {
    // MARK: Names

    @Test("directories list what is in them, and files read as they are")
    func listing() throws {
        let mounted = try Mounted(FakeTree())
        #expect(
            try System.names(mounted[""]).sorted()
                == [".", "..", "cartridges", "changer", "drives", "library.json", "shelf", "slots"]
        )
        #expect(try System.names(mounted["shelf"]).sorted() == [".", ".."])
        #expect(try System.text(mounted["library.json"]) == "{\"library\": \"fake\"}\n")
        #expect(throws: FileError(ENOENT)) { _ = try System.status(mounted["nothing"]) }
        #expect(throws: FileError(ENOTDIR)) { _ = try System.status(mounted["library.json/x"]) }
        #expect(throws: FileError(ENAMETOOLONG)) {
            _ = try System.status(mounted[String(repeating: "x", count: 256)])
        }
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: mounted["slots/1/A00001L8"])
                == "../../cartridges/A00001L8"
        )
        #expect(try System.text(mounted["slots/1/A00001L8/label.json"]) == "{\"library\": \"fake\"}\n")
    }

    @Test("stat tells what the tree says: length, blocks, times to the nanosecond, owner, inode")
    func attributes() throws {
        let mounted = try Mounted(FakeTree())
        let node = FileNode.cartridge(barcode: "A00001L8", .fileData(.init(number: 0)))
        let data = try System.status(mounted["cartridges/A00001L8/files/0001/data"])
        #expect(data.st_size == 1 << 16)
        #expect(data.st_blocks == 2)
        // What stdio reads at once; what goes to a device in one piece is a record, and stays small.
        #expect(data.st_blksize == 256 << 10)
        #expect(try System.status(mounted["drives/0/nst"]).st_blksize == 4096)
        #expect(data.st_mode == S_IFREG | 0o644)
        #expect(data.st_ino == UInt(FakeTree.inode(node)))
        #expect(data.st_mtim.tv_sec == 1_700_000_000 && data.st_mtim.tv_nsec == 123_456_789)
        #expect(data.st_uid == geteuid() && data.st_gid == getegid())
        let label = try System.status(mounted["cartridges/A00001L8/label.json"])
        #expect(label.st_uid == 1234 && label.st_gid == 567)
        #expect(try System.status(mounted["slots/1/A00001L8"]).st_mode & S_IFMT == S_IFLNK)
        var statistics = statvfs()
        #expect(statvfs(mounted[""], &statistics) == 0)
        #expect(statistics.f_blocks * statistics.f_frsize == 1 << 40)
        #expect(statistics.f_bfree * statistics.f_frsize == (1 << 40) - (1 << 38))
    }

    @Test("ten thousand names are each listed once, with one pass over the tree, and a listing can go on in the middle")
    func manyNames() throws {
        let mounted = try Mounted(FakeTree(cartridges: 10_000))
        let names = try System.names(mounted["cartridges"])
        #expect(names.count == 10_002)
        #expect(Set(names).count == 10_002)
        let directory = try #require(opendir(mounted["cartridges"]))
        defer { closedir(directory) }
        for _ in 0..<5000 { _ = readdir(directory) }
        let place = telldir(directory)
        func next() -> String {
            guard let entry = readdir(directory) else { return "" }
            return withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
        }
        let there = (0..<3).map { _ in next() }
        for _ in 0..<4000 { _ = next() }
        seekdir(directory, place)
        #expect((0..<3).map { _ in next() } == there)
        rewinddir(directory)
        #expect(next() == ".")
    }

    @Test("the kernel's forgetting empties the table of nodes")
    func forgetting() async throws {
        let tree = FakeTree(cartridges: 2000)
        let session = Session(tree: tree, options: MountOptions(), logger: .init(label: "test"))
        #expect(session.nodes.count == 1)
        let mounted = try Mounted(tree)
        for name in try System.names(mounted["cartridges"]) { _ = try System.status(mounted["cartridges/\(name)"]) }
        #expect(mounted.mount.rememberedNodes >= 2000)
        // Dropping caches asks the kernel to forget; only root may.
        guard geteuid() == 0 else { return }
        try Data("2".utf8).write(to: URL(filePath: "/proc/sys/vm/drop_caches"))
        try await eventually("the kernel did not forget") { mounted.mount.rememberedNodes < 100 }
    }

    // MARK: Files

    @Test("a file reads the same in one piece, in small pieces and from anywhere", arguments: [true, false])
    func reading(isDirect: Bool) throws {
        let mounted = try Mounted(FakeTree(dataBytes: 3_000_001, directs: isDirect))
        let descriptor = try System.open(mounted["cartridges/A00001L8/files/0001/data"], O_RDONLY)
        defer { close(descriptor) }
        var all: [UInt8] = []
        while true {
            let part = try System.read(descriptor, 1 << 20)
            guard !part.isEmpty else { break }
            all += part
        }
        #expect(all == mounted.tree.data)
        var seed: UInt64 = 4711
        for _ in 0..<200 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1
            let offset = Int(seed >> 33) % 3_000_001
            let count = Int(seed >> 20) % 70_000
            #expect(lseek(descriptor, offset, SEEK_SET) == offset)
            let part = try System.read(descriptor, count)
            #expect(part == Array(mounted.tree.data[offset..<min(offset + count, 3_000_001)]))
        }
        #expect(throws: FileError(EBADF)) { _ = try System.write(descriptor, [1]) }
        #expect(throws: FileError(EACCES)) {
            _ = try System.open(mounted["cartridges/A00001L8/files/0001/data"], O_RDWR)
        }
    }

    @Test("one write(2) is one record, up to a mebibyte from aligned memory, and its payload arrives on a page")
    func records() throws {
        let mounted = try Mounted(FakeTree())
        let descriptor = try System.open(mounted["drives/0/nst"], O_RDWR)
        let lengths = [1, 511, 512, 4096, 65_536, 262_144, (1 << 20) - 4096, 1 << 20]
        for length in lengths {
            #expect(try System.write(descriptor, Array(repeating: UInt8(length & 0xFF | 1), count: length)) == length)
        }
        #expect(lseek(descriptor, 0, SEEK_SET) == -1 && errno == ESPIPE)
        for length in lengths {
            let record = try System.read(descriptor, 1 << 20)
            #expect(record.count == length && record.allSatisfy { $0 == UInt8(length & 0xFF | 1) })
        }
        #expect(try System.read(descriptor, 10) == [])
        close(descriptor)
        let state = mounted.tree.tape.state.withLock { $0 }
        #expect(state.records.map(\.count) == lengths)
        #expect(state.requested == lengths.map { UInt64($0) })
        #expect(!state.sawUnaligned)
        #expect(state.callers.allSatisfy { $0.thread > 0 && $0.user == getuid() })
    }

    @Test("a write that the kernel has to split shows its true length, also by writev(2)")
    func split() throws {
        let mounted = try Mounted(FakeTree())
        let descriptor = try System.open(mounted["drives/0/nst"], O_WRONLY)
        _ = try System.write(descriptor, Array(repeating: 7, count: 2 << 20))
        var first = Array(repeating: UInt8(1), count: 3000)
        var second = Array(repeating: UInt8(2), count: 500)
        let put = first.withUnsafeMutableBytes { one in
            second.withUnsafeMutableBytes { two in
                var parts = [
                    iovec(iov_base: one.baseAddress, iov_len: one.count),
                    iovec(iov_base: two.baseAddress, iov_len: two.count),
                ]
                return writev(descriptor, &parts, 2)
            }
        }
        #expect(put == 3500)
        close(descriptor)
        let state = mounted.tree.tape.state.withLock { $0 }
        #expect(state.records.map(\.count) == [1 << 20, 1 << 20, 3500])
        #expect(state.requested == [2 << 20, 2 << 20, 3500])
    }

    @Test("close is a flush and then a release, fsync goes through, and O_TRUNC asks for nothing but the open")
    func closing() async throws {
        let mounted = try Mounted(FakeTree())
        let descriptor = try System.open(mounted["drives/0/nst"], O_WRONLY | O_TRUNC)
        #expect(throws: FileError(EBUSY)) { _ = try System.open(mounted["drives/0/nst"], O_RDONLY) }
        try System.check(fsync(descriptor))
        let second = dup(descriptor)
        close(descriptor)
        close(second)
        let tape = mounted.tree.tape
        try await eventually("the release did not come") { tape.state.withLock { !$0.isOpen } }
        #expect(tape.state.withLock { $0.events } == ["open", "sync", "flush", "flush", "close"])
        #expect(mounted.tree.state.withLock { $0.truncated } == [])
        try System.check(truncate(mounted["drives/0/nst"], 0))
        #expect(mounted.tree.state.withLock { $0.truncated } == [.driveDevice(0, .nst)])
        #expect(throws: FileError(EACCES)) { try System.check(truncate(mounted["library.json"], 0)) }
    }

    // MARK: Control

    @Test("an ioctl with a pointer is served from the caller's memory, one with a size by the kernel's copy")
    func control() throws {
        let mounted = try Mounted(FakeTree())
        mounted.tree.hooks.withLock {
            $0.control = { request throws(FileError) in
                switch request.command {
                case 0x2285:
                    var bytes = try request.caller.read(64, at: request.argument)
                    bytes.reverse()
                    try request.caller.write(bytes.span, at: request.argument)
                    return ControlReply(result: 5)
                // _IOWR('x', 1, 8 bytes)
                case 0xC008_7801:
                    guard request.outputLimit == 8 else { throw FileError(EINVAL) }
                    return ControlReply(output: request.input.map { $0 &+ 1 })
                // _IOR('x', 2, 4 bytes): too long an answer is a fault of ours, not of the caller's memory
                case 0x8004_7802: return ControlReply(output: Array(repeating: 1, count: 5))
                default: throw FileError(ENOTTY)
                }
            }
        }
        let descriptor = try System.open(mounted["drives/0/sg"], O_RDWR)
        defer { close(descriptor) }
        var memory = Array(UInt8(0)..<64)
        #expect(ioctl(descriptor, 0x2285, &memory) == 5)
        #expect(memory == Array(UInt8(0)..<64).reversed())
        var eight: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 255]
        #expect(ioctl(descriptor, 0xC008_7801, &eight) == 0)
        #expect(eight == [2, 3, 4, 5, 6, 7, 8, 0])
        #expect(ioctl(descriptor, 0x8004_7802, &eight) == -1 && errno == EIO)
        #expect(ioctl(descriptor, 0x1234, &eight) == -1 && errno == ENOTTY)
        // A pointer to nothing.
        let nowhere = try #require(UnsafeMutableRawPointer(bitPattern: 8))
        #expect(ioctl(descriptor, 0x2285, nowhere) == -1 && errno == EFAULT)
        let directory = try System.open(mounted["drives"], O_RDONLY)
        defer { close(directory) }
        #expect(ioctl(directory, 0x2285, &memory) == -1 && errno == ENOTTY)
        let file = try System.open(mounted["library.json"], O_RDONLY)
        defer { close(file) }
        #expect(ioctl(file, 0x2285, &memory) == -1 && errno == ENOTTY)
    }

    // MARK: Changes

    @Test("what cannot be changed says so with the errno that a person understands")
    func refusals() throws {
        let mounted = try Mounted(FakeTree())
        let file = mounted["library.json"]
        #expect(throws: FileError(EPERM)) { try System.check(unlink(file)) }
        #expect(throws: FileError(EPERM)) { try System.check(rmdir(mounted["shelf"])) }
        #expect(throws: FileError(EPERM)) { _ = try System.open(mounted["shelf/new"], O_CREAT | O_WRONLY) }
        #expect(throws: FileError(EPERM)) { try System.check(symlink("x", mounted["shelf/new"])) }
        #expect(throws: FileError(EPERM)) { try System.check(link(file, mounted["shelf/new"])) }
        #expect(throws: FileError(EPERM)) { try System.check(mkdir(mounted["shelf/NEW001L8"], 0o755)) }
        #expect(throws: FileError(EPERM)) { try System.check(chmod(file, 0o600)) }
        #expect(throws: FileError(EPERM)) { try System.check(chown(file, 1, 1)) }
        #expect(throws: FileError(EPERM)) { try System.check(utimensat(AT_FDCWD, file, nil, 0)) }
        #expect(throws: FileError(EOPNOTSUPP)) {
            try System.check(getxattr(file, "user.x", nil, 0) < 0 ? -1 : 0)
        }
        // As on a device node of the system: its times may be set.
        try System.check(utimensat(AT_FDCWD, mounted["drives/0/nst"], nil, 0))
    }

    @Test("a cartridge is moved by rename, and made by mkdir, which answers with a directory and is then a link")
    func moving() throws {
        let mounted = try Mounted(FakeTree())
        try System.check(rename(mounted["slots/1/A00001L8"], mounted["slots/2/A00001L8"]))
        #expect(try System.names(mounted["slots/1"]).count == 2)
        #expect(try System.status(mounted["slots/2/A00001L8"]).st_mode & S_IFMT == S_IFLNK)
        #expect(try System.text(mounted["slots/2/A00001L8/label.json"]) == "{\"library\": \"fake\"}\n")
        #expect(throws: FileError(EPERM)) {
            try System.check(rename(mounted["slots/2/A00001L8"], mounted["shelf/A00001L8"]))
        }
        #expect(throws: FileError(ENOENT)) {
            try System.check(rename(mounted["slots/1/A00001L8"], mounted["slots/3/A00001L8"]))
        }
        try System.check(mkdir(mounted["slots/3/NEW001L8"], 0o755))
        #expect(try System.status(mounted["slots/3/NEW001L8"]).st_mode & S_IFMT == S_IFLNK)
        #expect(throws: FileError(EEXIST)) { try System.check(mkdir(mounted["slots/3/NEW001L8"], 0o755)) }
        #expect(throws: FileError(ENOTEMPTY)) {
            try System.check(rename(mounted["slots/2/A00001L8"], mounted["slots/3/A00001L8"]))
        }
        #expect(try System.names(mounted["cartridges"]).contains("NEW001L8"))
    }

    @Test("what another door moves is seen, although the kernel was told to believe the old for an hour")
    func invalidation() async throws {
        let mounted = try Mounted(FakeTree(validMilliseconds: 3_600_000))
        _ = try System.status(mounted["slots/1/A00001L8"])
        _ = try System.names(mounted["slots/2"])
        mounted.tree.moveFromOutside(1, 2)
        try await eventually("the old link is still believed in") {
            (try? System.status(mounted["slots/1/A00001L8"])) == nil
        }
        try await eventually("the new link is not seen") {
            (try? System.status(mounted["slots/2/A00001L8"])) != nil
        }
        mounted.tree.state.withLock { $0.listened }?.finish()
    }

    @Test("a read-only mount refuses changes by itself, and a strange name is passed on as it is")
    func readOnly() throws {
        let mounted = try Mounted(FakeTree(), options: MountOptions(isReadOnly: true))
        #expect(throws: FileError(EROFS)) {
            try System.check(rename(mounted["slots/1/A00001L8"], mounted["slots/2/A00001L8"]))
        }
        #expect(throws: FileError(EROFS)) { try System.check(mkdir(mounted["slots/3/NEW001L8"], 0o755)) }
        #expect(try System.text(mounted["library.json"]) == "{\"library\": \"fake\"}\n")
        #expect(throws: FileError(ENOENT)) { _ = try System.status(mounted["\u{1}\u{7F}ÿ \n"]) }
    }
}
