// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import TapeFormats

@Suite("Archives: tar", .enabled(if: ArchiveShell.has("tar", "bsdtar")))
struct ArchiveTarTests {
    private let scratch: ArchiveScratch
    private let tree: String

    init() throws {
        scratch = try ArchiveScratch()
        tree = scratch.path + "/tree"
    }

    private func archive(_ command: String) throws -> ArchiveTape {
        try ArchiveShell.run(command.replacingOccurrences(of: "OUT", with: "'\(scratch.path)/out'"), in: tree)
        return try ArchiveTape(path: scratch.path + "/out")
    }

    @Test(
        "what tar wrote is listed and read as the tree it came from",
        arguments: [
            "tar --format=posix -cf OUT .", "tar --format=gnu -cf OUT .", "tar --format=oldgnu -cf OUT .",
            "tar --format=gnu -S -cf OUT .", "tar --format=oldgnu -S -cf OUT .",
            "tar --format=posix -S --sparse-version=0.0 -cf OUT .",
            "tar --format=posix -S --sparse-version=0.1 -cf OUT .",
            "tar --format=posix -S --sparse-version=1.0 -cf OUT .",
            "tar --format=posix -b 126 -cf OUT .", "tar --format=gnu -V 'a label' -cf OUT .",
            "tar --format=gnu -g OUT.snar -cf OUT .", "tar --format=posix -g OUT.snar -cf OUT .",
            "bsdtar --format=pax -cf OUT .", "bsdtar --format=gnutar -cf OUT .", "bsdtar --format=pax -cf - . > OUT",
        ]
    )
    func realTools(command: String) throws {
        try ArchiveSamples.makeTree(tree)
        let tape = try archive(command)
        let (recognition, contents) = try ArchiveTree.open(tape)
        #expect(recognition.format == "tar")
        #expect(contents.problems == [])
        #expect(try ArchiveTree.lines(of: contents, links: false) == ArchiveTree.lines(ofDirectory: tree))
        let hard = try #require(contents.child(Array("hard".utf8), of: 0))
        #expect(contents.entry(hard)?.links == 2)
    }

    @Test(
        "old formats without room for long names are listed too",
        arguments: ["tar --format=v7 -cf OUT .", "tar --format=ustar -cf OUT .", "bsdtar --format=ustar -cf OUT ."]
    )
    func shortFormats(command: String) throws {
        try ArchiveSamples.makeTree(tree, long: false)
        try FileManager.default.removeItem(atPath: tree + "/pipe")
        let (recognition, contents) = try ArchiveTree.open(try archive(command))
        #expect(recognition.format == "tar")
        #expect(contents.problems == [])
        #expect(try ArchiveTree.lines(of: contents) == ArchiveTree.lines(ofDirectory: tree))
    }

    @Test("our own tar streams are listed as the tree they came from, in records of 63 KiB with filling at the end")
    func ownStreams() throws {
        try ArchiveSamples.makeTree(tree)
        var bytes = try ArchiveOwnStreams.stream(.tar, of: tree, state: scratch.path + "/state")
        bytes += [UInt8](repeating: 0, count: 64_512 - bytes.count % 64_512)
        let (recognition, contents) = try ArchiveTree.open(ArchiveTape(bytes, recordBytes: 64_512))
        #expect(recognition.format == "tar")
        #expect(contents.problems == [])
        #expect(try ArchiveTree.lines(of: contents) == ArchiveTree.lines(ofDirectory: tree))
    }

    @Test("opening a member in the middle of a large archive reads that member, not the archive")
    func randomAccess() throws {
        try ArchiveShell.run(
            "mkdir '\(tree)'; cd '\(tree)'; for i in $(seq 200); do head -c 50000 /dev/urandom > $i; done"
        )
        let tape = try archive("tar -cf OUT .")
        let (_, contents) = try ArchiveTree.open(tape)
        let listed = tape.readBytes
        #expect(listed < 200 * 20_000)
        let number = try #require(contents.child(Array("123".utf8), of: 0))
        let reader = try contents.openEntry(number)
        var part = [UInt8](repeating: 0, count: 100)
        var room = part.mutableSpan
        #expect(try reader.read(into: &room, at: 49_950) == 50)
        #expect(tape.readBytes - listed < 1000)
        let source = try Data(contentsOf: URL(fileURLWithPath: tree + "/123"))
        #expect(Array(part.prefix(50)) == Array(source.suffix(50)))
    }

