// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Glibc
import LogicalUnits
import SCSI
import SimulatedDisk
import TapeLibrary
import Testing

@testable import TapeFiles

/// Time that goes on when a test says so.
final class SteppedClock: LibraryClock {
    private let milliseconds: Guarded<UInt64>

    init(_ milliseconds: UInt64 = 1_700_000_000_000) {
        self.milliseconds = Guarded(milliseconds, name: "clock")
    }

    func now() -> UInt64 { milliseconds.withLock { $0 } }

    func advance(seconds: UInt64) { milliseconds.withLock { $0 += seconds * 1000 } }
}

/// Cartridges with one file in each, `label.json`.
final class FakeCartridges: CartridgeSubtree {
    let forgotten = Guarded<[String]>([], name: "forgotten")
    let asked = Guarded<[String]>([], name: "asked")
    let damaged = Guarded<Set<String>>([], name: "damaged")
    let used = Guarded<UInt64>(1000, name: "used")
    /// How long a look into one takes.
    let delayMilliseconds = Guarded<UInt32>(0, name: "delay")

    func attributes(of node: CartridgeNode, in cartridge: StoredCartridge) throws(FileError) -> FileAttributes {
        guard !damaged.withLock({ $0.contains(cartridge.barcode) }) else { throw FileError(EIO, "damaged") }
        return FileAttributes(
            kind: node == .directory ? .directory : .regular,
            permissions: node == .directory ? 0o550 : 0o440,
            inode: InodeNumber.of(.cartridge(barcode: cartridge.barcode, node)),
            links: node == .directory ? 3 : 1,
            modifiedNanoseconds: 7
        )
    }

    func lookUp(
        _ name: [UInt8],
        in directory: CartridgeNode,
        of cartridge: StoredCartridge
    ) throws(FileError) -> (node: CartridgeNode, FileAttributes) {
        guard directory == .directory, name == Array("label.json".utf8) else { throw FileError(ENOENT) }
        return (.label, try attributes(of: .label, in: cartridge))
    }

    func list(
        _ directory: CartridgeNode,
        of cartridge: StoredCartridge,
        after cookie: UInt64,
        _ take: (DirectoryEntry) -> Bool
    ) throws(FileError) {
        let node = FileNode.cartridge(barcode: cartridge.barcode, .label)
        guard cookie == 0 else { return }
        let name = Array("label.json".utf8)
        _ = take(DirectoryEntry(name: name, node: node, kind: .regular, inode: InodeNumber.of(node), cookie: 1))
    }

    func readLink(_ node: CartridgeNode, of cartridge: StoredCartridge) throws(FileError) -> [UInt8] {
        throw FileError(EINVAL)
    }

    func openFile(
        _ node: CartridgeNode,
        of cartridge: StoredCartridge,
        _ request: OpenRequest
    ) throws(FileError) -> any OpenFile {
        FakeFile(cartridge.directory)
    }

    func use(of cartridge: StoredCartridge) throws(FileError) -> CartridgeUse {
        asked.withLock { $0.append(cartridge.barcode) }
        let delay = delayMilliseconds.withLock { $0 }
        if delay > 0 { usleep(delay * 1000) }
        return CartridgeUse(capacityBytes: 4 << 20, usedBytes: used.withLock { $0 }, tapeFiles: 1)
    }

    func changed(_ barcode: String) { forgotten.withLock { $0.append(barcode) } }
}

/// Says in its contents what was opened.
final class FakeFile: OpenFile {
    let text: String
    let traits = OpenTraits(isDirect: true)

    init(_ text: String) { self.text = text }

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int { 0 }
}

struct FakeDevices: DeviceOpener {
    var settled = Guarded<[Int]>([], name: "settled")

    func settle(drive: Int) { settled.withLock { $0.append(drive) } }

    func openTape(drive: Int, rewinds: Bool, _ request: OpenRequest) throws(FileError) -> any OpenFile {
        FakeFile("tape \(drive)\(rewinds ? " rewinding" : "")")
    }

    func openGeneric(drive: Int?, _ request: OpenRequest) throws(FileError) -> any OpenFile {
        FakeFile(drive.map { "generic \($0)" } ?? "generic changer")
    }
}

/// Nobody's memory is seen.
struct BlindCaller: Caller {
    let identity = CallerIdentity(user: 1000)

    func read(_ count: Int, at address: UInt64) throws(FileError) -> [UInt8] { throw FileError(EFAULT) }
    func write(_ bytes: Span<UInt8>, at address: UInt64) throws(FileError) { throw FileError(EFAULT) }
    func requestedBytes() -> UInt64? { nil }
}

