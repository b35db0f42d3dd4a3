// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import LogicalUnits
import SCSI
import Testing

@Suite("Drive: SPACE, LOCATE, READ POSITION, LOAD UNLOAD, FORMAT, ERASE (fact sheet 1.4, 2.5, 2.6)")
struct DrivePositionTests {
    /// R R F R F F R, then end of data at 7.
    private func tape() throws -> DriveBench {
        let bench = try DriveBench()
        for object in "RRFRFFR" {
            let result = object == "R" ? bench.writeRecord(pattern(10)) : bench.writeFilemarks()
            #expect(line(result) == "GOOD")
        }
        return bench
    }

    struct Step: Sendable, CustomTestStringConvertible {
        let from: UInt8
        let code: UInt8
        let count: Int
        let sense: String
        let to: UInt64
        var testDescription: String { "from \(from) code \(code) count \(count)" }
    }

    @Test(
        "SPACE(6) and SPACE(16) over R R F R F F R",
        arguments: [
            Step(from: 0, code: 0, count: 2, sense: "GOOD", to: 2),
            Step(from: 0, code: 0, count: 3, sense: "0/00/01 FM info 1", to: 3),
            Step(from: 6, code: 0, count: 5, sense: "8/00/05 info 4", to: 7),
            Step(from: 7, code: 0, count: -1, sense: "GOOD", to: 6),
            Step(from: 7, code: 0, count: -4, sense: "0/00/01 FM info 3", to: 5),
            Step(from: 2, code: 0, count: -5, sense: "0/00/04 EOM info 3", to: 0),
            Step(from: 0, code: 1, count: 1, sense: "GOOD", to: 3),
            Step(from: 0, code: 1, count: 3, sense: "GOOD", to: 6),
            Step(from: 0, code: 1, count: 9, sense: "8/00/05 info 6", to: 7),
            Step(from: 7, code: 1, count: -1, sense: "GOOD", to: 5),
            Step(from: 7, code: 1, count: -3, sense: "GOOD", to: 2),
            Step(from: 4, code: 1, count: -4, sense: "0/00/04 EOM info 3", to: 0),
            Step(from: 0, code: 2, count: 2, sense: "GOOD", to: 6),
            Step(from: 5, code: 2, count: 2, sense: "8/00/05 info 2", to: 7),
            Step(from: 7, code: 2, count: -2, sense: "GOOD", to: 4),
            Step(from: 4, code: 2, count: -2, sense: "0/00/04 EOM info 2", to: 0),
            Step(from: 2, code: 3, count: 0, sense: "GOOD", to: 7),
            Step(from: 2, code: 1, count: 0, sense: "GOOD", to: 2),
            Step(from: 2, code: 4, count: 1, sense: "5/24/00 cdb 1.3", to: 2),
        ]
    )
    func space(_ step: Step) throws {
        let bench = try tape()
        let locate: [UInt8] = [0x2B, 0, 0, 0, 0, 0, step.from, 0, 0, 0]
        #expect(line(bench.run(locate)) == "GOOD")
        #expect(line(bench.space(step.code, step.count)) == step.sense)
        #expect(bench.block == step.to)
        #expect(line(bench.run(locate)) == "GOOD")
        let count = (0..<8).reversed().map { UInt8(truncatingIfNeeded: step.count >> (8 * $0)) }
        #expect(line(bench.run([0x91, step.code, 0, 0] + count + [0, 0, 0, 0])) == step.sense)
        #expect(bench.block == step.to)
    }

