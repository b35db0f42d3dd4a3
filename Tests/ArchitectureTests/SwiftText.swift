// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Just enough of Swift's grammar for the rules: code without comments and literals, and where functions end.
enum SwiftText {
    /// The code with every comment and string literal replaced by spaces; line feeds stay, so lines keep their numbers.
    static func code(of text: String) -> String {
        var scanner = Scanner(Array(text.utf8))
        scanner.skipCode(untilClosingParenthesis: false)
        return String(decoding: scanner.output, as: UTF8.self)
    }

    private struct Scanner {
        let input: [UInt8]
        var output: [UInt8]
        var at = 0

        init(_ input: [UInt8]) {
            self.input = input
            output = input
        }

        func looking(at text: StaticString) -> Bool {
            let bytes = text.description.utf8
            guard at + bytes.count <= input.count else { return false }
            return zip(input[at...], bytes).allSatisfy { $0 == $1 }
        }

        mutating func blank(_ count: Int) {
            for index in at..<min(at + count, input.count) where input[index] != UInt8(ascii: "\n") {
                output[index] = UInt8(ascii: " ")
            }
            at += count
        }

        mutating func skipCode(untilClosingParenthesis inside: Bool) {
            var depth = 0
            while at < input.count {
                if looking(at: "//") {
                    while at < input.count, input[at] != UInt8(ascii: "\n") { blank(1) }
                } else if looking(at: "/*") {
                    skipComment()
                } else if let hashes = stringBegins() {
                    skipString(hashes: hashes)
                } else {
                    if input[at] == UInt8(ascii: "(") { depth += 1 }
                    if input[at] == UInt8(ascii: ")") {
                        if inside, depth == 0 { return }
                        depth -= 1
                    }
                    if inside { blank(1) } else { at += 1 }
                }
            }
        }

        mutating func skipComment() {
            var depth = 0
            repeat {
                if looking(at: "/*") {
                    depth += 1
                    blank(2)
                } else if looking(at: "*/") {
                    depth -= 1
                    blank(2)
                } else {
                    blank(1)
                }
            } while depth > 0 && at < input.count
        }

        /// The number of `#` before the quote when a string literal begins here.
        func stringBegins() -> Int? {
            var index = at
            while index < input.count, input[index] == UInt8(ascii: "#") { index += 1 }
            guard index < input.count, input[index] == UInt8(ascii: "\"") else { return nil }
            return index - at
        }

        mutating func skipString(hashes: Int) {
            blank(hashes)
            let quotes = looking(at: "\"\"\"") ? 3 : 1
            blank(quotes)
            while at < input.count {
                if ends(quotes: quotes, hashes: hashes) {
                    blank(quotes + hashes)
                    return
                }
                if input[at] == UInt8(ascii: "\\"), followed(byHashes: hashes, from: at + 1) {
                    let next = at + 1 + hashes
                    if next < input.count, input[next] == UInt8(ascii: "(") {
                        blank(2 + hashes)
                        skipCode(untilClosingParenthesis: true)
                        blank(1)
                    } else {
                        blank(2 + hashes)
                    }
                } else {
                    blank(1)
                }
            }
        }

        func ends(quotes: Int, hashes: Int) -> Bool {
            guard at + quotes <= input.count else { return false }
            return input[at..<at + quotes].allSatisfy { $0 == UInt8(ascii: "\"") }
                && followed(byHashes: hashes, from: at + quotes)
        }

        func followed(byHashes count: Int, from index: Int) -> Bool {
            index + count <= input.count && input[index..<index + count].allSatisfy { $0 == UInt8(ascii: "#") }
        }
    }

    struct Function {
        let name: String
        /// First line, counted from 1, and the number of lines up to the closing brace.
        let line: Int
        let length: Int
    }

    /// Functions and initialisers that have a body, nested ones too.
    static func functions(in text: String) -> [Function] {
        let lines = code(of: text).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        return lines.indices.compactMap { first in
            guard let name = functionName(in: lines[first]), let last = lastLine(of: lines, from: first) else {
                return nil
            }
            return Function(name: name, line: first + 1, length: last - first + 1)
        }
    }

    private static func functionName(in line: String) -> String? {
        let words = line.split { $0 == " " || $0 == "(" || $0 == "<" }
        if let index = words.firstIndex(of: "func") {
            return index + 1 < words.count ? String(words[index + 1]) : "func"
        }
        guard line.contains("init(") || line.contains("init?(") || line.contains("init<") else { return nil }
        let modifiers: Set<Substring> = [
            "package", "private", "fileprivate", "convenience", "required", "override", "nonisolated",
        ]
        return words.first { !modifiers.contains($0) } == "init" || words.first { !modifiers.contains($0) } == "init?"
            ? "init" : nil
    }

    /// The line of the brace that closes the body; nil when there is no body (a protocol's requirement).
    private static func lastLine(of lines: [String], from first: Int) -> Int? {
        var brackets = 0
        var braces = 0
        var ended: Character = " "
        for index in first..<lines.count {
            let trimmed = lines[index].drop { $0 == " " }
            if index > first, braces == 0, brackets == 0, !goesOn(trimmed, after: ended) { return nil }
            for character in lines[index] {
                switch character {
                case "(", "[": brackets += 1
                case ")", "]": brackets -= 1
                case "{" where brackets == 0 || braces > 0: braces += 1
                case "}" where braces == 0 && brackets == 0: return nil
                case "}" where braces > 0:
                    braces -= 1
                    if braces == 0, brackets == 0 { return index }
                default: break
                }
                if character != " " { ended = character }
            }
        }
        return nil
    }

    /// Whether a declaration without a brace so far goes on in this line.
    private static func goesOn(_ line: Substring, after last: Character) -> Bool {
        let words = ["{", "->", "throws", "rethrows", "async", "where", "("]
        return line.isEmpty || words.contains { line.hasPrefix($0) } || last == "," || last == ">" || last == "&"
    }
}
