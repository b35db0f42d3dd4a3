// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import LogicalUnits
import SCSI
import Testing

@Suite("Drive: unit attentions, reservations, prevention per nexus (fact sheet 1.6, 1.12)")
struct DriveAttentionTests {
    private let ready: [UInt8] = [0, 0, 0, 0, 0, 0]

    @Test("a nexus seen first finds 6/29/00 once; INQUIRY and REPORT LUNS neither report nor clear it")
    func firstContact() throws {
        let bench = try DriveBench()
        #expect(line(bench.run([0x12, 0, 0, 0, 96, 0], as: bench.other)) == "GOOD")
        #expect(line(bench.run([0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0], as: bench.other)) == "GOOD")
        #expect(line(bench.run(ready, as: bench.other)) == "6/29/00")
        #expect(line(bench.run(ready, as: bench.other)) == "GOOD")
        #expect(line(bench.run(ready)) == "GOOD")
        bench.drive.nexusLost(bench.other)
        #expect(line(bench.run(ready, as: bench.other)) == "6/29/00", "a new login is a new nexus")
    }

    @Test("REQUEST SENSE gives the unit attention as data, with GOOD, and clears it; in both formats")
    func requestSense() throws {
        let bench = try DriveBench()
        let fixed = bench.run([0x03, 0, 0, 0, 0xFF, 0], as: bench.other)
        #expect(line(fixed) == "GOOD")
        #expect(fixed.dataIn == [0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 0, 0, 0, 0, 0])
        #expect(bench.run([0x03, 1, 0, 0, 0xFF, 0], as: bench.other).dataIn == [0x72, 0, 0, 0, 0, 0, 0, 0])
        _ = try bench.drive.unload()
        #expect(bench.run([0x03, 1, 0, 0, 3, 0]).dataIn == [0x72, 2, 0x3A])
        #expect(bench.run([0x03, 0, 0, 0, 0, 0]).dataIn.isEmpty)
    }

    @Test("a load by the robot is 6/28/00 for everyone; the command that meets it does nothing")
    func load() throws {
        let bench = try DriveBench()
        _ = bench.run(ready, as: bench.other)
        let cartridge = try bench.drive.unload()
        bench.drive.load(cartridge)
        #expect(line(bench.writeRecord([1])) == "6/28/00")
        #expect(bench.block == 0)
        #expect(line(bench.run(ready, as: bench.other)) == "6/28/00")
        #expect(line(bench.run(ready, as: bench.other)) == "GOOD")
        #expect(line(bench.run([0x1B, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.run([0x1B, 0, 0, 0, 1, 0])) == "GOOD")
        #expect(line(bench.run(ready, as: bench.other)) == "6/28/00", "LOAD by the first nexus")
        #expect(line(bench.run(ready)) == "GOOD")
    }

    @Test("MODE SELECT, LOG SELECT and SET TIMESTAMP tell the others, only when something changed")
    func changes() throws {
        let bench = try DriveBench()
        _ = bench.run(ready, as: bench.other)
        _ = bench.setBlockLength(0)
        #expect(line(bench.run(ready, as: bench.other)) == "GOOD")
        _ = bench.setBlockLength(512)
        #expect(line(bench.run(ready, as: bench.other)) == "6/2A/01")
        #expect(line(bench.run([0x4C, 2, 0x42, 0, 0, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.run(ready, as: bench.other)) == "6/2A/02")
        let stamp: [UInt8] = [0, 0, 0, 0, 0x01, 0x8B, 0xCF, 0xE5, 0x68, 0x00, 0, 0]
        #expect(line(bench.run([0xA4, 0x0F, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0], out: stamp)) == "GOOD")
        #expect(line(bench.run(ready, as: bench.other)) == "6/2A/10")
        #expect(line(bench.run(ready)) == "GOOD")
        bench.clock.milliseconds += 5
        let report = bench.run([0xA3, 0x0F, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0]).dataIn
        #expect(report == [0, 0x0A, 2, 0, 0x01, 0x8B, 0xCF, 0xE5, 0x68, 0x05, 0, 0])
    }

    @Test("the queue keeps order, drops duplicates, and a reset comes first and empties it")
    func queue() throws {
        var attentions = UnitAttentions()
        let nexus = Nexus(id: 7, name: "seventh")
        attentions.introduce(nexus, with: nil)
        attentions.raise(.modeParametersChanged)
        attentions.raise(.mediumMayHaveChanged)
        attentions.raise(.modeParametersChanged)
        #expect(attentions.take(for: nexus)?.additional == .modeParametersChanged)
        attentions.raise(.deviceReset)
        #expect(attentions.take(for: nexus)?.additional == .deviceReset)
        #expect(attentions.take(for: nexus) == nil)
        for qualifier in 0..<12 { attentions.raise(AdditionalSense(0x2A, 0x20 + UInt8(qualifier))) }
        let first = attentions.take(for: nexus)
        #expect(first?.additional == AdditionalSense(0x2A, 0x20))
        #expect(first?.attentionsLost == true)
        #expect(first?.encoded(descriptor: false)[15...17] == [0x81, 0, 0])
        var count = 1
        while attentions.take(for: nexus) != nil { count += 1 }
        #expect(count == 8)
    }

