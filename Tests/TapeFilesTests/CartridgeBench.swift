// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import Logging
import SimulatedDisk
import TapeLibrary
import Testing

@testable import TapeFiles

/// One cartridge of a simulated disk that is being written, and what is shown of it.
struct CartridgeBench {
    static let stored = StoredCartridge(barcode: "TEST01L8", directory: "/store/cartridges/TEST01L8")
    let disk: SimulatedDisk
    let cartridge: Cartridge
    let files: CartridgeFiles

    init(capacity: ByteCount = .mebibytes(8), limits: CartridgeFilesLimits = CartridgeFilesLimits()) throws {
        disk = SimulatedDisk(seed: 1)
        try disk.makeDirectory("/store/cartridges")
        try Cartridge.create(
            at: Self.stored.directory,
            on: disk,
            CartridgeSpecification(barcode: "TEST01L8", capacity: capacity)
        )
        cartridge = try Cartridge(opening: Self.stored.directory, on: disk, access: .readWrite)
        files = CartridgeFiles(
            disk: disk,
            inode: { InodeNumber.of($0) },
            limits: limits,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    func write(_ bytes: [UInt8], partition: Int = 0) throws {
        try cartridge.writeRecord(bytes.span, at: cartridge.endOfData(partition), partition: partition)
    }

    func writeFilemarks(_ count: Int = 1) throws {
        try cartridge.writeFilemarks(count, at: cartridge.endOfData(0), partition: 0)
    }

    func node(_ path: String) throws -> CartridgeNode { try files.node(path) }
    func attributes(_ path: String) throws -> FileAttributes { try files.attributes(path) }
    func names(_ path: String) throws -> [String] { try files.names(path) }
    func open(_ path: String) throws -> any OpenFile { try files.open(path) }
    func bytes(_ path: String, piece: Int = 4096) throws -> [UInt8] { try files.bytes(path, piece: piece) }
    func text(_ path: String) throws -> String { String(decoding: try bytes(path), as: UTF8.self) }
}

/// Paths of the bench's cartridge, as a caller of the mount goes them.
extension CartridgeFiles {
    func node(_ path: String) throws -> CartridgeNode {
        var node = CartridgeNode.directory
        for name in path.split(separator: "/") {
            node = try lookUp(Array(name.utf8), in: node, of: CartridgeBench.stored).node
        }
        return node
    }

    func attributes(_ path: String) throws -> FileAttributes {
        try attributes(of: node(path), in: CartridgeBench.stored)
    }

    func names(_ path: String) throws -> [String] {
        var names: [String] = []
        try list(node(path), of: CartridgeBench.stored, after: 0) {
            names.append(String(decoding: $0.name, as: UTF8.self))
            return true
        }
        return names
    }

    func open(_ path: String) throws -> any OpenFile {
        try openFile(node(path), of: CartridgeBench.stored, OpenRequest())
    }

    /// Read in pieces, until the end.
    func bytes(_ path: String, piece: Int = 4096) throws -> [UInt8] {
        try open(path).everything(piece: piece)
    }
}

extension OpenFile {
    func part(_ count: Int, at offset: UInt64) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: count)
        var span = bytes.mutableSpan
        let got = try read(into: &span, at: offset, caller: NobodyInParticular())
        return Array(bytes.prefix(got))
    }

    func everything(piece: Int = 4096) throws(FileError) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let part = try part(piece, at: UInt64(all.count))
            if part.isEmpty { return all }
            all += part
        }
    }
}

struct NobodyInParticular: Caller {
    var identity: CallerIdentity { CallerIdentity() }
    func read(_ count: Int, at address: UInt64) throws(FileError) -> [UInt8] { throw FileError(EFAULT) }
    func write(_ bytes: Span<UInt8>, at address: UInt64) throws(FileError) { throw FileError(EFAULT) }
    func requestedBytes() -> UInt64? { nil }
}

/// Bytes that count up from `first`.
func counted(_ length: Int, from first: UInt8 = 0) -> [UInt8] {
    (0..<length).map { first &+ UInt8(truncatingIfNeeded: $0) }
}

/// A tar archive put together by hand after POSIX.1 (ustar): regular files of user 1000.
enum HandmadeTar {
    static func archive(_ members: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        members.flatMap { header($0.name, $0.bytes.count) + padded($0.bytes) } + [UInt8](repeating: 0, count: 1024)
    }

    private static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }

    private static func header(_ name: String, _ length: Int) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at place: Int) {
            header.replaceSubrange(place..<place + text.utf8.count, with: Array(text.utf8))
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, at: 0)
        put(octal(0o640, 7), at: 100)
        put(octal(1000, 7), at: 108)
        put(octal(1001, 7), at: 116)
        put(octal(length, 11), at: 124)
        put(octal(1_600_000_000, 11), at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        let sum = header.reduce(0) { $0 + Int($1) }
        put(octal(sum, 6) + "\0 ", at: 148)
        return header
    }
}
