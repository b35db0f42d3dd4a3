// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import LogicalUnits
import SCSI
import Testing

@Suite("Drive: what GOOD promises (design: durable filemarks, disk first)")
struct DriveDurabilityTests {
    /// Commands after which everything written before survives a crash of the machine.
    private static let barriers: [(name: String, cdb: [UInt8])] = [
        ("WRITE FILEMARKS", [0x10, 0, 0, 0, 1, 0]),
        ("WRITE FILEMARKS, count 0", [0x10, 0, 0, 0, 0, 0]),
        ("REWIND", [0x01, 0, 0, 0, 0, 0]),
        ("LOCATE", [0x2B, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("UNLOAD", [0x1B, 0, 0, 0, 0, 0]),
        ("SPACE", [0x11, 0, 0xFF, 0xFF, 0xFF, 0]),
        ("SPACE to end of data", [0x11, 3, 0, 0, 0, 0]),
    ]

    @Test("a crash after WRITE FILEMARKS, REWIND, LOCATE, SPACE or UNLOAD loses nothing", arguments: 0..<7)
    func crash(number: Int) throws {
        let bench = try DriveBench()
        for seed in 1...3 as ClosedRange<UInt8> {
            #expect(line(bench.writeRecord(pattern(2000, seed: seed))) == "GOOD")
        }
        #expect(line(bench.run(Self.barriers[number].cdb)) == "GOOD", "\(Self.barriers[number].name)")
        bench.disk.crash()
        let cartridge = try Cartridge(opening: "/store/T1", on: bench.disk, access: .readWrite)
        let after = try DriveBench(loading: nil)
        after.drive.load(cartridge)
        _ = after.run([0x03, 0, 0, 0, 18, 0])
        for seed in 1...3 as ClosedRange<UInt8> {
            #expect(after.read(2000).dataIn == pattern(2000, seed: seed))
        }
    }

    @Test("with buffered mode 0 every WRITE survives a crash")
    func unbuffered() throws {
        let bench = try DriveBench()
        #expect(line(bench.run([0x15, 0x10, 0, 0, 4, 0], out: [0, 0, 0, 0])) == "GOOD")
        #expect(bench.run([0x1A, 0, 0x3F, 0, 4, 0]).dataIn[2] == 0)
        #expect(line(bench.writeRecord(pattern(2000))) == "GOOD")
        bench.disk.crash()
        let cartridge = try Cartridge(opening: "/store/T1", on: bench.disk, access: .readWrite)
        #expect(cartridge.endOfData(0) == BlockAddress(1))
    }

    @Test("a failed synchronisation is told once; the tape can still be unloaded, and the position did not move")
    func failedSynchronisation() throws {
        let bench = try DriveBench()
        _ = bench.writeRecord(pattern(100))
        bench.disk.faults.synchronize = 1
        #expect(line(bench.writeFilemarks()) == "3/0C/00 info 1")
        #expect(bench.block == 1)
        #expect(bench.drive.alerts.raised == [0x06])
        #expect(line(bench.rewind()) == "3/0C/00 info 0")
        #expect(bench.block == 1)
        #expect(line(bench.rewind()) == "GOOD")
        bench.disk.faults = .none
        #expect(bench.read(100).dataIn == pattern(100))
        #expect(try bench.drive.unload().metadata.barcode == "T1")
        #expect(bench.drive.condition == .empty)
    }

    @Test("WRITE FILEMARKS with count 0 is not GOOD as long as what was written is not durable")
    func repeatedFlush() throws {
        let bench = try DriveBench()
        _ = bench.writeRecord(pattern(100))
        bench.disk.faults.synchronize = 1
        for _ in 1...3 {
            #expect(line(bench.writeFilemarks(0)) == "3/0C/00 info 0")
        }
        #expect(line(bench.rewind()) == "3/0C/00 info 0")
        #expect(line(bench.rewind()) == "GOOD")
    }

    @Test("a full disk at the first write of a load: nothing was written, and INFORMATION says so")
    func fullAtFirstWrite() throws {
        let bench = try DriveBench()
        bench.disk.intercept = { operation, path in
            operation == .write && path.contains("cartridge.json") ? ENOSPC : nil
        }
        #expect(line(bench.writeRecord(pattern(100))) == "D/00/02 EOM info 100")
        #expect(line(bench.writeFilemarks(3)) == "D/00/02 EOM info 3")
        #expect(bench.block == 0)
        bench.disk.intercept = nil
        #expect(line(bench.writeRecord(pattern(100))) == "GOOD")
    }

    @Test("a failed write leaves position and earlier records as they were")
    func failedWrite() throws {
        let bench = try DriveBench()
        _ = bench.writeRecord(pattern(100))
        bench.disk.faults.write = 1
        #expect(line(bench.writeRecord(pattern(200))) == "3/0C/00 info 200")
        #expect(bench.block == 1)
        bench.disk.faults = .none
        _ = bench.rewind()
        #expect(bench.read(100).dataIn == pattern(100))
        #expect(line(bench.read(100)) == "8/00/05 info 100")
    }

    @Test("a cartridge opened for reading only is write protected and readable")
    func readOnly() throws {
        let bench = try DriveBench()
        _ = bench.writeRecord(pattern(100))
        try bench.drive.unload().close()
        bench.drive.load(try Cartridge(opening: "/store/T1", on: bench.disk, access: .readOnly))
        _ = bench.run([0x03, 0, 0, 0, 18, 0])
        #expect(line(bench.writeRecord([1])) == "7/27/00")
        #expect(bench.read(100).dataIn == pattern(100))
        #expect(bench.drive.status.isWriteProtected)
        #expect(bench.drive.status.bytesRead == 100)
        #expect(bench.drive.status.barcode == "T1")
    }
}
