// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Foundation
import Testing

@testable import TapeFormats

@Suite("Archives: dump", .enabled(if: ArchiveShell.has("restore")))
struct ArchiveDumpTests {
    private let scratch: ArchiveScratch
    private let tree: String

    init() throws {
        scratch = try ArchiveScratch()
        tree = scratch.path + "/tree"
    }

    private func ownDump(level: Int = 0) throws -> [UInt8] {
        try ArchiveOwnStreams.stream(.dump, of: tree, state: scratch.path + "/state", level: level)
    }

    private func write(_ bytes: [UInt8], _ name: String) throws -> String {
        let path = scratch.path + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test("our own dumps are listed and read as the tree they came from, in records of 63 KiB with filling at the end")
    func ownStreams() throws {
        try ArchiveSamples.makeTree(tree)
        try ArchiveShell.run("head -c 3000000 /dev/urandom > long; head -c 1 /dev/urandom >> holes", in: tree)
        var bytes = try ownDump()
        bytes += [UInt8](repeating: 0, count: 64_512 - bytes.count % 64_512)
        let (recognition, contents) = try ArchiveTree.open(ArchiveTape(bytes, recordBytes: 64_512))
        #expect(recognition.format == "dump")
        #expect(contents.problems == [])
        #expect(try ArchiveTree.lines(of: contents) == ArchiveTree.lines(ofDirectory: tree))
        let hard = try #require(contents.child(Array("hard".utf8), of: 0))
        #expect(contents.entry(hard)?.links == 2)
    }

    @Test("files are read anywhere: backwards, across headers, in holes")
    func anywhere() throws {
        try ArchiveShell.run(
            """
            mkdir '\(tree)'; cd '\(tree)'; head -c 1800000 /dev/urandom > dense; truncate -s 9M holes
            for at in 5 700000 4000000 8999000; do
              head -c 900 /dev/urandom | dd of=holes bs=1 seek=$at conv=notrunc status=none; done
            """
        )
        let (_, contents) = try ArchiveTree.open(ArchiveTape(try ownDump()))
        for name in ["dense", "holes"] {
            let source = Array(try Data(contentsOf: URL(fileURLWithPath: tree + "/" + name)))
            let number = try #require(contents.child(Array(name.utf8), of: 0))
            let reader = try contents.openEntry(number)
            for offset in stride(from: source.count - 1, to: 0, by: -77_777) {
                var part = [UInt8](repeating: 0xEE, count: 1500)
                var room = part.mutableSpan
                let got = try reader.read(into: &room, at: UInt64(offset))
                #expect(got == min(1500, source.count - offset))
                #expect(Array(part.prefix(got)) == Array(source[offset..<offset + got]), "\(name) at \(offset)")
            }
        }
    }

    @Test("what Debian's dump wrote at levels 0 and 1 is listed as restore extracts it")
    func debian() throws {
        for (level, name) in ["level0", "level1"].enumerated() {
            let bytes = try ArchiveCaptures.dump(name, scratch.path)
            let stream = try write(bytes, name)
            let target = scratch.path + "/x" + name
            try ArchiveShell.run(
                "mkdir '\(target)'; cd '\(target)'; echo y | restore -T '\(scratch.path)' -xf '\(stream)' -a >/dev/null; find . -name 'odd*' -delete"
            )
            let (recognition, contents) = try ArchiveTree.open(ArchiveTape(bytes))
            #expect(contents.problems == [])
            #expect(recognition.facts.contains(.init("level", "\(level)")))
            #expect(recognition.facts.contains(.init("file system", "/mnt/tree")))
            #expect(try ArchiveTree.lines(of: contents).count > 10)
            // restore leaves directories of an incremental dump out when nothing in them is extracted.
            let expected = try ArchiveTree.lines(ofDirectory: target).filter { $0.hasPrefix("f") || $0.hasPrefix("l") }
            let found = try ArchiveTree.lines(of: contents).filter {
                ($0.hasPrefix("f") || $0.hasPrefix("l")) && !$0.contains("odd")
            }
            #expect(found == expected, "level \(level)")
        }
    }

    @Test("a dump with big-endian words, as NetApp writes them, is the same tree")
    func bigEndian() throws {
        let bytes = try ArchiveCaptures.dump("level0", scratch.path)
        let swapped = ArchiveCaptures.bigEndian(bytes)
        #expect(Array(swapped[24..<28]) == [0, 0, 0xEA, 0x6C])
        let (recognition, contents) = try ArchiveTree.open(ArchiveTape(swapped))
        let (_, original) = try ArchiveTree.open(ArchiveTape(bytes))
        #expect(contents.problems == [])
        #expect(recognition.facts.contains(.init("variant", "60012, big-endian")))
        #expect(try ArchiveTree.lines(of: contents) == ArchiveTree.lines(of: original))
    }

    @Test("records of an unknown use between files, such as access control lists, are passed over")
    func accessControlRecords() throws {
        let bytes = try ArchiveCaptures.dump("level0", scratch.path)
        let (_, original) = try ArchiveTree.open(ArchiveTape(bytes))
        var header = ArchiveCaptures.header(kind: 7, inode: 99)
        header[160] = 2
        header[164] = 1
        header[165] = 1
        ArchiveCaptures.seal(&header)
        // Behind the last file, before the end mark.
        let end = try #require(
            stride(from: 0, to: bytes.count, by: 1024).first { bytes[$0] == 5 && bytes[$0 + 24] == 0x6C }
        )
        let acl = header + [UInt8](repeating: 0x77, count: 2048)
        let (_, contents) = try ArchiveTree.open(ArchiveTape(Array(bytes[..<end]) + acl + bytes[end...]))
        #expect(contents.problems == [])
        #expect(try ArchiveTree.lines(of: contents) == ArchiveTree.lines(of: original))
    }

