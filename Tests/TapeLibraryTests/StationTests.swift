// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Foundation
import LogicalUnits
import SCSI
import SimulatedDisk
import Synchronization
import TapeLibrary
import Testing

@Suite("Stations: who may use a device")
struct StationTests {
    private let disk = SimulatedDisk()
    private let library: Library
    private let first = Nexus(id: 1, name: "ndmp one")
    private let second = Nexus(id: 2, name: "ndmp two")
    private var drive: DriveStation { library.drives[0] }

    init() throws {
        library = try openLibrary(on: disk)
    }

    @Test("One session opens a drive; another is told who has it, until it closes")
    func open() throws {
        try drive.open(as: first)
        #expect(throws: DeviceBusy(device: "drive 0", holder: "ndmp one")) { try drive.open(as: second) }
        drive.close(second)
        #expect(drive.holder?.nexus == first)
        drive.close(first)
        try drive.open(as: second)
        #expect(DeviceBusy(device: "drive 0", holder: "ndmp one").sentence == "The drive 0 is in use by ndmp one.")
    }

    @Test("A session that opened a device does not meet the power-on attention; another initiator does")
    func attention() throws {
        try library.changer.open(as: first)
        #expect(library.robot([0, 0, 0, 0, 0, 0], as: first).status == .good)
        #expect(sense(library.robot([0, 0, 0, 0, 0, 0], as: second)) == [0x06, 0x29, 0x00])
        try library.load(barcode: "CAP001L8", drive: 0)
        try drive.open(as: first)
        #expect(try drive.run([0, 0, 0, 0, 0, 0], as: first).status == .good)
        #expect(sense(try drive.run([0, 0, 0, 0, 0, 0], as: second)) == [0x06, 0x29, 0x00])
    }

    @Test("The changer has one opener at a time, whose loss frees it")
    func changerOpen() throws {
        try library.changer.open(as: first)
        #expect(throws: DeviceBusy.self) { try library.changer.open(as: second) }
        library.nexusLost(first)
        try library.changer.open(as: second)
    }

    @Test("While a drive is leased every other use is refused at once, and moves of it with 5/53/03")
    func lease() throws {
        try library.load(barcode: "CAP001L8", drive: 0)
        try library.changer.open(as: second)
        let lease = try drive.lease(as: first, purpose: "a backup")
        let busy = DeviceBusy(device: "drive 0", holder: "ndmp one", purpose: "a backup")
        #expect(throws: busy) { try drive.run([0, 0, 0, 0, 0, 0], as: second) }
        #expect(throws: busy) { try drive.run([0, 0, 0, 0, 0, 0], as: first) }
        #expect(throws: busy) { try drive.open(as: second) }
        #expect(throws: busy) { _ = try drive.lease(as: second, purpose: "another") }
        #expect(throws: busy) { _ = try drive.perform(as: second) { $0.condition } }
        #expect(sense(library.robot(moveMedium(0x0100, 0x1000), as: second)) == [0x05, 0x53, 0x03])
        #expect(throws: LibraryError.driveLeased(drive: 0, holder: "ndmp one")) { try library.unload(drive: 0) }
        #expect(drive.status.barcode == "CAP001L8")
        let tape = lease.drive
        #expect(tape.condition == .ready)
        lease.end()
        lease.end()
        #expect(try drive.perform(as: second) { $0.condition } == .ready)
        try library.unload(drive: 0)
    }

    @Test("A drive that another session has open is not leased; the opener's own lease is")
    func leaseOfOpenDrive() throws {
        try drive.open(as: first)
        #expect(throws: DeviceBusy.self) { _ = try drive.lease(as: second, purpose: "x") }
        let lease = try drive.lease(as: first, purpose: "x")
        lease.end()
    }

    @Test("A lease that is forgotten ends by itself")
    func forgottenLease() throws {
        do { _ = try drive.lease(as: first, purpose: "x") }
        #expect(drive.holder == nil)
    }

    @Test("A lost session: its lease is revoked, and its prevention goes when the holder lets go of the drive")
    func lostDuringLease() throws {
        try library.load(barcode: "CAP001L8", drive: 0)
        try drive.open(as: first)
        #expect(try drive.run([0x1E, 0, 0, 0, 1, 0], as: first).status == .good)
        #expect(throws: LibraryError.removalPreventedByDrive(drive: 0)) { try library.unload(drive: 0) }
        let lease = try drive.lease(as: first, purpose: "x")
        #expect(!lease.isRevoked)
        library.nexusLost(first)
        #expect(lease.isRevoked)
        #expect(throws: DeviceBusy.self) { try drive.run([0, 0, 0, 0, 0, 0], as: second) }
        lease.end()
        #expect(drive.holder == nil)
        try library.unload(drive: 0)
    }

    @Test("A lost session's reservation and prevention are gone at once when there is no lease")
    func lost() throws {
        try library.load(barcode: "CAP001L8", drive: 0)
        try drive.open(as: first)
        #expect(try drive.run([0x16, 0, 0, 0, 0, 0], as: first).status == .good)
        #expect(try drive.run([0x1E, 0, 0, 0, 1, 0], as: first).status == .good)
        #expect(try drive.run([0, 0, 0, 0, 0, 0], as: second).status != .good)
        library.nexusLost(first)
        try drive.open(as: second)
        _ = try drive.run([0, 0, 0, 0, 0, 0], as: second)
        #expect(try drive.run([0, 0, 0, 0, 0, 0], as: second).status == .good)
        try library.unload(drive: 0)
    }

