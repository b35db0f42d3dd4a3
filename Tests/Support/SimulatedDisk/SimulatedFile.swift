// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Foundation

/// A file's contents: what programs see, what is on stable storage, and what lies between.
final class SimulatedNode {
    private enum Change {
        case write(offset: Int, bytes: [UInt8])
        case truncate(Int)
    }

    private static let sectorSize = 512

    /// As an inode number: no two nodes of a disk have the same.
    let number: UInt64
    /// Goes on by one with every change, in place of a clock.
    private(set) var modified: Int64 = 1
    private(set) var cached: [UInt8] = []
    private var durable: [UInt8] = []
    private var pending: [Change] = []

    init(number: UInt64) { self.number = number }

    func write(_ bytes: [UInt8], at offset: Int) {
        guard !bytes.isEmpty else { return }
        modified += 1
        Self.put(bytes[...], at: offset, into: &cached)
        pending.append(.write(offset: offset, bytes: bytes))
    }

    func truncate(to length: Int) {
        modified += 1
        Self.cut(to: length, &cached)
        pending.append(.truncate(length))
    }

    func replace(with bytes: [UInt8]) {
        modified += 1
        cached = bytes
        durable = bytes
        pending = []
    }

    func synchronize() {
        for change in pending {
            switch change {
            case .write(let offset, let bytes): Self.put(bytes[...], at: offset, into: &durable)
            case .truncate(let length): Self.cut(to: length, &durable)
            }
        }
        pending = []
    }

    /// The disk took some of it; the kernel takes all of it for written from now on.
    func failToSynchronize(_ generator: inout SeededGenerator) {
        writeSomePending(&generator)
    }

    func losePower(_ generator: inout SeededGenerator) {
        modified += 1
        writeSomePending(&generator)
        cached = durable
    }

    private func writeSomePending(_ generator: inout SeededGenerator) {
        // Now and then everything or nothing, which chance alone would make rare.
        let mood = generator.number(below: 4)
        for change in pending {
            switch change {
            case .truncate(let length):
                if mood == 0 || mood > 1 && generator.once(in: 2) { Self.cut(to: length, &durable) }
            case .write(let offset, let bytes):
                switch mood {
                case 0: Self.put(bytes[...], at: offset, into: &durable)
                case 1: break
                default: writeSomeSectors(bytes, at: offset, &generator)
                }
            }
        }
        pending = []
    }

    private func writeSomeSectors(_ bytes: [UInt8], at offset: Int, _ generator: inout SeededGenerator) {
        let fate = generator.number(below: 3)
        if fate == 0 { return }
        var start = 0
        while start < bytes.count {
            // Sectors are those of the file, not of the write.
            let length = min(bytes.count - start, Self.sectorSize - (offset + start) % Self.sectorSize)
            if fate == 1 || generator.once(in: 2) {
                Self.put(bytes[start..<start + length], at: offset + start, into: &durable)
            }
            start += length
        }
    }

    private static func put(_ bytes: ArraySlice<UInt8>, at offset: Int, into file: inout [UInt8]) {
        let end = offset + bytes.count
        if file.count < offset { file.append(contentsOf: repeatElement(0, count: offset - file.count)) }
        if file.count == offset {
            file.append(contentsOf: bytes)
        } else if file.count <= end {
            file.replaceSubrange(offset..<file.count, with: bytes)
        } else {
            file.replaceSubrange(offset..<end, with: bytes)
        }
    }

    private static func cut(to length: Int, _ file: inout [UInt8]) {
        if file.count > length {
            file.removeLast(file.count - length)
        } else {
            file.append(contentsOf: repeatElement(0, count: length - file.count))
        }
    }
}

/// An open file of a ``SimulatedDisk``. It is dead once the disk was killed or crashed.
final class SimulatedFile: DiskFile {
    /// There are no holes: every byte takes memory.
    private static let maximumBytes: Int64 = 1 << 32

    private let node: SimulatedNode
    private let path: String
    private let disk: SimulatedDisk
    private let writable: Bool
    private let generation: Int

    init(node: SimulatedNode, path: String, disk: SimulatedDisk, writable: Bool) {
        self.node = node
        self.path = path
        self.disk = disk
        self.writable = writable
        generation = disk.generation
    }

