// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import TapeFormats

@Suite("Archives: names, limits and lies")
struct ArchiveHostileTests {
    private func builder(_ change: (inout ContentLimits) -> Void = { _ in }) -> ContentTableBuilder {
        var limits = ContentLimits()
        change(&limits)
        return ContentTableBuilder(limits: limits)
    }

    private func finish(_ builder: ContentTableBuilder) -> ContentTable {
        builder.finish { (_) throws(FormatError) in throw .stale }
    }

    private func paths(_ contents: any ArchiveContents) throws -> [String] {
        var paths: [String] = []
        try ArchiveTree.walk(contents) { _, path, _ in paths.append(path) }
        return paths.sorted()
    }

    private let file = ContentEntry(kind: .regular, lengthBytes: 5)

    @Test("paths lose their root and their dots, and directories that are missing are made")
    func safePaths() throws {
        let builder = builder()
        for path in ["/etc/passwd", "./a//b/./c", "d/", "/", ".", ""] { builder.add(path: Array(path.utf8), file) }
        let table = finish(builder)
        #expect(try paths(table) == ["a", "a/b", "a/b/c", "d", "etc", "etc/passwd"])
        #expect(table.problems == [])
        let made = try #require(table.find("etc"))
        #expect(table.entry(made)?.kind == .directory)
        #expect(table.entry(made)?.permissions == 0o755)
        #expect(table.child(Array("etc".utf8), of: 99) == nil)
    }

    @Test("paths that lead out, and names that no file can have, are left out and told once")
    func refusedPaths() throws {
        let builder = builder()
        for path in ["../x", "a/../../x", "..", "a/b/.."] { #expect(builder.add(path: Array(path.utf8), file) == nil) }
        #expect(builder.add(path: [0x61, 0, 0x62], file) == nil)
        #expect(builder.add(name: Array("a/b".utf8), in: 0, file) == nil)
        #expect(builder.add(name: Array("..".utf8), in: 0, file) == nil)
        #expect(builder.add(name: [], in: 0, file) == nil)
        #expect(builder.add(name: [0x61], in: 7, file) == nil)
        let table = finish(builder)
        #expect(table.entryCount == 1)
        #expect(
            table.problems == [
                "names that lead out of the archive are left out: 6, the first is ../x",
                #"names that no file can have are left out: 2, the first is a\000b"#,
            ]
        )
    }

    @Test("names longer than 255 bytes are cut to different ones, not within a character")
    func longNames() throws {
        let builder = builder()
        let base = String(repeating: "ä", count: 130)
        builder.add(path: Array((base + "1").utf8), file)
        builder.add(path: Array((base + "2").utf8), file)
        let table = finish(builder)
        let names = try paths(table)
        #expect(names.count == 2)
        #expect(names.allSatisfy { $0.utf8.count <= 255 && $0.hasPrefix("ää") && $0.contains("~") })
        #expect(table.problems.count == 1)
    }

    @Test("of two files the later one wins; what is in a directory is never lost to a file")
    func conflicts() throws {
        let builder = builder()
        let first = builder.add(path: Array("f".utf8), file, locator: 1)
        #expect(builder.add(path: Array("f".utf8), ContentEntry(kind: .regular, lengthBytes: 9), locator: 2) == first)
        builder.add(path: Array("d/x".utf8), file)
        #expect(builder.add(path: Array("d".utf8), file) == nil)
        builder.add(path: Array("e".utf8), ContentEntry(kind: .directory))
        builder.add(path: Array("e".utf8), file)
        builder.add(path: Array("g".utf8), file)
        builder.add(path: Array("g/below".utf8), file)
        builder.add(path: Array("d".utf8), ContentEntry(kind: .directory, permissions: 0o700))
        let table = finish(builder)
        #expect(try paths(table) == ["d", "d/x", "e", "f", "g", "g/below"])
        #expect(table.member(try #require(first))?.locator == 2)
        #expect(table.entry(try #require(table.find("e")))?.kind == .regular)
        #expect(table.entry(try #require(table.find("g")))?.kind == .directory)
        #expect(table.entry(try #require(table.find("d")))?.permissions == 0o700)
        #expect(table.problems.count == 3)
    }

