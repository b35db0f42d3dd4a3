// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Records of standard labels: 80 characters, ASCII as ANSI X3.27 (ISO 1001) has them, or EBCDIC as IBM does ("z/OS
/// DFSMS Using Magnetic Tapes", IBM standard labels; ISO/ANSI labels). Both have most fields at the same places.
struct LabelRecord: Equatable {
    static let bytes = 80
    /// Records of labels at the beginning of a tape file: VOL, UVL, HDR and UHL, nine of each.
    static let maximumRecords: UInt64 = 64

    var isEBCDIC: Bool
    /// 80 characters, as ASCII.
    let text: [UInt8]

    /// nil: no label begins this record.
    init?(_ record: [UInt8]) {
        guard record.count >= Self.bytes else { return nil }
        let head = Array(record.prefix(Self.bytes))
        if Self.isLabel(head) {
            isEBCDIC = false
            text = head
            return
        }
        let translated = head.map(EBCDIC.ascii)
        guard Self.isLabel(translated) else { return nil }
        isEBCDIC = true
        text = translated
    }

    private static func isLabel(_ text: [UInt8]) -> Bool {
        let name = String(decoding: text.prefix(3), as: UTF8.self)
        guard ["VOL", "HDR", "EOF", "EOV", "UHL", "UTL", "UVL"].contains(name) else { return false }
        let number = text[3]
        let isNumber = (0x31...0x39).contains(number) || (name.hasPrefix("U") && (0x41...0x5A).contains(number))
        return isNumber && text.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }

    /// The four characters that say which it is.
    var name: String { String(decoding: text.prefix(4), as: UTF8.self) }

    /// A field, counted from 0, without its blanks.
    func field(_ offset: Int, _ width: Int) -> String {
        FieldText.trimmed(text.field(at: offset, width: width).drop { $0 == 0x20 })
    }

    func number(_ offset: Int, _ width: Int) -> Int? { Int(field(offset, width)) }

    /// A date: a digit of the century (blank: 1900, 0: 2000), two of the year, three of the day in it; nil for none.
    func day(_ offset: Int) -> Int64? {
        let field = text.field(at: offset, width: 6)
        guard field.count == 6, let first = field.first, first == 0x20 || (0x30...0x39).contains(first),
            let year = Int(String(decoding: field.dropFirst().prefix(2), as: UTF8.self)),
            let day = Int(String(decoding: field.suffix(3), as: UTF8.self)), (1...366).contains(day)
        else { return nil }
        let century = first == 0x20 ? 1900 : 2000 + Int(first - 0x30) * 100
        return UTCText.seconds(year: century + year, month: 1, day: 1).map { $0 + Int64(day - 1) * 86400 }
    }
}

/// A volume's label.
struct VolumeLabel: Equatable {
    var serial: String
    var owner: String
    var standard: String
    var implementation: String
    /// Logical block protection, as CERN's tapes say it: `00`, `01`, `02`.
    var blockProtection: String?
    var isEBCDIC: Bool

    init?(_ record: LabelRecord) {
        guard record.name == "VOL1" else { return nil }
        isEBCDIC = record.isEBCDIC
        serial = record.field(4, 6)
        owner = record.isEBCDIC ? record.field(41, 10) : record.field(37, 14)
        implementation = record.isEBCDIC ? "" : record.field(24, 13)
        standard = record.field(79, 1)
        let protection = record.field(77, 2)
        blockProtection = !isEBCDIC && ["00", "01", "02"].contains(protection) ? protection : nil
    }

    var facts: [Recognition.Fact] {
        var facts: [Recognition.Fact] = [
            .init("serial", serial), .init("owner", owner), .init("implementation", implementation),
            .init("label standard", standard), .init("characters", isEBCDIC ? "EBCDIC" : "ASCII"),
        ]
        if let blockProtection {
            let names = ["00": "none", "01": "Reed-Solomon CRC", "02": "CRC32C"]
            facts.append(.init("logical block protection", names[blockProtection] ?? blockProtection))
        }
        return facts.filter { !$0.value.isEmpty }
    }
}

