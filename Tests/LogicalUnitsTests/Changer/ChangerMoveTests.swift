// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import SCSI
import Testing

/// Sense codes are those of SMC-3 and of the fact sheet's table for changers.
@Suite("Moves by CDB")
struct ChangerMoveTests {
    private let rig = ChangerRig()

    init() {
        rig.elements.fill(0x1000, "CAP001L8")
        rig.elements.fill(0x1001, "CAP002L8")
    }

    @Test("MOVE MEDIUM carries the cartridge, with transport 0 and with the robot's own address")
    func moves() {
        #expect(rig.run(rig.move(0x1000, 0x0100)).status == .good)
        #expect(rig.elements.states[0x0100]?.volumeTag == "CAP001L8")
        #expect(rig.elements.states[0x1000]?.volumeTag == nil)
        #expect(rig.run(rig.move(0x0100, 0x1003, transport: 0x0001)).status == .good)
        #expect(rig.elements.states[0x1003]?.volumeTag == "CAP001L8")
    }

    @Test("A move from an element to itself does nothing and is GOOD")
    func moveToItself() {
        #expect(rig.run(rig.move(0x1000, 0x1000)).status == .good)
        #expect(rig.elements.states[0x1000]?.volumeTag == "CAP001L8")
    }

    @Test(
        "Addresses that are no places: 5/21/01",
        arguments: [
            (0x1004, 0x0100, 0), (0x1000, 0x0102, 0), (0x1000, 0x0100, 2), (0x0001, 0x0100, 0), (0x1000, 0x0001, 0),
            (0xFFFF, 0x1002, 0), (0x1000, 0x0011, 0),
        ]
    )
    func badAddress(source: Int, destination: Int, transport: Int) {
        let cdb = rig.move(UInt16(source), UInt16(destination), transport: UInt16(transport))
        #expect(rig.sense(cdb) == [0x05, 0x21, 0x01])
        #expect(rig.elements.states[0x1000]?.volumeTag == "CAP001L8")
    }

    @Test("Source empty 5/3B/0E comes before destination full 5/3B/0D")
    func emptyAndFull() {
        #expect(rig.sense(rig.move(0x1002, 0x1001)) == [0x05, 0x3B, 0x0E])
        #expect(rig.sense(rig.move(0x1000, 0x1001)) == [0x05, 0x3B, 0x0D])
        #expect(rig.elements.states[0x1001]?.volumeTag == "CAP002L8")
    }

    @Test("INVERT is refused with 5/24/00 and a pointer to byte 10 bit 0")
    func invert() {
        var cdb = rig.move(0x1000, 0x1002)
        cdb[10] = 0x01
        let result = rig.run(cdb)
        #expect(result.senseBytes == listing("70 00 05 00000000 0A 00000000 24 00 00 C8 000A"))
    }

    @Test("What the store reports reaches the initiator unchanged, and nothing moved")
    func storeFails() {
        rig.elements.nextFailure = CheckCondition(.illegalRequest, .removalPreventedByDataTransferElement)
        #expect(rig.sense(rig.move(0x1000, 0x0100)) == [0x05, 0x53, 0x03])
        #expect(rig.elements.states[0x1000]?.volumeTag == "CAP001L8")
    }

    @Test("PREVENT on the changer keeps cartridges out of mail slots (5/53/02) and nowhere else, until allowed")
    func prevent() {
        #expect(rig.run([0x1E, 0, 0, 0, 1, 0], as: rig.other).status == .good)
        #expect(rig.sense(rig.move(0x1000, 0x0010)) == [0x05, 0x53, 0x02])
        #expect(rig.run(rig.move(0x1000, 0x1002)).status == .good)
        #expect(rig.sense([0x1B, 0, 0x00, 0x10, 0, 0]) == [0x05, 0x53, 0x02])
        #expect(rig.run([0x1E, 0, 0, 0, 0, 0], as: rig.other).status == .good)
        #expect(rig.run(rig.move(0x1002, 0x0010)).status == .good)
    }

    @Test("EXCHANGE MEDIUM swaps when the second destination is the source")
    func swap() {
        let cdb: [UInt8] = [0xA6, 0, 0, 0, 0x10, 0, 0x10, 1, 0x10, 0, 0, 0]
        #expect(rig.run(cdb).status == .good)
        #expect(rig.elements.states[0x1001]?.volumeTag == "CAP001L8")
        #expect(rig.elements.states[0x1000]?.volumeTag == "CAP002L8")
    }

    @Test("EXCHANGE MEDIUM refuses an empty first and a full second destination")
    func exchangeRefusals() {
        #expect(rig.sense([0xA6, 0, 0, 0, 0x10, 0, 0x10, 2, 0x10, 3, 0, 0]) == [0x05, 0x3B, 0x0E])
        #expect(rig.sense([0xA6, 0, 0, 0, 0x10, 2, 0x10, 0, 0x10, 3, 0, 0]) == [0x05, 0x3B, 0x0E])
        rig.elements.fill(0x1002, "CAP003L8")
        #expect(rig.sense([0xA6, 0, 0, 0, 0x10, 0, 0x10, 1, 0x10, 2, 0, 0]) == [0x05, 0x3B, 0x0D])
        #expect(rig.sense([0xA6, 0, 0, 0, 0x10, 0, 0x10, 0, 0x10, 3, 0, 0]) == [0x05, 0x3B, 0x0D])
        #expect(rig.sense([0xA6, 0, 0, 0, 0x10, 0, 0x10, 9, 0x10, 3, 0, 0]) == [0x05, 0x21, 0x01])
        let inverted = rig.run([0xA6, 0, 0, 0, 0x10, 0, 0x10, 1, 0x10, 3, 0x02, 0]).senseBytes
        #expect(inverted == listing("70 00 05 00000000 0A 00000000 24 00 00 C9 000A"))
    }

