// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Glibc
import Logging
import Synchronization
import TapeFiles
import Testing

@testable import FUSEMount

/// A temporary directory that is gone after the test.
final class Folder {
    let path: String

    init() throws {
        var template = Array("/tmp/capstan-mount-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FileError(errno, "no temporary directory") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path + "/" + name))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A mount of a tree in memory, unmounted at the end whatever happens.
final class Mounted<Tree: ServedTree> {
    let tree: Tree
    let mount: Mount
    private let folder: Folder

    init(_ tree: Tree, options: MountOptions = MountOptions()) throws {
        #expect(
            access("/dev/fuse", R_OK | W_OK) == 0,
            "these tests mount: they need /dev/fuse (modprobe fuse; docker run --device /dev/fuse --cap-add SYS_ADMIN)"
        )
        self.tree = tree
        folder = try Folder()
        let point = folder.path + "/m"
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        mount = try Mount(tree: tree, at: point, options: options, logger: logger)
        try mount.start()
    }

    deinit {
        mount.stop(drainSeconds: 0)
        rmdir(mount.path)
    }

    subscript(_ path: String) -> String { mount.path + "/" + path }
}

/// What a program sees: results or errno.
enum System {
    static func open(_ path: String, _ flags: Int32) throws -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(errno) }
        return descriptor
    }

    static func read(_ descriptor: Int32, _ count: Int) throws -> [UInt8] {
        // On a page, as whoever reads records of a mebibyte must have it.
        let room = UnsafeMutableRawPointer.allocate(byteCount: max(1, count), alignment: 4096)
        defer { room.deallocate() }
        let got = Glibc.read(descriptor, room, count)
        guard got >= 0 else { throw FileError(errno) }
        return Array(UnsafeRawBufferPointer(start: room, count: got))
    }

    /// - Parameter alignment: of the buffer, as a program that cares has it.
    static func write(_ descriptor: Int32, _ bytes: [UInt8], alignment: Int = 4096) throws -> Int {
        let room = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes.count), alignment: alignment)
        defer { room.deallocate() }
        bytes.withUnsafeBytes {
            room.copyMemory(from: $0.baseAddress ?? $0.baseAddress.unsafelyUnwrapped, byteCount: bytes.count)
        }
        let put = Glibc.write(descriptor, room, bytes.count)
        guard put >= 0 else { throw FileError(errno) }
        return put
    }

    static func status(_ path: String) throws -> stat {
        var result = stat()
        guard lstat(path, &result) == 0 else { throw FileError(errno) }
        return result
    }

    static func check(_ outcome: Int32) throws { guard outcome == 0 else { throw FileError(errno) } }

    static func names(_ path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw FileError(errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
                }
            )
        }
        return names
    }

    static func text(_ path: String) throws -> String {
        let descriptor = try open(path, O_RDONLY)
        defer { close(descriptor) }
        return String(decoding: try read(descriptor, 65_536), as: UTF8.self)
    }
}

/// Waits for a condition; two minutes are enough also on a machine that has much else to do.
func eventually(_ what: Comment, _ condition: () throws -> Bool) async throws {
    let end = Date().addingTimeInterval(120)
    while Date() < end {
        if try condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record(what)
}
