// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Foundation
import LogicalUnits
import SCSI
import SimulatedDisk
import Testing

@Suite("Drive: hostile CDBs")
struct DriveFuzzTests {
    /// One hostile command: an arbitrary or a listed operation code with random fields, data and limits.
    private func command(_ random: inout SeededGenerator) -> (cdb: [UInt8], out: [UInt8], limit: Int) {
        let rows = TapeCommands.table.rows
        var cdb: [UInt8]
        if random.once(in: 6) {
            cdb = (0..<random.number(below: 20)).map { _ in UInt8(random.number(below: 256)) }
        } else {
            let row = rows[random.number(below: rows.count)]
            cdb = [UInt8](repeating: 0, count: row.length)
            cdb[0] = row.operationCode
            for index in cdb.indices.dropFirst().dropLast() where row.usageMap[index] != 0 {
                // Mostly small numbers, so that something happens.
                let byte = random.once(in: 3) ? UInt8(random.number(below: 256)) : UInt8(random.number(below: 4))
                cdb[index] = byte & (random.once(in: 20) ? 0xFF : row.usageMap[index])
            }
            if let action = row.serviceAction { cdb[1] = cdb[1] & 0xE0 | action }
            if random.once(in: 30) { cdb.removeLast(1 + random.number(below: 4)) }
        }
        let out = (0..<random.number(below: 120)).map { _ in
            random.once(in: 2) ? 0 : UInt8(random.number(below: 256))
        }
        let limit = random.once(in: 4) ? random.number(below: 8) : random.number(below: 70_000)
        return (cdb, out, limit)
    }

    /// A parameter list that a real MODE SENSE gave, with a few bytes changed.
    private func mutatedModeSelect(_ bench: DriveBench, _ random: inout SeededGenerator) -> (cdb: [UInt8], out: [UInt8])
    {
        let page = UInt8([0x3F, 0x01, 0x0A, 0x0F, 0x10, 0x11, 0x1C][random.number(below: 7)])
        var list = bench.run([0x5A, 0, page, random.once(in: 2) ? 0xFF : 0, 0, 0, 0, 4, 0, 0]).dataIn
        for _ in 0..<random.number(below: 4) where !list.isEmpty {
            list[random.number(below: list.count)] = UInt8(random.number(below: 256))
        }
        if random.once(in: 8) { list = Array(list.prefix(random.number(below: list.count + 1))) }
        return ([0x55, 0x10, 0, 0, 0, 0, 0, UInt8(list.count >> 8), UInt8(list.count & 0xFF), 0], list)
    }

    /// 20 unless CAPSTAN_FUZZ_SEEDS says how many.
    static var seeds: ClosedRange<Int> {
        1...max(1, ProcessInfo.processInfo.environment["CAPSTAN_FUZZ_SEEDS"].flatMap(Int.init) ?? 20)
    }

    @Test("1,500 commands a seed: no crash, data within the limit, GOOD or well-formed sense", arguments: seeds)
    func fuzz(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let bench = try DriveBench(loading: .mebibytes(4))
        for number in 1...1500 {
            var (cdb, out, limit) = command(&random)
            if random.once(in: 12) { (cdb, out) = mutatedModeSelect(bench, &random) }
            if random.once(in: 40) {
                bench.disk.faults.read = random.once(in: 2) ? 20 : 0
                bench.disk.faults.write = random.once(in: 2) ? 20 : 0
                bench.disk.faults.synchronize = random.once(in: 2) ? 20 : 0
            }
            // Never so many blocks that a test takes minutes.
            if cdb.first == 0x80, cdb.count > 13 { cdb.replaceSubrange(12...13, with: [0, 0]) }
            if cdb.first == 0x10, cdb.count > 3 { cdb.replaceSubrange(2...3, with: [0, 0]) }
            let nexus = random.once(in: 5) ? bench.other : bench.nexus
            let result = bench.run(cdb, out: out, limit: limit, as: nexus)
            #expect(result.dataIn.count <= limit, "seed \(seed) command \(number) \(cdb)")
            #expect(result.dataOutConsumed <= out.count, "seed \(seed) command \(number) \(cdb)")
            #expect(isWellFormed(result), "seed \(seed) command \(number) \(cdb) \(result.senseBytes)")
            #expect(!bench.drive.describe(cdb: cdb).isEmpty)
            if random.once(in: 200) { bench.drive.nexusLost(nexus) }
            if random.once(in: 50), bench.drive.condition != .ready { try recover(bench) }
        }
        bench.disk.faults = .none
    }

    private func recover(_ bench: DriveBench) throws {
        bench.disk.faults = .none
        bench.drive.nexusLost(bench.nexus)
        bench.drive.nexusLost(bench.other)
        if bench.drive.loaded != nil {
            do { _ = try bench.drive.unload() } catch { _ = try bench.drive.unload() }
        }
        bench.drive.load(try bench.cartridge(capacity: .mebibytes(4)))
    }

    private func isWellFormed(_ result: CommandResult) -> Bool {
        switch result.status {
        case .good: return result.senseBytes.isEmpty && result.sense == nil
        case .reservationConflict: return result.senseBytes.isEmpty && result.dataIn.isEmpty
        case .checkCondition:
            guard let first = result.senseBytes.first, result.sense != nil else { return false }
            switch first & 0x7F {
            case 0x70: return result.senseBytes.count == 18 && result.senseBytes[7] == 10
            case 0x72: return result.senseBytes.count == 8 + Int(result.senseBytes[7])
            default: return false
            }
        default: return false
        }
    }
}
