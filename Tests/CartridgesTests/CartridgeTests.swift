// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import SimulatedDisk
import Testing

@Suite("Cartridge")
struct CartridgeTests {
    @Test("Barcodes are 1 to 32 characters of A-Z, 0-9, dash and underscore")
    func barcodes() {
        for good in ["A", "CAP001L8", "A-B_9", String(repeating: "Z", count: 32)] {
            #expect(Barcode.isValid(good), "\(good)")
        }
        for bad in ["", "a", "CAP 01", "../X", "A/B", ".", "A.B", "Ä", String(repeating: "A", count: 33), "A\0"] {
            #expect(!Barcode.isValid(bad), "\(bad)")
        }
    }

    @Test("A new cartridge is blank and has its generation's density and capacity")
    func blank() throws {
        let disk = SimulatedDisk()
        for (generation, density, gigabytes) in [(5, 0x58, 1500), (78, 0x5D, 9000), (8, 0x5E, 12000), (9, 0x60, 18000)]
        {
            let path = "/X\(generation)"
            try Cartridge.create(
                at: path,
                on: disk,
                CartridgeSpecification(barcode: "X\(generation)", generation: generation)
            )
            let cartridge = try Cartridge(opening: path, on: disk, access: .readOnly)
            #expect(cartridge.metadata.densityCode == UInt8(density))
            #expect(cartridge.capacity(0) == UInt64(gigabytes) * 1_000_000_000)
            #expect(cartridge.end == .zero)
            #expect(try cartridge.object(at: .zero, partition: 0) == nil)
            #expect(try cartridge.addressAfterFilemark(0, partition: 0) == .zero)
            #expect(try cartridge.addressAfterFilemark(1, partition: 0) == nil)
        }
    }

