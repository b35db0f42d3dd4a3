// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Columns of text, aligned by what is visible.
struct Table {
    enum Alignment { case left, right }

    struct Column {
        var title: String
        var alignment: Alignment = .left
    }

    var columns: [Column]
    var rows: [[String]] = []
    /// Put before each line.
    var indent = ""

    init(_ titles: [String], right: Set<Int> = [], indent: String = "") {
        columns = titles.enumerated().map { Column(title: $1, alignment: right.contains($0) ? .right : .left) }
        self.indent = indent
    }

    mutating func add(_ cells: String...) { rows.append(cells) }

    /// The lines, without blanks at their ends. Titles are left out when all are empty, columns when none of their
    /// rows has anything in it.
    func lines(_ style: Style) -> [String] {
        let titles = columns.map(\.title)
        let hasTitles = titles.contains { !$0.isEmpty }
        let widths = columns.indices.map { column in
            let widest = rows.map { column < $0.count ? Self.width($0[column]) : 0 }.max() ?? 0
            return widest == 0 && !rows.isEmpty ? 0 : max(widest, Self.width(titles[column]))
        }
        var lines: [String] = []
        if hasTitles { lines.append(style.dim(line(titles, widths))) }
        lines += rows.map { line($0, widths) }
        return lines
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = indent
        for (column, width) in widths.enumerated() where width > 0 {
            let cell = column < cells.count ? cells[column] : ""
            let blanks = String(repeating: " ", count: max(0, width - Self.width(cell)))
            text += columns[column].alignment == .right ? blanks + cell : cell + blanks
            text += "  "
        }
        while text.last == " " { text.removeLast() }
        return text
    }

    /// Characters that a terminal shows: escape sequences take no room.
    static func width(_ text: String) -> Int {
        var width = 0
        var inEscape = false
        for character in text {
            if character == "\u{1B}" {
                inEscape = true
            } else if inEscape {
                inEscape = !character.isLetter
            } else {
                width += 1
            }
        }
        return width
    }
}
