// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The first 32 KiB of a tape file that Amanda wrote: lines of text, filled up with zeros (amanda-formats; what a person
/// without Amanda is told to read in its manual).
///
///     AMANDA: TAPESTART DATE 20261121171100 TAPE AM-1
///     AMANDA: SPLIT_FILE 20261121171100 host "a disk" part 1/-1 lev 0 comp .gz program /bin/tar
///     ORIGSIZE=90
///     DLE=<<ENDDLE
///     …
///     ENDDLE
///     To restore, position tape at start of file and run:
///         dd if=<tape> bs=32k skip=1 | …
struct AmandaHeader: Equatable {
    enum Kind: String {
        case label = "TAPESTART"
        case end = "TAPEEND"
        case dump = "FILE"
        case part = "SPLIT_FILE"
        /// A dump that goes on from another volume, as Amanda wrote it before it had parts.
        case continued = "CONT_FILE"
    }

    static let bytes = 32 << 10
    private static let magic = "AMANDA: "
    /// Words of the first line, and lines, that are looked at.
    private static let maximumWords = 64
    private static let maximumLines = 2000
    /// Parts of one dump.
    private static let maximumParts = 1_000_000

    var kind: Kind
    /// Eight digits, or fourteen with the time.
    var date = ""
    /// Of a label.
    var tape = ""
    var host = ""
    var disk = ""
    /// From 1; the total is only there when it was known (-1 on the tape when not).
    var part: Int?
    var parts: Int?
    var level: Int?
    /// `N` for none, else the suffix of the compressed file.
    var compression = ""
    var program = ""
    var application: String?
    var isEncrypted = false
    /// The program that encrypts, on either side.
    var encryption: String?
    var isPartial = false
    /// What the lines behind the first say, in their order, without the disk's description.
    var settings: [(name: String, value: String)] = []
    /// The description of the disk, XML.
    var description = ""
    var restoreCommand: String?

    static func == (one: AmandaHeader, other: AmandaHeader) -> Bool {
        one.kind == other.kind && one.isSameDump(as: other) && one.part == other.part && one.tape == other.tape
    }

    /// Parts of one dump have these in common.
    func isSameDump(as other: AmandaHeader) -> Bool {
        host == other.host && disk == other.disk && date == other.date && level == other.level
    }

    init?(_ bytes: [UInt8]) {
        guard bytes.begins(with: Self.magic) else { return nil }
        let text = bytes.prefix(Self.bytes).prefix { $0 != 0 }
        let lines = text.split(separator: 0x0A, maxSplits: Self.maximumLines, omittingEmptySubsequences: false)
        guard let first = lines.first else { return nil }
        var words = Self.words(first.dropFirst(Self.magic.utf8.count))[...]
        guard let name = words.popFirst(), let kind = Kind(rawValue: name) else { return nil }
        self.kind = kind
        switch kind {
        case .label, .end:
            take(pairs: words)
        // "X" is the date of a tape that has not been used yet.
        case .dump, .part, .continued:
            guard words.count >= 3 else { return nil }
            date = words.removeFirst()
            host = words.removeFirst()
            disk = words.removeFirst()
            take(pairs: words)
        }
        take(lines: lines.dropFirst())
    }

