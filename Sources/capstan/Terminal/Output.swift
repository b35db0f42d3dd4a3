// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import ManagementAPI

/// The two streams of a command: results on standard output, narration on standard error.
struct Output: Sendable {
    static let standard = Output()

    /// True when standard output is a terminal that may show colour (https://no-color.org).
    var style: Style {
        let environment = ProcessInfo.processInfo.environment
        let isPlain = environment["NO_COLOR"].map { !$0.isEmpty } ?? false || environment["TERM"] == "dumb"
        let locale = environment["LC_ALL"] ?? environment["LC_CTYPE"] ?? environment["LANG"] ?? ""
        let isUnicode = locale.uppercased().replacing("-", with: "").contains("UTF8")
        return Style(colour: isatty(STDOUT_FILENO) == 1 && !isPlain, unicode: isUnicode)
    }

    /// True when standard error is a terminal, so that a line of progress may be rewritten.
    var narratesToTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// A line of the result. A reader that has gone away ends the command quietly.
    func line(_ text: String) {
        guard (try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))) != nil else {
            exit(ErrorCode.failure.exitCode)
        }
    }

    /// A line that a daemon prints: nobody may be left to read it, which is no reason to end.
    func announce(_ text: String) { try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8)) }

    /// A line for people; nobody is meant to parse it.
    func narrate(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8)) }

    /// Text without a newline, for a line of progress that is rewritten.
    func narrateInPlace(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(("\r\u{1B}[2K" + text).utf8))
    }

    /// A result as JSON with sorted keys.
    func json(_ value: some Encodable) throws {
        line(String(decoding: try ManagementAPI.encode(value, pretty: true), as: UTF8.self))
    }
}

/// Colour and drawing characters, or their plain replacements.
struct Style: Sendable {
    var colour: Bool
    var unicode: Bool

    static let plain = Style(colour: false, unicode: false)

    func bold(_ text: String) -> String { wrap("1", text) }
    func dim(_ text: String) -> String { wrap("2", text) }
    func green(_ text: String) -> String { wrap("32", text) }
    func yellow(_ text: String) -> String { wrap("33", text) }
    func red(_ text: String) -> String { wrap("31", text) }
    func cyan(_ text: String) -> String { wrap("36", text) }

    private func wrap(_ code: String, _ text: String) -> String {
        colour && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }

    /// A bar of `width` cells, the first `used / total` of them filled; anything above nothing shows one cell.
    func bar(used: UInt64, total: UInt64, width: Int) -> String {
        let share = total == 0 ? 0 : min(1, Double(used) / Double(total))
        let cells = used == 0 ? 0 : max(1, Int((share * Double(width)).rounded(.down)))
        let (full, empty) = unicode ? ("█", "░") : ("#", ".")
        let filled = String(repeating: full, count: cells)
        let text = share >= 0.95 ? red(filled) : share >= 0.8 ? yellow(filled) : green(filled)
        return "[" + text + dim(String(repeating: empty, count: width - cells)) + "]"
    }

    /// Percent of `total`, at least 1 for anything above nothing.
    static func percent(_ used: UInt64, of total: UInt64) -> String {
        guard total > 0, used > 0 else { return "0 %" }
        return "\(max(1, Int((Double(used) / Double(total) * 100).rounded(.down)))) %"
    }
}
