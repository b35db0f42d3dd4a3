// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// docs/man/capstan.1 from the same tree as cli.md, in the man(7) macros.
enum ManualPage {
    static func text() throws -> String {
        let markdown = try CommandLineReference.markdown()
        var lines = [
            ".\\\" Made from the command tree in Sources/capstan; do not edit.",
            ".TH CAPSTAN 1", ".SH NAME", "capstan \\- a tape library in software, for backup programs that speak NDMP",
            ".SH DESCRIPTION",
        ]
        var isCode = false
        var hasParagraph = true
        for line in markdown.split(separator: "\n", omittingEmptySubsequences: false).dropFirst(3) {
            if line == "```" {
                lines.append(isCode ? ".EE\n.PP" : ".PP\n.EX")
                isCode.toggle()
                hasParagraph = true
            } else if isCode {
                lines.append(escaped(line))
            } else if line.hasPrefix("## ") {
                lines.append(".SH " + escaped(line.dropFirst(3).filter { $0 != "`" }).uppercased())
                hasParagraph = true
            } else if line.hasPrefix("- `"), let end = line.range(of: "`: ") {
                lines += [".TP", ".B " + escaped(line[line.index(line.startIndex, offsetBy: 3)..<end.lowerBound])]
                lines.append(escaped(line[end.upperBound...]))
            } else if line.hasPrefix("| ") {
                let cells = line.split(separator: "|").map { $0.drop { $0 == " " } }
                guard cells.count == 2, cells[0] != "Code " else { continue }
                lines += [".TP", ".B " + escaped(cells[0]), escaped(cells[1])]
            } else if line.isEmpty {
                if !hasParagraph { lines.append(".PP") }
                hasParagraph = true
            } else if !line.hasPrefix("|---") {
                lines.append(escaped(line.filter { $0 != "`" }))
                hasParagraph = false
            }
        }
        while lines.last == ".PP" { lines.removeLast() }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A backslash and a hyphen mean something to the formatter, and so does a dot or an apostrophe in front.
    private static func escaped(_ line: some StringProtocol) -> String {
        var text = String(line).replacing("\\", with: "\\e").replacing("-", with: "\\-")
        while text.last == " " { text.removeLast() }
        return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
    }
}
