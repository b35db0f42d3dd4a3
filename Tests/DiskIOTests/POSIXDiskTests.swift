// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Foundation
import Testing

@Suite("Files of the operating system")
final class POSIXDiskTests {
    private let disk = POSIXDisk()
    private let root: String

    init() throws {
        root = NSTemporaryDirectory() + "capstan-diskio-" + UUID().uuidString
        try disk.makeDirectory(root + "/a/b")
    }

    deinit { try? disk.removeTree(root) }

    private func read(_ file: any DiskFile, _ count: Int, at offset: Int64) throws(DiskError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: count)
        var span = bytes.mutableSpan
        let got = try file.read(into: &span, at: offset)
        return Array(bytes.prefix(got))
    }

    @Test("Bytes come back; a read behind the end gives fewer or none")
    func readAndWrite() throws {
        let pattern: [UInt8] = [1, 2, 3, 4]
        let file = try disk.open(root + "/f", .createNew)
        try file.write(pattern.span, at: 10)
        #expect(try file.size() == 14)
        #expect(try read(file, 100, at: 8) == [0, 0, 1, 2, 3, 4])
        #expect(try read(file, 5, at: 14) == [])
        #expect(try read(file, 0, at: 0) == [])
        try file.truncate(to: 11)
        #expect(try read(file, 100, at: 9) == [0, 1])
        try file.synchronize()
        file.adviseSequential()
        file.startWriteback(offset: 0, length: 4096)
        file.dropFromCache(offset: 0, length: 4096)
        #expect(try read(file, 100, at: 9) == [0, 1])
    }

    @Test("Reserved blocks leave the length alone and go back when the file is cut to its length")
    func allocate() throws {
        let file = try disk.open(root + "/f", .create)
        try file.write([1].span, at: 0)
        try file.allocate(offset: 0, length: 8 << 20)
        #expect(try file.size() == 1)
        func blocks() -> Int {
            var status = stat()
            stat(root + "/f", &status)
            return Int(status.st_blocks) * 512
        }
        #expect(blocks() >= 8 << 20)
        try file.truncate(to: 1)
        #expect(blocks() <= 64 << 10)
    }

    @Test("Opening says what is wrong")
    func openErrors() throws {
        #expect(throws: DiskError(operation: "open", path: root + "/none", code: ENOENT)) {
            try self.disk.open(self.root + "/none", .readWrite)
        }
        _ = try disk.open(root + "/f", .create)
        #expect(throws: DiskError(operation: "open", path: root + "/f", code: EEXIST)) {
            try self.disk.open(self.root + "/f", .createNew)
        }
        let file = try disk.open(root + "/f", .readOnly)
        #expect(throws: DiskError(operation: "write", path: root + "/f", code: EBADF)) {
            try file.write([1].span, at: 0)
        }
        let error = DiskError(operation: "write", path: "/x", code: ENOSPC)
        #expect(error.isOutOfSpace)
        #expect(error.description == "cannot write /x: No space left on device")
    }

    @Test("A full device is an error, not a short write")
    func fullDevice() throws {
        let file = try disk.open("/dev/full", .readWrite)
        #expect(throws: DiskError(operation: "write", path: "/dev/full", code: ENOSPC)) {
            try file.write([1, 2, 3].span, at: 0)
        }
    }

    @Test("Names are listed sorted, renamed and removed; a tree goes without what its links lead to")
    func names() throws {
        for name in ["z", "b", "a/inner"] { _ = try disk.open(root + "/" + name, .createNew) }
        #expect(try disk.list(root) == ["a", "b", "z"])
        try disk.rename(from: root + "/z", to: root + "/y")
        try disk.remove(root + "/b")
        #expect(try disk.list(root) == ["a", "y"])
        #expect(symlink(root + "/y", root + "/a/link") == 0)
        try disk.removeTree(root + "/a")
        #expect(!disk.exists(root + "/a"))
        #expect(disk.exists(root + "/y"))
        try disk.makeDirectory(root)
        #expect(throws: DiskError.self) { try self.disk.makeDirectory(self.root + "/y") }
        #expect(try disk.freeSpace(root) > 0)
    }

    @Test("Contents are replaced whole, leave no second file, and are not read beyond the limit")
    func contents() throws {
        let path = root + "/c"
        try disk.replaceContents(of: path, with: [1, 2, 3])
        try disk.replaceContents(of: path, with: [4])
        #expect(try disk.readContents(of: path, limit: 1) == [4])
        #expect(try disk.list(root) == ["a", "c"])
        try disk.replaceContents(of: path, with: [1, 2])
        let error = #expect(throws: DiskError.self) { try self.disk.readContents(of: path, limit: 1) }
        #expect(error?.isTooLarge == true)
    }

    @Test("A lock is held once, names its holder, and is free again after release")
    func locks() throws {
        let path = root + "/lock"
        let first = try disk.lock(path)
        let error = #expect(throws: DiskError.self) { try self.disk.lock(path) }
        #expect(error?.holderProcess == getpid())
        #expect(error?.description == "cannot lock \(path): process \(getpid()) holds it")
        first.release()
        let second = try disk.lock(path)
        withExtendedLifetime(second) {}
    }

    @Test("An aligned buffer begins on a page, has whole pages and starts as zeros")
    func alignedBuffer() {
        let buffer = AlignedBuffer(count: 5000)
        #expect(buffer.count == 8192)
        buffer.withBytes { span in
            for index in 0..<span.count where span[index] != 0 { Issue.record("byte \(index) is not zero") }
            span.withUnsafeBytes { #expect(Int(bitPattern: $0.baseAddress) % 4096 == 0) }
        }
        buffer.withMutableBytes { $0[8191] = 7 }
        #expect(buffer.withBytes { $0[8191] } == 7)
    }
}
