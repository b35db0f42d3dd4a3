// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Glibc
import Synchronization

@testable import TapeFiles

/// A library in memory: enough of a tree that each request of the kernel has something to work on.
///
///     library.json  shelf/ (empty)
///     drives/0/{nst,st,sg,status.json}     nst: a memory that can be written and read; st: takes nothing (EPERM)
///     changer/{sg,status}                  sg: every read waits for `gate`; status: text, refuses what can be refused
///     slots/N/BARCODE → ../../cartridges/BARCODE
///     cartridges/BARCODE/{label.json,files/0001/data}
final class FakeTree: ServedTree {
    struct State {
        /// Barcode by slot.
        var slots: [Int: String] = [1: "A00001L8"]
        var barcodes: [String] = ["A00001L8"]
        var truncated: [FileNode] = []
        var listened: AsyncStream<TreeChange>.Continuation?
        var openDelay: (@Sendable () -> Void)?
    }

    let state = Mutex(State())
    let tape = TapeMemory()
    /// Reads of `changer/sg` wait until it is open.
    let gate = Gate()
    /// In a struct: a closure alone in a Mutex is wrapped once more with each access.
    struct Hooks {
        /// What ioctl on `drives/0/sg` does.
        var control: (@Sendable (ControlRequest) throws(FileError) -> ControlReply)?
        /// Files of a test's own; nil for the tree's.
        var opener: (@Sendable (FileNode) -> (any OpenFile)?)?
    }
    let hooks = Mutex(Hooks())
    /// What is in `files/0001/data` of each cartridge.
    let data: [UInt8]
    let directs: Bool
    let validMilliseconds: UInt32
    /// How many attributes, look-ups and listings were asked for.
    let asked = Atomic<Int>(0)
    static let time: Int64 = 1_700_000_000_123_456_789

