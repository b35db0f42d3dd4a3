// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import SCSI
import Testing

@Suite("The changer's primary commands")
struct ChangerPrimaryTests {
    private let rig = ChangerRig()

    @Test("INQUIRY: 96 bytes of a removable medium changer, cut to what NDMP clients ask for")
    func inquiry() {
        let expected =
            listing("08 80 06 02 5B 00 00 02") + Array("IBM     3573-TL         E.60".utf8)
            + [0, 0] + Array("00L4U78A1B2C".utf8) + [0, 0, 0, 0, 0, 1, 0, 0]
            + listing("00A0 0460 0480") + [UInt8](repeating: 0, count: 32)
        #expect(expected.count == 96)
        #expect(rig.run([0x12, 0, 0, 0, 0x80, 0], limit: 128).dataIn == expected)
        #expect(rig.run([0x12, 0, 0, 0, 36, 0]).dataIn == Array(expected.prefix(36)))
        #expect(rig.run([0x12, 0, 0, 0, 0, 0]).dataIn.isEmpty)
    }

    @Test("Vital product data: pages 00, 80 and 83; others and a page code without EVPD are 5/24/00")
    func vitalProductData() {
        #expect(rig.run([0x12, 1, 0x00, 0, 255, 0]).dataIn == listing("08 00 0003 00 80 83"))
        #expect(
            rig.run([0x12, 1, 0x80, 0, 255, 0]).dataIn == listing("08 80 0011") + Array("00L4U78A1B2C3_LL0".utf8)
        )
        #expect(
            rig.run([0x12, 1, 0x83, 0, 255, 0]).dataIn
                == listing("08 83 0039  02 01 00 29") + Array("IBM     3573-TL         00L4U78A1B2C3_LL0".utf8)
                + listing("01 03 00 08 3123456789ABCD00")
        )
        #expect(rig.sense([0x12, 1, 0xB0, 0, 255, 0]) == [0x05, 0x24, 0x00])
        #expect(rig.sense([0x12, 0, 0x80, 0, 255, 0]) == [0x05, 0x24, 0x00])
        #expect(rig.sense([0x12, 2, 0x00, 0, 255, 0]) == [0x05, 0x24, 0x00])
    }

    @Test("MODE SENSE(6) of page 1D without block descriptors has exactly 24 bytes: the four ranges")
    func elementAddresses() {
        let expected = listing("17 00 00 00  1D 12  0001 0001  1000 0004  0010 0001  0100 0002  0000")
        #expect(rig.run([0x1A, 0x08, 0x1D, 0, 0xFF, 0]).dataIn == expected)
        #expect(rig.run([0x1A, 0x00, 0x1D, 0, 136, 0]).dataIn == expected)
        #expect(
            rig.run([0x5A, 0x08, 0x1D, 0, 0, 0, 0, 0, 0xFF, 0]).dataIn
                == listing("001A 00 00 00 00 0000") + expected.dropFirst(4)
        )
    }

    @Test("MODE SENSE of geometry and capabilities: no turning over; slots, mail slots and drives reach each other")
    func geometryAndCapabilities() {
        #expect(rig.run([0x1A, 0x08, 0x1E, 0, 0xFF, 0]).dataIn == listing("07 00 00 00  1E 02 00 00"))
        #expect(
            rig.run([0x1A, 0x08, 0x1F, 0, 0xFF, 0]).dataIn
                == listing("17 00 00 00  1F 12  0E 00  00 0E 0E 0E  00000000  00 0E 0E 0E  00000000")
        )
    }

    @Test("MODE SENSE: all pages ascending, changeable masks, saved values 5/39/00, unknown page 5/24/00")
    func modePages() {
        let all = rig.run([0x1A, 0x08, 0x3F, 0, 0xFF, 0]).dataIn
        var codes: [UInt8] = []
        var offset = 4
        while offset + 1 < all.count {
            codes.append(all[offset])
            offset += 2 + Int(all[offset + 1])
        }
        #expect(codes == [0x0A, 0x1C, 0x1D, 0x1E, 0x1F])
        #expect(offset == all.count)
        let mask = rig.run([0x1A, 0x08, 0x4A, 0, 0xFF, 0]).dataIn
        #expect(mask == listing("0F 00 00 00  0A 0A 04 00 00 00 00 00 00 00 00 00"))
        #expect(rig.sense([0x1A, 0x08, 0xDD, 0, 0xFF, 0]) == [0x05, 0x39, 0x00])
        #expect(rig.sense([0x1A, 0x08, 0x10, 0, 0xFF, 0]) == [0x05, 0x24, 0x00])
    }

    @Test("MODE SELECT of what MODE SENSE returned is GOOD and raises nothing")
    func modeSelectEcho() {
        var list = rig.run([0x1A, 0x08, 0x3F, 0, 0xFF, 0]).dataIn
        list[0] = 0
        #expect(rig.run([0x15, 0x10, 0, 0, UInt8(list.count), 0], data: list).status == .good)
        #expect(rig.run([0, 0, 0, 0, 0, 0], as: rig.other).status == .good)
    }

    @Test("D_SENSE changes the format of sense data and tells the others 6/2A/01")
    func descriptorSense() {
        let list = listing("00 00 00 00  0A 0A 06 00 00 00 00 00 00 00 00 00")
        #expect(rig.run([0x15, 0x10, 0, 0, 16, 0], data: list).status == .good)
        #expect(rig.run(rig.move(0x1000, 0x1001)).senseBytes == listing("72 05 3B 0E 00 00 00 00"))
        #expect(rig.run([0, 0, 0, 0, 0, 0], as: rig.other).senseBytes == listing("72 06 2A 01 00 00 00 00"))
        #expect(rig.run([0, 0, 0, 0, 0, 0]).status == .good)
    }

    @Test("MODE SELECT refuses block descriptors, fixed pages, short lists and saving")
    func modeSelectRefusals() {
        let descriptor = listing("00 00 00 08  00 000000 00 000200")
        #expect(rig.sense([0x15, 0x10, 0, 0, 12, 0], data: descriptor) == [0x05, 0x26, 0x00])
        let addresses = listing("00 00 00 00  1D 12  0001 0001  1000 0005  0010 0001  0100 0002  0000")
        #expect(rig.sense([0x15, 0x10, 0, 0, 24, 0], data: addresses) == [0x05, 0x26, 0x00])
        #expect(rig.sense([0x15, 0x10, 0, 0, 24, 0], data: [0, 0, 0, 0]) == [0x05, 0x1A, 0x00])
        #expect(rig.sense([0x15, 0x10, 0, 0, 3, 0], data: [0, 0, 0]) == [0x05, 0x1A, 0x00])
        #expect(rig.sense([0x15, 0x11, 0, 0, 4, 0], data: [0, 0, 0, 0]) == [0x05, 0x24, 0x00])
        #expect(rig.run([0x15, 0x10, 0, 0, 0, 0]).status == .good)
    }

    @Test("LOG SENSE: the list of pages and 64 TapeAlert flags, none raised")
    func logSense() {
        #expect(rig.run([0x4D, 0, 0x40, 0, 0, 0, 0, 1, 0, 0]).dataIn == listing("00 00 0002 00 2E"))
        #expect(
            rig.run([0x4D, 0, 0x40, 0xFF, 0, 0, 0, 1, 0, 0]).dataIn == listing("40 FF 0006 0000 00FF 2E00")
        )
        let alerts = rig.run([0x4D, 0, 0x6E, 0, 0, 0, 0, 4, 0, 0]).dataIn
        #expect(alerts.count == 4 + 64 * 5)
        #expect(Array(alerts[0..<4]) == listing("2E 00 0140"))
        #expect(Array(alerts[4..<9]) == listing("0001 60 01 00"))
        #expect(Array(alerts[319..<324]) == listing("0040 60 01 00"))
        #expect(rig.sense([0x4D, 0, 0x4C, 0, 0, 0, 0, 4, 0, 0]) == [0x05, 0x24, 0x00])
        #expect(rig.sense([0x4D, 0, 0x6E, 0, 0, 0, 0x41, 4, 0, 0]) == [0x05, 0x24, 0x00])
    }

    @Test("A nexus that is new finds 6/29/00 once; INQUIRY and REPORT LUNS do not take it")
    func powerOn() {
        let nexus = Nexus(id: 9, name: "iscsi new")
        #expect(rig.run([0x12, 0, 0, 0, 36, 0], as: nexus).status == .good)
        #expect(rig.run([0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0], as: nexus).status == .good)
        #expect(rig.sense([0, 0, 0, 0, 0, 0], as: nexus) == [0x06, 0x29, 0x00])
        #expect(rig.run([0, 0, 0, 0, 0, 0], as: nexus).status == .good)
    }

    @Test("REQUEST SENSE hands over a pending attention as data, then says there is nothing")
    func requestSense() {
        let nexus = Nexus(id: 9, name: "iscsi new")
        let first = rig.run([0x03, 0, 0, 0, 252, 0], as: nexus)
        #expect(first.status == .good)
        #expect(first.dataIn == listing("70 00 06 00000000 0A 00000000 29 00 00 000000"))
        #expect(rig.run([0x03, 1, 0, 0, 252, 0], as: nexus).dataIn == listing("72 00 00 00 00 00 00 00"))
    }

    @Test("REPORT SUPPORTED OPERATION CODES lists 20-byte entries, and every one of them is answered")
    func supportedOperationCodes() {
        let all = rig.run([0xA3, 0x0C, 0x80, 0, 0, 0, 0, 0, 0x10, 0, 0, 0]).dataIn
        #expect((all.count - 4) % 20 == 0)
        var listed: Set<UInt8> = []
        for offset in stride(from: 4, to: all.count, by: 20) {
            let action = all[offset + 5] & 1 == 1 ? all[offset + 3] : 0
            let cdb = [all[offset], action] + [UInt8](repeating: 0, count: Int(all[offset + 7]) - 2)
            listed.insert(all[offset])
            #expect(rig.sense(cdb) != [0x05, 0x20, 0x00])
        }
        for code in UInt8.min...UInt8.max where !listed.contains(code) {
            #expect(rig.sense([code] + [UInt8](repeating: 0, count: 15)) == [0x05, 0x20, 0x00])
        }
        for needed: UInt8 in [0x00, 0x03, 0x07, 0x12, 0x1A, 0x1B, 0x1E, 0x2B, 0x37, 0xA5, 0xA6, 0xB8, 0xE7] {
            #expect(listed.contains(needed))
        }
    }

    @Test("REPORT SUPPORTED OPERATION CODES of MOVE MEDIUM: 12 bytes and the usage map of its fields")
    func usageMap() {
        let one = rig.run([0xA3, 0x0C, 0x01, 0xA5, 0, 0, 0, 0, 1, 0, 0, 0]).dataIn
        #expect(one == listing("00 03 000C  A5 00 FFFF FFFF FFFF 00 00 01 04"))
    }

    @Test("TEST UNIT READY, SEND DIAGNOSTIC self-test, NACA")
    func others() {
        #expect(rig.run([0, 0, 0, 0, 0, 0]).status == .good)
        #expect(rig.run([0x1D, 0x04, 0, 0, 0, 0]).status == .good)
        #expect(rig.sense([0x1D, 0x10, 0, 0, 4, 0], data: [0, 0, 0, 0]) == [0x05, 0x24, 0x00])
        #expect(rig.sense([0, 0, 0, 0, 0, 0x04]) == [0x05, 0x24, 0x00])
    }

    @Test("The trace line names command and fields")
    func description() {
        #expect(
            rig.changer.describe(cdb: rig.move(0x1000, 0x0100))
                == "MOVE MEDIUM SOURCE ADDRESS=4096 DESTINATION ADDRESS=256"
        )
    }
}
