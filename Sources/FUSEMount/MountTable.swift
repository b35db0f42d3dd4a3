// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// /proc/self/mountinfo (proc(5)): what is mounted where in this process's namespace.
struct MountTable: Equatable {
    struct Row: Equatable {
        /// Absolute, with its escapes resolved.
        var point: [UInt8]
        /// `fuse.capstan`, `ext4`, …
        var type: String
    }

    /// In the order they were mounted: of several on one point the last one is seen.
    var rows: [Row]

    /// The system's table at this moment; nil without /proc.
    static func current() -> MountTable? {
        ProcFile.read("/proc/self/mountinfo", limit: MountLimits.mountTableBytes).map { MountTable($0) }
    }

    /// Lines that are none are passed over.
    init(_ text: [UInt8]) {
        rows = text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let words = line.split(separator: UInt8(ascii: " "))
            // Six fields, any number of optional ones, a hyphen, then the type.
            guard words.count > 6, let hyphen = words[6...].firstIndex(where: { $0.elementsEqual("-".utf8) }),
                hyphen + 1 < words.count
            else { return nil }
            return Row(point: Self.unescaped(words[4]), type: String(decoding: words[hyphen + 1], as: UTF8.self))
        }
    }

    /// What is seen at `path`: absolute, without links and a slash at its end.
    func topmost(at path: String) -> Row? { rows.last { $0.point.elementsEqual(path.utf8) } }

    /// Space, tab, newline and backslash stand there as `\` and three octal digits.
    private static func unescaped(_ word: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = word
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            guard byte == UInt8(ascii: "\\"), digits.count == 3,
                digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }),
                let value = UInt8(exactly: digits.reduce(0) { $0 << 3 | Int($1 & 7) })
            else {
                result.append(byte)
                continue
            }
            result.append(value)
            rest = rest.dropFirst(3)
        }
        return result
    }
}
