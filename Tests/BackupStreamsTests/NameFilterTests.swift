// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import BackupStreams

@Suite("Names that a backup takes: EXCLUDE and FILES")
struct NameFilterTests {
    @Test(
        "shell patterns",
        arguments: [
            ("*.o", "a.o", true), ("*.o", "a.c", false), ("*", "", true), ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false), ("?", "x", true), ("?", "", false), ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false), ("[^a-c]x", "dx", true), ("[]]", "]", true), ("[a", "[a", true),
            ("\\*", "*", true), ("\\*", "x", false), ("core", "core", true), ("core", "cores", false),
            ("[a-]", "-", true), ("**", "anything", true),
        ]
    )
    func patterns(_ pattern: String, _ name: String, _ matches: Bool) {
        #expect(GlobPattern.matches(Array(pattern.utf8), Array(name.utf8)) == matches)
    }

    @Test("a hostile pattern takes no longer than pattern times name")
    func hostile() {
        let pattern = [UInt8](repeating: UInt8(ascii: "*"), count: 2000) + Array("b".utf8)
        #expect(!GlobPattern.matches(pattern, [UInt8](repeating: UInt8(ascii: "a"), count: 255)))
    }

    @Test("excluded names are matched anywhere, excluded paths from the root; files lead the way to themselves")
    func verdicts() {
        var options = BackupOptions(datesKey: "")
        options.excludes = [Array("*.o".utf8), Array("/tmp/x*".utf8), Array("a/b".utf8)]
        var filter = NameFilter(options)
        #expect(filter.verdict(TreePath("src/deep/x.o")) == .skip)
        #expect(filter.verdict(TreePath("tmp/xyz")) == .skip)
        #expect(filter.verdict(TreePath("tmp/y")) == .take)
        #expect(filter.verdict(TreePath("z/tmp/xyz")) == .take)
        #expect(filter.verdict(TreePath("a/b")) == .skip)
        #expect(filter.verdict(TreePath("c/a/b")) == .take)
        options.excludes = []
        options.files = [TreePath("home/ann"), TreePath("etc/host*")]
        filter = NameFilter(options)
        #expect(filter.verdict(TreePath()) == .passThrough)
        #expect(filter.verdict(TreePath("home")) == .passThrough)
        #expect(filter.verdict(TreePath("home/bob")) == .skip)
        #expect(filter.verdict(TreePath("home/ann/x/y")) == .take)
        #expect(filter.verdict(TreePath("etc/hosts")) == .take)
        #expect(filter.verdict(TreePath("etc/passwd")) == .skip)
    }
}

@Suite("Dump dates")
struct DumpDatesTests {
    @Test("the base is the latest backup of a lower level, per key and format")
    func base() throws {
        let scratch = try ScratchDirectory()
        let dates = DumpDates(directory: scratch.path + "/made/here")
        #expect(try dates.base(key: "/a", .tar, below: 9) == nil)
        try dates.record(key: "/a", .tar, level: 0, date: 100)
        try dates.record(key: "/a", .tar, level: 2, date: 200)
        try dates.record(key: "/a", .tar, level: 1, date: 300)
        try dates.record(key: "/b", .tar, level: 0, date: 500)
        try dates.record(key: "/a", .dump, level: 0, date: 600)
        // A second owner of the directory sees the same.
        let again = DumpDates(directory: scratch.path + "/made/here")
        #expect(try again.base(key: "/a", .tar, below: 0) == nil)
        let below1 = try #require(try again.base(key: "/a", .tar, below: 1))
        #expect(below1 == (100, 0))
        let below9 = try #require(try again.base(key: "/a", .tar, below: 9))
        #expect(below9 == (300, 1))
    }

    @Test("a new full backup makes older higher levels meaningless")
    func restarts() throws {
        let scratch = try ScratchDirectory()
        let dates = DumpDates(directory: scratch.path)
        try dates.record(key: "k", .dump, level: 0, date: 100)
        try dates.record(key: "k", .dump, level: 5, date: 200)
        try dates.record(key: "k", .dump, level: 0, date: 300)
        let base = try #require(try dates.base(key: "k", .dump, below: 9))
        #expect(base == (300, 0))
    }

    @Test("a damaged file is told, and not taken for an empty one")
    func damaged() throws {
        let scratch = try ScratchDirectory()
        try Data("{".utf8).write(to: URL(fileURLWithPath: scratch.path + "/dump-dates.json"))
        let dates = DumpDates(directory: scratch.path)
        #expect(throws: StreamError.self) { try dates.base(key: "k", .tar, below: 1) }
        #expect(throws: StreamError.self) { try dates.record(key: "k", .tar, level: 0, date: 1) }
    }
}
