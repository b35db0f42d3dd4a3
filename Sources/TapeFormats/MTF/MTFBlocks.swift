// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A descriptor block of Microsoft Tape Format ("Microsoft Tape Format Specification" 1.00a): little-endian.
///
///     0  kind, 4 characters       8  offset of its first stream (2)       11  operating system's version
///    10  operating system        12  displayable size (8)                 20  logical address (8)
///    44  its own data (address)  48  kind of strings: 1 ANSI, 2 Unicode   50  XOR of the words before it
///    52  fields of the kind
struct MTFBlock {
    static let headerBytes = 52
    /// Bytes of a block that are looked at: fields and strings.
    static let lookBytes = 4096

    enum Kind: String {
        case tape = "TAPE"
        case startOfSet = "SSET"
        case volume = "VOLB"
        case directory = "DIRB"
        case file = "FILE"
        case corruptFile = "CFIL"
        case endOfSetPad = "ESPB"
        case endOfSet = "ESET"
        case endOfTape = "EOTM"
        case softFilemark = "SFMB"
    }

    let bytes: [UInt8]
    let kind: Kind
    let streamOffset: Int
    let isUnicode: Bool

    /// nil: no block begins here, or its sum is wrong.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.headerBytes,
            let kind = Kind(rawValue: String(decoding: bytes.prefix(4), as: UTF8.self)),
            let offset = bytes.littleEndian16(at: 8), let sum = bytes.littleEndian16(at: 50)
        else { return nil }
        var words: UInt16 = 0
        for index in 0..<25 { words ^= bytes.littleEndian16(at: index * 2) ?? 0 }
        guard words == sum, Int(offset) >= Self.headerBytes else { return nil }
        self.bytes = bytes
        self.kind = kind
        streamOffset = Int(offset)
        isUnicode = bytes[48] == 2
    }

    func number16(_ offset: Int) -> UInt16 { bytes.littleEndian16(at: offset) ?? 0 }
    func number32(_ offset: Int) -> UInt32 { bytes.littleEndian32(at: offset) ?? 0 }

    /// The string whose size and place stand at `offset`; components of a path are parted by zeros.
    func strings(_ offset: Int) -> [[UInt8]] {
        let field = bytes.field(at: Int(number16(offset + 2)), width: Int(number16(offset)))
        guard isUnicode else { return field.split(separator: 0).map(Array.init) }
        var parts: [[UInt16]] = [[]]
        var at = field.startIndex
        while at + 1 < field.endIndex {
            let unit = UInt16(field[at]) | UInt16(field[at + 1]) << 8
            if unit == 0 { parts.append([]) } else { parts[parts.count - 1].append(unit) }
            at += 2
        }
        return parts.filter { !$0.isEmpty }.map { Array(String(decoding: $0, as: UTF16.self).utf8) }
    }

    func string(_ offset: Int) -> String {
        strings(offset).map { FieldText.shown($0[...]) }.joined(separator: "\\")
    }

    /// Five bytes: 14 bits of year, 4 of month, 5 each of day and hour, 6 each of minute and second; nil for none.
    func time(_ offset: Int) -> Int64? {
        let field = bytes.field(at: offset, width: 5)
        guard field.count == 5 else { return nil }
        let value = field.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return UTCText.seconds(
            year: Int(value >> 26),
            month: Int(value >> 22 & 0xF),
            day: Int(value >> 17 & 0x1F),
            hour: Int(value >> 12 & 0x1F),
            minute: Int(value >> 6 & 0x3F),
            second: Int(value & 0x3F)
        )
    }

    var facts: [Recognition.Fact] {
        var facts: [Recognition.Fact] = []
        func add(_ name: String, _ value: String) {
            if !value.isEmpty { facts.append(.init(name, value)) }
        }
        switch kind {
        case .tape:
            add("media name", string(68))
            add("media description", string(72))
            add("software", string(80))
            add("media family", String(number32(52), radix: 16))
            add("sequence", "\(number16(60))")
            add("logical block", "\(number16(84))")
            add("written", time(88).flatMap(UTCText.text) ?? "")
        case .startOfSet:
            add("data set", string(64))
            add("description", string(68))
            add("user", string(76))
            add("data set number", "\(number16(62))")
            add("written", time(88).flatMap(UTCText.text) ?? "")
            if number16(56) != 0 { add("password", "yes") }
        case .volume:
            add("device", string(56))
            add("volume", string(60))
            add("machine", string(64))
        default: break
        }
        return facts
    }
}

/// Header of a stream behind a descriptor block: 22 bytes, then its data; the next begins at a multiple of four.
struct MTFStream {
    static let headerBytes = 22

    var name: String
    var lengthBytes: UInt64
    var isEncrypted: Bool
    var isCompressed: Bool

    /// nil: none begins here, or its sum is wrong.
    init?(_ bytes: [UInt8]) {
        guard let length = bytes.littleEndian64(at: 8), let encryption = bytes.littleEndian16(at: 16),
            let compression = bytes.littleEndian16(at: 18), let sum = bytes.littleEndian16(at: 20)
        else { return nil }
        var words: UInt16 = 0
        for index in 0..<10 { words ^= bytes.littleEndian16(at: index * 2) ?? 0 }
        guard words == sum else { return nil }
        name = FieldText.shown(bytes[0..<4])
        lengthBytes = length
        isEncrypted = encryption != 0
        isCompressed = compression != 0
    }
}
