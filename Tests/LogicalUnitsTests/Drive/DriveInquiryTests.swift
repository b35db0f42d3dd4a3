// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Foundation
import LogicalUnits
import SCSI
import Testing

@Suite("Drive: INQUIRY, densities, supported commands (fact sheet 1.7 to 1.10, 2.9)")
struct DriveInquiryTests {
    private func pages(_ bench: DriveBench, _ page: UInt8) -> CommandResult {
        bench.run([0x12, 1, page, 0, 255, 0])
    }

    @Test("standard INQUIRY: 96 bytes as the additional length says")
    func standard() throws {
        let bench = try DriveBench()
        let data = bench.run([0x12, 0, 0, 0x02, 0, 0]).dataIn
        #expect(data.count == 96)
        #expect(Array(data.prefix(8)) == [0x01, 0x80, 0x06, 0x02, 0x5B, 0, 0, 0x02])
        #expect(String(decoding: data[8..<36], as: UTF8.self) == "IBM     ULT3580-TD8     R3G3")
        #expect(Array(data[58..<64]) == [0x00, 0xA0, 0x04, 0x60, 0x05, 0x20])
        #expect(bench.run([0x12, 0, 0, 0, 5, 0]).dataIn == [0x01, 0x80, 0x06, 0x02, 0x5B])
        #expect(line(bench.run([0x12, 0, 1, 0, 36, 0])) == "5/24/00 cdb 2")
        #expect(line(bench.run([0x12, 2, 0, 0, 36, 0])) == "5/24/00 cdb 1.1", "CmdDt")
        #expect(line(bench.run([0x12, 0, 0, 0, 36, 4])) == "5/24/00 cdb 5.2", "NACA")
    }