    func read(into bytes: inout MutableSpan<UInt8>, at offset: Int64) throws(DiskError) -> Int {
        try start(.read)
        if disk.strikes(disk.faults.read) { throw disk.error("read", path, EIO) }
        let count = max(0, min(bytes.count, node.cached.count - Int(offset)))
        guard count > 0 else { return 0 }
        node.cached.withUnsafeBytes { contents in
            bytes.withUnsafeMutableBytes { buffer in
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: contents[Int(offset)...].prefix(count)))
            }
        }
        return count
    }

    func write(_ bytes: Span<UInt8>, at offset: Int64) throws(DiskError) {
        try disk.exclusively { () throws(DiskError) in
            try start(.write)
            guard writable else { throw disk.error("write", path, EBADF) }
            guard offset <= Self.maximumBytes else { throw disk.error("write", path, EFBIG) }
            var copy = bytes.withUnsafeBufferPointer { Array($0) }
            var code: Int32?
            if disk.strikes(disk.faults.write) {
                code = EIO
            } else if disk.strikes(disk.faults.outOfSpace) {
                code = ENOSPC
            }
            if code != nil { copy.removeLast(copy.count - disk.generator.number(below: copy.count + 1)) }
            let growth = max(0, Int(offset) + copy.count - node.cached.count)
            let room = disk.capacityBytes == .max ? .max : disk.capacityBytes - disk.usedBytes
            if growth > room {
                copy.removeLast(min(copy.count, growth - max(0, room)))
                code = ENOSPC
            }
            node.write(copy, at: Int(offset))
            if let code { throw disk.error("write", path, code) }
        }
    }

    func synchronize() throws(DiskError) {
        try disk.exclusively { () throws(DiskError) in
            do throws(DiskError) {
                try start(.synchronize)
            } catch {
                node.failToSynchronize(&disk.generator)
                throw error
            }
            if disk.strikes(disk.faults.synchronize) {
                node.failToSynchronize(&disk.generator)
                throw disk.error("synchronize", path, disk.generator.once(in: 4) ? ENOSPC : EIO)
            }
            node.synchronize()
        }
    }

    func truncate(to length: Int64) throws(DiskError) {
        try disk.exclusively { () throws(DiskError) in
            try start(.truncate)
            if disk.strikes(disk.faults.truncate) { throw disk.error("truncate", path, EIO) }
            guard length <= Self.maximumBytes else { throw disk.error("truncate", path, EFBIG) }
            node.truncate(to: Int(length))
        }
    }

    func size() throws(DiskError) -> Int64 {
        guard generation == disk.generation else { throw disk.error("examine", path, EBADF) }
        return Int64(node.cached.count)
    }

    /// There are no blocks to reserve.
    func allocate(offset: Int64, length: Int64) throws(DiskError) {}
    func startWriteback(offset: Int64, length: Int64) {}
    func dropFromCache(offset: Int64, length: Int64) {}
    func adviseSequential() {}

    private func start(_ operation: SimulatedDisk.Operation) throws(DiskError) {
        guard generation == disk.generation else { throw disk.error("\(operation)", path, EBADF) }
        try disk.inject(operation, path)
    }
}

/// A file open for reading by another process: it outlives the end of this one.
final class SimulatedSharedFile: SharedFile, @unchecked Sendable {
    private let node: SimulatedNode
    private let path: String
    private let disk: SimulatedDisk

    init(node: SimulatedNode, path: String, disk: SimulatedDisk) {
        self.node = node
        self.path = path
        self.disk = disk
    }

    func read(into bytes: inout MutableSpan<UInt8>, at offset: Int64) throws(DiskError) -> Int {
        // A span cannot go into the closure that holds the lock.
        let wanted = bytes.count
        let found = try disk.exclusively { () throws(DiskError) in
            try disk.inject(.read, path)
            let start = Int(min(Int64(node.cached.count), offset))
            return Array(node.cached[start..<min(node.cached.count, start + wanted)])
        }
        copyBytes(found.span, to: &bytes)
        return found.count
    }

    func status() throws(DiskError) -> FileStatus { disk.exclusively { node.status } }
    func adviseSequential() {}
}

extension SimulatedNode {
    var status: FileStatus {
        FileStatus(
            lengthBytes: UInt64(cached.count),
            storedBytes: UInt64(cached.count + 511) / 512 * 512,
            modifiedNanoseconds: modified,
            identity: FileIdentity(device: 1, number: number)
        )
    }
}
