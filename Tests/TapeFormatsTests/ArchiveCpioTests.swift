// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import TapeFormats

@Suite("Archives: cpio and compressed archives", .enabled(if: ArchiveShell.has("cpio", "bsdcpio", "zstd", "lz4", "xz")))
struct ArchiveCpioTests {
    private let scratch: ArchiveScratch
    private let tree: String

    init() throws {
        scratch = try ArchiveScratch()
        tree = scratch.path + "/tree"
    }

    private func archive(_ command: String) throws -> ArchiveTape {
        try ArchiveShell.run(command.replacingOccurrences(of: "OUT", with: "'\(scratch.path)/out'"), in: tree)
        return try ArchiveTape(path: scratch.path + "/out", recordBytes: 5120)
    }

    @Test(
        "what cpio wrote is listed and read as the tree it came from",
        arguments: [
            ("cpio -0 -o -H newc > OUT", "SVR4, newc"), ("cpio -0 -o -H crc > OUT", "crc"),
            ("cpio -0 -o -H odc > OUT", "odc"), ("cpio -0 -o -H bin > OUT", "little-endian"),
            ("bsdcpio -0 -o -H newc > OUT", "newc"), ("bsdcpio -0 -o -H odc > OUT", "odc"),
        ]
    )
    func realTools(command: String, title: String) throws {
        try ArchiveSamples.makeTree(tree)
        let tape = try archive("find . -depth -print0 | " + command)
        let (recognition, contents) = try ArchiveTree.open(tape)
        #expect(recognition.format == "cpio")
        #expect(recognition.title.contains(title))
        #expect(contents.problems == [])
        #expect(try ArchiveTree.lines(of: contents) == ArchiveTree.lines(ofDirectory: tree))
        let hard = try #require(contents.child(Array("hard".utf8), of: 0))
        #expect(contents.entry(hard)?.links == 2)
    }

    @Test("the binary format of a big-endian machine is read")
    func bigEndian() throws {
        try ArchiveSamples.makeTree(tree)
        var bytes = try archive("find . -depth -print0 | cpio -0 -o -H bin > OUT").bytes
        var at = 0
        // Every header is 13 words; name and content are bytes.
        while bytes[at] == 0xC7 {
            func word(_ index: Int) -> Int { Int(bytes[at + index * 2]) | Int(bytes[at + index * 2 + 1]) << 8 }
            let (name, length) = (word(10), word(11) << 16 | word(12))
            for index in 0..<13 { bytes.swapAt(at + index * 2, at + index * 2 + 1) }
            at += 26 + (name + 1) / 2 * 2 + (length + 1) / 2 * 2
        }
        let (recognition, contents) = try ArchiveTree.open(ArchiveTape(bytes))
        #expect(recognition.title == "cpio archive (binary, big-endian)")
        #expect(try ArchiveTree.lines(of: contents) == ArchiveTree.lines(ofDirectory: tree))
    }

    @Test("damage costs the members that it hits")
    func damage() throws {
        try ArchiveShell.run("mkdir '\(tree)'; cd '\(tree)'; for i in a b c d; do head -c 20000 /dev/zero > $i; done")
        var bytes = try archive("ls | cpio -o -H newc > OUT").bytes
        bytes[20_112 + 3] ^= 0x55
        let (_, contents) = try ArchiveTree.open(ArchiveTape(bytes))
        #expect(try ArchiveTree.lines(of: contents).map { $0.prefix(3) } == ["f a", "f c", "f d"])
        #expect(contents.problems.contains("there is no cpio header at byte 20112"))
        let (_, cut) = try ArchiveTree.open(ArchiveTape(Array(bytes.prefix(10_000))))
        #expect(cut.problems == ["it ends at byte 20112 without its trailer"])
    }