    /// Words with blanks between; those in quotes have `\` before what is not itself (and `\n`, `\t`, octal digits).
    private static func words(_ line: ArraySlice<UInt8>) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        var (isWord, isQuoted) = (false, false)
        var rest = line
        while let byte = rest.popFirst(), words.count < maximumWords {
            switch byte {
            case UInt8(ascii: "\""):
                isQuoted.toggle()
                isWord = true
            case UInt8(ascii: "\\") where isQuoted:
                word.append(escaped(&rest))
            case 0x20 where !isQuoted:
                if isWord { words.append(FieldText.shown(word[...])) }
                word = []
                isWord = false
            case 0x0C, 0x0D: break
            default:
                word.append(byte)
                isWord = true
            }
        }
        if isWord { words.append(FieldText.shown(word[...])) }
        return words
    }

    private static func escaped(_ rest: inout ArraySlice<UInt8>) -> UInt8 {
        switch rest.popFirst() {
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "f"): return 0x0C
        case .some(let byte) where (0x30...0x37).contains(byte):
            var value = UInt32(byte - 0x30)
            for _ in 0..<2 {
                guard let next = rest.first, (0x30...0x37).contains(next) else { break }
                value = value * 8 + UInt32(next - 0x30)
                rest.removeFirst()
            }
            return UInt8(truncatingIfNeeded: value)
        case .some(let byte): return byte
        case nil: return UInt8(ascii: "\\")
        }
    }

    private mutating func take(pairs words: ArraySlice<String>) {
        var words = words
        while let name = words.popFirst() {
            guard let value = words.popFirst() else { return }
            switch name {
            case "DATE": date = value
            case "TAPE": tape = value
            case "part":
                let numbers = value.split(separator: "/").map { Int($0) ?? 0 }
                part = numbers.first.flatMap { (1...Self.maximumParts).contains($0) ? $0 : nil }
                parts = numbers.count > 1 && (1...Self.maximumParts).contains(numbers[1]) ? numbers[1] : nil
            case "lev": level = Int(value)
            case "comp": compression = value
            case "program": program = value
            case "crypt": isEncrypted = value != "N"
            case "client_encrypt", "server_encrypt":
                encryption = value
            default: settings.append((name, value))
            }
        }
    }

    private mutating func take(lines: ArraySlice<ArraySlice<UInt8>>) {
        var description: [UInt8]?
        var isCommand = false
        for line in lines {
            if let known = description {
                if line.elementsEqual("ENDDLE".utf8) {
                    self.description = String(decoding: known, as: UTF8.self)
                    description = nil
                } else {
                    description = known + line + [0x0A]
                }
                continue
            }
            let text = FieldText.trimmed(line.drop { $0 == 0x09 || $0 == 0x20 })
            if isCommand, !text.isEmpty {
                if restoreCommand == nil { restoreCommand = text }
            } else if text.hasPrefix("To restore, ") {
                isCommand = true
            } else if text == "DLE=<<ENDDLE" {
                description = []
            } else if let equals = text.firstIndex(of: "=") {
                let value = String(text[text.index(after: equals)...])
                switch text[..<equals] {
                case "APPLICATION": application = value
                case "PARTIAL": isPartial = value.uppercased() == "YES"
                default: settings.append((String(text[..<equals]), value))
                }
            }
        }
    }

    /// How long the dump is on the volumes, all parts together; nil when the header does not say.
    var payloadBytes: UInt64? {
        guard let value = settings.first(where: { $0.name == "SERVER-CRC" })?.value,
            let colon = value.lastIndex(of: ":"), let bytes = UInt64(value[value.index(after: colon)...]), bytes > 0
        else { return nil }
        return bytes
    }

    /// As people write it: `2026-11-21 17:11:00`.
    var dateText: String {
        let digits = Array(date)
        guard digits.count == 8 || digits.count == 14, digits.allSatisfy(\.isASCII) else { return date }
        let day = "\(String(digits[0..<4]))-\(String(digits[4..<6]))-\(String(digits[6..<8]))"
        guard digits.count == 14 else { return day }
        return "\(day) \(String(digits[8..<10])):\(String(digits[10..<12])):\(String(digits[12..<14]))"
    }

    var title: String {
        switch kind {
        case .label: return "Amanda volume \(tape)" + (date == "X" ? ", not used yet" : ", \(dateText)")
        case .end: return "End of an Amanda volume, \(dateText)"
        case .dump, .part, .continued:
            var title = "Amanda dump of \(disk) on host \(host)"
            if let level { title += ", level \(level)" }
            title += ", \(dateText)"
            if let part { title += ", part \(part)" + (parts.map { " of \($0)" } ?? "") }
            return title
        }
    }

    var facts: [Recognition.Fact] {
        var facts: [Recognition.Fact] = []
        func add(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { facts.append(.init(name, value)) }
        }
        add("volume", tape)
        add("host", host)
        add("disk", disk)
        add("date", date == "X" ? nil : dateText)
        add("level", level.map(String.init))
        add("part", part.map { "\($0)" + (parts.map { " of \($0)" } ?? "") })
        add("compression", compression == "N" ? "none" : compression)
        add("program", program)
        add("application", application)
        if isEncrypted { add("encryption", encryption ?? "yes") }
        if isPartial { add("partial", "yes") }
        for (name, value) in settings { add(Self.names[name] ?? name.lowercased(), value) }
        add("restore with", restoreCommand)
        add(
            "description of the disk",
            description.split(separator: "\n").map { $0.trimmingPrefix { $0 == " " } }.joined()
        )
        return facts
    }

    private static let names = [
        "ORIGSIZE": "size in KiB", "NATIVE-CRC": "CRC and bytes, as made", "CLIENT-CRC": "CRC and bytes, as sent",
        "SERVER-CRC": "CRC and bytes, as written", "CONT_FILENAME": "continues in",
    ]
}
