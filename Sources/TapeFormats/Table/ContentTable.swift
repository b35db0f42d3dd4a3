// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The contents of an archive as a table: what a `ContentTableBuilder` made, and a way to open its files.
package final class ContentTable: ArchiveContents {
    /// A regular file, as its archive's reader needs it.
    package struct Member: Sendable {
        package var number: UInt32
        package var entry: ContentEntry
        /// What the builder was given for it.
        package var locator: UInt64
        package var second: UInt64
    }

    package typealias Opener = @Sendable (Member) throws(FormatError) -> any ContentReader

    private let rows: ContentRows
    private let familySizes: [UInt32]
    private let opener: Opener
    private let otherBytes: Int
    package let problems: [String]

    init(
        _ rows: ContentRows,
        familySizes: [UInt32],
        problems: [String],
        otherBytes: Int,
        opener: @escaping Opener
    ) {
        self.rows = rows
        self.familySizes = familySizes
        self.problems = problems
        self.otherBytes = otherBytes
        self.opener = opener
    }

    package var entryCount: Int { rows.rows.count }
    package var footprintBytes: Int { rows.footprintBytes + otherBytes + familySizes.count * 4 }

    private func row(_ number: UInt32) -> ContentRows.Row? {
        Int(number) < rows.rows.count ? rows.rows[Int(number)] : nil
    }

    package func entry(_ number: UInt32) -> ContentEntry? {
        guard let row = row(number) else { return nil }
        var links: UInt32 = 1
        if row.kind != .directory {
            links = max(row.count, 1)
            if row.place != ContentRows.none { links = max(links, familySizes[Int(row.place)]) }
        }
        return ContentEntry(
            kind: row.kind,
            permissions: row.mode & 0o7777,
            user: row.user,
            group: row.group,
            lengthBytes: row.lengthBytes,
            modifiedNanoseconds: row.modifiedNanoseconds,
            links: links
        )
    }

    package func child(_ name: [UInt8], of directory: UInt32) -> UInt32? {
        rows.find(name[...], in: directory)
    }

    package func children(of directory: UInt32, after previous: UInt32?, _ take: (UInt32, [UInt8]) -> Bool) {
        guard let row = row(directory), row.kind == .directory else { return }
        let end = Int(row.place) + Int(row.count)
        var low = Int(row.place)
        if let previous {
            var high = end
            while low < high {
                let middle = (low + high) / 2
                if rows.order[middle] <= previous { low = middle + 1 } else { high = middle }
            }
        }
        while low < end {
            let number = rows.order[low]
            guard take(number, Array(rows.name(rows.rows[Int(number)]))) else { return }
            low += 1
        }
    }

    package func linkTarget(_ number: UInt32) -> [UInt8]? {
        row(number).flatMap { rows.target($0) }
    }

    /// The row of an entry; nil unless it is a regular file.
    package func member(_ number: UInt32) -> Member? {
        guard let row = row(number), row.kind == .regular, let entry = entry(number) else { return nil }
        return Member(number: number, entry: entry, locator: row.locator, second: row.second)
    }

    package func openEntry(_ number: UInt32) throws(FormatError) -> any ContentReader {
        guard let member = member(number) else { throw .malformed("entry \(number) is no file with bytes") }
        return try opener(member)
    }

    /// The entry at a path of names with `/` between them; nil: there is none.
    package func find(_ path: String) -> UInt32? {
        var number: UInt32 = 0
        for name in path.utf8.split(separator: UInt8(ascii: "/")) {
            guard let next = rows.find(Array(name)[...], in: number) else { return nil }
            number = next
        }
        return number
    }
}