    @Test("FreeBSD's UFS2 streams have their times and dates in 64 bits")
    func secondFileSystem() throws {
        func put(_ value: UInt64, _ count: Int, _ at: Int, _ record: inout [UInt8]) {
            for index in 0..<count { record[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
        }
        func header(_ kind: UInt8, _ inode: UInt8, _ fill: (inout [UInt8]) -> Void) -> [UInt8] {
            var record = ArchiveCaptures.header(kind: kind, inode: inode)
            put(0x1954_0119, 4, 24, &record)
            fill(&record)
            ArchiveCaptures.seal(&record)
            return record
        }
        func inode(_ number: UInt8, _ mode: UInt64, _ size: UInt64) -> [UInt8] {
            header(2, number) { record in
                put(mode, 2, 32, &record)
                put(size, 8, 40, &record)
                put(500_000_000, 4, 60, &record)
                put(5_000_000_000, 8, 96, &record)
                put(1001, 4, 144, &record)
                put(1002, 4, 148, &record)
                put(1, 4, 160, &record)
                record[164] = 1
            }
        }
        var names: [UInt8] = [2, 0, 0, 0, 12, 0, 4, 1, 0x2E, 0, 0, 0, 2, 0, 0, 0, 12, 0, 4, 2, 0x2E, 0x2E, 0, 0]
        names += [5, 0, 0, 0, 0xE8, 1, 8, 1, 0x66, 0, 0, 0]
        names += [UInt8](repeating: 0, count: 1024 - names.count)
        var content = Array("from FreeBSD".utf8)
        content += [UInt8](repeating: 0, count: 1024 - content.count)
        let tape = header(1, 0) { record in
            put(4_900_000_000, 8, 896, &record)
            for (index, byte) in "/usr".utf8.enumerated() { record[696 + index] = byte }
            for (index, byte) in "beastie".utf8.enumerated() { record[824 + index] = byte }
        }
        let bytes =
            tape + inode(2, 0o040755, 512) + names + inode(5, 0o100640, 12) + content + header(5, 0) { _ in }
        let (recognition, contents) = try ArchiveTree.open(ArchiveTape(bytes))
        #expect(recognition.title == "dump of /usr on host beastie, level 0")
        #expect(recognition.facts.contains(.init("date", "2125-04-10 23:06:40 UTC")))
        #expect(contents.problems == [])
        #expect(try ArchiveTree.bytes(at: "f", in: contents) == Array("from FreeBSD".utf8))
        let entry = try #require(contents.entry(contents.child([0x66], of: 0) ?? 99))
        #expect(entry.modifiedNanoseconds == 5_000_000_000_500_000_000)
        #expect((entry.user, entry.group) == (1001, 1002))
        #expect(entry.permissions == 0o640)
    }

    @Test("a compressed dump is recognised, and says why it is not listed")
    func compressed() throws {
        var bytes = try ArchiveCaptures.dump("level0", scratch.path)
        bytes[888] |= 0x80
        var first = Array(bytes[..<1024])
        ArchiveCaptures.seal(&first)
        bytes.replaceSubrange(..<1024, with: first)
        let tape = ArchiveTape(bytes)
        let recognition = try #require(Recogniser.recognise(tape))
        #expect(recognition.format == "dump")
        #expect(!recognition.isBrowsable)
        #expect(recognition.problems.first?.contains("compressed") == true)
        #expect(throws: FormatError.self) {
            try ArchiveOpener.contents(of: tape, recognised: recognition, limits: ContentLimits())
        }
    }

    @Test("a damaged header costs its file; without the root directory files keep their numbers")
    func damage() throws {
        try ArchiveShell.run("mkdir '\(tree)'; cd '\(tree)'; for i in a b c; do head -c 9000 /dev/urandom > $i; done")
        var bytes = try ownDump()
        let headers = stride(from: 0, to: bytes.count, by: 1024).filter {
            bytes[$0] == 2 && bytes[$0 + 24] == 0x6C && bytes[$0 + 25] == 0xEA
        }
        #expect(headers.count == 4)
        bytes[headers[2] + 500] ^= 1
        let (_, contents) = try ArchiveTree.open(ArchiveTape(bytes))
        #expect(contents.entryCount == 3)
        #expect(contents.problems == ["there is no dump header at byte \(headers[2])"])
        bytes[headers[0] + 500] ^= 1
        let (_, nameless) = try ArchiveTree.open(ArchiveTape(bytes))
        var paths: [String] = []
        try ArchiveTree.walk(nameless) { _, path, _ in paths.append(path) }
        #expect(paths.count == 3)
        #expect(paths.contains { $0.hasPrefix("unnamed/inode-") })
    }

    @Test("what dump writes of a real ext2 file system is listed as the tree it was made of")
    func realFileSystem() throws {
        // Dump takes a block device only: where this machine gives none, the captures above have to do.
        try ArchiveSamples.makeTree(tree, odd: false)
        let image = scratch.path + "/image"
        let loop =
            (try? ArchiveShell.run(
                "truncate -s 32M '\(image)'; mke2fs -q -t ext2 -d '\(tree)' '\(image)'; losetup -f --show '\(image)'"
            ))?
            .split(separator: "\n").last
        guard let loop else { return }
        defer { _ = try? ArchiveShell.run("losetup -d '\(loop)'") }
        for options in ["-0", "-0 -b 64"] {
            let stream = scratch.path + "/stream"
            try ArchiveShell.run("dump \(options) -f '\(stream)' \(loop)")
            let (recognition, contents) = try ArchiveTree.open(try ArchiveTape(path: stream))
            #expect(recognition.facts.contains(.init("device", String(loop))))
            #expect(contents.problems == [])
            let lines = try ArchiveTree.lines(of: contents).filter { !$0.hasPrefix("d lost+found") }
            #expect(lines == (try ArchiveTree.lines(ofDirectory: tree)))
        }
        try ArchiveShell.run("dump -0 -z6 -f '\(scratch.path)/packed' \(loop)")
        let packed = try #require(Recogniser.recognise(try ArchiveTape(path: scratch.path + "/packed")))
        #expect(!packed.isBrowsable)
        #expect(packed.problems.count == 1)
    }
}