    @Test("hard links share their bytes, also when the first name is replaced; circles and missing targets are told")
    func hardLinks() throws {
        let builder = builder()
        builder.add(path: Array("a".utf8), file, locator: 7)
        builder.addHardLink(path: Array("b".utf8), to: Array("./a".utf8), file)
        builder.addHardLink(path: Array("c".utf8), to: Array("/b".utf8), file)
        builder.addHardLink(path: Array("c".utf8), to: Array("c".utf8), file)
        builder.addHardLink(path: Array("x".utf8), to: Array("y".utf8), file)
        builder.addHardLink(path: Array("y".utf8), to: Array("x".utf8), file)
        builder.addHardLink(path: Array("z".utf8), to: Array("../a".utf8), file)
        builder.add(path: Array("a".utf8), file, locator: 8)
        let table = finish(builder)
        func member(_ name: String) -> ContentTable.Member? { table.find(name).flatMap { table.member($0) } }
        #expect(member("a")?.locator == 8)
        #expect(member("b")?.locator == 7)
        #expect(member("c")?.locator == 7)
        #expect(member("c")?.entry.links == 2)
        #expect(member("a")?.entry.links == 1)
        #expect(table.entry(try #require(table.find("x")))?.kind == .other)
        #expect(
            table.problems.contains { $0.hasPrefix("links to files that are not in the archive are shown empty: 2") }
        )
        #expect(table.problems.contains("links to themselves are left out: c"))
        #expect(throws: FormatError.self) { try table.openEntry(try #require(table.find("x"))) }
    }

    @Test("names that leave a group of links and come back to it are counted right")
    func linksComeAndGo() throws {
        let builder = builder()
        let (a, b, c) = (Array("a".utf8), Array("b".utf8), Array("c".utf8))
        builder.add(path: a, file)
        builder.addHardLink(path: b, to: a, file)
        builder.add(path: a, file)
        builder.add(path: b, file)
        builder.addHardLink(path: c, to: a, file)
        builder.add(path: c, file)
        builder.add(path: a, file)
        builder.addHardLink(path: a, to: b, file)
        builder.addHardLink(path: b, to: a, file)
        builder.addHardLink(path: c, to: b, file)
        let table = finish(builder)
        for name in ["a", "b", "c"] { #expect(table.entry(try #require(table.find(name)))?.links == 3) }
    }

    @Test("limits of entries, memory and depth keep what came before and say so")
    func limits() throws {
        let few = builder { $0.entries = 10 }
        for number in 0..<100 { few.add(path: Array("d/\(number)".utf8), file) }
        #expect(few.isFull)
        let table = finish(few)
        #expect(table.entryCount == 10)
        #expect(table.problems == ["it has more than 10 entries: those behind are not listed"])
        let small = builder { $0.footprintBytes = 1 << 20 }
        for number in 0..<100_000 { small.add(path: Array("name \(number)".utf8), file) }
        let bounded = finish(small)
        #expect(bounded.footprintBytes <= 3 << 19)
        #expect(bounded.problems.count == 1)
        let links = builder { $0.footprintBytes = 1 << 20 }
        let target = [UInt8](repeating: 0x61, count: 4000)
        for _ in 0..<10_000 { links.add(path: [0x6C], ContentEntry(kind: .symbolicLink), linkTarget: target) }
        #expect(finish(links).footprintBytes <= 2 << 20)
        let deep = builder { $0.depth = 20 }
        deep.add(path: Array(String(repeating: "d/", count: 20).utf8) + [0x66], file)
        deep.add(path: Array(String(repeating: "e/", count: 19).utf8) + [0x66], file)
        var directory: UInt32? = 0
        for _ in 0..<30 {
            directory = directory.flatMap { deep.add(name: [0x78], in: $0, ContentEntry(kind: .directory)) }
        }
        #expect(directory == nil)
        #expect(finish(deep).entryCount == 1 + 20 + 20)
    }

    @Test("problems are bounded, however many there are")
    func problems() {
        let builder = builder()
        for number in 0..<1000 { builder.problem("trouble \(number)") }
        for number in 0..<1000 { builder.add(path: Array("../\(number)".utf8), file) }
        let problems = finish(builder).problems
        #expect(problems.count <= Recognition.maximumProblems)
        #expect(problems.last?.hasSuffix("more problems") == true)
    }

    @Test("a hundred thousand names in one directory are found, and told in their order, in pieces")
    func largeDirectory() {
        let builder = builder()
        for number in 0..<100_000 { builder.add(path: Array("d/\(number)".utf8), file, locator: UInt64(number)) }
        let table = finish(builder)
        let directory = table.find("d") ?? 0
        for number in stride(from: 0, to: 100_000, by: 997) {
            #expect(table.find("d/\(number)").flatMap { table.member($0) }?.locator == UInt64(number))
        }
        var told: [String] = []
        var previous: UInt32?
        while true {
            var count = 0
            table.children(of: directory, after: previous) { number, name in
                told.append(String(decoding: name, as: UTF8.self))
                previous = number
                count += 1
                return count < 1000
            }
            if count == 0 { break }
        }
        #expect(told == (0..<100_000).map { "\($0)" })
    }

    // MARK: tar

    private func header(_ name: [UInt8], size: [UInt8], type: Character, link: String = "") -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Collection<UInt8>, _ at: Int) {
            block.replaceSubrange(at..<at + bytes.count, with: bytes)
        }
        put(name.prefix(100), 0)
        put("0000644".utf8, 100)
        put("0000000".utf8, 108)
        put("0000000".utf8, 116)
        put(size, 124)
        put("00000000000".utf8, 136)
        put([type.asciiValue ?? 0], 156)
        put(link.utf8, 157)
        put("ustar\u{0}00".utf8, 257)
        return ArchiveMutator.resealed(block)
    }

    private func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }

    @Test("names that are not UTF-8, sizes in base 256, names and links that lead out: all in one tar")
    func oddTar() throws {
        let odd: [UInt8] = [0x63, 0xE9, 0xFF, 0x0A]
        let wide: [UInt8] = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]
        let bytes =
            header(odd, size: wide, type: "0") + padded([1, 2, 3])
            + header(Array("../../evil".utf8), size: Array("00000000003".utf8), type: "0") + padded([1, 2, 3])
            + header(Array("l".utf8), size: Array("00000000000".utf8), type: "2", link: "../../../etc/passwd")
            + header(Array("l/below".utf8), size: Array("00000000003".utf8), type: "0") + padded([4, 5, 6])
            + header(Array("h".utf8), size: Array("00000000000".utf8), type: "1", link: "h")
            + [UInt8](repeating: 0, count: 1024)
        let (_, contents) = try ArchiveTree.open(ArchiveTape(bytes))
        let number = try #require(contents.child(odd, of: 0))
        #expect(try ArchiveTree.bytes(of: number, in: contents) == [1, 2, 3])
        #expect(try ArchiveTree.bytes(at: "l/below", in: contents) == [4, 5, 6])
        #expect(contents.problems.contains("names that lead out of the archive are left out: ../../evil"))
        #expect(contents.problems.contains("links to files that are not in the archive are shown empty: h"))
    }

    @Test("a tar member that claims more bytes than the tape has ends with an error, not with a trap")
    func lyingTar() throws {
        let sizes: [[UInt8]] = [
            Array("77777777777".utf8), [0x80, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        ]
        for size in sizes {
            let bytes = header([0x66], size: size, type: "0") + padded([1, 2, 3]) + [UInt8](repeating: 0, count: 1024)
            let tape = ArchiveTape(bytes)
            let (_, contents) = try ArchiveTree.open(tape)
            let number = try #require(contents.child([0x66], of: 0))
            let length = try #require(contents.entry(number)?.lengthBytes)
            #expect(length > 1 << 32)
            #expect(contents.problems.contains { $0.contains("in the middle of its last member") })
            let reader = try contents.openEntry(number)
            for offset in [1536, length - 1, length, .max] {
                var part = [UInt8](repeating: 0, count: 100)
                var room = part.mutableSpan
                if offset < length {
                    #expect(throws: FormatError.self) { _ = try reader.read(into: &room, at: offset) }
                } else {
                    #expect(try reader.read(into: &room, at: offset) == 0)
                }
            }
            #expect(tape.readBytes < 200_000)
        }
    }

    @Test("an archive that never stops beginning archives within itself is looked into four deep")
    func nesting() throws {
        var data = [UInt8](repeating: 0x41, count: 1000)
        let scratch = try ArchiveScratch()
        for _ in 0..<8 {
            try Data(data).write(to: URL(fileURLWithPath: scratch.path + "/f"))
            try ArchiveShell.run("gzip -c f > g; mv g f", in: scratch.path)
            data = Array(try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/f")))
        }
        let tape = ArchiveTape(data)
        let recognition = try #require(Recogniser.recognise(tape))
        #expect(recognition.format == "gzip")
        #expect(!recognition.isBrowsable)
        #expect(throws: FormatError.self) {
            try ArchiveOpener.contents(of: tape, recognised: recognition, limits: ContentLimits())
        }
    }

    @Test("bytes of no format are nothing: empty, random, text, zeros")
    func nothing() {
        var random = ArchiveMutator.SeededRandom(state: 7)
        for _ in 0..<2000 {
            let bytes = (0..<1024).map { _ in UInt8.random(in: 0...255, using: &random) }
            let found = Recogniser.recognise(ArchiveTape(bytes))
            #expect(found == nil, "\(found?.title ?? "")")
        }
        #expect(Recogniser.recognise(ArchiveTape([])) == nil)
        #expect(Recogniser.recognise(ArchiveTape([UInt8](repeating: 0, count: 20_480))) == nil)
        #expect(Recogniser.recognise(ArchiveTape(Array(repeatElement(0x20, count: 20_480)))) == nil)
        #expect(Recogniser.recognise(ArchiveTape(Array("hello world\n".utf8))) == nil)
    }

    @Test("a tape file that cannot be read says so instead of an error")
    func unreadable() throws {
        let tape = ArchiveTape([UInt8](repeating: 1, count: 20_480), damaged: 0..<10)
        let recognition = try #require(Recogniser.recognise(tape))
        #expect(recognition.format == "unreadable")
        #expect(recognition.problems == ["a record cannot be read"])
    }

    @Test("pieces of several tape files are one run of bytes with their records")
    func segments() throws {
        let first = ArchiveTape(Array(0..<100), recordBytes: 30)
        let second = ArchiveTape(Array(100..<200), recordBytes: 40)
        let joined = try OffsetBytes([
            .init(first, from: 35), .init(second, from: 10, lengthBytes: 0), .init(second, from: 50, lengthBytes: 20),
            .init(second, from: 500),
        ])
        #expect(joined.lengthBytes == 85)
        #expect(try joined.bytes(100) == Array(35..<100) + Array(150..<170))
        #expect(try joined.bytes(10, at: 60) == [95, 96, 97, 98, 99, 150, 151, 152, 153, 154])
        #expect(try joined.bytes(10, at: 85) == [])
        #expect(joined.recordCount == 4)
        var records: [String] = []
        for index in 0..<5 {
            guard let record = try joined.record(UInt64(index)) else { continue }
            records.append("\(record.offset)+\(record.lengthBytes)")
        }
        #expect(records == ["0+25", "25+30", "55+10", "65+20"])
        #expect(
            try [0, 24, 25, 64, 65, 84, 85].map { try joined.recordIndex(holding: $0) } == [0, 0, 1, 2, 3, 3, nil]
        )
    }

    @Test("moments are told by the calendar")
    func moments() {
        #expect(UTCTime.text(0) == "1970-01-01 00:00:00 UTC")
        #expect(UTCTime.text(951_825_599) == "2000-02-29 11:59:59 UTC")
        #expect(UTCTime.text(-1) == "1969-12-31 23:59:59 UTC")
        #expect(UTCTime.text(4_102_444_800) == "2100-01-01 00:00:00 UTC")
        #expect(UTCTime.text(.max) == "9223372036854775807 s")
    }
}
