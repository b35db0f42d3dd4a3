// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import SCSI
import Testing

/// Expected bytes are written out from SMC-3 6.12 (element status page and descriptors), not from the encoder.
@Suite("READ ELEMENT STATUS")
struct ChangerElementStatusTests {
    private let rig = ChangerRig()

    private func spaces(_ count: Int) -> String {
        String(repeating: "20", count: count)
    }

    private func tag(_ text: String) -> String {
        text.utf8.map { String($0, radix: 16) }.joined() + spaces(32 - text.utf8.count) + "00000000"
    }

    @Test("All types with volume tags: pages robot, slots, mail slots, drives; 52-byte descriptors")
    func allTypesWithTags() {
        rig.elements.fill(0x1000, "CAP001L8")
        rig.elements.fill(0x0010, "CAP002L8")
        rig.elements.states[0x0010]?.isImported = true
        rig.elements.fill(0x0100, "CAP003L8")
        rig.elements.states[0x0100]?.source = 0x1002
        rig.elements.states[0x0100]?.isAccessible = false
        let expected = listing(
            """
            0001 0008 00 0001C0                        # first address 1, 8 elements, 448 bytes follow
            01 80 0034 00 000034                       # medium transport, PVOLTAG, 52 bytes each, 52 in all
            0001 00 00 0000 000000 00 0000 \(tag("")) 00000000
            02 80 0034 00 0000D0                       # storage: four of them
            1000 09 00 0000 000000 01 0000 \(tag("CAP001L8")) 00000000
            1001 08 00 0000 000000 00 0000 \(tag("")) 00000000
            1002 08 00 0000 000000 00 0000 \(tag("")) 00000000
            1003 08 00 0000 000000 00 0000 \(tag("")) 00000000
            03 80 0034 00 000034                       # import/export: INENAB EXENAB ACCESS IMPEXP FULL
            0010 3B 00 0000 000000 01 0000 \(tag("CAP002L8")) 00000000
            04 80 0034 00 000068                       # data transfer: full, not accessible, SVALID, from 1002
            0100 01 00 0000 000000 81 1002 \(tag("CAP003L8")) 00000000
            0101 08 00 0000 000000 00 0000 \(tag("")) 00000000
            """
        )
        let answer = rig.run([0xB8, 0x10, 0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0, 0]).dataIn
        #expect(answer == expected)
    }

    @Test("Without VOLTAG and DVCID descriptors have 16 bytes")
    func withoutTags() {
        let expected = listing(
            """
            1000 0004 00 000048
            02 00 0010 00 000040
            1000 08 00 0000 000000 00 0000 00000000
            1001 08 00 0000 000000 00 0000 00000000
            1002 08 00 0000 000000 00 0000 00000000
            1003 08 00 0000 000000 00 0000 00000000
            """
        )
        #expect(rig.run([0xB8, 0x02, 0, 0, 0xFF, 0xFF, 0, 0, 0x10, 0, 0, 0]).dataIn == expected)
    }

    @Test("DVCID adds vendor, product and serial number to drives: 86 bytes with a tag, 50 without")
    func deviceIdentifiers() {
        let name = Array("IBM     ULT3580-TD8     1310000002".utf8)
        let withTag = rig.run([0xB8, 0x14, 0x01, 0x01, 0, 1, 0x01, 0, 0x10, 0, 0, 0]).dataIn
        #expect(Array(withTag[0..<16]) == listing("0101 0001 00 00005E  04 80 0056 00 000056"))
        #expect(Array(withTag[64..<68]) == [0x02, 0x01, 0, 0x22])
        #expect(Array(withTag[68...]) == name)
        let withoutTag = rig.run([0xB8, 0x04, 0x01, 0x01, 0, 1, 0x01, 0, 0x10, 0, 0, 0]).dataIn
        #expect(Array(withoutTag[8..<16]) == listing("04 00 0032 00 000032"))
        #expect(Array(withoutTag[28..<32]) == [0x02, 0x01, 0, 0x22])
        #expect(Array(withoutTag[32...]) == name)
    }

    @Test("DVCID leaves descriptors of other types alone")
    func deviceIdentifiersOnlyForDrives() {
        let answer = rig.run([0xB8, 0x12, 0x10, 0, 0, 1, 0x01, 0, 0x10, 0, 0, 0]).dataIn
        #expect(Array(answer[8..<16]) == listing("02 80 0034 00 000034"))
    }

    @Test("Amanda: allocation 8 gives the header of the whole report, then exactly that much is fetched")
    func lengthFirst() {
        let short = rig.run([0xB8, 0x10, 0, 0, 0xFF, 0xFF, 0x02, 0, 0, 8, 0, 0])
        #expect(short.status == .good)
        #expect(short.dataIn == listing("0001 0008 00 0001C0"))
        let whole = rig.run([0xB8, 0x10, 0, 0, 0xFF, 0xFF, 0x02, 0, 0x01, 0xC8, 0, 0]).dataIn
        #expect(whole.count == 0x1C8)
        let more = rig.run([0xB8, 0x10, 0, 0, 0xFF, 0xFF, 0x02, 0, 0x10, 0, 0, 0]).dataIn
        #expect(more == whole)
    }

