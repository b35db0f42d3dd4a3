// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Moments as text, without a time zone's help.
package enum UTCTime {
    /// `2024-02-29 12:34:56 UTC`, by the Gregorian calendar; what is before the year 1 or behind 9999 as the number.
    package static func text(_ seconds: Int64) -> String {
        guard seconds >= -62_135_596_800, seconds <= 253_402_300_799 else { return "\(seconds) s" }
        let day = Int((Double(seconds) / 86_400).rounded(.down))
        let second = Int(seconds) - day * 86_400
        // Days are counted from 1 March of the year 0: then the leap day is the last of its year.
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
        let calendarMonth = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (calendarMonth <= 2 ? 1 : 0)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let years = String(repeating: "0", count: max(0, 4 - String(year).count)) + String(year)
        return "\(years)-\(two(calendarMonth))-\(two(dayOfMonth)) "
            + "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60)) UTC"
    }
}
