// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@Suite("House rules: sizes, unsafe code, words that may not stand in Sources")
struct HouseRuleTests {
    static let longestFile = 600
    static let longestFunction = 70

    @Test("no file is longer than 600 lines")
    func files() {
        let others = SourceTree.files(in: ["Sources", "Tests", "Scripts"], suffixes: [".c", ".h", ".py", ".sh"])
        for file in SourceTree.swift + others where file.lineCount > Self.longestFile {
            Issue.record("\(file.path) has \(file.lineCount) lines")
        }
    }

    @Test("no function is longer than 70 lines")
    func functions() {
        for file in SourceTree.swift {
            for function in SwiftText.functions(in: file.text) where function.length > Self.longestFunction {
                Issue.record("\(file.path):\(function.line) \(function.name) has \(function.length) lines")
            }
        }
    }

    /// Folders and files in which `unsafe` may stand; each use there says why it holds.
    static let unsafePlaces = [
        "Sources/DiskIO/", "Sources/Sockets/", "Sources/NDMPServer/Network/",
        "Sources/BackupStreams/FileTree/", "Sources/BackupStreams/Tar/Archive/", "Sources/NDMPServer/Mover/MoverBuffer",
        "Sources/TapeFormats/LibArchive/", "Sources/TapeImages/Compression/", "Sources/FUSEMount/",
        "Sources/TapeLibrary/Threads/", "Sources/SGNames/", "Sources/ManagementAPI/Socket",
    ]

    @Test("unsafe stands only where it may")
    func unsafePlaces() {
        for file in SourceTree.sources where !Self.unsafePlaces.contains(where: file.path.hasPrefix) {
            for (number, words) in Self.words(of: file) {
                for word in words where word == "unsafe" || word.hasPrefix("Unsafe") || word.hasPrefix("withUnsafe") {
                    Issue.record("\(file.path):\(number) has \(word)")
                }
            }
        }
    }

    /// Words that Sources do without, and what to write instead.
    static let banned: [(word: String, instead: String)] = [
        ("public", "package access: this is a program, not a library"),
        ("open", "package access: this is a program, not a library"),
        ("fatalError", "a precondition with a sentence, or an error"),
        ("print", "a logger, or the program's own output"),
        ("TODO", "an issue"),
        ("FIXME", "an issue"),
    ]

    @Test("words that may not stand in Sources do not")
    func bannedWords() {
        for file in SourceTree.sources {
            for (number, line) in Self.codeLines(of: file) {
                let words = Self.words(in: line)
                for rule in Self.banned where words.contains(rule.word) && Self.counts(rule.word, in: line) {
                    Issue.record("\(file.path):\(number) has \(rule.word); use \(rule.instead)")
                }
                for mark in ["try!", "as!"] where line.contains(mark) {
                    Issue.record("\(file.path):\(number) has \(mark)")
                }
            }
            for (number, line) in file.lines.enumerated() where line.contains("TODO") || line.contains("FIXME") {
                Issue.record("\(file.path):\(number + 1) has a note of unfinished work")
            }
        }
    }

    /// `open` and `print` are also names of things; only the modifier and the global function are meant.
    private static func counts(_ word: String, in line: Substring) -> Bool {
        switch word {
        case "open":
            return ["open class ", "open func ", "open var "].contains { line.contains($0) }
        case "print":
            guard let range = line.range(of: "print(") else { return false }
            guard let before = line[..<range.lowerBound].last else { return true }
            let isName = before == "." || before == "_" || before.isLetter || before.isNumber
            return !isName && !line.contains("func print(")
        default:
            return true
        }
    }

    @Test("every file begins with licence and copyright")
    func headers() {
        let suffixes = [".swift", ".c", ".h", ".py", ".sh"]
        let named = ["run", "build", "test", "check", "bench"].map { "Scripts/" + $0 }
        let files =
            SourceTree.files(in: ["Sources", "Tests", "Scripts"], suffixes: suffixes)
            + SourceTree.files(in: named + [".ci/run"], suffixes: ["run", "build", "test", "check", "bench"])
        #expect(files.count > 50)
        for file in files {
            let head = file.lines.prefix(4).joined(separator: "\n")
            #expect(head.contains("SPDX-License-Identifier: Apache-2.0"), "\(file.path) has no SPDX line")
            #expect(head.contains("Copyright 2026 the Capstan authors"), "\(file.path) has no copyright line")
        }
    }

    @Test("nothing names the machine it was written on")
    func machinePaths() {
        // In pieces, so that this file does not break its own rule.
        let names = ["/wo" + "rk/", "/tmp/cap" + "stan/", "/ro" + "ot/"]
        let suffixes = [
            ".swift", ".c", ".h", ".py", ".sh", ".md", ".yaml", ".yml", ".json", ".service", "/run", "/build", "/test",
            "/check", "/bench", ".txt",
        ]
        let places = [
            "Sources", "Tests", "Scripts", ".ci", "docs", "Config", "Images", "Package.swift", "README.md",
            "ARCHITECTURE.md", "CONTRIBUTING.md",
        ]
        for file in SourceTree.files(in: places, suffixes: suffixes) {
            for (number, line) in file.lines.enumerated() {
                for name in names where line.contains(name) {
                    Issue.record("\(file.path):\(number + 1) names \(name)")
                }
            }
        }
    }

    static func codeLines(of file: SourceFile) -> [(number: Int, line: Substring)] {
        SwiftText.code(of: file.text).split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .map { ($0.offset + 1, $0.element) }
    }

    static func words(of file: SourceFile) -> [(number: Int, words: [String])] {
        codeLines(of: file).map { ($0.number, words(in: $0.line)) }
    }

    static func words(in line: Substring) -> [String] {
        line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
    }
}