    @Test("archives behind one another are one tree; the last of two files with one name is shown")
    func concatenated() throws {
        try ArchiveShell.run("mkdir '\(tree)'; cd '\(tree)'; echo old > f; echo 1 > one; tar -cf ../1 .")
        try ArchiveShell.run("cd '\(tree)'; echo newer > f; echo 2 > two; tar -cf ../2 f two; cat ../1 ../2 > ../both")
        let (_, contents) = try ArchiveTree.open(try ArchiveTape(path: scratch.path + "/both"))
        #expect(try ArchiveTree.bytes(at: "f", in: contents) == Array("newer\n".utf8))
        #expect(try ArchiveTree.bytes(at: "one", in: contents) == Array("1\n".utf8))
        #expect(try ArchiveTree.bytes(at: "two", in: contents) == Array("2\n".utf8))
        #expect(contents.problems.contains { $0.contains("another archive follows") })
        try ArchiveShell.run("cp 1 appended; tar -Af appended 2", in: scratch.path)
        let (_, appended) = try ArchiveTree.open(try ArchiveTape(path: scratch.path + "/appended"))
        #expect(try ArchiveTree.lines(of: appended) == ArchiveTree.lines(of: contents))
    }

    @Test(
        "the volumes of a multi-volume archive are listed each, and the parts of a split file make the file",
        arguments: ["gnu", "posix"]
    )
    func multiVolume(format: String) throws {
        try ArchiveShell.run("mkdir '\(tree)'; head -c 300000 /dev/urandom > '\(tree)/f'; echo x > '\(tree)/g'")
        try ArchiveShell.run(
            "tar --format=\(format) -M -L 200 -cf ../v1 -f ../v2 f g",
            in: tree
        )
        let (_, first) = try ArchiveTree.open(try ArchiveTape(path: scratch.path + "/v1"))
        let (recognition, second) = try ArchiveTree.open(try ArchiveTape(path: scratch.path + "/v2"))
        #expect(recognition.facts.contains { $0.name == "continues at byte" })
        #expect(first.problems.contains { $0.contains("in the middle of its last member") })
        #expect(second.problems.contains { $0.contains("f began on an earlier volume") })
        #expect(try ArchiveTree.bytes(at: "g", in: second) == Array("x\n".utf8))
        let number = try #require(first.child([0x66], of: 0))
        let reader = try first.openEntry(number)
        var part = [UInt8](repeating: 0, count: 400_000)
        var room = part.mutableSpan
        let got = try reader.read(into: &room, at: 0)
        #expect(throws: FormatError.self) {
            var room = part.mutableSpan
            return try reader.read(into: &room, at: UInt64(got))
        }
        let whole = Array(part.prefix(got)) + (try ArchiveTree.bytes(at: "f", in: second))
        #expect(whole == Array(try Data(contentsOf: URL(fileURLWithPath: tree + "/f"))))
    }

    @Test("a damaged header costs its member only; so does a record that cannot be read")
    func damage() throws {
        try ArchiveShell.run("mkdir '\(tree)'; cd '\(tree)'; for i in a b c d; do head -c 20000 /dev/zero > $i; done")
        let tape = try archive("tar --format=gnu -cf OUT a b c d")
        var bytes = tape.bytes
        bytes[512 + 20480 + 3] ^= 0x55
        let (_, contents) = try ArchiveTree.open(ArchiveTape(bytes))
        #expect(try ArchiveTree.lines(of: contents).map { $0.prefix(3) } == ["f a", "f c", "f d"])
        #expect(contents.problems.contains { $0.contains("no tar header at byte 20992") })
        let unreadable = ArchiveTape(tape.bytes, recordBytes: 10_240, damaged: 20_480..<30_720)
        let (_, rest) = try ArchiveTree.open(unreadable)
        var names: [String] = []
        try ArchiveTree.walk(rest) { _, path, _ in names.append(path) }
        #expect(names == ["a", "c", "d"])
        #expect(rest.problems.contains("a record cannot be read"))
    }

    @Test("an archive without its end, and one with other bytes behind, say so")
    func ends() throws {
        try ArchiveShell.run("mkdir '\(tree)'; head -c 2000 /dev/urandom > '\(tree)/f'")
        let tape = try archive("tar -cf OUT f")
        let (_, cut) = try ArchiveTree.open(ArchiveTape(Array(tape.bytes.prefix(2560))))
        #expect(cut.problems == ["it ends at byte 2560 without an end mark"])
        let (_, short) = try ArchiveTree.open(ArchiveTape(Array(tape.bytes.prefix(1000))))
        #expect(short.problems == ["it ends in the middle of its last member: 1560 bytes are missing"])
        let (_, more) = try ArchiveTree.open(ArchiveTape(tape.bytes + [UInt8](repeating: 7, count: 1024)))
        #expect(more.problems == ["what stands at byte 10240, behind its end mark, is no tar"])
    }
}
