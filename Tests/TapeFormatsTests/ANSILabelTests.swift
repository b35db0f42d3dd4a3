// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing

@testable import TapeFormats

/// Tapes with labels, written by hand after ANSI X3.27 and IBM's manual; one by Hercules' hetinit.
enum StandardLabelSample {
    /// A label: its texts at their places, the rest blanks.
    static func label(_ fields: (Int, String)...) -> [UInt8] {
        var bytes = [UInt8](repeating: 0x20, count: 80)
        for (offset, text) in fields {
            for (index, byte) in text.utf8.enumerated() { bytes[offset + index] = byte }
        }
        return bytes
    }

    static func dataSet(_ kind: String, _ name: String, _ sequence: String, blocks: String) -> [[UInt8]] {
        [
            label(
                (0, kind + "1"),
                (4, name),
                (21, "CAP001"),
                (27, "0001"),
                (31, sequence),
                (35, "000100"),
                (41, "024060"),
                (47, " 99365"),
                (54, blocks),
                (60, "CAPSTAN")
            ),
            label((0, kind + "2"), (4, "F"), (5, "08000"), (10, "00080"), (50, "00")),
        ]
    }

    static let volume = label((0, "VOL1"), (4, "CAP001"), (37, "THE OWNER"), (79, "4"))
    static let first = (0..<3).map { [UInt8](repeating: UInt8(0x41 + $0), count: 8000) }
    static let second = [Array("the second".utf8)]

    static func tape() -> [[[UInt8]]] {
        [
            [volume] + dataSet("HDR", "PAYROLL.DATA", "0001", blocks: "000000"),
            first,
            dataSet("EOF", "PAYROLL.DATA", "0001", blocks: "000003"),
            dataSet("HDR", "PAYROLL.DATA", "0002", blocks: "000000") + [label((0, "UHL1"), (4, "of the user"))],
            second,
            dataSet("EOV", "PAYROLL.DATA", "0002", blocks: "000007"),
            [],
        ]
    }

    /// `hetinit -d t.aws ABC123 CAPSTAN` of Hercules 3.13: its two records.
    static let hercules: [[UInt8]] = [
        [0xE5, 0xD6, 0xD3, 0xF1, 0xC1, 0xC2, 0xC3, 0xF1, 0xF2, 0xF3] + [UInt8](repeating: 0x40, count: 31)
            + [0xC3, 0xC1, 0xD7, 0xE2, 0xE3, 0xC1, 0xD5] + [UInt8](repeating: 0x40, count: 32),
        [0xC8, 0xC4, 0xD9, 0xF1] + [UInt8](repeating: 0xF0, count: 76),
    ]
}

@Suite("Tapes with standard labels")
struct ANSILabelTests {
    private func facts(_ recognition: Recognition) -> [String: String] {
        Dictionary(recognition.facts.map { ($0.name, $0.value) }) { first, _ in first }
    }

    @Test("Label files tell the volume and the data set: names, dates, format, blocks, user labels")
    func labels() throws {
        let tape = StandardLabelSample.tape()
        let first = try #require(Recogniser.recognise(MemoryTapeFile(records: tape[0])))
        #expect(first.format == "standard-label")
        #expect(first.title == "ANSI label of volume CAP001, data set PAYROLL.DATA")
        #expect(facts(first)["labels"] == "VOL1 HDR1 HDR2")
        #expect(facts(first)["owner"] == "THE OWNER")
        #expect(facts(first)["label standard"] == "4")
        #expect(facts(first)["created"] == "2024-02-29")
        #expect(facts(first)["expires"] == "1999-12-31")
        #expect(facts(first)["record format"] == "F")
        #expect(facts(first)["block length"] == "8000")
        #expect(facts(first)["record length"] == "80")
        let end = try #require(Recogniser.recognise(MemoryTapeFile(records: tape[2])))
        #expect(facts(end)["blocks"] == "3")
        #expect(end.title == "ANSI labels: end of PAYROLL.DATA, sequence 1, created 2024-02-29, F 80/8000")
        let user = try #require(Recogniser.recognise(MemoryTapeFile(records: tape[3])))
        #expect(facts(user)["user label"] == "of the user")
    }

    @Test("The volume is its data sets as files; one that goes on elsewhere, and a wrong count, are problems")
    func volume() throws {
        let tape = MemoryTape(StandardLabelSample.tape())
        let recognition = try #require(Recogniser.recogniseVolume(tape))
        #expect(recognition.format == "standard-labels")
        #expect(recognition.title == "Volume CAP001 with ANSI labels")
        let contents = try ArchiveOpener.volumeContents(of: tape, recognised: recognition, limits: ContentLimits())
        #expect(contents.paths() == ["PAYROLL.DATA", "PAYROLL.DATA.2"])
        #expect(try contents.bytes(at: "PAYROLL.DATA", step: 5000) == Array(StandardLabelSample.first.joined()))
        #expect(try contents.bytes(at: "PAYROLL.DATA.2") == StandardLabelSample.second[0])
        #expect(contents.problems.contains("data set PAYROLL.DATA goes on on another volume"))
        #expect(contents.problems.contains("data set PAYROLL.DATA has 1 blocks, and its labels say 7"))
        let entry = try #require(contents.number(at: "PAYROLL.DATA").flatMap(contents.entry))
        #expect(entry.modifiedNanoseconds == 1_709_164_800_000_000_000)
    }

    @Test("Labels in EBCDIC, as Hercules initialises a tape")
    func ebcdic() throws {
        let file = MemoryTapeFile(records: StandardLabelSample.hercules)
        let recognition = try #require(Recogniser.recognise(file))
        #expect(recognition.title.hasPrefix("IBM label of volume ABC123"))
        #expect(facts(recognition)["owner"] == "CAPSTAN")
        #expect(facts(recognition)["characters"] == "EBCDIC")
        let volume = try #require(Recogniser.recogniseVolume(MemoryTape([StandardLabelSample.hercules])))
        #expect(volume.title == "Volume ABC123 with IBM labels")
    }

    @Test("CERN's labels tell their logical block protection, a VOL1 alone may be Enstore's")
    func cern() throws {
        let cern = StandardLabelSample.label((0, "VOL1"), (4, "V01001"), (37, "CASTOR"), (77, "02"), (79, "3"))
        let recognition = try #require(Recogniser.recognise(MemoryTapeFile(records: [cern])))
        #expect(facts(recognition)["logical block protection"] == "CRC32C")
        let enstore = StandardLabelSample.label((0, "VOL1"), (4, "VR1234"), (79, "0"))
        let other = try #require(Recogniser.recognise(MemoryTapeFile(records: [enstore])))
        #expect(facts(other)["perhaps"]?.hasPrefix("Enstore") == true)
    }

    @Test("Text that begins like a label but is none is not one")
    func noLabels() {
        #expect(LabelRecord(Array("VOL1".utf8)) == nil)
        #expect(LabelRecord(Array("VOLUME OF WATER".utf8) + [UInt8](repeating: 0x20, count: 80)) == nil)
        #expect(LabelRecord([UInt8](repeating: 0, count: 80)) == nil)
    }
}