    @Test("SPACE(16) takes counts beyond 32 bits, and no parameter list")
    func largeCounts() throws {
        let bench = try tape()
        let far: [UInt8] = [0x91, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(line(bench.run(far)) == "0/00/01 FM", "a residual beyond 32 bits does not fit into fixed format")
        #expect(line(bench.run([0x91, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0])) == "5/24/00 cdb 12")
    }

    @Test("after SPACE back over a filemark the next READ gives that filemark again")
    func filemarkAgain() throws {
        let bench = try tape()
        #expect(line(bench.space(1, -1)) == "GOOD")
        #expect(line(bench.read(10)) == "0/00/01 FM info 10")
    }

    @Test("LOCATE by block, file and to the end of data; READ POSITION tells true file numbers in all forms")
    func locate() throws {
        let bench = try tape()
        func locate16(_ type: UInt8, _ id: UInt64, partition: UInt8 = 0, cp: UInt8 = 0) -> String {
            let bytes = (0..<8).reversed().map { UInt8(truncatingIfNeeded: id >> UInt64(8 * $0)) }
            return line(bench.run([0x92, type << 3 | cp << 1, 0, partition] + bytes + [0, 0, 0, 0]))
        }
        #expect(locate16(0, 4) == "GOOD")
        let long = bench.run([0x34, 0x06, 0, 0, 0, 0, 0, 0, 0, 0]).dataIn
        #expect(
            long == [0, 0, 0, 0] + [0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 4] + [0, 0, 0, 0, 0, 0, 0, 1]
                + [UInt8](repeating: 0, count: 8)
        )
        #expect(locate16(1, 3) == "GOOD")
        #expect(bench.block == 6)
        let short = bench.run([0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0]).dataIn
        #expect(short == [0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 6] + [UInt8](repeating: 0, count: 8))
        #expect(locate16(3, 0) == "GOOD")
        let extended = bench.run([0x34, 0x08, 0, 0, 0, 0, 0, 0, 32, 0]).dataIn
        #expect(
            extended == [0, 0, 0, 0x1C, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 7] + [0, 0, 0, 0, 0, 0, 0, 7]
                + [UInt8](repeating: 0, count: 8)
        )
        #expect(locate16(0, 99) == "8/00/05")
        #expect(bench.block == 7, "at the end of data")
        #expect(locate16(0, .max) == "8/00/05")
        #expect(locate16(1, 4) == "8/00/05")
        #expect(locate16(0, 2, partition: 1, cp: 1) == "5/24/00 cdb 3")
        #expect(bench.block == 7, "unchanged")
        #expect(locate16(2, 2) == "5/24/00 cdb 1.5")
        #expect(locate16(0, 0) == "GOOD")
        #expect(bench.run([0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0]).dataIn[0] == 0x80, "BOP")
        #expect(line(bench.run([0x34, 2, 0, 0, 0, 0, 0, 0, 0, 0])) == "5/24/00 cdb 1.4")
    }

    @Test("LOAD UNLOAD: eject, load again, hold, and the prevention of removal")
    func loadUnload() throws {
        let bench = try tape()
        #expect(line(bench.run([0x1E, 0, 0, 0, 1, 0])) == "GOOD")
        #expect(line(bench.run([0x1B, 0, 0, 0, 0, 0])) == "5/53/02")
        #expect(bench.drive.alerts.raised == [0x0A])
        #expect(throws: CheckCondition.self) { try bench.drive.unload() }
        #expect(line(bench.run([0x1E, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.run([0x1B, 0, 0, 0, 4, 0])) == "5/24/00 cdb 4.2", "EOT")
        #expect(line(bench.run([0x1B, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.run([0, 0, 0, 0, 0, 0])) == "2/3A/00")
        #expect(line(bench.run([0x1B, 0, 0, 0, 0, 0])) == "GOOD", "already unloaded")
        #expect(line(bench.run([0x1B, 0, 0, 0, 1, 0])) == "GOOD")
        #expect(line(bench.run([0, 0, 0, 0, 0, 0])) == "GOOD", "no unit attention for who loaded")
        #expect(bench.block == 0)
        #expect(line(bench.run([0x1B, 0, 0, 0, 8, 0])) == "GOOD")
        #expect(line(bench.run([0, 0, 0, 0, 0, 0])) == "2/04/02")
        #expect(line(bench.run([0x8C, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 1, 0, 0, 0])) == "GOOD", "MAM is readable")
        #expect(line(bench.run([0x1B, 0, 0, 0, 1, 0])) == "GOOD")
        #expect(line(bench.run([0x1B, 0, 0, 0, 1, 0])) == "GOOD", "loaded: rewinds")
        let empty = try DriveBench(loading: nil)
        #expect(line(empty.run([0x1B, 0, 0, 0, 1, 0])) == "2/3A/00")
    }

    @Test("cartridges that this drive does not take, and cleaning")
    func otherCartridges() throws {
        let bench = try DriveBench(loading: nil)
        try bench.change(to: bench.cartridge(generation: 9))
        #expect(line(bench.run([0, 0, 0, 0, 0, 0])) == "2/30/00")
        #expect(bench.drive.alerts.raised == [0x0C])
        try bench.change(to: bench.cartridge(generation: 78))
        #expect(line(bench.run([0, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(bench.run([0x1A, 0, 0x3F, 0, 12, 0]).dataIn[4] == 0x5D)
        let cleaning = try bench.cartridge(kind: .cleaning)
        try bench.change(to: cleaning)
        #expect(line(bench.run([0, 0, 0, 0, 0, 0])) == "2/30/03")
        #expect(cleaning.metadata.cleaningsLeft == 49)
        try cleaning.updateMetadata { $0.cleaningsLeft = 0 }
        try bench.change(to: cleaning)
        #expect(line(bench.run([0, 0, 0, 0, 0, 0])) == "2/30/0B")
        #expect(bench.drive.alerts.raised == [0x16])
    }

    @Test("ERASE: short here, long only at the beginning")
    func erase() throws {
        let bench = try tape()
        _ = bench.run([0x2B, 0, 0, 0, 0, 0, 4, 0, 0, 0])
        #expect(line(bench.run([0x19, 1, 0, 0, 0, 0])) == "5/3B/0C")
        #expect(line(bench.run([0x19, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.read(10)) == "8/00/05 info 10")
        _ = bench.rewind()
        #expect(line(bench.run([0x19, 3, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.space(3, 0)) == "GOOD")
        #expect(bench.block == 0)
    }

    @Test("FORMAT MEDIUM as mkltfs does it: two partitions, one small, the other the rest")
    func format() throws {
        let bench = try tape()
        #expect(line(bench.run([0x04, 0, 1, 0, 0, 0])) == "5/3B/0C")
        _ = bench.rewind()
        let sense = bench.run([0x5A, 0, 0x11, 0, 0, 0, 0, 0, 255, 0])
        var list = sense.dataIn
        #expect(list.count == 32)
        #expect(list[17] == 0x0E, "four slots on a tape with one partition")
        #expect(list[18...19] == [3, 0])
        #expect(list[20] == 0x38, "IDP, PSUM 3")
        list[0] = 0
        list[1] = 0
        list[19] = 1
        list[20] = 0x20 | list[20] & 0x1F
        list[22] = 0x06
        list.replaceSubrange(24..<28, with: [0, 8, 0xFF, 0xFF])
        #expect(line(bench.run([0x55, 0x10, 0, 0, 0, 0, 0, 0, 32, 0], out: list)) == "GOOD")
        #expect(line(bench.run([0x04, 0, 1, 0, 0, 0])) == "GOOD")
        let cartridge = try #require(bench.drive.loaded)
        #expect(cartridge.partitionCount == 2)
        #expect(cartridge.capacity(0) == 8_000_000)
        #expect(cartridge.capacity(1) == (64 << 20) - 8_000_000)
        #expect(line(bench.writeRecord(pattern(3))) == "GOOD")
        #expect(line(bench.run([0x2B, 2, 0, 0, 0, 0, 0, 0, 1, 0])) == "GOOD")
        #expect(bench.drive.position.partition == 1)
        #expect(line(bench.writeRecord(pattern(5))) == "GOOD")
        #expect(bench.run([0x34, 6, 0, 0, 0, 0, 0, 0, 0, 0]).dataIn[7] == 1)
        #expect(line(bench.rewind()) == "GOOD")
        #expect(bench.read(5).dataIn == pattern(5), "REWIND stays in the partition")
        #expect(line(bench.run([0x2B, 2, 0, 0, 0, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(bench.read(3).dataIn == pattern(3))
        let page = bench.run([0x5A, 8, 0x11, 0, 0, 0, 0, 0, 255, 0]).dataIn
        #expect(Array(page[8...]) == [0x11, 0x0E, 3, 1, 0x38, 3, 6, 0, 0, 8, 0, 59, 0, 0, 0, 0])
        _ = bench.rewind()
        #expect(line(bench.run([0x04, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(cartridge.partitionCount == 1)
    }

    @Test("FORMAT MEDIUM by the drive's own choice (FDP) and in equal parts (SDP)")
    func formatChoices() throws {
        let bench = try DriveBench()
        func format(_ mode: UInt8, additional: UInt8) -> String {
            var list = bench.run([0x5A, 8, 0x11, 0, 0, 0, 0, 0, 255, 0]).dataIn
            list[0...1] = [0, 0]
            list[11] = additional
            list[12] = mode | 0x18
            let select = bench.run([0x55, 0x10, 0, 0, 0, 0, 0, 0, UInt8(list.count), 0], out: list)
            return line(select) == "GOOD" ? line(bench.run([0x04, 0, 2, 0, 0, 0])) : line(select)
        }
        let cartridge = try #require(bench.drive.loaded)
        #expect(format(0x80, additional: 0) == "GOOD")
        #expect((0..<cartridge.partitionCount).map(cartridge.capacity) == [65_431_143, 1_677_721])
        #expect(format(0x40, additional: 3) == "GOOD")
        #expect((0..<cartridge.partitionCount).map(cartridge.capacity) == [16 << 20, 16 << 20, 16 << 20, 16 << 20])
        #expect(format(0x60, additional: 1) == "5/26/00 list 12.7", "two choices at once")
        #expect(format(0x40, additional: 4) == "5/26/00 list 11")
    }

    @Test("SET CAPACITY shrinks, tells every nexus also the sender, and raises TapeAlert 31h")
    func setCapacity() throws {
        let bench = try tape()
        _ = bench.rewind()
        #expect(line(bench.run([0x0B, 0, 0, 0x80, 0, 0])) == "GOOD")
        #expect(line(bench.run([0, 0, 0, 0, 0, 0])) == "6/2A/01")
        #expect(bench.drive.loaded?.capacity(0) == 33_554_944)
        #expect(bench.drive.alerts.raised == [0x31])
        #expect(line(bench.run([0x0B, 0, 0, 0xFF, 0xFF, 0])) == "GOOD")
        #expect(bench.drive.loaded?.capacity(0) == 64 << 20)
    }

    @Test("load count, drive history and lifetime counters are kept in the cartridge")
    func counters() throws {
        let bench = try DriveBench()
        _ = bench.writeRecord(pattern(100))
        let cartridge = try bench.drive.unload()
        #expect(cartridge.metadata.counters.loadCount == 1)
        #expect(cartridge.metadata.counters.bytesWritten == 100)
        for _ in 1...5 {
            bench.drive.load(cartridge)
            _ = try bench.drive.unload()
        }
        #expect(cartridge.metadata.counters.loadCount == 6)
        #expect(cartridge.metadata.attributes.map(\.identifier).sorted() == [0x020A, 0x020B, 0x020C, 0x020D])
        #expect(String(decoding: cartridge.metadata.attributes[0].value, as: UTF8.self).hasPrefix("IBM     CAPD000001"))
    }
}