    @Test(
        "a compressed archive is listed and read as the tree it came from, whatever follows it in its last record",
        arguments: ["gzip", "bzip2", "xz", "zstd", "lz4", "lzip", "compress"],
        ["tar --format=gnu -cf - .", "find . -depth -print0 | cpio -0 -o -H newc"]
    )
    func compressed(program: String, archiver: String) throws {
        guard program != "lzip" || ArchiveShell.has("lzip"), program != "compress" || ArchiveShell.has("compress")
        else {
            return
        }
        try ArchiveSamples.makeTree(tree)
        let tape = try archive(archiver + " | \(program) -c > OUT")
        let filled = tape.bytes + [UInt8](repeating: 0, count: 10_240 - tape.bytes.count % 10_240)
        for bytes in [tape.bytes, filled] {
            let (recognition, contents) = try ArchiveTree.open(ArchiveTape(bytes))
            #expect(recognition.format == program)
            #expect(recognition.isBrowsable)
            #expect(recognition.title.hasSuffix("compressed with \(program)"))
            #expect(try ArchiveTree.lines(of: contents) == ArchiveTree.lines(ofDirectory: tree))
            #expect(contents.problems == [])
        }
    }

    @Test("listing a compressed archive and reading its members in order decompress it once each, not once a member")
    func compressedInOrder() throws {
        try ArchiveShell.run(
            "mkdir '\(tree)'; cd '\(tree)'; for i in $(seq 100 199); do head -c 30000 /dev/urandom > $i; done"
        )
        let tape = try archive("tar -cf - $(ls) | gzip -c > OUT")
        let (_, contents) = try ArchiveTree.open(tape)
        #expect(tape.readBytes < 2 * tape.lengthBytes)
        let listed = tape.readBytes
        for number in UInt32(1)...100 { _ = try ArchiveTree.bytes(of: number, in: contents) }
        #expect(tape.readBytes - listed < 2 * tape.lengthBytes)
    }

    @Test("bombs end at the limit of expansion, with a sentence")
    func bombs() throws {
        try ArchiveShell.run("mkdir '\(tree)'; cd '\(tree)'; truncate -s 300M zeros; echo x > z")
        let tape = try archive("tar -cf - zeros z | bzip2 -c > OUT")
        var limits = ContentLimits()
        limits.expansion = 10
        let (_, contents) = try ArchiveTree.open(tape, limits: limits)
        #expect(contents.problems.contains { $0.contains("10 times") })
        #expect(contents.child(Array("z".utf8), of: 0) == nil)
        let zeros = try #require(contents.child(Array("zeros".utf8), of: 0))
        let reader = try contents.openEntry(zeros)
        var part = [UInt8](repeating: 1, count: 1000)
        var room = part.mutableSpan
        #expect(try reader.read(into: &room, at: 1000) == 1000)
        #expect(throws: FormatError.self) {
            var room = part.mutableSpan
            return try reader.read(into: &room, at: 250 << 20)
        }
    }

    @Test("compressed data that is damaged or cut lists what comes before")
    func damagedCompression() throws {
        try ArchiveShell.run("mkdir '\(tree)'; cd '\(tree)'; for i in a b; do head -c 300000 /dev/urandom > $i; done")
        let tape = try archive("tar -cf - a b | gzip -c > OUT")
        let (_, cut) = try ArchiveTree.open(ArchiveTape(Array(tape.bytes.prefix(400_000))))
        #expect(cut.child([0x61], of: 0) != nil)
        #expect(cut.problems.contains { $0.contains("compressed data is damaged") })
        #expect(try ArchiveTree.bytes(at: "a", in: cut).count == 300_000)
        let data = [UInt8](repeating: 0x41, count: 100)
        let note = scratch.path + "/note"
        try Data(data).write(to: URL(fileURLWithPath: note))
        try ArchiveShell.run("gzip '\(note)'")
        let recognition = try #require(Recogniser.recognise(try ArchiveTape(path: note + ".gz")))
        #expect(recognition.title == "Data, compressed with gzip")
        #expect(!recognition.isBrowsable)
    }
}
