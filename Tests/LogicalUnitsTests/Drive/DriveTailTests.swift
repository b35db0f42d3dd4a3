// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import LogicalUnits
import SCSI
import Testing

@Suite("Drive: what it remembers of the records written last")
struct DriveTailTests {
    @Test("Records without a filemark get one, once, and only behind themselves")
    func missingMark() throws {
        let bench = try DriveBench()
        try bench.drive.endRecords()
        #expect(bench.drive.position.block == .zero, "nothing was written, nothing is missing")
        _ = try bench.drive.write(pattern(100).span)
        #expect(bench.drive.lacksFilemark)
        try bench.drive.endRecords()
        try bench.drive.endRecords()
        #expect(bench.drive.position.file == 1)
        #expect(bench.drive.position.block.rawValue == 2)
        _ = try bench.drive.write(pattern(100).span)
        _ = try bench.drive.writeFilemarks(1, immediate: false)
        #expect(!bench.drive.lacksFilemark)
    }

    @Test("A run of records lacks its mark like a single one")
    func runs() throws {
        let bench = try DriveBench()
        _ = try bench.drive.writeRun(pattern(300).span, recordLength: 100)
        try bench.drive.endRecords()
        #expect(bench.drive.position.block.rawValue == 4)
    }

    @Test("CDBs do not count as records of the session, but their filemarks end its records")
    func commands() throws {
        let bench = try DriveBench()
        _ = bench.writeRecord(pattern(100))
        #expect(!bench.drive.lacksFilemark)
        _ = try bench.drive.write(pattern(100).span)
        _ = bench.writeFilemarks()
        #expect(!bench.drive.lacksFilemark)
    }

    @Test("A tape that moved, by an operation or a CDB, is not where the mark belongs")
    func motion() throws {
        let bench = try DriveBench()
        let motions: [(String, () throws -> Void)] = [
            ("REWIND", { try bench.drive.rewind() }),
            ("SPACE", { _ = try bench.drive.space(.blocks, count: -1) }),
            ("LOCATE", { try bench.drive.locate(block: 0) }),
            ("LOAD", { try bench.drive.thread() }),
            ("REWIND as a CDB", { _ = bench.rewind() }),
        ]
        for (name, move) in motions {
            _ = try bench.drive.write(pattern(100).span)
            try move()
            #expect(!bench.drive.lacksFilemark, "\(name)")
        }
    }

    @Test("A swap of cartridges forgets the missing mark and the early warning of the one before")
    func swap() throws {
        let bench = try DriveBench()
        let other = try bench.cartridge()
        _ = try bench.drive.writeRun(pattern(60 << 20).span, recordLength: 1 << 20)
        try bench.change(to: other)
        #expect(!bench.drive.lacksFilemark)
        #expect(!bench.drive.takeEarlyWarning())
        try bench.drive.endRecords()
        #expect(other.endOfData(0) == .zero, "the new cartridge is as it was")
    }

    @Test("Early warning: the write after the one that entered the zone is refused once, until the tape moves")
    func earlyWarning() throws {
        let bench = try DriveBench()
        let drive = bench.drive
        let record = pattern(1 << 20)
        #expect(try drive.writeRun(pattern(60 << 20).span, recordLength: 1 << 20).records == 56)
        #expect(drive.takeEarlyWarning())
        #expect(!drive.takeEarlyWarning())
        _ = try drive.write(record.span)
        #expect(!drive.takeEarlyWarning(), "later writes go on")
        _ = try drive.writeFilemarks(1, immediate: false)
        _ = try drive.write(record.span)
        #expect(!drive.takeEarlyWarning(), "a filemark is no motion")
        _ = try drive.space(.blocks, count: -1)
        _ = try drive.write(record.span)
        #expect(drive.takeEarlyWarning(), "after a motion it is told anew")
        _ = try drive.write(record.span)
        drive.forgetTail()
        #expect(!drive.takeEarlyWarning(), "the next session begins anew")
        #expect(!drive.lacksFilemark)
    }
}
