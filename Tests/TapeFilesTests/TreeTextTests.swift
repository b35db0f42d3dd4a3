// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import LogicalUnits
import SCSI
import SimulatedDisk
import TapeFiles
import TapeLibrary
import Testing

@Suite("Texts of the tree: library.json, changer/status, drives/N/status.json")
struct TreeTextTests {
    private let rig: TreeRig

    init() throws { rig = try TreeRig() }

    @Test("library.json, byte by byte")
    func library() throws {
        let rig = try TreeRig(drives: 1, slots: 2, mailSlots: 1, cartridges: 2)
        try rig.move("slots/1/CAP001L8", "drives/0/CAP001L8")
        try rig.make("mail/1/CLN001L8")
        #expect(try rig.tree.text("library.json") == Self.libraryText)
        #expect(try rig.offline().text("library.json") == Self.libraryText.replacing(first: "true", with: "false"))
    }

    @Test("changer/status is laid out as mtx lays out its status")
    func changer() throws {
        try rig.move("slots/1/CAP001L8", "drives/1/CAP001L8")
        try rig.move("slots/2/CAP002L8", "mail/1/CAP002L8")
        // The layout of `mtx -f … status` of Debian's mtx 1.3.12, first line with the device's name in the tree.
        let expected = """
              Storage Changer changer/sg:2 Drives, 6 Slots ( 2 Import/Export )
            Data Transfer Element 0:Empty
            Data Transfer Element 1:Full (Storage Element 1 Loaded):VolumeTag = CAP001L8
                  Storage Element 1:Empty
                  Storage Element 2:Empty
                  Storage Element 3:Full :VolumeTag=CAP003L8
                  Storage Element 4:Empty
                  Storage Element 5 IMPORT/EXPORT:Full :VolumeTag=CAP002L8
                  Storage Element 6 IMPORT/EXPORT:Empty

            """
        #expect(try rig.tree.text("changer/status") == expected)
    }

    @Test("A cartridge that never moved since the inventory knows it has an unknown source")
    func unknownSource() throws {
        try rig.move("slots/1/CAP001L8", "shelf/CAP001L8")
        try rig.move("shelf/CAP001L8", "mail/2/CAP001L8")
        try rig.move("mail/2/CAP001L8", "drives/0/CAP001L8")
        let line = try rig.tree.text("changer/status").split(separator: "\n")[1]
        #expect(line == "Data Transfer Element 0:Full (Storage Element 6 Loaded):VolumeTag = CAP001L8")
    }

    @Test("status.json of a drive that works: position, traffic, who has it")
    func driveAtWork() throws {
        try rig.move("slots/1/CAP001L8", "drives/1/CAP001L8")
        let session = Nexus(id: 9, name: "ndmp 192.0.2.7:40112")
        let drive = rig.library.drives[1]
        try drive.open(as: session)
        try write([UInt8](repeating: 7, count: 1000), to: drive, session)
        _ = try drive.execute(cdb: [0x10, 0, 0, 0, 1, 0], dataOut: [UInt8]().span, dataInLimit: 0, nexus: session)
        try write([UInt8](repeating: 8, count: 2000), to: drive, session)
        let text = try rig.tree.text("drives/1/status.json")
        let position = """
              "position": {
                "partition": 0,
                "block": 3,
                "file": 1,
                "blockInFile": 1,
                "atBeginning": false,
                "atEndOfData": true,
                "pastEarlyWarning": false
              },
            """
        let holder = """
              "holder": {
                "name": "ndmp 192.0.2.7:40112",
                "purpose": ""
              },
              "removalPrevented": false,
              "reservedBy": null,
              "alerts": [],
              "traffic": {
                "recordsWritten": 2,
                "bytesWritten": 3000,
                "filemarksWritten": 1,
                "recordsRead": 0,
                "bytesRead": 0
              }
            }

            """
        #expect(text.contains(position))
        #expect(text.hasSuffix(holder))
        drive.close(session)
        #expect(try rig.tree.text("drives/1/status.json").contains("\"holder\": null"))
    }