    init(dataBytes: Int = 1 << 16, directs: Bool = true, cartridges: Int = 1, validMilliseconds: UInt32 = 0) {
        data = (0..<dataBytes).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }
        self.directs = directs
        self.validMilliseconds = validMilliseconds
        if cartridges > 1 {
            state.withLock { state in
                state.barcodes = (1...cartridges).map { "A" + String(100_000 + $0).dropFirst() + "L8" }
            }
        }
    }

    // MARK: Names

    func attributes(of node: FileNode) throws(FileError) -> FileAttributes {
        asked.add(1, ordering: .relaxed)
        let kind = Self.kind(node)
        var attributes = FileAttributes(
            kind: kind,
            permissions: kind == .directory ? 0o755 : kind == .symbolicLink ? 0o777 : 0o644,
            lengthBytes: 0,
            inode: Self.inode(node),
            modifiedNanoseconds: Self.time,
            validMilliseconds: validMilliseconds
        )
        switch node {
        case .libraryDescription: attributes.lengthBytes = UInt64(Self.text.count)
        case .cartridge(_, .fileData):
            attributes.lengthBytes = UInt64(data.count)
            attributes.storedBytes = 1000
        case .cartridge(_, .label): attributes.owner = .init(user: 1234, group: 567)
        default: break
        }
        return attributes
    }

    static func kind(_ node: FileNode) -> FileAttributes.Kind {
        switch node {
        case .root, .drives, .drive, .changer, .slots, .slot, .cartridges, .shelf, .justMade, .mail, .mailSlot:
            .directory
        case .cartridge(_, .directory), .cartridge(_, .files), .cartridge(_, .file): .directory
        case .placed: .symbolicLink
        default: .regular
        }
    }

    static func inode(_ node: FileNode) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(node)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash >> 1 | 1
    }

    func children(_ directory: FileNode) throws(FileError) -> [(String, FileNode)] {
        switch directory {
        case .root:
            return [
                ("library.json", .libraryDescription), ("changer", .changer), ("drives", .drives), ("slots", .slots),
                ("shelf", .shelf), ("cartridges", .cartridges),
            ]
        case .changer: return [("sg", .changerDevice), ("status", .changerStatus)]
        case .drives: return [("0", .drive(0))]
        case .drive(0):
            return [
                ("nst", .driveDevice(0, .nst)), ("st", .driveDevice(0, .st)), ("sg", .driveDevice(0, .sg)),
                ("status.json", .driveStatus(0)),
            ]
        case .slots: return (1...4).map { ("\($0)", .slot($0)) }
        case .slot(let number):
            guard let barcode = state.withLock({ $0.slots[number] }) else { return [] }
            return [(barcode, .placed(.slot(number), barcode: barcode))]
        case .shelf: return []
        case .cartridges:
            return state.withLock { $0.barcodes }.map { ($0, .cartridge(barcode: $0, .directory)) }
        case .cartridge(let barcode, .directory):
            return [
                ("label.json", .cartridge(barcode: barcode, .label)),
                ("files", .cartridge(barcode: barcode, .files(partition: 0))),
            ]
        case .cartridge(let barcode, .files):
            return [("0001", .cartridge(barcode: barcode, .file(.init(number: 0))))]
        case .cartridge(let barcode, .file(let number)):
            return [("data", .cartridge(barcode: barcode, .fileData(number)))]
        default: throw FileError(ENOTDIR)
        }
    }

    func lookUp(_ name: [UInt8], in directory: FileNode) throws(FileError) -> (node: FileNode, FileAttributes) {
        asked.add(1, ordering: .relaxed)
        guard let found = try children(directory).first(where: { $0.0.utf8.elementsEqual(name) }) else {
            throw FileError(ENOENT)
        }
        return (found.1, try attributes(of: found.1))
    }

    func list(
        _ directory: FileNode,
        after cookie: UInt64,
        _ take: (DirectoryEntry) -> Bool
    ) throws(FileError) {
        asked.add(1, ordering: .relaxed)
        let all = try children(directory)
        for (index, child) in all.enumerated().dropFirst(Int(cookie)) {
            let entry = DirectoryEntry(
                name: Array(child.0.utf8),
                node: child.1,
                kind: Self.kind(child.1),
                inode: Self.inode(child.1),
                cookie: UInt64(index) + 1
            )
            guard take(entry) else { return }
        }
    }

    func readLink(_ node: FileNode) throws(FileError) -> [UInt8] {
        guard case .placed(_, let barcode) = node else { throw FileError(EINVAL) }
        return Array("../../cartridges/\(barcode)".utf8)
    }

    // MARK: Changes

    func makeDirectory(
        _ name: [UInt8],
        in directory: FileNode,
        caller: CallerIdentity
    ) throws(FileError) -> (node: FileNode, FileAttributes) {
        guard case .slot(let number) = directory else { throw FileError(EPERM, "only a slot takes a cartridge") }
        let barcode = String(decoding: name, as: UTF8.self)
        let isFree = state.withLock { state in
            guard state.slots[number] == nil else { return false }
            state.slots[number] = barcode
            state.barcodes.append(barcode)
            return true
        }
        guard isFree else { throw FileError(EEXIST, "slot \(number) is full") }
        let node = FileNode.justMade(.slot(number), barcode: barcode)
        return (node, try attributes(of: node))
    }

    func rename(
        _ name: [UInt8],
        in source: FileNode,
        to newName: [UInt8],
        in destination: FileNode,
        caller: CallerIdentity
    ) throws(FileError) {
        guard case .slot(let from) = source, case .slot(let to) = destination, name == newName else {
            throw FileError(EPERM, "this is no move of a cartridge")
        }
        let outcome: FileError? = state.withLock { state in
            guard let barcode = state.slots[from] else { return FileError(ENOENT) }
            guard state.slots[to] == nil else { return FileError(ENOTEMPTY, "slot \(to) is full") }
            state.slots[to] = barcode
            state.slots[from] = nil
            return nil
        }
        if let outcome { throw outcome }
    }

    func truncate(_ node: FileNode) throws(FileError) {
        guard case .driveDevice = node else { throw FileError(EACCES, "it is read-only") }
        state.withLock { $0.truncated.append(node) }
    }

    func statistics() throws(FileError) -> FileSystemStatistics {
        FileSystemStatistics(capacityBytes: 1 << 40, usedBytes: 1 << 38, files: 77)
    }

    func changes() -> AsyncStream<TreeChange> {
        let (stream, continuation) = AsyncStream.makeStream(of: TreeChange.self)
        state.withLock { $0.listened = continuation }
        return stream
    }

    /// As the robot or another door would.
    func moveFromOutside(_ from: Int, _ to: Int) {
        let (listened, barcode) = state.withLock { state in
            let barcode = state.slots[from] ?? ""
            state.slots[to] = barcode
            state.slots[from] = nil
            return (state.listened, barcode)
        }
        listened?.yield(.entry(directory: .slot(from), name: Array(barcode.utf8)))
        listened?.yield(.entry(directory: .slot(to), name: Array(barcode.utf8)))
    }

    // MARK: Files

    static let text = Array("{\"library\": \"fake\"}\n".utf8)

    func openFile(_ node: FileNode, _ request: OpenRequest) throws(FileError) -> any OpenFile {
        state.withLock { $0.openDelay }?()
        if let file = hooks.withLock({ $0.opener })?(node) { return file }
        switch node {
        case .libraryDescription, .driveStatus, .cartridge(_, .label):
            guard !request.writes else { throw FileError(EACCES, "it is read-only") }
            return FixedFile(Self.text)
        case .cartridge(_, .fileData):
            guard !request.writes else { throw FileError(EACCES, "it is read-only") }
            return FixedFile(data, isDirect: directs)
        case .driveDevice(_, .nst): return try tape.open()
        case .driveDevice(_, .sg): return ControlFile(self)
        case .changerDevice: return WaitingFile(gate)
        default: throw FileError(EPERM, "nobody opens \(node)")
        }
    }
}

