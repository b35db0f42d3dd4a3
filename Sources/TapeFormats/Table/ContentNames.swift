// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Names of archives made safe for a directory of ours.
package enum ContentNames {
    /// Longest name of a Linux directory.
    package static let maximumNameBytes = 255
    /// Longest path that is looked at; the kernel takes a sixteenth of it at once.
    package static let maximumPathBytes = 64 << 10
    /// Longest target of a symbolic link (PATH_MAX without its zero).
    package static let maximumTargetBytes = 4095

    package enum Refusal: Error, Equatable {
        /// It has `..`: it would lead out of where the archive is unpacked.
        case leadsOut
        /// A zero byte, or a `/` in what should be one name.
        case unusable
        case tooLong
    }

    /// The names in a path: a root, `.` and empty ones are dropped.
    package static func components(_ path: [UInt8]) throws(Refusal) -> [ArraySlice<UInt8>] {
        guard path.count <= maximumPathBytes else { throw .tooLong }
        guard !path.contains(0) else { throw .unusable }
        var names: [ArraySlice<UInt8>] = []
        for name in path.split(separator: UInt8(ascii: "/")) {
            if name.elementsEqual(".".utf8) { continue }
            guard !name.elementsEqual("..".utf8) else { throw .leadsOut }
            names.append(name)
        }
        return names
    }

    /// A name that is too long is cut, and ends in `~` and eight digits of its sum, so that two long names stay two.
    package static func cut(_ name: ArraySlice<UInt8>) -> [UInt8] {
        guard name.count > maximumNameBytes else { return Array(name) }
        var sum: UInt32 = 0x811C_9DC5
        for byte in name { sum = (sum ^ UInt32(byte)) &* 0x0100_0193 }
        let digits = String(sum, radix: 16)
        var kept = Array(name.prefix(maximumNameBytes - 9))
        // Not in the middle of a character of UTF-8.
        if name[name.startIndex + kept.count] & 0xC0 == 0x80 {
            while let last = kept.last, last & 0xC0 == 0x80 { kept.removeLast() }
            if let last = kept.last, last >= 0xC0 { kept.removeLast() }
        }
        return kept + Array(("~" + String(repeating: "0", count: 8 - digits.count) + digits).utf8)
    }

    /// For a sentence: UTF-8 as it is, everything else in octal, and not endless.
    package static func shown(_ name: some Collection<UInt8>) -> String {
        let bytes = Array(name.prefix(200))
        let rest = name.count > bytes.count ? "…" : ""
        if let text = String(validating: bytes, as: UTF8.self), !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            return text + rest
        }
        return bytes.map { byte in
            if (0x20..<0x7F).contains(byte) { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 8)
            return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
        }.joined() + rest
    }
}