    private func write(_ record: [UInt8], to drive: DriveStation, _ nexus: Nexus) throws {
        let length = [UInt8(record.count >> 16 & 0xFF), UInt8(record.count >> 8 & 0xFF), UInt8(record.count & 0xFF)]
        let result = try drive.execute(
            cdb: [0x0A, 0] + length + [0],
            dataOut: record.span,
            dataInLimit: 0,
            nexus: nexus
        )
        #expect(result.status == .good)
    }

    @Test("status.json of an empty drive, byte by byte; offline it says that nobody serves it")
    func emptyDrive() throws {
        #expect(try rig.tree.text("drives/0/status.json") == Self.emptyDriveText)
        let offline = """
              "generation": "LTO-8",
              "served": false,
              "barcode": null,
              "source": null
            }

            """
        #expect(try rig.offline().text("drives/0/status.json").hasSuffix(offline))
    }

    @Test("stat tells the length that a read of the file has, also after it changed")
    func lengths() throws {
        for path in ["library.json", "changer/status", "drives/0/status.json"] {
            #expect(try rig.tree.stat(path).lengthBytes == UInt64(try rig.tree.text(path).utf8.count))
        }
        try rig.make("slots/4/A-LONGER-BARCODE-THAN-THE-OTHERS")
        try rig.move("slots/4/A-LONGER-BARCODE-THAN-THE-OTHERS", "drives/0/A-LONGER-BARCODE-THAN-THE-OTHERS")
        for path in ["library.json", "changer/status", "drives/0/status.json"] {
            #expect(try rig.tree.stat(path).lengthBytes == UInt64(try rig.tree.text(path, piece: 7).utf8.count))
        }
    }

    @Test("A text that is open stays as it was when it was opened")
    func snapshot() throws {
        let before = try rig.tree.text("changer/status")
        let file = try rig.tree.openFile(.changerStatus, OpenRequest())
        try rig.move("slots/1/CAP001L8", "drives/1/CAP001L8")
        var room = [UInt8](repeating: 0, count: 4096)
        var span = room.mutableSpan
        let count = try file.read(into: &span, at: 0, caller: BlindCaller())
        #expect(String(decoding: room[..<count], as: UTF8.self) == before)
        var rest = room.mutableSpan
        #expect(try file.read(into: &rest, at: UInt64(count), caller: BlindCaller()) == 0)
        var beyond = room.mutableSpan
        #expect(try file.read(into: &beyond, at: .max, caller: BlindCaller()) == 0)
    }

    @Test("Times: a text has the time of its last change, not of its reading")
    func times() throws {
        let start = try rig.tree.stat("library.json").modifiedNanoseconds
        let status = try rig.tree.stat("drives/1/status.json").modifiedNanoseconds
        rig.clock.advance(seconds: 10)
        #expect(try rig.tree.stat("library.json").modifiedNanoseconds == start)
        #expect(try rig.tree.stat("drives/1/status.json").modifiedNanoseconds == status)
        try rig.move("slots/1/CAP001L8", "drives/1/CAP001L8")
        let moved = start + 10_000_000_000
        #expect(try rig.tree.stat("library.json").modifiedNanoseconds == moved)
        #expect(try rig.tree.stat("changer/status").modifiedNanoseconds == moved)
        #expect(try rig.tree.stat("drives/1/status.json").modifiedNanoseconds == moved)
        #expect(try rig.tree.stat("drives/0/status.json").modifiedNanoseconds == start)
        #expect(try rig.tree.stat("drives/1").modifiedNanoseconds == moved)
        #expect(try rig.tree.stat("slots/1").modifiedNanoseconds == moved)
        #expect(try rig.tree.stat("slots/2").modifiedNanoseconds == start)
        #expect(try rig.tree.stat("drives/1/CAP001L8").modifiedNanoseconds == moved)
        #expect(try rig.tree.stat("slots/2/CAP002L8").modifiedNanoseconds == start)
    }

