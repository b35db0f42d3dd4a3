// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import NDMPProtocol
import Testing
import WireFormat

@testable import NDMPServer

@Suite("Variables and names of START requests")
struct DataEnvironmentTests {
    private func environment(_ pairs: KeyValuePairs<String, String>) -> DataEnvironment {
        DataEnvironment(pairs.map { NDMPVariable(name: XDRString($0), value: XDRString($1)) })
    }

    private func options(_ pairs: KeyValuePairs<String, String>) throws -> BackupOptions {
        try environment(pairs).backupOptions(for: .tar, fileSystem: Array("/data".utf8))
    }

    @Test("Unknown names are kept; of a name that comes twice the last one counts")
    func keeping() throws {
        let known = environment(["LEVEL": "1", "X_VENDOR": "7", "LEVEL": "3"])
        #expect(known.variables.count == 3)
        #expect(try known.backupOptions(for: .dump, fileSystem: []).level == 3)
    }

    @Test("FILESYSTEM and PREFIX are one: the last that is a path counts")
    func fileSystem() {
        func path(_ pairs: KeyValuePairs<String, String>) -> String? {
            environment(pairs).fileSystem.map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(path(["FILESYSTEM": "/a"]) == "/a")
        #expect(path(["PREFIX": "/b"]) == "/b")
        #expect(path(["PREFIX": "/a", "FILESYSTEM": "/a", "PREFIX": "/out"]) == "/out")
        #expect(path(["FILESYSTEM": "/a", "PREFIX": ""]) == "/a")
        #expect(path(["FILESYSTEM": "data"]) == nil)
        #expect(path([:]) == nil)
    }

    @Test("true is y, Y, t, T, 1, yes, true", arguments: ["y", "Y", "t", "T", "1", "yes", "YES", "true", "True"])
    func truth(word: String) {
        #expect(environment(["UPDATE": XDRString(word).text]).flag("UPDATE", default: false))
    }

    @Test("false is everything else that is given", arguments: ["n", "N", "f", "no", "0", "false"])
    func falsehood(word: String) {
        #expect(!environment(["UPDATE": word]).flag("UPDATE", default: true))
        #expect(environment([:]).flag("UPDATE", default: true))
    }

    @Test("HIST: n, f, d; with y the format chooses")
    func history() throws {
        func form(_ value: String, _ format: StreamFormat) throws -> HistoryForm {
            try environment(["HIST": value]).history(for: format)
        }
        #expect(try form("n", .tar) == .none)
        #expect(try form("No", .dump) == .none)
        #expect(try form("f", .dump) == .paths)
        #expect(try form("d", .tar) == .nodes)
        #expect(try form("y", .tar) == .paths)
        #expect(try form("Yes", .dump) == .nodes)
        #expect(try environment([:]).history(for: .tar) == .none)
        #expect(throws: DataEnvironment.Refusal.self) { try form("q", .tar) }
    }

    @Test("Options of a backup")
    func backupOptions() throws {
        let set = try options([
            "LEVEL": "2", "UPDATE": "n", "BASE_DATE": "1700000000", "EXCLUDE": "*.o,core", "FILES": "/a/b c",
            "EXCLUDE": "tmp\\ file",
            "HIST": "y", "DMP_NAME": "weekly",
        ])
        #expect(set.level == 2)
        #expect(!set.updatesDates)
        #expect(set.baseDate == 1_700_000_000)
        #expect(set.excludes == ["*.o", "core", "tmp file"].map { Array($0.utf8) })
        #expect(set.files == [TreePath(Array("a/b".utf8)), TreePath(Array("c".utf8))])
        #expect(set.history == .paths)
        #expect(set.datesKey == "weekly")
        let plain = try options([:])
        #expect(plain.level == 0 && plain.updatesDates && plain.baseDate == nil)
        #expect(plain.datesKey == "/data")
        #expect(try options(["BASE_DATE": "-1"]).baseDate == nil)
    }

    @Test(
        "What cannot be used is refused with a sentence",
        arguments: [["LEVEL": "10"], ["LEVEL": "-1"], ["LEVEL": "x"], ["FILES": "../etc"], ["BASE_DATE": "soon"]]
    )
    func refusals(pair: [String: String]) {
        let variables = pair.map { NDMPVariable(name: XDRString($0), value: XDRString($1)) }
        #expect(throws: DataEnvironment.Refusal.self) {
            try DataEnvironment(variables).backupOptions(for: .tar, fileSystem: Array("/data".utf8))
        }
    }