    @Test(
        "RESERVE by one nexus: conflict for the other except where SPC-2 allows it; ended by RELEASE and by nexus loss"
    )
    func reserve() throws {
        let bench = try DriveBench()
        _ = bench.run(ready, as: bench.other)
        #expect(line(bench.run([0x16, 0, 0, 0, 0, 0])) == "GOOD")
        for cdb in [
            ready, [0x08, 0, 0, 0, 1, 0], [0x1A, 0, 0x3F, 0, 4, 0], [0x16, 0, 0, 0, 0, 0], [0x1E, 0, 0, 0, 1, 0],
            [0x05, 0, 0, 0, 0, 0], [0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]] {
            #expect(bench.run(cdb, as: bench.other).status == .reservationConflict, "\(cdb)")
        }
        for cdb in [
            [0x12, 0, 0, 0, 36, 0], [0x03, 0, 0, 0, 18, 0], [0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0],
            [0x17, 0, 0, 0, 0, 0], [0x1E, 0, 0, 0, 0, 0], [0x4D, 0, 0x40, 0, 0, 0, 0, 0, 255, 0],
            [0xA3, 0x0F, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0],
        ] as [[UInt8]] {
            #expect(line(bench.run(cdb, as: bench.other)) == "GOOD", "\(cdb)")
        }
        #expect(line(bench.run(ready, as: bench.other)) == "reservationConflict", "RELEASE by the other did nothing")
        #expect(line(bench.run([0x57, 0, 0, 0, 0, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.run(ready, as: bench.other)) == "GOOD")
        #expect(line(bench.run([0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0], as: bench.other)) == "GOOD")
        #expect(line(bench.run(ready)) == "reservationConflict")
        bench.drive.nexusLost(bench.other)
        #expect(line(bench.run(ready)) == "GOOD")
        #expect(line(bench.run([0x16, 0x10, 0, 0, 0, 0])) == "5/24/00 cdb 1.4", "third party")
    }

    @Test("power on comes before a reservation conflict, other attentions after it")
    func precedence() throws {
        let bench = try DriveBench()
        #expect(line(bench.run([0x16, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.run(ready, as: bench.other)) == "6/29/00")
        _ = bench.setBlockLength(512)
        #expect(line(bench.run(ready, as: bench.other)) == "reservationConflict")
        #expect(line(bench.run([0x17, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.run(ready, as: bench.other)) == "6/2A/01", "the conflict did not use it up")
    }

    @Test("prevention is kept per nexus and goes with it")
    func prevent() throws {
        let bench = try DriveBench()
        _ = bench.run(ready, as: bench.other)
        #expect(line(bench.run([0x1E, 0, 0, 0, 1, 0])) == "GOOD")
        #expect(line(bench.run([0x1E, 0, 0, 0, 1, 0], as: bench.other)) == "GOOD")
        #expect(line(bench.run([0x1E, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.run([0x1B, 0, 0, 0, 0, 0])) == "5/53/02")
        bench.drive.nexusLost(bench.other)
        #expect(line(bench.run([0x1B, 0, 0, 0, 0, 0])) == "GOOD")
        #expect(line(bench.run([0x1E, 0, 0, 0, 2, 0])) == "5/24/00 cdb 4.1")
    }

    @Test("TapeAlert page: the reading nexus's copy is cleared, the other's is not")
    func alerts() throws {
        let bench = try DriveBench()
        _ = bench.run(ready, as: bench.other)
        try bench.drive.loaded?.updateMetadata { $0.writeProtected = true }
        _ = bench.writeRecord([1])
        let sense: [UInt8] = [0x4D, 0, 0x6E, 0, 0, 0, 0, 2, 0, 0]
        let first = bench.run(sense).dataIn
        #expect(first.count == 4 + 64 * 5)
        #expect(first[4 + 8 * 5..<4 + 9 * 5] == [0, 9, 0, 1, 1])
        #expect(bench.run(sense).dataIn[4 + 8 * 5 + 4] == 0)
        #expect(bench.run(sense, as: bench.other).dataIn[4 + 8 * 5 + 4] == 1)
    }
}
