// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

// Fields at offsets of a header that came from a tape. What does not lie wholly within is nil.
extension [UInt8] {
    func bigEndian16(at offset: Int) -> UInt16? {
        unsigned(at: offset, width: 2).map { UInt16(truncatingIfNeeded: $0) }
    }
    func bigEndian32(at offset: Int) -> UInt32? {
        unsigned(at: offset, width: 4).map { UInt32(truncatingIfNeeded: $0) }
    }
    func bigEndian64(at offset: Int) -> UInt64? { unsigned(at: offset, width: 8) }

    func littleEndian16(at offset: Int) -> UInt16? { bigEndian16(at: offset)?.byteSwapped }
    func littleEndian32(at offset: Int) -> UInt32? { bigEndian32(at: offset)?.byteSwapped }
    func littleEndian64(at offset: Int) -> UInt64? { bigEndian64(at: offset)?.byteSwapped }

    private func unsigned(at offset: Int, width: Int) -> UInt64? {
        guard offset >= 0, count >= width, offset <= count - width else { return nil }
        var value: UInt64 = 0
        for byte in self[offset..<offset + width] { value = value << 8 | UInt64(byte) }
        return value
    }

    /// The bytes from `offset`, at most `width` of them; empty when there are none.
    func field(at offset: Int, width: Int) -> ArraySlice<UInt8> {
        guard offset >= 0, width > 0, offset < count else { return [] }
        return self[offset..<offset + Swift.min(width, count - offset)]
    }

    func begins(with text: String, at offset: Int = 0) -> Bool {
        field(at: offset, width: text.utf8.count).elementsEqual(text.utf8)
    }
}

/// Text of headers: for people, so anything that is not text is shown in octal.
enum FieldText {
    /// Longest value of a fact.
    static let maximumBytes = 1024

    /// A field that is padded with blanks or closed by a zero.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        var end = bytes.prefix { $0 != 0 }
        while let last = end.last, last == 0x20 || last == 0x0A || last == 0x0D { end = end.dropLast() }
        return shown(end)
    }

    static func shown(_ bytes: ArraySlice<UInt8>) -> String {
        if bytes.count <= maximumBytes, let text = String(validating: bytes, as: UTF8.self),
            !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F })
        {
            return text
        }
        return ContentNames.shown(bytes)
    }
}

/// Times in facts: UTC, as ISO 8601 has it.
enum UTCText {
    private static let range: Range<Int64> = -62_135_596_800..<253_402_300_800

    /// As `UTCTime`; nil for what is no time of the years 1 to 9999.
    static func text(seconds: Int64) -> String? {
        range.contains(seconds) ? UTCTime.text(seconds) : nil
    }

    /// `2026-11-21`.
    static func date(seconds: Int64) -> String? {
        text(seconds: seconds).map { String($0.prefix(10)) }
    }

    /// Seconds of a moment in UTC; nil when there is no such day.
    static func seconds(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) -> Int64? {
        guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day), (0..<24).contains(hour),
            (0..<60).contains(minute), (0...60).contains(second)
        else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let longest = month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
        guard day <= longest else { return nil }
        return days(year: year, month: month, day: day) * 86400 + Int64(hour * 3600 + minute * 60 + second)
    }

    /// Days since 1970-01-01, by eras of 400 years that begin on 1 March.
    private static func days(year: Int, month: Int, day: Int) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return Int64(era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468)
    }
}