    @Test("Options of a recovery")
    func recoverOptions() throws {
        let plain = try environment([:]).recoverOptions(for: .tar, historyOnly: false)
        #expect(!plain.wholeImage && plain.isRecursive && !plain.direct && plain.history == .none)
        let set = try environment(["EXTRACT": "n", "RECURSIVE": "n", "DIRECT": "y", "HIST": "y"])
            .recoverOptions(for: .dump, historyOnly: false)
        #expect(set.wholeImage && !set.isRecursive && set.direct)
        let history = try environment(["HIST": "n"]).recoverOptions(for: .dump, historyOnly: true)
        #expect(history.historyOnly && history.history == .nodes)
    }

    @Test("What a job finds out takes the place of what came, or stands behind it")
    func setting() {
        var known = environment(["LEVEL": "9", "A": "b"])
        known.set("LEVEL", "2")
        known.set("DUMP_DATE", "5")
        known.setDefault("A", "c")
        #expect(known.variables.map { $0.name.text + "=" + $0.value.text } == ["LEVEL=2", "A=b", "DUMP_DATE=5"])
    }

    // MARK: Recover lists

    struct NameCase: Sendable {
        var version: Int
        var original: String
        var destination: String
        var newName = ""
        /// With /export/a as the place of names without a destination.
        var target: String
    }

    /// NDMP v2 to v4, 3.5.2.3 of the draft; the examples of its text with FILESYSTEM /export/a; and what ndmjob was
    /// seen to send.
    static let names: [NameCase] = [
        NameCase(version: 2, original: "x/f", destination: "/r/g", target: "/r/g"),
        NameCase(version: 2, original: "/x/f", destination: "", target: "/export/a/x/f"),
        NameCase(version: 3, original: "/x/f", destination: "/r", target: "/r/x/f"),
        NameCase(version: 3, original: "/x/f", destination: "/r", newName: "g", target: "/r/g"),
        NameCase(version: 3, original: "/x/f", destination: "", target: "/export/a/x/f"),
        NameCase(version: 3, original: "", destination: "/r", target: "/r"),
        NameCase(version: 4, original: "", destination: "/vol/a", target: "/vol/a"),
        NameCase(version: 4, original: "/u/t", destination: "/x/t2", target: "/x/t2"),
        NameCase(version: 4, original: "/u/t", destination: "/x", newName: "t2", target: "/x/t2"),
        NameCase(version: 4, original: "/u/t", destination: "", target: "/export/a/u/t"),
        NameCase(version: 4, original: "/u/t", destination: "sub", newName: "v", target: "/export/a/sub/v"),
        NameCase(version: 4, original: "/u/t", destination: "/x/", target: "/x"),
    ]

    @Test("A name of a recover list means what its version says", arguments: names)
    func recoverNames(known: NameCase) throws {
        let entry = NameListEntry(
            originalPath: XDRString(known.original),
            destination: XDRString(known.destination),
            newName: XDRString(known.newName),
            fileHistoryInfo: .max
        )
        let name = try RecoverName(entry, version: known.version, root: Array("/export/a".utf8))
        #expect(String(decoding: name.target, as: UTF8.self) == known.target)
        #expect(name.offset == nil)
    }

    @Test("Offsets and nodes: all ones and 0 are unknown")
    func recoverOffsets() throws {
        func name(_ node: UInt64, _ offset: UInt64) throws -> RecoverName {
            let entry = NameListEntry(originalPath: "f", node: node, fileHistoryInfo: offset)
            return try RecoverName(entry, version: 4, root: Array("/e".utf8))
        }
        #expect(try name(.max, .max).offset == nil)
        #expect(try name(0, 0).node == nil)
        #expect(try name(7, 512).offset == 512)
        #expect(try name(7, 512).node == 7)
    }

    @Test("A name with .. is refused")
    func escaping() {
        #expect(throws: DataEnvironment.Refusal.self) {
            try RecoverName(NameListEntry(originalPath: "../../etc/passwd"), version: 4, root: Array("/e".utf8))
        }
    }
}