    @Test("vital product data: listed ascending, every page readable, contents")
    func vitalProductData() throws {
        let bench = try DriveBench()
        #expect(pages(bench, 0).dataIn == [1, 0, 0, 7, 0x00, 0x80, 0x83, 0xB0, 0xB1, 0xB3, 0xB4])
        #expect(pages(bench, 0x80).dataIn == [1, 0x80, 0, 10] + Array("CAPD000001".utf8))
        #expect(pages(bench, 0xB0).dataIn == [1, 0xB0, 0, 2, 1, 0])
        #expect(pages(bench, 0xB1).dataIn == [1, 0xB1, 0, 10] + Array("CAPD000001".utf8))
        #expect(pages(bench, 0xB3).dataIn == [1, 0xB3, 0, 10] + Array("CAPLIB0001".utf8))
        #expect(pages(bench, 0xB4).dataIn == [1, 0xB4, 0, 2, 1, 1])
        #expect(
            pages(bench, 0x83).dataIn == [1, 0x83, 0, 50] + [2, 1, 0, 34]
                + Array("IBM     ULT3580-TD8     CAPD000001".utf8)
                + [1, 3, 0, 8, 0x50, 0, 0xC5, 0, 0, 0, 0, 1]
        )
        #expect(line(pages(bench, 0xC0)) == "5/24/00 cdb 2")
    }

    @Test("LOG SENSE, INQUIRY and VPD as sg3_utils reads them", .enabled(if: SGTools.areInstalled))
    func tools() throws {
        let bench = try DriveBench()
        _ = bench.writeRecord(pattern(3_000_000))
        let inquiry = try SGTools.run("sg_inq", bench.run([0x12, 0, 0, 0, 96, 0]).dataIn, ["--descriptors"])
        #expect(inquiry.contains("Vendor identification: IBM"))
        #expect(inquiry.contains("Product identification: ULT3580-TD8"))
        #expect(inquiry.contains("PDT=1"))
        #expect(inquiry.contains("RMB=1"))
        #expect(inquiry.contains("SAM-5"))
        let device = try SGTools.run("sg_vpd", pages(bench, 0x83).dataIn, ["--page=0x83"])
        #expect(device.contains("0x5000c50000000001"))
        #expect(device.contains("vendor id: IBM"))
        let serial = try SGTools.run("sg_vpd", pages(bench, 0x80).dataIn, ["--page=0x80"])
        #expect(serial.contains("CAPD000001"))
        func log(_ page: UInt8) throws -> String {
            try SGTools.run(
                "sg_logs",
                bench.run([0x4D, 0, 0x40 | page, 0, 0, 0, 0, 8, 0, 0]).dataIn,
                ["--pdt=1"],
                "--in="
            )
        }
        #expect(try log(0x02).contains("Total bytes processed = 3000000"))
        #expect(try log(0x0C).contains("Native capacity from BOP to EW of current partition: 58 MB"))
        #expect(try log(0x0C).contains("Native capacity from BOP to EOD: 3 MB"))
        #expect(try log(0x11).contains("INXTN=0 RAA=1 MPRSNT=1 MSTD=1 MTHRD=1 MOUNTED=1"))
        #expect(try log(0x12).contains("Flag09h: 0  0Ah: 0"))
        #expect(try log(0x1B).contains("Megabytes transferred from server: 3"))
        #expect(try log(0x03).contains("Total uncorrected errors = 0"))
        #expect(try log(0x17).contains("Page valid: 1"))
        #expect(try log(0x17).contains("partition number: 0, partition record data counter: 67"))
        #expect(try log(0x2E).contains("Write protect: 0"))
        #expect(try log(0x31).contains("Main partition remaining capacity (in MiB): 61"))
    }

    @Test("REPORT DENSITY SUPPORT: all densities ascending, the medium's own, and medium types")
    func densities() throws {
        let bench = try DriveBench()
        let all = bench.run([0x44, 0, 0, 0, 0, 0, 0, 4, 0, 0]).dataIn
        #expect(all.count == 4 + 3 * 52)
        #expect(all[0...1] == [0, UInt8(all.count - 2)])
        #expect([all[4], all[56], all[108]] == [0x5C, 0x5D, 0x5E])
        #expect(Array(all[108..<124]) == [0x5E, 0x5E, 0xA0, 0, 0, 0, 0x50, 0xBD, 0, 0x7F, 0x1A, 0, 0, 0xB7, 0x1B, 0])
        #expect(String(decoding: all[124..<160], as: UTF8.self) == "LTO-CVE U-832   Ultrium 8/32T       ")
        let own = bench.run([0x44, 1, 0, 0, 0, 0, 0, 4, 0, 0]).dataIn
        #expect(own.count == 4 + 52)
        #expect(Array(own[16..<20]) == [0, 0, 0, 67], "the capacity of this cartridge")
        let types = bench.run([0x44, 2, 0, 0, 0, 0, 0, 4, 0, 0]).dataIn
        #expect(types.count == 4 + 5 * 56)
        _ = try bench.drive.unload()
        #expect(line(bench.run([0x44, 1, 0, 0, 0, 0, 0, 4, 0, 0])) == "2/3A/00")
    }

    @Test("every command that is listed is performed, every other operation code is 5/20/00")
    func listed() throws {
        let listed = Set(TapeCommands.table.rows.map(\.operationCode))
        for code in 0...255 as ClosedRange<UInt8> {
            let bench = try DriveBench()
            let action = TapeCommands.table.rows.first { $0.operationCode == code }?.serviceAction
            var cdb = [UInt8](repeating: 0, count: 16)
            cdb[0] = code
            cdb[1] = action ?? 0
            #expect((line(bench.run(cdb)) == "5/20/00") == !listed.contains(code), "\(code)")
        }
        #expect(!listed.contains(0x5E) && !listed.contains(0x5F) && !listed.contains(0xA2) && !listed.contains(0xB5))
    }

    @Test("READ BLOCK LIMITS: 1 byte to 16 MiB - 1, and the largest object number")
    func blockLimits() throws {
        let bench = try DriveBench()
        #expect(bench.run([0x05, 0, 0, 0, 0, 0]).dataIn == [0, 0xFF, 0xFF, 0xFF, 0, 1])
        let long = bench.run([0x05, 1, 0, 0, 0, 0]).dataIn
        #expect(long == [UInt8](repeating: 0, count: 12) + [UInt8](repeating: 0xFF, count: 8))
    }

    @Test("REPORT LUNS gives LUN 0; task management functions")
    func reports() throws {
        let bench = try DriveBench()
        #expect(
            bench.run([0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0]).dataIn == [0, 0, 0, 8]
                + [UInt8](repeating: 0, count: 12)
        )
        #expect(line(bench.run([0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0])) == "5/24/00 cdb 6")
        #expect(line(bench.run([0xA0, 0, 3, 0, 0, 0, 0, 0, 0, 16, 0, 0])) == "5/24/00 cdb 2")
        #expect(bench.run([0xA3, 0x0D, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0]).dataIn == [0xD8, 0x01, 0, 0])
        #expect(bench.run([0xA3, 0x0D, 0x80, 0, 0, 0, 0, 0, 0, 16, 0, 0]).dataIn.count == 16)
        #expect(line(bench.run([0xA3, 0x0D, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0])) == "5/24/00 cdb 6")
        #expect(line(bench.run([0xA3, 0x05, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0])) == "5/24/00 cdb 1.4", "service action")
    }
}

/// The decoders of sg3_utils, fed with hexadecimal text.
enum SGTools {
    static var areInstalled: Bool {
        ["sg_inq", "sg_vpd", "sg_logs"].allSatisfy { FileManager.default.isExecutableFile(atPath: "/usr/bin/" + $0) }
    }

    static func run(_ tool: String, _ bytes: [UInt8], _ options: [String] = [], _ input: String = "--inhex=") throws
        -> String
    {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("capstan-\(UUID().uuidString).hex")
        let text = bytes.map { String(format: "%02x", $0) }.joined(separator: " ") + "\n"
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/" + tool)
        process.arguments = options + [input + file.path]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
