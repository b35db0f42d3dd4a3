// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import LogicalUnits
import SCSI
import Testing

@Suite("Drive: READ, WRITE, VERIFY, WRITE FILEMARKS (SSC-4; fact sheet 1.4, 2.3, 2.4)")
struct DriveTransferTests {
    /// One record of 1000 bytes, a filemark, end of data; at the beginning.
    private func tape() throws -> DriveBench {
        let bench = try DriveBench()
        #expect(line(bench.writeRecord(pattern(1000))) == "GOOD")
        #expect(line(bench.writeFilemarks()) == "GOOD")
        #expect(line(bench.rewind()) == "GOOD")
        return bench
    }

    struct Variable: Sendable, CustomTestStringConvertible {
        let length: Int
        let flags: UInt8
        let blockLength: Int
        let sense: String
        let bytes: Int
        var testDescription: String { "length \(length) flags \(flags) block \(blockLength)" }
    }

    @Test(
        "variable READ against a record of 1000 bytes: every case of length, SILI and block length",
        arguments: [
            Variable(length: 1000, flags: 0, blockLength: 0, sense: "GOOD", bytes: 1000),
            Variable(length: 1000, flags: 2, blockLength: 0, sense: "GOOD", bytes: 1000),
            Variable(length: 1024, flags: 0, blockLength: 0, sense: "0/00/00 ILI info 24", bytes: 1000),
            Variable(length: 1024, flags: 2, blockLength: 0, sense: "GOOD", bytes: 1000),
            Variable(length: 1024, flags: 2, blockLength: 512, sense: "GOOD", bytes: 1000),
            Variable(length: 512, flags: 0, blockLength: 0, sense: "0/00/00 ILI info -488", bytes: 512),
            Variable(length: 512, flags: 2, blockLength: 0, sense: "GOOD", bytes: 512),
            Variable(length: 512, flags: 2, blockLength: 512, sense: "0/00/00 ILI info -488", bytes: 512),
        ]
    )
    func variable(_ row: Variable) throws {
        let bench = try tape()
        #expect(line(bench.setBlockLength(row.blockLength)) == "GOOD")
        let result = bench.read(row.length, flags: row.flags)
        #expect(line(result) == row.sense)
        #expect(result.dataIn == Array(pattern(1000).prefix(row.bytes)))
        #expect(bench.block == 1, "the position is behind the record in every case")
    }

    @Test("variable READ of a filemark passes it and gives the whole length as residual")
    func filemark() throws {
        let bench = try tape()
        _ = bench.read(1000)
        #expect(line(bench.read(4096)) == "0/00/01 FM info 4096")
        #expect(bench.block == 2)
        #expect(line(bench.read(4096)) == "8/00/05 info 4096")
        #expect(line(bench.read(4096)) == "8/00/05 info 4096")
        #expect(bench.block == 2, "end of data does not move the position")
    }

    @Test("READ of a blank cartridge is a blank check, READ of length 0 is GOOD and moves nothing")
    func blank() throws {
        let bench = try DriveBench()
        #expect(line(bench.read(0)) == "GOOD")
        #expect(line(bench.read(10)) == "8/00/05 info 10")
        #expect(bench.block == 0)
    }

    @Test("fixed READ stops at filemark, end of data and a record of another length, with blocks as residual")
    func fixed() throws {
        let bench = try DriveBench()
        #expect(line(bench.setBlockLength(512)) == "GOOD")
        #expect(line(bench.run([0x0A, 1, 0, 0, 3, 0], out: pattern(1536))) == "GOOD")
        #expect(bench.block == 3)
        #expect(line(bench.writeFilemarks()) == "GOOD")
        #expect(line(bench.run([0x0A, 1, 0, 0, 1, 0], out: pattern(512))) == "GOOD")
        #expect(line(bench.writeRecord(pattern(100))) == "GOOD")
        #expect(line(bench.writeRecord(pattern(600))) == "GOOD")
        _ = bench.rewind()
        let first = bench.read(2, flags: 1)
        #expect(line(first) == "GOOD")
        #expect(first.dataIn == Array(pattern(1536).prefix(1024)))
        let second = bench.read(5, flags: 1)
        #expect(line(second) == "0/00/01 FM info 4")
        #expect(second.dataIn == Array(pattern(1536).suffix(512)))
        let third = bench.read(4, flags: 1)
        #expect(line(third) == "0/00/00 ILI info 3", "short record")
        #expect(third.dataIn == pattern(512) + pattern(100))
        let fourth = bench.read(2, flags: 1)
        #expect(line(fourth) == "0/00/00 ILI info 2", "long record: its leading bytes")
        #expect(fourth.dataIn == Array(pattern(600).prefix(512)))
        #expect(line(bench.read(7, flags: 1)) == "8/00/05 info 7")
    }

    @Test("FIXED without a block length, and FIXED with SILI, are refused with a pointer")
    func refusedFlags() throws {
        let bench = try tape()
        #expect(line(bench.read(1, flags: 1)) == "5/24/00 cdb 1.0")
        #expect(line(bench.run([0x0A, 1, 0, 0, 1, 0], out: [1])) == "5/24/00 cdb 1.0")
        _ = bench.setBlockLength(512)
        #expect(line(bench.read(1, flags: 3)) == "5/24/00 cdb 1.1")
        #expect(bench.block == 0)
    }