    @Test("Every allocation length gives that prefix of the whole, 0 gives nothing")
    func truncation() {
        rig.elements.fill(0x1001, "CAP002L8")
        let whole = rig.run([0xB8, 0x10, 0, 0, 0xFF, 0xFF, 0x01, 0, 0x10, 0, 0, 0]).dataIn
        for length in 0...whole.count + 3 {
            let high = UInt8(length >> 8)
            let result = rig.run([0xB8, 0x10, 0, 0, 0xFF, 0xFF, 0x01, 0, high, UInt8(length & 0xFF), 0, 0])
            #expect(result.status == .good)
            #expect(result.dataIn == Array(whole.prefix(length)))
        }
    }

    @Test("The initiator's own limit cuts the answer as well")
    func initiatorLimit() {
        let result = rig.run([0xB8, 0x10, 0, 0, 0xFF, 0xFF, 0, 0, 0x10, 0, 0, 0], limit: 11)
        #expect(result.dataIn.count == 11)
    }

    @Test("ndmjob: 320 elements of all types into 32 KiB")
    func ndmjob() {
        let result = rig.run([0xB8, 0x10, 0, 0, 0x01, 0x40, 0, 0, 0x80, 0, 0, 0])
        #expect(result.status == .good)
        #expect(Array(result.dataIn[0..<4]) == listing("0001 0008"))
    }

    @Test("Linux ch: one element by type and address into 255 bytes; its address is at 16")
    func oneElement() {
        let result = rig.run([0xB8, 0x12, 0x10, 0x02, 0, 1, 0, 0, 0, 0xFF, 0, 0])
        #expect(Array(result.dataIn[0..<4]) == listing("1002 0001"))
        #expect(Array(result.dataIn[16..<18]) == [0x10, 0x02])
    }

    @Test("A count chooses the lowest addresses, whatever the order of the pages")
    func countByAddress() {
        // Robot 0001, mail slot 0010, drive 0100: the slots (1000 up) are not among the first three.
        let answer = rig.run([0xB8, 0x00, 0, 0, 0, 3, 0, 0, 0x10, 0, 0, 0]).dataIn
        #expect(
            answer
                == listing(
                    """
                    0001 0003 00 000048
                    01 00 0010 00 000010  0001 00 00 0000 000000 00 0000 00000000
                    03 00 0010 00 000010  0010 38 00 0000 000000 00 0000 00000000
                    04 00 0010 00 000010  0100 08 00 0000 000000 00 0000 00000000
                    """
                )
        )
    }

    @Test("A starting address between elements begins with the next one; beyond the last there is nothing")
    func startingAddress() {
        let drives = rig.run([0xB8, 0x00, 0x00, 0x11, 0, 1, 0, 0, 0x10, 0, 0, 0]).dataIn
        #expect(Array(drives[16..<18]) == [0x01, 0x00])
        let none = rig.run([0xB8, 0x00, 0x20, 0x00, 0, 1, 0, 0, 0x10, 0, 0, 0])
        #expect(none.status == .good)
        #expect(none.dataIn == listing("0000 0000 00 000000"))
    }

    @Test("An element with a problem carries EXCEPT and the code")
    func exception() {
        rig.elements.fill(0x1000, "CAP001L8")
        rig.elements.states[0x1000]?.exception = .incompatibleMedium
        let answer = rig.run([0xB8, 0x02, 0x10, 0, 0, 1, 0, 0, 0x10, 0, 0, 0]).dataIn
        #expect(Array(answer[16..<22]) == listing("1000 0D 00 30 00"))
    }

    @Test("A bar code of 32 characters fills the tag, a longer one cannot spill over")
    func longTags() {
        rig.elements.fill(0x1000, String(repeating: "X", count: 40))
        let answer = rig.run([0xB8, 0x12, 0x10, 0, 0, 1, 0, 0, 0x10, 0, 0, 0]).dataIn
        #expect(answer.count == 68)
        #expect(Array(answer[28..<64]) == Array(repeating: 0x58, count: 32) + [0, 0, 0, 0])
    }

    @Test("An unknown element type, a reserved bit and a short CDB are 5/24/00")
    func badRequests() {
        let unknownType = rig.run([0xB8, 0x05, 0, 0, 0, 9, 0, 0, 0x10, 0, 0, 0]).senseBytes
        // SKSV, C/D, BPV and bit 3 of byte 1.
        #expect(unknownType == listing("70 00 05 00000000 0A 00000000 24 00 00 CB 0001"))
        #expect(rig.sense([0xB8, 0x30, 0, 0, 0, 9, 0, 0, 0x10, 0, 0, 0]) == [0x05, 0x24, 0x00])
        #expect(rig.sense([0xB8, 0x10, 0, 0, 0, 9, 0, 0, 0x10, 0, 1, 0]) == [0x05, 0x24, 0x00])
        #expect(rig.sense([0xB8, 0x10, 0, 0, 0, 9]) == [0x05, 0x24, 0x00])
    }
}