/// What HDR1 and HDR2 say of a data set, or EOF and EOV at its end.
struct DataSetLabel: Equatable {
    /// `HDR`, `EOF` or `EOV`.
    var kind: String
    var name: String
    var set: String
    var section: Int?
    var sequence: Int?
    var generation: String
    var created: Int64?
    var expires: Int64?
    var blocks: Int?
    var system: String
    var recordFormat = ""
    var blockBytes: Int?
    var recordBytes: Int?
    /// Of user labels, as they are.
    var userLabels: [String] = []

    init?(_ record: LabelRecord) {
        guard ["HDR1", "EOF1", "EOV1"].contains(record.name) else { return nil }
        kind = String(record.name.prefix(3))
        name = record.field(4, 17)
        set = record.field(21, 6)
        section = record.number(27, 4)
        sequence = record.number(31, 4)
        generation = record.field(35, 4)
        created = record.day(41)
        expires = record.day(47)
        var blocks = record.number(54, 6)
        // IBM: four more digits, the upper ones.
        if record.isEBCDIC, let upper = record.number(76, 4), let lower = blocks { blocks = upper * 1_000_000 + lower }
        self.blocks = blocks
        system = record.field(60, 13)
    }

    /// Takes what another label of the group adds.
    mutating func take(_ record: LabelRecord) {
        switch record.name {
        case "HDR2", "EOF2", "EOV2":
            recordFormat = record.field(4, 1) + (record.isEBCDIC ? record.field(38, 1) : "")
            blockBytes = record.number(5, 5)
            recordBytes = record.number(10, 5)
            if record.isEBCDIC, blockBytes == 0, let large = record.number(70, 10) { blockBytes = large }
        case let name where name.hasPrefix("UHL") || name.hasPrefix("UTL"):
            if userLabels.count < 9 { userLabels.append(record.field(4, 76)) }
        default: break
        }
    }

    var summary: String {
        var text = name.isEmpty ? "without a name" : name
        if let sequence { text += ", sequence \(sequence)" }
        if let created, let date = UTCText.date(seconds: created) { text += ", created \(date)" }
        if !recordFormat.isEmpty {
            text += ", \(recordFormat) \(recordBytes ?? 0)/\(blockBytes ?? 0)"
        }
        return text
    }

    var facts: [Recognition.Fact] {
        var facts: [Recognition.Fact] = [.init("data set", name), .init("set", set)]
        if let section { facts.append(.init("section", "\(section)")) }
        if let sequence { facts.append(.init("sequence", "\(sequence)")) }
        facts.append(.init("generation", generation))
        if let created, let date = UTCText.date(seconds: created) { facts.append(.init("created", date)) }
        if let expires, let date = UTCText.date(seconds: expires) { facts.append(.init("expires", date)) }
        if kind != "HDR", let blocks { facts.append(.init("blocks", "\(blocks)")) }
        facts += [.init("system", system), .init("record format", recordFormat)]
        if let blockBytes { facts.append(.init("block length", "\(blockBytes)")) }
        if let recordBytes { facts.append(.init("record length", "\(recordBytes)")) }
        facts += userLabels.map { .init("user label", $0) }
        return facts.filter { !$0.value.isEmpty }
    }
}

/// IBM's code (CCSID 37), as far as labels and names use it.
enum EBCDIC {
    private static let table: [UInt8] = {
        var table = [UInt8](repeating: 0x1A, count: 256)
        func set(_ start: Int, _ text: String) {
            for (index, byte) in text.utf8.enumerated() { table[start + index] = byte }
        }
        set(0x40, " ")
        set(0x4B, ".<(+|&")
        set(0x5A, "!$*);")
        set(0x60, "-/")
        set(0x6B, ",%_>?")
        set(0x79, "`:#@'=\"")
        set(0x81, "abcdefghi")
        set(0x91, "jklmnopqr")
        set(0xA1, "~stuvwxyz")
        set(0xC0, "{ABCDEFGHI")
        set(0xD0, "}JKLMNOPQR")
        set(0xE0, "\\")
        set(0xE2, "STUVWXYZ")
        set(0xF0, "0123456789")
        return table
    }()

    /// SUB for what is no character of labels.
    static func ascii(_ byte: UInt8) -> UInt8 { table[Int(byte)] }
}
