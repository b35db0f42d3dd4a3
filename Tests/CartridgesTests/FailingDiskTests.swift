// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import SimulatedDisk
import Synchronization
import Testing

/// One failure each, where the simulation plays them mixed.
@Suite("Cartridge and disk errors")
struct FailingDiskTests {
    @Test("A full disk refuses the record, keeps the end of data, and takes it when there is room again")
    func fullDisk() throws {
        var bench = try Bench()
        try bench.cartridge.append(pattern(1000, 1))
        bench.disk.capacityBytes = 8192
        let error = #expect(throws: CartridgeError.self) { try bench.cartridge.append(pattern(100_000, 2)) }
        guard case .disk(let cause) = error else { throw SimulationFailure(description: "\(error as Any)") }
        #expect(cause.isOutOfSpace)
        #expect(error?.description.contains("disk is full") == true)
        #expect(bench.cartridge.end == BlockAddress(1))
        #expect(try bench.cartridge.bytes(at: 0) == pattern(1000, 1))
        // What was half written made room again, so that the drive can store its counters.
        #expect(bench.disk.bytes(of: Bench.directory + "/p0.data")?.count == 1000)
        try bench.cartridge.updateMetadata { $0.counters.writeErrors = 1 }
        bench.disk.capacityBytes = .max
        try bench.cartridge.append(pattern(100_000, 3))
        try bench.cartridge.close()
        try bench.reopen()
        #expect(try bench.cartridge.bytes(at: 1) == pattern(100_000, 3))
    }

    @Test("After a synchronise that failed nothing is written before the next open, which finds all records")
    func failedSynchronize() throws {
        var bench = try Bench()
        try bench.cartridge.append(pattern(1000, 1))
        try bench.cartridge.synchronize()
        try bench.cartridge.append(pattern(1000, 2))
        bench.disk.intercept = { operation, path in
            operation == .synchronize && path.hasSuffix("p0.data") ? EIO : nil
        }
        #expect(throws: CartridgeError.self) { try bench.cartridge.synchronize() }
        bench.disk.intercept = nil
        // The kernel would now say that all is well.
        let error = #expect(throws: CartridgeError.self) { try bench.cartridge.synchronize() }
        guard case .writingStopped = error else { throw SimulationFailure(description: "\(error as Any)") }
        #expect(throws: CartridgeError.self) { try bench.cartridge.append([1]) }
        #expect(try bench.cartridge.bytes(at: 1) == pattern(1000, 2))
        #expect(throws: CartridgeError.self) { try bench.cartridge.close() }
        try bench.reopen()
        #expect(bench.cartridge.end == BlockAddress(2))
        bench.disk.crash()
        try bench.reopen()
        #expect(try bench.cartridge.bytes(at: 1) == pattern(1000, 2))
    }

    @Test("A failed index write leaves no trace of its record, also when the process is killed later")
    func failedIndexWrite() throws {
        var bench = try Bench()
        let run = pattern(1000, 1)
        let armed = Mutex(true)
        bench.disk.intercept = { operation, path in
            operation == .write && path.hasSuffix("p0.index") && armed.withLock { $0 } ? EIO : nil
        }
        #expect(throws: CartridgeError.self) {
            _ = try bench.cartridge.writeRecords(run.span, recordLength: 100, at: .zero, partition: 0)
        }
        #expect(bench.cartridge.end == .zero)
        armed.withLock { $0 = false }
        try bench.cartridge.append(pattern(100, 9))
        bench.disk.kill()
        try bench.reopen()
        #expect(bench.cartridge.end == BlockAddress(1))
        #expect(try bench.cartridge.bytes(at: 0) == pattern(100, 9))
    }

    @Test("A synchronise costs two flushes, and an idle one none")
    func flushes() throws {
        let bench = try Bench()
        let count = Mutex(0)
        bench.disk.intercept = { operation, _ in
            if operation == .synchronize { count.withLock { $0 += 1 } }
            return nil
        }
        func flushes(_ body: () throws -> Void) rethrows -> Int {
            count.withLock { $0 = 0 }
            try body()
            return count.withLock { $0 }
        }
        for _ in 0..<3 {
            try bench.cartridge.append([1, 2, 3])
            try bench.cartridge.appendFilemarks()
            #expect(try flushes { try bench.cartridge.synchronize() } == 2)
            #expect(try flushes { try bench.cartridge.synchronize() } == 0)
        }
        // Filemarks alone have no payload to flush.
        try bench.cartridge.appendFilemarks()
        #expect(try flushes { try bench.cartridge.synchronize() } == 1)
    }

    @Test("A description that could not be stored does not change in memory either")
    func failedMetadata() throws {
        let bench = try Bench()
        bench.disk.intercept = { operation, _ in operation == .rename ? EIO : nil }
        #expect(throws: CartridgeError.self) { try bench.cartridge.updateMetadata { $0.writeProtected = true } }
        #expect(!bench.cartridge.metadata.writeProtected)
    }

    @Test("Creating is all or nothing at every failure and at a crash in every place")
    func creating() throws {
        var step = 0
        while true {
            let disk = SimulatedDisk(seed: UInt64(step))
            try disk.makeDirectory("/store")
            try disk.synchronizeDirectory("/")
            let left = Mutex(step)
            disk.intercept = { _, _ in
                left.withLock {
                    $0 -= 1; return $0 < 0 ? EIO : nil
                }
            }
            var created = false
            do {
                try Cartridge.create(at: "/store/A", on: disk, CartridgeSpecification(barcode: "A"))
                created = true
            } catch {}
            disk.intercept = nil
            disk.crash()
            if disk.exists("/store/A") {
                #expect(try Cartridge(opening: "/store/A", on: disk, access: .readWrite).end == .zero)
            } else {
                #expect(!created)
                try Cartridge.create(at: "/store/A", on: disk, CartridgeSpecification(barcode: "A"))
            }
            if created { break }
            step += 1
        }
        #expect(step > 5)
    }

    @Test("A crash in the middle of formatting leaves a cartridge that opens, blank or untouched per partition")
    func crashWhileFormatting() throws {
        for step in 0..<60 {
            var bench = try Bench()
            try bench.cartridge.append(pattern(10, 1))
            try bench.cartridge.synchronize()
            let left = Mutex(step)
            bench.disk.intercept = { _, _ in
                left.withLock {
                    $0 -= 1; return $0 < 0 ? EIO : nil
                }
            }
            let formatted: Void? = try? bench.cartridge.format(partitionCapacities: [.mebibytes(1), .mebibytes(1)])
            bench.disk.intercept = nil
            bench.disk.crash()
            try bench.reopen()
            if formatted != nil { #expect(bench.cartridge.partitionCount == 2) }
            #expect([.zero, BlockAddress(1)].contains(bench.cartridge.end))
            #expect(try bench.cartridge.verify { _ in true }.isSound)
        }
    }
}