/// A library of 2 drives, 4 slots, 2 mail slots, CAP001L8 to CAP003L8 in slots 1 to 3, and its tree.
struct TreeRig {
    static let store = "/store"
    let disk: SimulatedDisk
    let clock: SteppedClock
    let library: Library
    let cartridges: FakeCartridges
    let devices = FakeDevices()
    let tree: MountedTree
    let caller = CallerIdentity(thread: 1, user: 1000, group: 1000)
    let host = Nexus(id: 1, name: "iscsi host")

    init(
        drives: Int = 2,
        slots: Int = 4,
        mailSlots: Int = 2,
        cartridges count: Int = 3,
        disk: SimulatedDisk = SimulatedDisk()
    ) throws {
        self.disk = disk
        clock = SteppedClock()
        library = try Library.open(
            store: Self.store,
            disk: disk,
            configuration: LibraryConfiguration(
                drives: drives,
                slots: slots,
                mailSlots: mailSlots,
                serial: "00L4U78TEST01",
                cartridges: .init(count: count, capacityBytes: 4 << 20)
            ),
            seams: LibrarySeams(clock: clock)
        )
        cartridges = FakeCartridges()
        tree = MountedTree(library: library, cartridges: cartridges, devices: devices, clock: clock)
    }

    func offline() throws -> MountedTree {
        try MountedTree(store: Self.store, disk: disk, cartridges: FakeCartridges(), clock: clock)
    }

    /// `mv`: both paths from the root of the tree.
    func move(_ from: String, _ to: String) throws {
        let (source, name) = try tree.parent(from)
        let (destination, newName) = try tree.parent(to)
        try tree.rename(Array(name.utf8), in: source, to: Array(newName.utf8), in: destination, caller: caller)
    }

    @discardableResult
    func make(_ path: String) throws -> (node: FileNode, FileAttributes) {
        let (directory, name) = try tree.parent(path)
        return try tree.makeDirectory(Array(name.utf8), in: directory, caller: caller)
    }

    /// What `errno` and the log say of a refusal; nil when there was none.
    func refusal(_ body: () throws -> Void) -> FileError? {
        do {
            try body()
            return nil
        } catch let error as FileError {
            return error
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }

    /// MOVE MEDIUM by element addresses, as another door sends it.
    func robot(_ source: UInt16, _ destination: UInt16) -> CommandResult {
        let addresses = [source, destination].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        return changer([0xA5, 0, 0, 0] + addresses + [0, 0, 0, 0])
    }

    func changer(_ cdb: [UInt8]) -> CommandResult {
        library.changer.execute(cdb: cdb, dataOut: [UInt8]().span, dataInLimit: 1 << 20, nexus: host)
    }
}

extension MountedTree {
    /// What a path names, looked up name by name as the kernel does.
    func node(_ path: String) throws -> FileNode {
        var node = FileNode.root
        for name in path.split(separator: "/") {
            node = try lookUp(Array(name.utf8), in: node).node
        }
        return node
    }

    func stat(_ path: String) throws -> FileAttributes { try attributes(of: try node(path)) }

    func parent(_ path: String) throws -> (FileNode, String) {
        let names = path.split(separator: "/")
        return (try node(names.dropLast().joined(separator: "/")), String(names.last ?? ""))
    }

    /// All names, `step` with each call, as a small readdir buffer does.
    func names(_ path: String, step: Int = .max) throws -> [String] {
        let directory = try node(path)
        var names: [String] = []
        var cookie: UInt64 = 0
        while true {
            var taken = 0
            try list(directory, after: cookie) { entry in
                guard taken < step else { return false }
                names.append(String(decoding: entry.name, as: UTF8.self))
                cookie = entry.cookie
                taken += 1
                return true
            }
            guard taken > 0 else { return names }
        }
    }

    func link(_ path: String) throws -> String {
        String(decoding: try readLink(try node(path)), as: UTF8.self)
    }

    /// The whole file, read in pieces.
    func text(_ path: String, piece: Int = 100) throws -> String {
        let file = try openFile(try node(path), OpenRequest())
        var all: [UInt8] = []
        var room = [UInt8](repeating: 0, count: piece)
        while true {
            var span = room.mutableSpan
            let count = try file.read(into: &span, at: UInt64(all.count), caller: BlindCaller())
            guard count > 0 else { return String(decoding: all, as: UTF8.self) }
            all += room[..<count]
        }
    }
}