    @Test("POSITION TO ELEMENT changes nothing and knows its addresses")
    func position() {
        #expect(rig.run([0x2B, 0, 0, 0, 0x01, 0, 0, 0, 0, 0]).status == .good)
        #expect(rig.sense([0x2B, 0, 0, 0, 0x02, 0, 0, 0, 0, 0]) == [0x05, 0x21, 0x01])
        #expect(rig.sense([0x2B, 0, 0, 0, 0x01, 0, 0, 0, 1, 0]) == [0x05, 0x24, 0x00])
    }

    @Test("An open mail slot: robot keeps away (2/3A/02), ACCESS is 0; closing tells every initiator 6/28/01")
    func mailSlot() {
        #expect(rig.run([0x1B, 0, 0x00, 0x10, 0, 0]).status == .good)
        #expect(rig.sense(rig.move(0x1000, 0x0010)) == [0x02, 0x3A, 0x02])
        let status = rig.run([0xB8, 0x03, 0, 0x10, 0, 1, 0, 0, 0x10, 0, 0, 0]).dataIn
        #expect(Array(status[16..<19]) == [0x00, 0x10, 0x30])
        #expect(rig.run([0x1B, 0, 0x00, 0x10, 1, 0]).status == .good)
        #expect(rig.sense(rig.move(0x1000, 0x0010)) == [0x06, 0x28, 0x01])
        #expect(rig.run(rig.move(0x1000, 0x0010)).status == .good)
        #expect(rig.sense([0, 0, 0, 0, 0, 0], as: rig.other) == [0x06, 0x28, 0x01])
    }

    @Test("OPEN/CLOSE of a slot is 5/21/01, and the action that `mtx eject` sends 5/24/00")
    func openSlot() {
        #expect(rig.sense([0x1B, 0, 0x10, 0x00, 0, 0]) == [0x05, 0x21, 0x01])
        #expect(rig.sense([0x1B, 0, 0x00, 0x00, 2, 0]) == [0x05, 0x24, 0x00])
    }

    @Test("INITIALIZE ELEMENT STATUS takes inventory; with a range (37h, E7h) of that range")
    func inventory() {
        #expect(rig.run([0x07, 0, 0, 0, 0, 0]).status == .good)
        #expect(rig.run([0x37, 0x01, 0x10, 0x00, 0, 0, 0, 2, 0, 0]).status == .good)
        #expect(rig.run([0xE7, 0x00, 0, 0, 0, 0, 0, 0, 0, 0]).status == .good)
        #expect(rig.run([0xE7, 0x03, 0x10, 0x02, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0]).status == .good)
        #expect(rig.elements.inventories == [nil, 0x1000...0x1001, nil, 0x1002...0xFFFF])
        #expect(rig.sense([0x37, 0x01, 0x20, 0x00, 0, 0, 0, 2, 0, 0]) == [0x05, 0x21, 0x01])
    }

    @Test("RESERVE: another initiator gets RESERVATION CONFLICT, but CURDATA still works; its loss frees the robot")
    func reservation() {
        #expect(rig.run([0x16, 0, 0, 0, 0, 0]).status == .good)
        let conflict = rig.run(rig.move(0x1000, 0x1002), as: rig.other)
        #expect(conflict.status == .reservationConflict)
        #expect(conflict.senseBytes.isEmpty)
        #expect(rig.run([0x1E, 0, 0, 0, 1, 0], as: rig.other).status == .reservationConflict)
        #expect(rig.run([0xB8, 0, 0, 0, 0, 9, 0, 0, 1, 0, 0, 0], as: rig.other).status == .reservationConflict)
        #expect(rig.run([0xB8, 0, 0, 0, 0, 9, 0x02, 0, 1, 0, 0, 0], as: rig.other).status == .good)
        #expect(rig.run([0x17, 0, 0, 0, 0, 0], as: rig.other).status == .good)
        #expect(rig.run(rig.move(0x1000, 0x1002), as: rig.other).status == .reservationConflict)
        #expect(rig.run(rig.move(0x1000, 0x1002)).status == .good)
        rig.changer.nexusLost(rig.host)
        #expect(rig.run(rig.move(0x1002, 0x1000), as: rig.other).status == .good)
    }

    @Test("A lost initiator's PREVENT goes with it")
    func preventLost() {
        #expect(rig.run([0x1E, 0, 0, 0, 1, 0], as: rig.other).status == .good)
        rig.changer.nexusLost(rig.other)
        #expect(rig.run(rig.move(0x1000, 0x0010)).status == .good)
    }
}