    @Test("a record of 16 MiB - 1 goes in and comes out; data-in is cut at the initiator's limit")
    func largest() throws {
        let bench = try DriveBench()
        let record = pattern(0xFF_FFFF)
        #expect(line(bench.writeRecord(record)) == "GOOD")
        _ = bench.rewind()
        #expect(bench.read(0xFF_FFFF).dataIn == record)
        _ = bench.rewind()
        let cut = bench.run([0x08, 0, 0xFF, 0xFF, 0xFF, 0], limit: 10)
        #expect(line(cut) == "GOOD")
        #expect(cut.dataIn == Array(record.prefix(10)))
    }

    @Test("a write in the middle makes everything behind it vanish")
    func truncation() throws {
        let bench = try tape()
        for seed in 1...5 { _ = bench.writeRecord(pattern(10, seed: UInt8(seed))) }
        _ = bench.rewind()
        _ = bench.space(0, 1)
        #expect(line(bench.writeRecord(pattern(7))) == "GOOD")
        #expect(line(bench.read(10)) == "8/00/05 info 10")
        #expect(line(bench.space(0, -1)) == "GOOD")
        #expect(bench.read(7).dataIn == pattern(7))
    }

    @Test("WRITE with less data than announced aborts and writes nothing")
    func shortData() throws {
        let bench = try DriveBench()
        #expect(line(bench.run([0x0A, 0, 0, 0, 10, 0], out: [1, 2, 3])) == "B/4B/00")
        #expect(bench.block == 0)
    }

    @Test("VERIFY reads without data, to the end of data, and over filemarks")
    func verify() throws {
        let bench = try tape()
        let result = bench.run([0x13, 0, 0, 4, 0, 0])
        #expect(line(result) == "0/00/00 ILI info 24")
        #expect(result.dataIn.isEmpty)
        _ = bench.rewind()
        #expect(line(bench.run([0x13, 0x08, 0, 0, 1, 0])) == "GOOD")
        #expect(bench.block == 2)
        _ = bench.rewind()
        #expect(line(bench.run([0x13, 0x20, 0, 0, 0, 0])) == "GOOD")
        #expect(bench.block == 2)
        #expect(line(bench.run([0x13, 0x08, 0, 0, 2, 0])) == "8/00/05 info 2")
        #expect(line(bench.run([0x13, 0x02, 0, 0, 1, 0])) == "5/24/00 cdb 1.1", "BYTCMP")
        #expect(line(bench.run([0x13, 0x04, 0, 0, 1, 0])) == "5/24/00 cdb 1.2", "IMMED")
        #expect(line(bench.run([0x13, 0x10, 0, 0, 1, 0])) == "5/24/00 cdb 1.4", "VLBPM is not supported")
    }

    @Test("WRITE FILEMARKS(6) with count 0 flushes and keeps position; setmarks are refused")
    func filemarkCounts() throws {
        let bench = try tape()
        #expect(line(bench.writeFilemarks(0)) == "GOOD")
        #expect(bench.block == 0)
        #expect(line(bench.run([0x10, 2, 0, 0, 1, 0])) == "5/24/00 cdb 1.1")
    }

    @Test("WRITE FILEMARKS(16) writes at the named address")
    func filemarks16() throws {
        let bench = try tape()
        let cdb: [UInt8] = [0x80, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 1] + [0, 0, 2, 0]
        #expect(line(bench.run(cdb)) == "GOOD")
        #expect(bench.block == 3)
        #expect(bench.drive.position.file == 2)
        let behind: [UInt8] = [0x80, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 9] + [0, 0, 2, 0]
        #expect(line(bench.run(behind)) == "8/00/05")
    }

    @Test("a damaged record is a medium error with the residual, and the position stays before it")
    func damaged() throws {
        let bench = try tape()
        let names = try bench.disk.list("/store/T1")
        let payload = try #require(
            names.first { bench.disk.bytes(of: "/store/T1/" + $0)?.starts(with: pattern(4)) == true }
        )
        var bytes = try #require(bench.disk.bytes(of: "/store/T1/" + payload))
        bytes[500] ^= 1
        bench.disk.setBytes(bytes, of: "/store/T1/" + payload)
        #expect(line(bench.read(1000)) == "3/11/00 info 1000")
        #expect(bench.block == 0)
        #expect(bench.drive.alerts.raised == [0x05])
    }

    @Test("no cartridge: medium commands say so")
    func empty() throws {
        let bench = try DriveBench(loading: nil)
        for cdb in [[0, 0, 0, 0, 0, 0], [0x08, 0, 0, 0, 1, 0], [0x01, 0, 0, 0, 0, 0]] as [[UInt8]] {
            #expect(line(bench.run(cdb)) == "2/3A/00")
        }
        #expect(line(bench.run([0x05, 0, 0, 0, 0, 0])) == "GOOD")
    }
}
