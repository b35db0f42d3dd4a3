// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import SimulatedDisk
import Testing

@Suite("Damaged and foreign cartridges")
struct DamagedCartridgeTests {
    /// Ten records of 100 bytes with a filemark behind each, closed.
    private func closedBench() throws -> Bench {
        let bench = try Bench()
        for first in UInt8(0)..<10 {
            try bench.cartridge.append(pattern(100, first))
            try bench.cartridge.appendFilemarks()
        }
        try bench.cartridge.close()
        return bench
    }

    private func path(_ name: String) -> String { Bench.directory + "/" + name }

    private func change(_ bench: Bench, _ name: String, _ body: (inout [UInt8]) -> Void) throws {
        var bytes = try #require(bench.disk.bytes(of: path(name)))
        body(&bytes)
        bench.disk.setBytes(bytes, of: path(name))
    }

    private func openingError(_ bench: Bench) -> CartridgeError? {
        do throws(CartridgeError) {
            _ = try Cartridge(opening: Bench.directory, on: bench.disk, access: .readOnly)
            return nil
        } catch {
            return error
        }
    }

    @Test("A directory without cartridge.json is foreign")
    func noDescription() throws {
        let bench = try closedBench()
        try bench.disk.remove(path("cartridge.json"))
        #expect(openingError(bench) == .foreign(path: Bench.directory, reason: "it has no cartridge.json"))
    }

    @Test(
        "A description that is not JSON, not ours, or not possible is foreign",
        arguments: [
            "", "{", "[]", "{\"formatVersion\": \"1\"}", "{\"formatVersion\": 1}", "null", "{\"formatVersion\": 1e99}",
        ]
    )
    func badDescription(text: String) throws {
        let bench = try closedBench()
        bench.disk.setBytes(Array(text.utf8), of: path("cartridge.json"))
        guard case .foreign = openingError(bench) else {
            Issue.record("\(String(describing: openingError(bench)))")
            return
        }
    }

    @Test(
        "A description whose values cannot be is foreign",
        arguments: [
            ("\"barcode\" : \"TEST01L8\"", "\"barcode\" : \"OTHER\""),
            ("\"barcode\" : \"TEST01L8\"", "\"barcode\" : \"../TEST01L8\""),
            ("\"capacity\" : 4194304\n    }", "\"capacity\" : 12\n    }"),
            ("\"capacity\" : 4194304\n    }", "\"capacity\" : 18446744073709551615\n    }"),
            ("\"capacity\" : 4194304,", "\"capacity\" : 18446744073709551615,"),
            ("\"loadCount\" : 0", "\"loadCount\" : 18446744073709551615"),
            ("\"bytesWritten\" : 0", "\"bytesWritten\" : 18446744073709551615"),
            ("\"readErrors\" : 0", "\"readErrors\" : 9223372036854775808"),
            ("\"identity\" : \"", "\"identity\" : \"0"),
            ("\"kind\" : \"data\"", "\"kind\" : \"dvd\""),
        ]
    )
    func impossibleDescription(find: String, replacement: String) throws {
        let bench = try closedBench()
        let text = String(decoding: try #require(bench.disk.bytes(of: path("cartridge.json"))), as: UTF8.self)
        #expect(text.contains(find), "\(text)")
        bench.disk.setBytes(
            Array(text.replacingOccurrences(of: find, with: replacement).utf8),
            of: path("cartridge.json")
        )
        guard case .foreign = openingError(bench) else {
            Issue.record("\(String(describing: openingError(bench)))")
            return
        }
    }

    @Test("A newer format version is refused by its number")
    func newerVersion() throws {
        let bench = try closedBench()
        bench.disk.setBytes(Array("{\"formatVersion\": 2, \"more\": []}".utf8), of: path("cartridge.json"))
        #expect(openingError(bench) == .unsupportedFormat(path: path("cartridge.json"), version: 2))
    }

    @Test("A description larger than the limit is not read")
    func hugeDescription() throws {
        let bench = try closedBench()
        bench.disk.setBytes(Array(repeating: 0x20, count: (1 << 20) + 1), of: path("cartridge.json"))
        guard case .foreign(_, let reason) = openingError(bench) else { throw SimulationFailure(description: "opened") }
        #expect(reason.contains("1048576"))
    }

    @Test("Missing files, lost superblocks and an index of another cartridge are foreign")
    func partsMissing() throws {
        for name in ["p0.data", "p0.index"] {
            let bench = try closedBench()
            try bench.disk.remove(path(name))
            #expect(openingError(bench) == .foreign(path: path(name), reason: "the file is missing"))
        }
        let torn = try closedBench()
        try change(torn, "p0.index") {
            $0[40] ^= 1
            $0[2048 + 40] ^= 1
        }
        guard case .foreign = openingError(torn) else { throw SimulationFailure(description: "opened") }
        let mixed = try closedBench()
        let other = try closedBench()
        mixed.disk.setBytes(try #require(other.disk.bytes(of: path("p0.index"))), of: path("p0.index"))
        #expect(
            openingError(mixed)
                == .foreign(path: path("p0.index"), reason: "it belongs to another cartridge or partition")
        )
    }

    @Test("One torn superblock is no loss")
    func oneTornSuperblock() throws {
        for slot in [0, 2048] {
            let bench = try closedBench()
            try change(bench, "p0.index") { $0[slot + 40] ^= 1 }
            let cartridge = try Cartridge(opening: Bench.directory, on: bench.disk, access: .readOnly)
            #expect(cartridge.end == BlockAddress(20))
            #expect(try cartridge.verify { _ in true }.isSound)
        }
    }

    @Test("An index shorter than its superblock says is an error, with the place")
    func shortIndex() throws {
        let bench = try closedBench()
        try change(bench, "p0.index") { $0.removeLast(33) }
        #expect(
            openingError(bench)
                == .corruptIndex(
                    partition: 0,
                    address: BlockAddress(18),
                    reason: "the file is shorter than its superblock says"
                )
        )
    }

