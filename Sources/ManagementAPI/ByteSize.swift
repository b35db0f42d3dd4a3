// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Sizes as people write them: `64MiB`, `1.5GiB`, `12TB`, `4096`.
package enum ByteSize {
    private static let units: [(name: String, bytes: UInt64)] = [
        ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("tib", 1 << 40), ("pib", 1 << 50),
        ("kb", 1_000), ("mb", 1_000_000), ("gb", 1_000_000_000), ("tb", 1_000_000_000_000),
        ("pb", 1_000_000_000_000_000),
        ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40), ("b", 1), ("", 1),
    ]
    /// Longest text looked at; the longest sensible one has 24 characters.
    private static let textLimit = 32

    /// Bytes in `text`, or nil when it is no size, is negative, or does not fit in 63 bits.
    ///
    /// `KB`, `MB`, `GB`, `TB` are powers of ten (as on cartridge boxes), `KiB` … `TiB` and the bare letters
    /// `K` … `T` powers of two. A fraction may be given; it is rounded down to whole bytes.
    package static func parse(_ text: String) -> UInt64? {
        let text = text.lowercased()
        guard !text.isEmpty, text.utf8.count <= textLimit else { return nil }
        let number = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        let name = text.dropFirst(number.count).drop { $0 == " " }
        guard let unit = units.first(where: { $0.name == name }) else { return nil }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = UInt64(parts[0]) else { return nil }
        var (bytes, overflow) = whole.multipliedReportingOverflow(by: unit.bytes)
        guard !overflow else { return nil }
        if parts.count == 2 {
            guard !parts[1].isEmpty, parts[1].count <= 9, let digits = UInt64(parts[1]) else { return nil }
            var scale: UInt64 = 1
            for _ in parts[1] { scale *= 10 }
            let product = digits.multipliedFullWidth(by: unit.bytes)
            (bytes, overflow) = bytes.addingReportingOverflow(scale.dividingFullWidth(product).quotient)
            guard !overflow else { return nil }
        }
        return bytes <= UInt64(Int64.max) ? bytes : nil
    }

    /// Short text with at most three figures before the unit: `0 B`, `64.0 MiB`, `1.5 GiB`.
    package static func text(_ bytes: UInt64) -> String {
        guard bytes >= 1024 else { return "\(bytes) B" }
        let names = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var value = Double(bytes) / 1024
        var index = 0
        while value >= 1023.95 && index < names.count - 1 {
            value /= 1024
            index += 1
        }
        return "\(oneDecimal(value)) \(names[index])"
    }

    /// As cartridge boxes print it, in powers of ten: `12.0 TB`, `67.1 MB`.
    package static func decimalText(_ bytes: UInt64) -> String {
        guard bytes >= 1000 else { return "\(bytes) B" }
        let names = ["kB", "MB", "GB", "TB", "PB", "EB"]
        var value = Double(bytes) / 1000
        var index = 0
        while value >= 999.95 && index < names.count - 1 {
            value /= 1000
            index += 1
        }
        return "\(oneDecimal(value)) \(names[index])"
    }

    /// A capacity in the units that it was given in: media sizes are decimal, those made for tests often binary.
    package static func capacityText(_ bytes: UInt64, of capacity: UInt64) -> String {
        let isBinary = capacity % (1 << 20) == 0 && capacity % 1_000_000_000 != 0
        return isBinary ? text(bytes) : decimalText(bytes)
    }

    /// `value` rounded to one decimal.
    package static func oneDecimal(_ value: Double) -> String {
        let tenths = Int64((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }
}