    @Test("Creating refuses a bad barcode, an unknown generation, a tiny capacity and an existing directory")
    func creationRefused() throws {
        let disk = SimulatedDisk()
        #expect(throws: CartridgeError.invalidBarcode("a/b")) {
            try Cartridge.create(at: "/a", on: disk, CartridgeSpecification(barcode: "a/b"))
        }
        #expect(throws: CartridgeError.self) {
            try Cartridge.create(at: "/A", on: disk, CartridgeSpecification(barcode: "A", generation: 4))
        }
        #expect(throws: CartridgeError.self) {
            try Cartridge.create(at: "/A", on: disk, CartridgeSpecification(barcode: "A", capacity: ByteCount(5)))
        }
        try disk.makeDirectory("/A")
        #expect(throws: CartridgeError.alreadyExists(path: "/A")) {
            try Cartridge.create(at: "/A", on: disk, CartridgeSpecification(barcode: "A"))
        }
    }

    @Test("Records and filemarks read back, with their filemark counts and addresses")
    func roundTrip() throws {
        var bench = try Bench()
        let cartridge = bench.cartridge
        try cartridge.append([1])
        try cartridge.appendFilemarks()
        try cartridge.append(pattern(70_000, 3))
        try cartridge.appendFilemarks(2)
        try cartridge.append([9, 9])
        for round in 0..<2 {
            let open = bench.cartridge
            #expect(try open.shape() == "RFRFFR")
            #expect(try open.bytes(at: 2) == pattern(70_000, 3))
            #expect(try open.object(at: BlockAddress(2), partition: 0) == .record(length: 70_000))
            #expect(
                try (0...6).map { try open.filemarksBefore(BlockAddress($0), partition: 0) } == [0, 0, 1, 1, 2, 3, 3]
            )
            #expect(try (0...4).map { try open.addressAfterFilemark($0, partition: 0)?.rawValue } == [0, 2, 4, 5, nil])
            #expect(try open.nextFilemark(from: BlockAddress(2), partition: 0) == BlockAddress(3))
            #expect(try open.nextFilemark(from: BlockAddress(3), partition: 0) == BlockAddress(3))
            #expect(try open.nextFilemark(from: BlockAddress(5), partition: 0) == nil)
            #expect(try open.previousFilemark(before: BlockAddress(3), partition: 0) == BlockAddress(1))
            #expect(try open.previousFilemark(before: BlockAddress(1), partition: 0) == nil)
            #expect(open.usedBytes(0) == 70_003 + 6 * 32)
            #expect(try open.bytesBefore(BlockAddress(2), partition: 0) == 1 + 2 * 32)
            if round == 0 {
                try cartridge.close()
                try bench.reopen()
            }
        }
    }

    @Test("A read into a smaller span gives the full length and still verifies the whole record")
    func shortRead() throws {
        let bench = try Bench()
        try bench.cartridge.append(pattern(600_000, 0))
        var small = [UInt8](repeating: 0xEE, count: 10)
        var span = small.mutableSpan
        #expect(try bench.cartridge.readRecord(at: .zero, partition: 0, into: &span) == 600_000)
        #expect(small == pattern(10, 0))
        var damaged = try #require(bench.disk.bytes(of: Bench.directory + "/p0.data"))
        damaged[599_999] ^= 1
        bench.disk.setBytes(damaged, of: Bench.directory + "/p0.data")
        #expect(throws: CartridgeError.corruptRecord(partition: 0, address: .zero)) {
            var bytes = [UInt8](repeating: 0, count: 10)
            var span = bytes.mutableSpan
            _ = try bench.cartridge.readRecord(at: .zero, partition: 0, into: &span)
        }
    }

    @Test("Writing in the middle makes the written record the last object")
    func overwrite() throws {
        var bench = try Bench()
        for first in UInt8(0)..<5 { try bench.cartridge.append(pattern(100, first)) }
        try bench.cartridge.writeRecord(pattern(50, 77).span, at: BlockAddress(2), partition: 0)
        #expect(bench.cartridge.end == BlockAddress(3))
        #expect(bench.cartridge.usedBytes(0) == 250 + 3 * 32)
        bench.disk.kill()
        try bench.reopen()
        #expect(bench.cartridge.end == BlockAddress(3))
        #expect(try bench.cartridge.bytes(at: 2) == pattern(50, 77))
        #expect(throws: CartridgeError.beyondEndOfData(partition: 0, address: BlockAddress(3))) {
            try bench.cartridge.bytes(at: 3)
        }
    }

    @Test("A run is written as records; what does not fit is not, and then the partition is full")
    func runs() throws {
        let bench = try Bench(capacity: .mebibytes(1))
        let run = pattern(64 << 10, 0)
        var written = 0
        while true {
            let count: Int
            do {
                count = try bench.cartridge.writeRecords(
                    run.span,
                    recordLength: 16 << 10,
                    at: bench.cartridge.end,
                    partition: 0
                )
            } catch CartridgeError.full {
                break
            }
            written += count
        }
        // (16,384 + 32) * 63 is the most below 1,048,576.
        #expect(written == 63)
        #expect(bench.cartridge.end == BlockAddress(63))
        #expect(try bench.cartridge.bytes(at: 61) == pattern(16 << 10, 0))
        #expect(throws: CartridgeError.full) { try bench.cartridge.append(pattern(16 << 10, 0)) }
        #expect(bench.cartridge.end == BlockAddress(63))
        try bench.cartridge.append(pattern(1000, 0))
        // A full partition is not shortened by a record that would not fit in its middle either.
        #expect(throws: CartridgeError.full) {
            try bench.cartridge.writeRecord(pattern(1_000_000, 0).span, at: BlockAddress(10), partition: 0)
        }
        #expect(bench.cartridge.end == BlockAddress(64))
    }

    @Test("Filemarks are charged and refused together when they do not fit")
    func fullOfFilemarks() throws {
        let bench = try Bench(capacity: .mebibytes(1))
        #expect(throws: CartridgeError.full) { try bench.cartridge.appendFilemarks(32_769) }
        #expect(bench.cartridge.end == .zero)
        try bench.cartridge.appendFilemarks(32_768)
        #expect(bench.cartridge.usedBytes(0) == 1 << 20)
        #expect(try bench.cartridge.addressAfterFilemark(30_001, partition: 0) == BlockAddress(30_001))
    }

    @Test("A record has 1 to 16,777,215 bytes and a run is whole records")
    func lengths() throws {
        let bench = try Bench(capacity: .mebibytes(64))
        #expect(throws: CartridgeError.self) { try bench.cartridge.append([]) }
        #expect(throws: CartridgeError.self) {
            _ = try bench.cartridge.writeRecords([1, 2, 3].span, recordLength: 2, at: .zero, partition: 0)
        }
        let largest = [UInt8](repeating: 7, count: 0xFF_FFFF)
        try bench.cartridge.append(largest)
        #expect(try bench.cartridge.object(at: .zero, partition: 0) == .record(length: 0xFF_FFFF))
        #expect(throws: CartridgeError.self) { try bench.cartridge.append(largest + [1]) }
        #expect(throws: CartridgeError.self) {
            try bench.cartridge.writeRecord([1].span, at: .zero, partition: 1)
        }
        #expect(throws: CartridgeError.beyondEndOfData(partition: 0, address: BlockAddress(2))) {
            try bench.cartridge.writeRecord([1].span, at: BlockAddress(2), partition: 0)
        }
    }

    @Test("Truncating gives the space back and survives a crash")
    func truncate() throws {
        var bench = try Bench()
        for first in UInt8(0)..<5 { try bench.cartridge.append(pattern(1000, first)) }
        try bench.cartridge.truncate(at: BlockAddress(2), partition: 0)
        #expect(bench.disk.bytes(of: Bench.directory + "/p0.data")?.count == 2000)
        #expect(bench.disk.bytes(of: Bench.directory + "/p0.index")?.count == 4096 + 64)
        bench.disk.crash()
        try bench.reopen()
        #expect(bench.cartridge.end == BlockAddress(2))
        #expect(try bench.cartridge.bytes(at: 1) == pattern(1000, 1))
    }

    @Test("Reading access refuses every change and writes nothing")
    func readOnly() throws {
        var bench = try Bench()
        try bench.cartridge.append([1])
        try bench.reopen(.readOnly)
        let cartridge = bench.cartridge
        #expect(throws: CartridgeError.readOnly) { try cartridge.append([1]) }
        #expect(throws: CartridgeError.readOnly) { try cartridge.appendFilemarks() }
        #expect(throws: CartridgeError.readOnly) { try cartridge.truncate(at: .zero, partition: 0) }
        #expect(throws: CartridgeError.readOnly) { try cartridge.updateMetadata { $0.writeProtected = true } }
        #expect(throws: CartridgeError.readOnly) { try cartridge.format(partitionCapacities: [.mebibytes(1)]) }
        try cartridge.synchronize()
        try cartridge.close()
        #expect(throws: CartridgeError.closed) { try cartridge.bytes(at: 0) }
    }

    @Test("The description is replaced whole and durably; attributes keep their bytes")
    func metadata() throws {
        var bench = try Bench()
        let attribute = MediumAttribute(
            partition: 0,
            identifier: 0x0400,
            format: 0,
            readOnly: true,
            value: [0, 255, 16]
        )
        try bench.cartridge.updateMetadata {
            $0.writeProtected = true
            $0.attributes = [attribute]
            $0.counters.loadCount = 7
        }
        bench.disk.crash()
        try bench.reopen()
        #expect(bench.cartridge.metadata.writeProtected)
        #expect(bench.cartridge.metadata.attributes == [attribute])
        #expect(bench.cartridge.metadata.counters.loadCount == 7)
        #expect(throws: CartridgeError.self) {
            try bench.cartridge.updateMetadata {
                $0.attributes = [
                    MediumAttribute(
                        partition: 0,
                        identifier: 1,
                        format: 0,
                        readOnly: false,
                        value: Array(repeating: 0, count: 20_000)
                    )
                ]
            }
        }
        #expect(bench.cartridge.metadata.attributes == [attribute])
    }

    @Test("Formatting divides the medium, erases it, and can be undone by formatting again")
    func format() throws {
        var bench = try Bench()
        try bench.cartridge.append([1])
        try bench.cartridge.format(partitionCapacities: [.mebibytes(1), .mebibytes(2), .mebibytes(1)])
        #expect(bench.cartridge.partitionCount == 3)
        #expect((0..<3).map { bench.cartridge.endOfData($0) } == [.zero, .zero, .zero])
        try bench.cartridge.append([2], partition: 2)
        try bench.cartridge.append([3], partition: 0)
        try bench.cartridge.synchronize()
        bench.disk.crash()
        try bench.reopen()
        #expect(try bench.cartridge.bytes(at: 0, partition: 2) == [2])
        #expect(throws: CartridgeError.self) {
            try bench.cartridge.format(partitionCapacities: [.mebibytes(4), .mebibytes(1)])
        }
        #expect(try bench.cartridge.bytes(at: 0) == [3])
        try bench.cartridge.format(partitionCapacities: [.mebibytes(4)])
        #expect(bench.cartridge.partitionCount == 1)
        #expect(bench.cartridge.end == .zero)
        #expect(try bench.disk.list(Bench.directory) == ["cartridge.json", "p0.data", "p0.index"])
    }
}
