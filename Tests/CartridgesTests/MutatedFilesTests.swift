// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import SimulatedDisk
import Testing

/// A small fuzzer: files of a cartridge are changed at random; whatever is read must have been written.
@Suite("Cartridge files changed at random")
struct MutatedFilesTests {
    private static let records = (0..<30).map { pattern(50 + 37 * ($0 % 7), UInt8($0)) }

    private func makeFiles() throws -> (SimulatedDisk, [String: [UInt8]]) {
        let bench = try Bench()
        for (number, record) in Self.records.enumerated() {
            try bench.cartridge.append(record)
            if number % 4 == 3 { try bench.cartridge.appendFilemarks() }
            if number == 20 { try bench.cartridge.synchronize() }
        }
        // Not closed: the scan behind the superblock is part of the game.
        var files: [String: [UInt8]] = [:]
        for name in ["cartridge.json", "p0.index", "p0.data"] {
            files[name] = bench.disk.bytes(of: Bench.directory + "/" + name)
        }
        return (bench.disk, files)
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        for _ in 0...random.number(below: 4) {
            guard !bytes.isEmpty else { return }
            let place = random.number(below: bytes.count)
            switch random.number(below: 7) {
            case 0, 1: bytes[place] ^= 1 << UInt8(random.number(below: 8))
            case 2: bytes[place] = [0, 0x7F, 0x80, 0xFF][random.number(below: 4)]
            case 3: bytes.removeLast(bytes.count - place)
            case 4: bytes.append(contentsOf: bytes.suffix(random.number(below: 100)))
            case 5:
                for other in place..<min(bytes.count, place + 8) {
                    bytes[other] = UInt8.random(in: 0...255, using: &random)
                }
            default:
                // Moves a piece, as a filesystem that mixed up blocks would.
                let length = min(bytes.count - place, 32)
                let target = random.number(below: bytes.count - length + 1)
                let piece = Array(bytes[place..<place + length])
                bytes.replaceSubrange(target..<target + length, with: piece)
            }
        }
    }

    @Test("Opening, reading and verifying never crash and never give bytes that were not written")
    func mutations() throws {
        let (disk, files) = try makeFiles()
        let written = Set(Self.records)
        let rounds = ProcessInfo.processInfo.environment["CAPSTAN_FUZZ_ROUNDS"].flatMap(UInt64.init) ?? 500
        for seed in 0..<rounds {
            var random = SeededGenerator(seed: seed)
            let victim = ["cartridge.json", "p0.index", "p0.index", "p0.data"][random.number(below: 4)]
            for (name, bytes) in files {
                var bytes = bytes
                if name == victim { mutate(&bytes, &random) }
                disk.setBytes(bytes, of: Bench.directory + "/" + name)
            }
            let access = random.once(in: 2) ? CartridgeAccess.readOnly : .readWrite
            guard let cartridge = try? Cartridge(opening: Bench.directory, on: disk, access: access) else { continue }
            for partition in 0..<cartridge.partitionCount {
                let end = cartridge.endOfData(partition).rawValue
                #expect(end < 1000, "seed \(seed)")
                for address in 0..<min(end, 1000) {
                    guard let bytes = try? cartridge.bytes(at: address, partition: partition) else { continue }
                    #expect(written.contains(bytes), "seed \(seed): object \(address)")
                }
                for number in 0..<UInt64(10) { _ = try? cartridge.addressAfterFilemark(number, partition: partition) }
            }
            _ = try? cartridge.verify { _ in true }
            if access == .readWrite {
                try? cartridge.append(Self.records[0])
                try? cartridge.close()
            }
        }
    }

    @Test("Superblocks with a right checksum and impossible numbers do no harm")
    func forgedSuperblocks() throws {
        let (disk, files) = try makeFiles()
        let index = try #require(files["p0.index"])
        for field in [24, 32, 40, 48, 56] {
            for value in [UInt64.max, 1 << 63, 1 << 48, 1 << 42, 1000, 1, 0] {
                var forged = index
                for slot in [0, 2048] {
                    let width = field == 56 ? 4 : 8
                    for byte in 0..<width {
                        forged[slot + field + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))
                    }
                    let check = crc32c(forged[slot..<slot + 508].span)
                    for byte in 0..<4 {
                        forged[slot + 508 + byte] = UInt8(truncatingIfNeeded: check >> UInt32(8 * byte))
                    }
                }
                disk.setBytes(forged, of: Bench.directory + "/p0.index")
                guard let cartridge = try? Cartridge(opening: Bench.directory, on: disk, access: .readWrite) else {
                    continue
                }
                #expect(cartridge.end.rawValue <= 37)
                _ = try? cartridge.shape()
                _ = try? cartridge.verify { _ in true }
                try? cartridge.append([1])
                try? cartridge.close()
            }
        }
    }
}