    @Test("Damaged payload is a corrupt record, and its neighbours stay readable")
    func damagedPayload() throws {
        let bench = try closedBench()
        try change(bench, "p0.data") { $0[350] ^= 0x40 }
        let cartridge = try Cartridge(opening: Bench.directory, on: bench.disk, access: .readOnly)
        #expect(throws: CartridgeError.corruptRecord(partition: 0, address: BlockAddress(6))) {
            try cartridge.bytes(at: 6)
        }
        #expect(try cartridge.bytes(at: 4) == pattern(100, 2))
        #expect(try cartridge.bytes(at: 8) == pattern(100, 4))
        let report = try cartridge.verify { _ in true }
        #expect(report.problems.map(\.address) == [BlockAddress(6)])
        #expect(report.records == 10 && report.filemarks == 10)
        #expect(!report.isSound)
    }

    @Test("Payload that is missing is a corrupt record")
    func shortPayload() throws {
        let bench = try closedBench()
        try change(bench, "p0.data") { $0.removeLast(150) }
        let cartridge = try Cartridge(opening: Bench.directory, on: bench.disk, access: .readOnly)
        #expect(throws: CartridgeError.corruptRecord(partition: 0, address: BlockAddress(18))) {
            try cartridge.bytes(at: 18)
        }
        #expect(try cartridge.verify { _ in true }.problems.map(\.address.rawValue) == [16, 18])
    }

    @Test("A damaged index entry is an error for its object only")
    func damagedEntry() throws {
        let bench = try closedBench()
        try change(bench, "p0.index") { $0[4096 + 5 * 32 + 20] ^= 1 }
        let cartridge = try Cartridge(opening: Bench.directory, on: bench.disk, access: .readOnly)
        #expect(throws: CartridgeError.self) { try cartridge.object(at: BlockAddress(5), partition: 0) }
        #expect(try cartridge.object(at: BlockAddress(4), partition: 0) == .record(length: 100))
        #expect(try cartridge.object(at: BlockAddress(6), partition: 0) == .record(length: 100))
        #expect(try cartridge.verify { _ in true }.problems.map(\.address.rawValue).contains(5))
    }

    @Test("Verification stops when told to")
    func stop() throws {
        let bench = try Bench(capacity: .mebibytes(64))
        try bench.cartridge.appendFilemarks(20_000)
        var calls = 0
        let report = try bench.cartridge.verify { progress in
            calls += 1
            #expect(progress.objectsTotal == 20_000)
            return false
        }
        #expect(report.wasStopped)
        #expect(calls == 1)
        #expect(report.filemarks == 8192)
    }
}
