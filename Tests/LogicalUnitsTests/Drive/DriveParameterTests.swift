// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Foundation
import LogicalUnits
import SCSI
import Testing

@Suite("Drive: MODE, LOG, MAM and buffers (fact sheet 1.11, 1.13, 2.7, 2.8, 2.11)")
struct DriveParameterTests {
    // MARK: MODE

    @Test("MODE SENSE(6) of everything: header, block descriptor, pages in ascending order")
    func modeSense6() throws {
        let bench = try DriveBench()
        let data = bench.run([0x1A, 0, 0x3F, 0xFF, 0xFF, 0]).dataIn
        #expect(Array(data[0...11]) == [UInt8(data.count - 1), 0x88, 0x10, 8, 0x5E, 0, 0, 0, 0, 0, 0, 0])
        var offset = 12
        var pages: [[UInt8]] = []
        while offset < data.count {
            let hasSubpage = data[offset] & 0x40 != 0
            pages.append([data[offset] & 0x3F, hasSubpage ? data[offset + 1] : 0])
            #expect(data[offset] & 0x80 == 0, "PS")
            offset += hasSubpage ? 4 + Int(data[offset + 2]) << 8 + Int(data[offset + 3]) : 2 + Int(data[offset + 1])
        }
        #expect(offset == data.count)
        #expect(
            pages == [
                [0x01, 0], [0x02, 0], [0x0A, 0], [0x0A, 1], [0x0F, 0], [0x10, 0], [0x10, 1], [0x11, 0], [0x1A, 0],
                [0x1C, 0], [0x1D, 0],
            ]
        )
    }

    @Test("page controls: changeable mask, defaults, and 5/39/00 for saved values")
    func pageControls() throws {
        let bench = try DriveBench()
        #expect(
            bench.run([0x1A, 8, 0x4F, 0, 0xFF, 0]).dataIn[4...] == [
                0x0F, 0x0E, 0x80, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0,
            ]
        )
        #expect(
            bench.run([0x1A, 8, 0x8F, 0, 0xFF, 0]).dataIn[4...] == [
                0x0F, 0x0E, 0xC0, 0x80, 0, 0, 0, 0x10, 0, 0, 0, 0x10, 0, 0, 0, 0,
            ]
        )
        #expect(line(bench.run([0x1A, 8, 0xCF, 0, 0xFF, 0])) == "5/39/00")
        #expect(line(bench.run([0x1A, 8, 0x05, 0, 0xFF, 0])) == "5/24/00 cdb 2.5")
        #expect(line(bench.run([0x5A, 8, 0x10, 2, 0, 0, 0, 0, 0xFF, 0])) == "5/24/00 cdb 2.5")
        #expect(bench.run([0x5A, 0, 0x10, 1, 0, 0, 0, 0, 64, 0]).dataIn.count == 48, "what LTFS counts on")
    }

    @Test("MODE SELECT of everything that MODE SENSE returned is GOOD and changes nothing")
    func echo() throws {
        let bench = try DriveBench()
        _ = bench.run([0, 0, 0, 0, 0, 0], as: bench.other)
        for dbd in [0, 8] as [UInt8] {
            let before = bench.run([0x5A, dbd, 0x3F, 0xFF, 0, 0, 0, 4, 0, 0]).dataIn
            let cdb: [UInt8] = [0x55, 0x10, 0, 0, 0, 0, 0, UInt8(before.count >> 8), UInt8(before.count & 0xFF), 0]
            #expect(line(bench.run(cdb, out: before)) == "GOOD")
            #expect(bench.run([0x5A, dbd, 0x3F, 0xFF, 0, 0, 0, 4, 0, 0]).dataIn == before)
        }
        #expect(line(bench.run([0, 0, 0, 0, 0, 0], as: bench.other)) == "GOOD", "no unit attention")
    }

    struct BadList: Sendable, CustomTestStringConvertible {
        let list: [UInt8]
        let sense: String
        var testDescription: String { "\(list) \(sense)" }
    }

    @Test(
        "MODE SELECT(6) refuses bad lists whole",
        arguments: [
            BadList(list: [0, 0, 0x10], sense: "5/1A/00"),
            BadList(list: [0, 0, 0x10, 7], sense: "5/26/00 list 3"),
            BadList(list: [0, 0, 0x10, 8, 0, 0, 0, 0], sense: "5/1A/00"),
            BadList(list: [0, 0, 0x20, 0], sense: "5/26/00 list 2.6"),
            BadList(list: [0, 0, 0x10, 8, 0x42, 0, 0, 0, 0, 0, 2, 0], sense: "5/26/00 list 4"),
            BadList(list: [0, 0, 0x10, 0, 0x0F], sense: "5/1A/00"),
            BadList(list: [0, 0, 0x10, 0, 0x05, 0], sense: "5/26/00 list 4.5"),
            BadList(list: [0, 0, 0x10, 0, 0x0F, 0x0D] + [UInt8](repeating: 0, count: 13), sense: "5/26/00 list 5"),
            BadList(list: [0, 0, 0x10, 0, 0x0F, 0x0E, 0x40], sense: "5/1A/00"),
            BadList(
                list: [0, 0, 0x10, 0, 0x0F, 0x0E, 0x80, 0x80, 0, 0, 0, 0x10, 0, 0, 0, 0x10, 0, 0, 0, 0],
                sense: "5/26/00 list 6.6"
            ),
            BadList(
                list: [0, 0, 0x10, 0, 0x0F, 0x0E, 0xC0, 0x80, 0, 0, 0, 0x77, 0, 0, 0, 0x10, 0, 0, 0, 0],
                sense: "5/26/00 list 8"
            ),
            // A good block descriptor in front of a bad page is not applied either.
            BadList(list: [0, 0, 0x10, 8, 0, 0, 0, 0, 0, 0, 2, 0, 0x05, 0], sense: "5/26/00 list 12.5"),
        ]
    )
    func badLists(_ row: BadList) throws {
        let bench = try DriveBench()
        #expect(line(bench.run([0x15, 0x10, 0, 0, UInt8(row.list.count), 0], out: row.list)) == row.sense)
        #expect(bench.drive.fixedBlockLength == 0)
        #expect(line(bench.run([0x15, 0x00, 0, 0, 4, 0], out: [0, 0, 0, 0])) == "5/24/00 cdb 1.4", "PF")
        #expect(line(bench.run([0x15, 0x11, 0, 0, 4, 0], out: [0, 0, 0, 0])) == "5/24/00 cdb 1.0", "SP")
        #expect(line(bench.run([0x15, 0x10, 0, 0, 12, 0], out: [0, 0, 0, 0])) == "5/1A/00", "less than announced")
    }

    @Test("D_SENSE switches autosense to descriptors")
    func descriptorSense() throws {
        let bench = try DriveBench()
        let list: [UInt8] = [0, 0, 0x10, 0] + [0x0A, 0x0A, 0x06, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(line(bench.run([0x15, 0x10, 0, 0, 16, 0], out: list)) == "GOOD")
        #expect(bench.read(10).senseBytes == [0x72, 8, 0, 5, 0, 0, 0, 12, 0, 10, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 10])
    }

    @Test("compression shows in pages 0Fh and 10h alike, whichever set it")
    func compression() throws {
        let bench = try DriveBench()
        var list = bench.run([0x1A, 8, 0x10, 0, 0xFF, 0]).dataIn
        list[0] = 0
        list[4 + 14] = 0
        #expect(line(bench.run([0x15, 0x10, 0, 0, UInt8(list.count), 0], out: list)) == "GOOD")
        #expect(bench.run([0x1A, 8, 0x0F, 0, 0xFF, 0]).dataIn[6] == 0x40)
        #expect(bench.drive.status.isCompressionEnabled == false)
    }

    // MARK: LOG

    @Test("LOG SENSE lists are ascending, every page listed can be read, and its length is right")
    func logPages() throws {
        let bench = try DriveBench()
        let list = bench.run([0x4D, 0, 0x40, 0, 0, 0, 0, 4, 0, 0]).dataIn
        #expect(Array(list[4...]) == [0x00, 0x02, 0x03, 0x06, 0x0C, 0x11, 0x12, 0x17, 0x1B, 0x2E, 0x31])
        #expect(list[2...3] == [0, 11])
        let subpages = bench.run([0x4D, 0, 0x40, 0xFF, 0, 0, 0, 4, 0, 0]).dataIn
        #expect(Array(subpages[0...7]) == [0x40, 0xFF, 0, 24, 0, 0, 0, 0xFF])
        for page in list[4...] {
            let data = bench.run([0x4D, 0, 0x40 | page, 0, 0, 0, 0, 0xFF, 0xFF, 0]).dataIn
            #expect(data[0] == page)
            #expect(Int(data[2]) << 8 | Int(data[3]) == data.count - 4)
            #expect(data.count < 1024)
        }
        #expect(line(bench.run([0x4D, 0, 0x7E, 0, 0, 0, 0, 4, 0, 0])) == "5/24/00 cdb 2.5")
        #expect(line(bench.run([0x4D, 0, 0x42, 0, 0, 0, 7, 4, 0, 0])) == "5/24/00 cdb 5")
        #expect(bench.run([0x4D, 0, 0x42, 0, 0, 0, 6, 4, 0, 0]).dataIn == [2, 0, 0, 8, 0, 6, 0, 4, 0, 0, 0, 0])
        #expect(line(bench.run([0x4D, 1, 0x42, 0, 0, 0, 0, 4, 0, 0])) == "5/24/00 cdb 1.0")
    }

    @Test("volume statistics: partition records of 8 bytes; tape capacity: four parameters of 4 bytes")
    func capacities() throws {
        let bench = try DriveBench()
        _ = bench.writeRecord(pattern(10 << 20))
        let statistics = bench.run([0x4D, 0, 0x57, 0, 0, 0x02, 0x02, 0xFF, 0xFF, 0]).dataIn
        #expect(
            Array(statistics[4...]) == [2, 2, 3, 8, 7, 0, 0, 0, 0, 0, 0, 67] + [2, 3, 3, 8, 7, 0, 0, 0, 0, 0, 0, 10]
                + [2, 4, 3, 8, 7, 0, 0, 0, 0, 0, 0, 56]
        )
        let capacity = bench.run([0x4D, 0, 0x71, 0, 0, 0, 0, 0xFF, 0xFF, 0]).dataIn
        #expect(
            Array(capacity[4...]) == [0, 1, 0, 4, 0, 0, 0, 53] + [0, 2, 0, 4, 0, 0, 0, 0] + [0, 3, 0, 4, 0, 0, 0, 64]
                + [0, 4, 0, 4, 0, 0, 0, 0]
        )
    }

    @Test("write counters count, and LOG SELECT with PCR resets them")
    func counters() throws {
        let bench = try DriveBench()
        _ = bench.writeRecord(pattern(300))
        let sense: [UInt8] = [0x4D, 0, 0x42, 0, 0, 0, 5, 0xFF, 0xFF, 0]
        #expect(Array(bench.run(sense).dataIn[4..<16]) == [0, 5, 0, 8, 0, 0, 0, 0, 0, 0, 1, 0x2C])
        #expect(line(bench.run([0x4C, 2, 0x40, 0, 0, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(Array(bench.run(sense).dataIn[4..<16]) == [0, 5, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(line(bench.run([0x4C, 2, 0x40, 0, 0, 0, 0, 0, 4, 0], out: [0, 0, 0, 0])) == "5/24/00 cdb 7")
        #expect(line(bench.run([0x4C, 0, 0x42, 0, 0, 0, 0, 0, 4, 0], out: [0, 0, 0, 0])) == "5/26/01 list 0")
    }

    // MARK: MAM

    private func readAttribute(_ bench: DriveBench, _ id: UInt16, partition: UInt8 = 0, limit: UInt8 = 255)
        -> CommandResult
    {
        bench.run([0x8C, 0, 0, 0, 0, 0, 0, partition, UInt8(id >> 8), UInt8(id & 0xFF), 0, 0, 0, limit, 0, 0])
    }

    private func writeAttribute(_ bench: DriveBench, _ list: [UInt8], partition: UInt8 = 0) -> String {
        line(bench.run([0x8D, 1, 0, 0, 0, 0, 0, partition, 0, 0, 0, 0, 0, UInt8(list.count), 0, 0], out: list))
    }

    @Test("READ ATTRIBUTE starts exactly at the first identifier asked for, or not at all")
    func readAttributes() throws {
        let bench = try DriveBench()
        let remaining = readAttribute(bench, 0).dataIn
        #expect(Array(remaining[4..<17]) == [0, 0, 0x80, 0, 8, 0, 0, 0, 0, 0, 0, 0, 64])
        #expect(line(readAttribute(bench, 0x080C)) == "5/24/00 cdb 8")
        #expect(Array(readAttribute(bench, 0x0408).dataIn[4..<10]) == [0x04, 0x08, 0x80, 0, 1, 0])
        #expect(line(readAttribute(bench, 0, partition: 1)) == "5/24/00 cdb 7")
        let list = bench.run([0x8C, 1, 0, 0, 0, 0, 0, 0, 4, 7, 0, 0, 1, 0, 0, 0]).dataIn
        #expect(list == [0, 0, 0, 4, 4, 7, 4, 8])
        #expect(bench.run([0x8C, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]).dataIn == [0, 2, 0, 1])
        #expect(bench.run([0x8C, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]).dataIn == [0, 2, 0, 1])
        #expect(line(bench.run([0x8C, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0])) == "5/24/00 cdb 1.4")
    }

    @Test("WRITE ATTRIBUTE: stored, replaced, deleted by length 0; read-only and wrong ones change nothing")
    func writeAttributes() throws {
        let bench = try DriveBench()
        let vendor: [UInt8] = [0x08, 0x00, 1, 0, 8] + Array("CAPSTAN ".utf8)
        #expect(writeAttribute(bench, [0, 0, 0, 13] + vendor) == "GOOD")
        #expect(Array(readAttribute(bench, 0x0800).dataIn) == [0, 0, 0, 13] + vendor)
        #expect(writeAttribute(bench, [0, 0, 0, 17] + vendor) == "GOOD", "LTFS counts the length field itself")
        let label: [UInt8] = [0x08, 0x09, 1, 0, 2, 0x41, 0x42]
        #expect(writeAttribute(bench, [0, 0, 0, 13] + label + [0x04, 0x00, 1, 0, 1, 0x41]) == "5/26/00 list 11")
        #expect(line(readAttribute(bench, 0x0809)) == "5/24/00 cdb 8", "all or nothing")
        #expect(
            writeAttribute(bench, [0, 0, 0, 13, 0x08, 0x00, 0, 0, 8] + Array("CAPSTAN ".utf8)) == "5/26/00 list 6.1"
        )
        #expect(writeAttribute(bench, [0, 0, 0, 7, 0x08, 0x05, 0, 0, 2, 1, 1]) == "5/26/00 list 7")
        #expect(writeAttribute(bench, [0, 0, 0, 13, 0x08, 0x00, 1, 0, 9] + Array("CAPSTAN ".utf8)) == "5/1A/00")
        #expect(writeAttribute(bench, [0, 0, 0, 5, 0x08, 0x00, 1, 0, 0]) == "GOOD")
        #expect(line(readAttribute(bench, 0x0800)) == "5/24/00 cdb 8")
        try bench.drive.loaded?.updateMetadata { $0.writeProtected = true }
        #expect(writeAttribute(bench, [0, 0, 0, 13] + vendor) == "7/27/00")
    }

    @Test("the volume change reference moves with the first write after a load, and only then")
    func volumeChangeReference() throws {
        let bench = try DriveBench()
        func reference() -> [UInt8] { Array(readAttribute(bench, 9).dataIn[9..<13]) }
        let first = reference()
        #expect(first != [0, 0, 0, 0])
        _ = bench.read(10)
        #expect(reference() == first)
        _ = bench.writeRecord([1])
        let second = reference()
        #expect(second != first)
        _ = bench.writeRecord([1])
        _ = bench.writeFilemarks()
        #expect(reference() == second)
        try bench.change(to: bench.drive.unload())
        #expect(reference() == second)
        _ = bench.run([0x19, 0, 0, 0, 0, 0])
        #expect(reference() != second)
    }

    // MARK: Buffers and diagnostics

    @Test("the echo buffer gives back what its own nexus wrote")
    func echoBuffer() throws {
        let bench = try DriveBench()
        let read: [UInt8] = [0x3C, 0x0A, 0, 0, 0, 0, 0, 1, 0, 0]
        #expect(bench.run([0x3C, 0x0B, 0, 0, 0, 0, 0, 0, 4, 0]).dataIn == [1, 0, 0x10, 0])
        #expect(bench.run([0x3C, 0x03, 1, 0, 0, 0, 0, 0, 4, 0]).dataIn == [0, 0, 0, 0])
        #expect(line(bench.run(read)) == "5/2C/00")
        #expect(line(bench.run([0x3B, 0x0A, 0, 0, 0, 0, 0, 0, 5, 0], out: [1, 2, 3, 4, 5])) == "GOOD")
        #expect(bench.run(read).dataIn == [1, 2, 3, 4, 5])
        _ = bench.run(read, as: bench.other)
        #expect(line(bench.run(read, as: bench.other)) == "5/2C/00")
        #expect(line(bench.run([0x3B, 0x05, 0, 0, 0, 0, 0, 0, 5, 0], out: [1, 2, 3, 4, 5])) == "5/24/00 cdb 1.4")
        #expect(line(bench.run([0x3B, 0x0A, 0, 0, 0, 0, 0, 0x10, 1, 0])) == "5/24/00 cdb 6")
    }

    @Test("SEND DIAGNOSTIC: the default self-test is GOOD, the others are refused")
    func diagnostics() throws {
        let bench = try DriveBench()
        #expect(line(bench.run([0x1D, 0x04, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.run([0x1D, 0x10, 0, 0, 8, 0], out: [0x80, 0, 0, 4, 0, 0, 0, 0])) == "5/26/00 list 0")
    }

    @Test("LOAD of a threaded cartridge goes to partition 0, and page 10h says so")
    func activePartitionAfterLoad() throws {
        let bench = try DriveBench(loading: .mebibytes(128))
        let page: [UInt8] = [0x11, 0x0E, 0, 1, 0x38, 3, 6, 0, 0, 32, 0xFF, 0xFF, 0, 0, 0, 0]
        var list = bench.run([0x1A, 0x08, 0x11, 0, 0xFF, 0]).dataIn
        list.replaceSubrange(4 + 3..<4 + 12, with: page[3..<12])
        list[0] = 0
        #expect(line(bench.run([0x15, 0x10, 0, 0, UInt8(list.count), 0], out: list)) == "GOOD")
        #expect(line(bench.run([0x04, 0, 1, 0, 0, 0])) == "GOOD")
        #expect(line(bench.run([0x2B, 2, 0, 0, 0, 0, 0, 0, 1, 0])) == "GOOD")
        #expect(bench.run([0x1A, 0x08, 0x10, 0, 0xFF, 0]).dataIn[4 + 3] == 1)
        #expect(line(bench.run([0x1B, 0, 0, 0, 1, 0])) == "GOOD")
        #expect(bench.drive.position.partition == 0)
        #expect(bench.run([0x1A, 0x08, 0x10, 0, 0xFF, 0]).dataIn[4 + 3] == 0)
    }

    @Test(
        "HP and HPE drives give medium type 00h for data and 01h for WORM, IBM drives the generation's",
        arguments: [
            ("HP", 0x00, 0x01), ("HPE", 0x00, 0x01), ("IBM", 0x88, 0x8C),
        ] as [(String, UInt8, UInt8)]
    )
    func mediumTypeByVendor(vendor: String, data: UInt8, worm: UInt8) throws {
        let bench = try DriveBench(loading: nil, vendor: vendor)
        bench.drive.load(try bench.cartridge())
        _ = bench.run([0x03, 0, 0, 0, 18, 0])
        #expect(bench.run([0x1A, 0, 0x3F, 0, 4, 0]).dataIn[1] == data)
        try bench.change(to: try bench.cartridge(kind: .worm))
        #expect(bench.run([0x1A, 0, 0x3F, 0, 4, 0]).dataIn[1] == worm)
        let types = bench.run([0x44, 0x03, 0, 0, 0, 0, 0, 1, 0, 0]).dataIn
        #expect([types[4], types[60]] == [data, worm])
    }
}
