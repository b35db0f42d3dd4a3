// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import LogicalUnits
import SCSI
import Testing

@Suite("Drive: early warning, end of medium and write protection")
struct DriveEndOfMediumTests {
    @Test("64 MiB warn with 8 MiB to go, then every write and filemark warns, then the physical end")
    func earlyWarning() throws {
        let bench = try DriveBench()
        let record = pattern(1 << 20)
        for number in 1...55 {
            #expect(line(bench.writeRecord(record)) == "GOOD", "record \(number)")
        }
        #expect(line(bench.writeRecord(record)) == "0/00/02 EOM info 0")
        #expect(line(bench.writeFilemarks()) == "0/00/02 EOM info 0")
        #expect(line(bench.writeFilemarks(0)) == "GOOD", "nothing was written")
        for _ in 57...63 {
            #expect(line(bench.writeRecord(record)) == "0/00/02 EOM info 0")
        }
        let before = bench.block
        #expect(line(bench.writeRecord(record)) == "D/00/02 EOM info 1048576")
        #expect(bench.block == before)
        let short = bench.run([0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(short.dataIn.first == 0x40, "EOP")
        _ = bench.rewind()
        #expect(bench.read(1 << 20).dataIn == record, "what was written stays readable; reads warn of nothing")
    }

    @Test("fixed WRITE over the physical end tells how many blocks were not written")
    func fixedEnd() throws {
        let bench = try DriveBench(loading: .mebibytes(1))
        #expect(line(bench.setBlockLength(1 << 16)) == "GOOD")
        #expect(line(bench.run([0x0A, 1, 0, 0, 20, 0], out: pattern(20 << 16))) == "D/00/02 EOM info 5")
        #expect(bench.block == 15)
        _ = bench.rewind()
        #expect(line(bench.run([0x0A, 1, 0, 0, 14, 0], out: pattern(14 << 16))) == "0/00/02 EOM info 0")
    }

    @Test("the programmable early warning is told once per crossing, before early warning")
    func programmable() throws {
        let bench = try DriveBench()
        // PEWS = 10 MB in page 10h/01h.
        let page: [UInt8] = [0x50, 0x01, 0x00, 0x1C, 0, 0x02, 0, 10] + [UInt8](repeating: 0, count: 24)
        let list: [UInt8] = [0, 0, 0, 0x10, 0, 0, 0, 0] + page
        #expect(line(bench.run([0x55, 0x10, 0, 0, 0, 0, 0, 0, UInt8(list.count), 0], out: list)) == "GOOD")
        var lines: [String] = []
        for _ in 1...57 { lines.append(line(bench.writeRecord(pattern(1 << 20)))) }
        #expect(lines.filter { $0 == "0/00/07 EOM info 0" }.count == 1)
        #expect(lines.firstIndex(of: "0/00/07 EOM info 0") == 46)
        #expect(lines.firstIndex(of: "0/00/02 EOM info 0") == 55)
        let flags = bench.run([0x34, 6, 0, 0, 0, 0, 0, 0, 0, 0]).dataIn.first
        #expect(flags == 0x41, "EOP and BPEW")
    }

    @Test("writeRun stops behind the record that enters the early-warning zone, then goes record by record")
    func run() throws {
        let bench = try DriveBench()
        let run = pattern(60 << 20)
        let first = try bench.drive.writeRun(run.span, recordLength: 1 << 20)
        #expect(first.records == 56)
        #expect(first.outcome == .earlyWarning)
        let second = try bench.drive.writeRun(run.span, recordLength: 1 << 20)
        #expect(second.records == 1)
        #expect(second.outcome == .earlyWarning)
    }

    @Test("a full host disk is the end of the medium")
    func hostFull() throws {
        let bench = try DriveBench()
        _ = bench.writeRecord(pattern(100))
        bench.disk.faults.outOfSpace = 1
        #expect(line(bench.writeRecord(pattern(1000))) == "D/00/02 EOM info 1000")
        #expect(bench.block == 1)
        bench.disk.faults = .none
        _ = bench.rewind()
        #expect(bench.read(100).dataIn == pattern(100))
    }

    @Test("write protection: the tab, SWP in two pages, and an older generation")
    func protected() throws {
        let bench = try DriveBench()
        try bench.drive.loaded?.updateMetadata { $0.writeProtected = true }
        #expect(line(bench.writeRecord([1])) == "7/27/00")
        #expect(line(bench.writeFilemarks()) == "7/27/00")
        #expect(line(bench.run([0x19, 0, 0, 0, 0, 0])) == "7/27/00")
        #expect(bench.drive.alerts.raised == [0x09])
        #expect(bench.run([0x1A, 0, 0x3F, 0, 4, 0]).dataIn[2] == 0x90, "WP in the mode header")
        try bench.drive.loaded?.updateMetadata { $0.writeProtected = false }
        let control: [UInt8] = [0, 0, 0x10, 0] + [0x0A, 0x0A, 0x02, 0, 0x08, 0, 0, 0, 0, 0, 0, 0]
        #expect(line(bench.run([0x15, 0x10, 0, 0, 16, 0], out: control)) == "GOOD")
        #expect(line(bench.writeRecord([1])) == "7/27/02")
        let old = try DriveBench(generation: 7, loading: nil)
        try old.change(to: old.cartridge(generation: 5))
        #expect(old.drive.alerts.raised == [0x11])
        #expect(line(old.writeRecord([1])) == "7/30/05")
        #expect(line(old.read(1)) == "8/00/05 info 1")
    }

    @Test("WORM: append only; the last of several closing filemarks may be replaced")
    func worm() throws {
        let bench = try DriveBench()
        try bench.change(to: bench.cartridge(kind: .worm))
        #expect(line(bench.writeRecord(pattern(10))) == "GOOD")
        #expect(line(bench.writeFilemarks(2)) == "GOOD")
        #expect(bench.run([0x1A, 8, 0x1D, 0, 0xFF, 0]).dataIn[4...9] == [0x1D, 0x1E, 1, 0, 0, 2])
        #expect(bench.run([0x1A, 8, 0x1D, 0, 0xFF, 0]).dataIn[1] == 0x8C)
        #expect(line(bench.space(1, -1)) == "GOOD")
        #expect(line(bench.writeRecord(pattern(20))) == "GOOD")
        _ = bench.rewind()
        #expect(line(bench.writeRecord([1])) == "7/30/0C")
        #expect(line(bench.run([0x19, 1, 0, 0, 0, 0])) == "7/30/0C")
        #expect(line(bench.run([0x04, 0, 0, 0, 0, 0])) == "7/30/0C")
        #expect(line(bench.run([0x0B, 0, 0, 0xFF, 0xFF, 0])) == "7/30/0C")
        #expect(bench.drive.alerts.raised == [0x3C])
        #expect(bench.read(10).dataIn == pattern(10))
    }

    @Test("append-only mode: overwriting needs ALLOW OVERWRITE, once")
    func appendOnly() throws {
        let bench = try DriveBench()
        #expect(line(bench.run([0x82, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])) == "5/20/0C")
        let page: [UInt8] = [0x50, 0x01, 0x00, 0x1C, 0, 0x12, 0, 0] + [UInt8](repeating: 0, count: 24)
        let list: [UInt8] = [0, 0, 0, 0x10, 0, 0, 0, 0] + page
        let select: [UInt8] = [0x55, 0x10, 0, 0, 0, 0, 0, 0, UInt8(list.count), 0]
        #expect(line(bench.run(select, out: list)) == "GOOD")
        for _ in 1...3 { #expect(line(bench.writeRecord(pattern(10))) == "GOOD") }
        var off = list
        off[13] = 0x02
        #expect(line(bench.run(select, out: off)) == "5/26/00 list 13.7", "only at the beginning")
        _ = bench.rewind()
        #expect(line(bench.writeRecord([1])) == "7/5A/02")
        #expect(line(bench.run([0x82, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])) == "5/24/00 cdb 4")
        #expect(line(bench.run([0x82, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.writeRecord([1])) == "GOOD")
        _ = bench.rewind()
        #expect(line(bench.writeRecord([1])) == "7/5A/02", "the licence is used up")
        #expect(line(bench.run(select, out: off)) == "GOOD")
        #expect(line(bench.writeRecord([1])) == "GOOD")
    }
}
