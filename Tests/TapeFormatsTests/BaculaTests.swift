// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing

@testable import TapeFormats

@Suite("Bacula volumes")
struct BaculaTests {

    private func contents(_ files: [[[UInt8]]]) throws -> any ArchiveContents {
        let volume = MemoryTape(files)
        let recognition = try #require(Recogniser.recogniseVolume(volume))
        return try ArchiveOpener.volumeContents(of: volume, recognised: recognition, limits: ContentLimits())
    }

    private func job(_ name: String, in contents: any ArchiveContents) throws -> String {
        let directory = contents.paths().first { $0.hasPrefix(name + ".") && $0.hasSuffix("/tmp/fsrc/") }
        return String(try #require(directory).dropLast())
    }

    @Test("The label of a real volume gives its name, pool, media type, host and time")
    func label() throws {
        let tape = try BaculaSample.tape()
        let recognition = try #require(Recogniser.recognise(MemoryTapeFile(records: tape[0])))
        #expect(recognition.format == "bacula-label")
        #expect(recognition.title == "Bacula volume FIX, pool Main")
        let facts = Dictionary(recognition.facts.map { ($0.name, $0.value) }) { first, _ in first }
        #expect(facts["volume"] == "FIX")
        #expect(facts["pool"] == "Main")
        #expect(facts["media type"] == "File")
        #expect(facts["host"] == "vm")
        #expect(facts["written by"] == "caps-sd")
        #expect(facts["label version"] == "11")
        #expect(facts["labelled"]?.hasPrefix("2026-11-21 17:21:") == true)
        #expect(recognition.problems.isEmpty)
    }

    @Test("A tape file of data tells which session begins in it")
    func data() throws {
        let tape = try BaculaSample.tape()
        let recognition = try #require(Recogniser.recognise(MemoryTapeFile(records: tape[1])))
        #expect(recognition.format == "bacula-data")
        #expect(recognition.title.hasPrefix("Bacula data, session Plain.2026-11-21_17.21."))
        #expect(recognition.title.contains("client caps-fd, full, 2026-11-21 17:21:"))
        #expect(!recognition.isBrowsable)
    }

    @Test("Plain and compressed jobs are listed as the trees they were, and every file's bytes come back")
    func files() throws {
        let contents = try contents(try BaculaSample.tape())
        #expect(contents.problems == [])
        for name in ["Plain", "Packed"] {
            let root = try job(name, in: contents)
            #expect(try contents.bytes(at: root + "/hello") == Array("hello world\n".utf8))
            #expect(try contents.bytes(at: root + "/nothing") == [])
            #expect(try contents.bytes(at: root + "/sub/hard") == Array("hello world\n".utf8))
            #expect(try contents.bytes(at: root + "/sub/with space") == Array("with space".utf8))
            #expect(try contents.bytes(at: root + "/sub/ünï") == Array("unicode".utf8))
            let text = (0..<6000).map { "line \($0) of the file\n" }.joined()
            #expect(try contents.bytes(at: root + "/text.txt") == Array(text.utf8))
            // LZO in the second job.
            let code = (0..<700).map { "int f\($0)(void);\n" }.joined()
            #expect(try contents.bytes(at: root + "/code.c", step: 1000) == Array(code.utf8))
            var holes = [UInt8](repeating: 0, count: 300_000)
            for index in 0..<1000 { holes[index] = UInt8(ascii: "A") }
            for index in 200_000..<203_000 { holes[index] = UInt8(ascii: "B") }
            #expect(try contents.bytes(at: root + "/holes.sparse", step: 7777) == holes)
            #expect(LabelSum.of(try #require(try contents.bytes(at: root + "/noise"))) == "ca88a536ec6f1c33")
            #expect(contents.number(at: root + "/sub/link").flatMap(contents.linkTarget) == Array("../hello".utf8))
            #expect(contents.number(at: root + "/sub/pipe").flatMap(contents.entry)?.kind == .other)
            #expect(contents.number(at: root + "/sub/empty").flatMap(contents.entry)?.kind == .directory)
            let hello = try #require(contents.number(at: root + "/hello").flatMap(contents.entry))
            #expect(hello.links == 2)
            #expect(hello.modifiedNanoseconds == 1_580_702_706_000_000_000)
            #expect(contents.number(at: root + "/text.txt").flatMap(contents.entry)?.permissions == 0o4755)
            #expect(contents.number(at: root + "/sub").flatMap(contents.entry)?.permissions == 0o750)
        }
    }

    @Test("Reading a file backwards and across its holes gives the same bytes")
    func backwards() throws {
        let contents = try contents(try BaculaSample.tape())
        for name in ["Plain", "Packed"] {
            let root = try job(name, in: contents)
            let text = Array((0..<6000).map { "line \($0) of the file\n" }.joined().utf8)
            let reader = try contents.openEntry(try #require(contents.number(at: root + "/text.txt")))
            for offset in stride(from: text.count - 1, to: 0, by: -9973) {
                let end = min(offset + 100, text.count)
                #expect(try reader.bytes(100, at: UInt64(offset)) == Array(text[offset..<end]))
            }
        }
    }

    @Test("An encrypted file is listed, and opening its bytes says that it is encrypted")
    func encrypted() throws {
        let contents = try contents(try BaculaSample.tape())
        let number = try #require(contents.number(at: try job("Secret", in: contents) + "/noise"))
        #expect(contents.entry(number)?.lengthBytes == 3000)
        let reader = try contents.openEntry(number)
        #expect(throws: FormatError.opaque("encrypted by Bacula's client")) { try reader.bytes(10, at: 0) }
    }

    @Test("Blocks of two sessions one between the other are two jobs, also when tape files end between them")
    func interleaved() throws {
        let blocks = try BaculaSample.blocks()
        let bySession = Dictionary(grouping: blocks.dropFirst()) { $0.bigEndian32(at: 16) ?? 0 }
        var mixed: [[UInt8]] = []
        for index in 0..<10 {
            for session in [2, 1, 3] as [UInt32] {
                if let list = bySession[session], index < list.count { mixed.append(list[index]) }
            }
        }
        let contents = try contents([[blocks[0]]] + mixed.map { [$0] })
        #expect(contents.problems == [])
        for name in ["Plain", "Packed"] {
            let root = try job(name, in: contents)
            #expect(LabelSum.of(try #require(try contents.bytes(at: root + "/noise"))) == "ca88a536ec6f1c33")
            let text = (0..<6000).map { "line \($0) of the file\n" }.joined()
            #expect(try contents.bytes(at: root + "/text.txt") == Array(text.utf8))
        }
    }

    @Test("A volume of Bareos is one of Bareos, and is read alike")
    func bareos() throws {
        let tape = MemoryTape(try BaculaSample.bareosTape())
        let recognition = try #require(Recogniser.recogniseVolume(tape))
        #expect(recognition.format == "bareos")
        #expect(recognition.title == "Bareos volume FIX, pool Main")
        let contents = try ArchiveOpener.volumeContents(of: tape, recognised: recognition, limits: ContentLimits())
        #expect(try contents.bytes(at: try job("Plain", in: contents) + "/hello") == Array("hello world\n".utf8))
    }

    @Test("A job that goes on on another volume shows what is here, and says so")
    func split() throws {
        let blocks = try BaculaSample.blocks()
        let first = try contents([[blocks[0]], Array(blocks[1...2])])
        #expect(first.problems.contains("session 1 does not end here: it goes on on another volume, or it broke off"))
        #expect(try first.bytes(at: try job("Plain", in: first) + "/hello") == Array("hello world\n".utf8))
        let second = try contents([[blocks[0]], Array(blocks[3...])])
        #expect(second.problems.contains("session 1 began on a volume before this one"))
        #expect(second.paths().contains { $0.hasPrefix("session-1-") })
        let packed = try job("Packed", in: second)
        #expect(try second.bytes(at: packed + "/hello") == Array("hello world\n".utf8))
    }

    @Test("A block with one wrong bit costs its records, and is told of")
    func damage() throws {
        var blocks = try BaculaSample.blocks()
        blocks[2][5000] ^= 1
        let contents = try contents([[blocks[0]], Array(blocks[1...])])
        #expect(contents.problems.contains { $0.hasPrefix("block 2 of session 1 has a wrong sum") })
        let packed = try job("Packed", in: contents)
        #expect(LabelSum.of(try #require(try contents.bytes(at: packed + "/noise"))) == "ca88a536ec6f1c33")
    }

    @Test("Any byte of the volume may be wrong, with sums that are right again: nothing traps")
    func hostile() throws {
        let blocks = try BaculaSample.blocks()
        var random = LabelRandom(seed: 4711)
        for _ in 0..<10 {
            var changed = blocks
            for _ in 0..<(1 + Int(random.next() % 4)) {
                let block = Int(random.next() % UInt64(changed.count))
                let range = random.next() % 2 == 0 ? 400 : changed[block].count - 24
                let at = 24 + Int(random.next() % UInt64(min(range, changed[block].count - 24)))
                changed[block][at] = UInt8(truncatingIfNeeded: random.next())
                // Sum 0 is none.
                for index in 0..<4 { changed[block][index] = 0 }
            }
            guard let contents = try? contents([[changed[0]], Array(changed[1...])]) else { continue }
            for path in contents.paths() where !path.hasSuffix("/") { _ = try? contents.bytes(at: path, step: 65536) }
        }
    }

    @Test("Unpacking stops at the limit and refuses damage")
    func inflate() throws {
        // 70,000 letters a, as zlib's compress(…, 9) packs them.
        let packed: [UInt8] =
            [
                0x78, 0xDA, 0xED, 0xC1, 0x31, 0x01, 0x00, 0x00, 0x00, 0xC2, 0xA0, 0xAC, 0xEB, 0x5F, 0xC2, 0x12, 0x9E,
                0x40, 0x01,
            ]
            + [UInt8](repeating: 0, count: 67) + [0x6F, 0x03, 0x47, 0x0A, 0xA1, 0x7A]
        let letters = [UInt8](repeating: UInt8(ascii: "a"), count: 70_000)
        #expect(try Inflate.zlib(packed[...], limit: 70_000) == letters)
        #expect(throws: FormatError.limit("a record unpacks to more than 69999 bytes")) {
            try Inflate.zlib(packed[...], limit: 69_999)
        }
        #expect(CyclicSum32.of(letters.span) == 0x1229_E204)
        #expect(throws: FormatError.self) { try Inflate.zlib([0x78, 0x9C, 0xFF][...], limit: 10) }
        #expect(throws: FormatError.self) { try Inflate.zlib([0x78, 0x9D, 3, 0, 0, 0, 0, 1][...], limit: 10) }
        #expect(try Inflate.zlib([0x78, 0x9C, 3, 0, 0, 0, 0, 1][...], limit: 0) == [])
        // LZO1X of four letters, as lzop's library makes it.
        #expect(
            try LempelZivOberhumer.unpack(
                [0x15, 0x41, 0x42, 0x43, 0x44, 0x11, 0, 0][...],
                limit: 4
            ) == Array("ABCD".utf8)
        )
        #expect(throws: FormatError.self) {
            try LempelZivOberhumer.unpack([0x15, 0x41, 0x42, 0x43, 0x44, 0x11, 0, 0][...], limit: 3)
        }
    }
}