    @Test("PREVENT on a drive: MOVE MEDIUM out of it is 5/53/03")
    func preventOnDrive() throws {
        try library.load(barcode: "CAP001L8", drive: 0)
        try drive.open(as: first)
        try library.changer.open(as: first)
        #expect(try drive.run([0x1E, 0, 0, 0, 1, 0], as: first).status == .good)
        #expect(sense(library.robot(moveMedium(0x0100, 0x1000), as: first)) == [0x05, 0x53, 0x03])
        #expect(try drive.run([0x1E, 0, 0, 0, 0, 0], as: first).status == .good)
        #expect(library.robot(moveMedium(0x0100, 0x1000), as: first).status == .good)
    }

    @Test("A move of a merely open drive ejects and succeeds; the drive is then empty, 2/3A/00")
    func autoUnload() throws {
        try library.load(barcode: "CAP001L8", drive: 0)
        try drive.open(as: first)
        try library.changer.open(as: second)
        #expect(library.robot(moveMedium(0x0100, 0x1003), as: second).status == .good)
        #expect(sense(try drive.run([0, 0, 0, 0, 0, 0], as: first)) == [0x02, 0x3A, 0x00])
    }

    @Test("After UNLOAD the cartridge waits in the drive: ACCESS is 1, LOAD threads it again")
    func ejected() throws {
        try library.load(barcode: "CAP001L8", drive: 0)
        try drive.open(as: first)
        try library.changer.open(as: first)
        let element: [UInt8] = [0xB8, 0x04, 0x01, 0, 0, 1, 0, 0, 1, 0, 0, 0]
        #expect(library.robot(element, as: first).dataIn[18] == 0x01)
        #expect(try drive.run([0x1B, 0, 0, 0, 0, 0], as: first).status == .good)
        #expect(library.robot(element, as: first).dataIn[18] == 0x09)
        #expect(try drive.run([0x1B, 0, 0, 0, 1, 0], as: first).status == .good)
        #expect(library.robot(element, as: first).dataIn[18] == 0x01)
    }

    @Test("What is written is there after a move away and back, and after a restart with the cartridge in the drive")
    func dataStays() throws {
        try library.load(barcode: "CAP001L8", drive: 0)
        try drive.open(as: first)
        let record: [UInt8] = Array("what was said".utf8)
        let write: [UInt8] = [0x0A, 0, 0, 0, UInt8(record.count), 0]
        #expect(try drive.run(write, data: record, as: first).status == .good)
        try library.unload(drive: 0)
        try library.load(barcode: "CAP001L8", drive: 1)
        try library.close()
        let again = try openLibrary(on: disk)
        #expect(again.drives[1].status.condition == .ready)
        try again.drives[1].open(as: first)
        let read: [UInt8] = [0x08, 0, 0, 0, UInt8(record.count), 0]
        #expect(try again.drives[1].run(read, as: first).dataIn == record)
        try again.close()
    }

    @Test("Callers that must not block use the async doors")
    func asynchronous() async throws {
        try library.changer.open(as: first)
        let inquiry: [UInt8] = [0x12, 0, 0, 0, 36, 0]
        let answer = await library.changer.execute(cdb: inquiry, dataOut: [], dataInLimit: 255, nexus: first)
        #expect(answer.dataIn.count == 36)
        let other = try await drive.execute(cdb: inquiry, dataOut: [], dataInLimit: 255, nexus: first)
        #expect(other.dataIn.count == 36)
        try await library.perform { (library) throws(LibraryError) in
            try library.move(from: .slot(1), to: .slot(4))
        }
        await #expect(throws: LibraryError.sourceEmpty(.slot(1))) {
            try await library.perform { (library) throws(LibraryError) in
                try library.move(from: .slot(1), to: .slot(4))
            }
        }
        try library.close()
        await #expect(throws: LibraryError.closed) {
            try await library.perform { (library) throws(LibraryError) in
                try library.move(from: .slot(4), to: .slot(1))
            }
        }
    }

    @Test("Many tasks at once on one device thread each get their answer")
    func manyTasks() async throws {
        try drive.open(as: first)
        let station = drive
        let nexus = first
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    let cdb: [UInt8] = [0x12, 0, 0, 0, 36, 0]
                    return try await station.execute(cdb: cdb, dataOut: [], dataInLimit: 255, nexus: nexus).dataIn.count
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(answers == 200 * 36)
    }

    @Test("The trace sees every CDB in words, with door and unit, and never the data")
    func trace() throws {
        final class Lines: CommandTrace {
            let lines = Mutex<[String]>([])
            func command(
                door: String,
                nexus: Nexus,
                unit: String,
                cdb: [UInt8],
                description: String,
                result: CommandResult,
                duration: Duration
            ) {
                lines.withLock { $0.append("\(door) \(unit) \(description) \(result.status)") }
            }
        }
        try library.close()
        let lines = Lines()
        let traced = try openLibrary(on: disk, seams: LibrarySeams(clock: StillClock(), trace: lines))
        try traced.changer.open(as: first)
        _ = traced.robot(moveMedium(0x1000, 0x0100), as: first)
        _ = try traced.drives[0].run([0x01, 0, 0, 0, 0, 0], as: first)
        #expect(
            lines.lines.withLock { $0 } == [
                "ndmp changer MOVE MEDIUM SOURCE ADDRESS=4096 DESTINATION ADDRESS=256 good",
                "ndmp drive 0 REWIND checkCondition",
            ]
        )
        try traced.close()
    }

    @Test("After the library is closed the robot is BUSY and the inventory stays as it was")
    func robotAfterClose() throws {
        try library.changer.open(as: first)
        try library.close()
        let before = disk.bytes(of: "/store/library.json")
        #expect(library.robot(moveMedium(0x1000, 0x0100), as: first).status == .busy)
        #expect(disk.bytes(of: "/store/library.json") == before)
    }
}