    @Test("Writing to a text or truncating it: EACCES; offline EROFS")
    func readOnly() throws {
        let node = try rig.tree.node("library.json")
        let writing = OpenRequest(reads: true, writes: true)
        #expect(rig.refusal { _ = try rig.tree.openFile(node, writing) }?.code == EACCES)
        #expect(rig.refusal { _ = try rig.tree.openFile(node, OpenRequest(isTruncating: true)) }?.code == EACCES)
        #expect(rig.refusal { try rig.tree.truncate(node) }?.code == EACCES)
        let offline = try rig.offline()
        #expect(rig.refusal { _ = try offline.openFile(node, writing) }?.code == EROFS)
        #expect(rig.refusal { try offline.truncate(node) }?.code == EROFS)
    }

    private static let libraryText = """
        {
          "version": 1,
          "served": true,
          "revision": 3,
          "library": {
            "vendor": "IBM",
            "product": "3573-TL",
            "revision": "E.60",
            "serial": "00L4U78TEST01",
            "personality": "ibm-3573-tl"
          },
          "counts": {
            "drives": 1,
            "slots": 2,
            "freeSlots": 1,
            "mailSlots": 1,
            "freeMailSlots": 0,
            "shelf": 0,
            "cartridges": 3
          },
          "drives": [
            {
              "number": 0,
              "address": 256,
              "barcode": "CAP001L8",
              "source": "slots/1",
              "vendor": "IBM",
              "product": "ULT3580-TD8",
              "revision": "R3G3",
              "serial": "10TEST0101",
              "generation": "LTO-8"
            }
          ],
          "slots": [
            {
              "number": 1,
              "address": 4096,
              "barcode": null,
              "source": null
            },
            {
              "number": 2,
              "address": 4097,
              "barcode": "CAP002L8",
              "source": null
            }
          ],
          "mailSlots": [
            {
              "number": 1,
              "address": 16,
              "barcode": "CLN001L8",
              "source": null,
              "imported": true
            }
          ],
          "cartridges": [
            {
              "barcode": "CAP001L8",
              "generation": "LTO-8",
              "kind": "data",
              "capacityBytes": 4194304,
              "condition": "good",
              "place": "drives/0"
            },
            {
              "barcode": "CAP002L8",
              "generation": "LTO-8",
              "kind": "data",
              "capacityBytes": 4194304,
              "condition": "good",
              "place": "slots/2"
            },
            {
              "barcode": "CLN001L8",
              "generation": "LTO-8",
              "kind": "cleaning",
              "capacityBytes": 0,
              "condition": "good",
              "place": "mail/1"
            }
          ]
        }

        """

    private static let emptyDriveText = """
        {
          "version": 1,
          "drive": 0,
          "address": 256,
          "vendor": "IBM",
          "product": "ULT3580-TD8",
          "revision": "R3G3",
          "serial": "10TEST0101",
          "generation": "LTO-8",
          "served": true,
          "barcode": null,
          "source": null,
          "condition": "empty",
          "medium": null,
          "position": null,
          "fixedBlockBytes": 0,
          "compression": true,
          "holder": null,
          "removalPrevented": false,
          "reservedBy": null,
          "alerts": [],
          "traffic": null
        }

        """
}

extension String {
    func replacing(first text: String, with other: String) -> String {
        guard let range = firstRange(of: text) else { return self }
        return replacingCharacters(in: range, with: other)
    }

    private func firstRange(of text: String) -> Range<Index>? {
        indices.first { self[$0...].hasPrefix(text) }.map { $0..<index($0, offsetBy: text.count) }
    }

    private func replacingCharacters(in range: Range<Index>, with other: String) -> String {
        String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}