final class FixedFile: OpenFile {
    let bytes: [UInt8]
    let isDirect: Bool

    init(_ bytes: [UInt8], isDirect: Bool = true) {
        self.bytes = bytes
        self.isDirect = isDirect
    }

    var traits: OpenTraits { OpenTraits(isDirect: isDirect) }

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        let start = Int(min(offset, UInt64(bytes.count)))
        let count = min(room.count, bytes.count - start)
        bytes.withUnsafeBytes { source in
            room.withUnsafeMutableBytes { $0.copyMemory(from: .init(rebasing: source[start..<(start + count)])) }
        }
        return count
    }
}

/// A tape: one write one record, one read one record, whoever opens it is alone.
final class TapeMemory: Sendable {
    struct State {
        var records: [[UInt8]] = []
        /// How long each write(2) was, by the caller's own word.
        var requested: [UInt64?] = []
        var callers: [CallerIdentity] = []
        var next = 0
        var isOpen = false
        var events: [String] = []
        /// Whether a payload was ever received that did not begin on a page.
        var sawUnaligned = false
    }
    let state = Mutex(State())

    func open() throws(FileError) -> any OpenFile {
        let isFree = state.withLock { state in
            defer { state.isOpen = true }
            if !state.isOpen { state.events.append("open") }
            return !state.isOpen
        }
        guard isFree else { throw FileError(EBUSY, "the drive is in use") }
        return TapeMemoryFile(self)
    }
}

final class TapeMemoryFile: OpenFile {
    let tape: TapeMemory
    init(_ tape: TapeMemory) { self.tape = tape }

    var traits: OpenTraits { OpenTraits(isDirect: true, isStream: true) }

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        let record: [UInt8]? = tape.state.withLock { state in
            guard state.next < state.records.count else { return nil }
            defer { state.next += 1 }
            return state.records[state.next]
        }
        guard let record else { return 0 }
        guard record.count <= room.count else { throw FileError(ENOMEM, "the record is longer than the read") }
        for index in record.indices { room[index] = record[index] }
        return record.count
    }

    func write(_ bytes: Span<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        let requested = caller.requestedBytes()
        let copy = bytes.withUnsafeBufferPointer { Array($0) }
        let isAligned = bytes.withUnsafeBytes { Int(bitPattern: $0.baseAddress) % 4096 == 0 }
        tape.state.withLock { state in
            state.records.append(copy)
            state.requested.append(requested)
            state.callers.append(caller.identity)
            if !isAligned { state.sawUnaligned = true }
        }
        return copy.count
    }

    func flush(caller: any Caller) throws(FileError) { tape.state.withLock { $0.events.append("flush") } }
    func synchronize() throws(FileError) { tape.state.withLock { $0.events.append("sync") } }
    func close() {
        tape.state.withLock { state in
            state.events.append("close")
            state.isOpen = false
            state.next = 0
        }
    }
}

/// `drives/0/sg`
final class ControlFile: OpenFile {
    let tree: FakeTree
    init(_ tree: FakeTree) { self.tree = tree }
    var traits: OpenTraits { OpenTraits(isDirect: true) }
    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        throw FileError(EINVAL, "it only takes ioctl")
    }
    func control(_ request: ControlRequest) throws(FileError) -> ControlReply {
        guard let body = tree.hooks.withLock({ $0.control }) else { throw FileError(ENOTTY) }
        return try body(request)
    }
}

/// `changer/sg`: each read waits.
final class WaitingFile: OpenFile {
    let gate: Gate
    init(_ gate: Gate) { self.gate = gate }
    var traits: OpenTraits { OpenTraits(isDirect: true) }
    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        gate.pass()
        return 0
    }
}

/// Closed at first; whoever passes waits until it is opened, and is counted.
final class Gate: @unchecked Sendable {
    private let condition = NSCondition()
    private var isOpen = false
    private var waitingCount = 0

    var waiting: Int { condition.withLock { waitingCount } }

    func pass() {
        condition.lock()
        waitingCount += 1
        while !isOpen { condition.wait() }
        waitingCount -= 1
        condition.unlock()
    }

    func open() {
        condition.lock()
        isOpen = true
        condition.broadcast()
        condition.unlock()
    }
}
