// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing

@testable import TapeFormats

@Suite("Amanda volumes")
struct AmandaTests {
    private func facts(_ recognition: Recognition) -> [String: String] {
        Dictionary(recognition.facts.map { ($0.name, $0.value) }) { first, _ in first }
    }

    private func recognise(_ index: Int, of tape: MemoryTape) throws -> Recognition {
        let file = try #require(try tape.file(UInt64(index), partition: 0))
        return try #require(
            Recogniser.recognise(file, place: TapePlace(partition: 0, file: UInt64(index)), volume: tape)
        )
    }

    private let text = Array((0..<6000).map { "line \($0) of the file\n" }.joined().utf8)

    @Test("Headers of a real volume say what they are")
    func headers() throws {
        let tape = MemoryTape(try AmandaSample.tape())
        let label = try recognise(0, of: tape)
        #expect(label.format == "amanda")
        #expect(label.title.hasPrefix("Amanda volume AM-2, 2026-11-21 17:"))
        #expect(!label.isBrowsable)
        let server = try recognise(5, of: tape)
        #expect(server.title.hasPrefix("Amanda dump of my c on host localhost, level 0, 2026-11-21 17:"))
        #expect(facts(server)["application"] == "amgtar")
        #expect(facts(server)["program"] == "APPLICATION")
        #expect(facts(server)["compression"] == ".gz")
        #expect(facts(server)["restore with"]?.hasPrefix("dd if=<tape> bs=32k skip=1 | /bin/gzip -dc | ") == true)
        #expect(facts(server)["description of the disk"]?.contains("<diskdevice>/tmp/amsrc/c</diskdevice>") == true)
        let first = try recognise(1, of: tape)
        #expect(first.title.hasPrefix("Amanda dump of /tmp/amsrc/a on host localhost, level 0"))
        #expect(first.title.hasSuffix(", part 1"))
        #expect(first.isBrowsable)
        #expect(!(try recognise(2, of: tape).isBrowsable))
    }

    @Test("A volume is one directory for each dump; parts are put together")
    func volume() throws {
        let tape = MemoryTape(try AmandaSample.tape())
        let recognition = try #require(Recogniser.recogniseVolume(tape))
        #expect(recognition.isBrowsable)
        let contents = try ArchiveOpener.volumeContents(of: tape, recognised: recognition, limits: ContentLimits())
        let dump = try #require(contents.paths().first { $0.hasPrefix("localhost/_tmp_amsrc_a/2026") }).dropLast()
        #expect(try contents.bytes(at: dump + "/hello") == Array("hello world\n".utf8))
        #expect(try contents.bytes(at: dump + "/text.txt", step: 50_000) == text)
        #expect(try contents.bytes(at: dump + "/sub/hard") == Array("hello world\n".utf8))
        #expect(contents.number(at: dump + "/sub/link").flatMap(contents.linkTarget) == Array("../hello".utf8))
        #expect(contents.problems == [])
    }

    @Test("A date beyond what a file's time can hold is the latest one")
    func farDate() throws {
        func record(_ text: String) -> [UInt8] {
            Array(text.utf8) + [UInt8](repeating: 0, count: 32_768 - text.utf8.count)
        }
        let tape = MemoryTape([
            [record("AMANDA: TAPESTART DATE 99991231235959 TAPE A\n\u{0C}\n")],
            [record("AMANDA: FILE 99991231235959 host /disk lev 0 comp N program /bin/tar\n\u{0C}\n"), [1, 2, 3]],
        ])
        let recognition = try #require(Recogniser.recogniseVolume(tape))
        let contents = try ArchiveOpener.volumeContents(of: tape, recognised: recognition, limits: ContentLimits())
        let times = contents.paths().compactMap { contents.number(at: $0).flatMap(contents.entry) }
            .map(\.modifiedNanoseconds)
        #expect(times.contains(.max))
    }

    @Test("A compressed dump is opened through its compression")
    func compressed() throws {
        let tape = MemoryTape(try AmandaSample.tape())
        let recognition = try #require(Recogniser.recogniseVolume(tape))
        let contents = try ArchiveOpener.volumeContents(of: tape, recognised: recognition, limits: ContentLimits())
        let code = Array((0..<700).map { "int f\($0)(void);\n" }.joined().utf8)
        let client = try #require(contents.paths().first { $0.hasSuffix("/code.c") })
        #expect(client.hasPrefix("localhost/_tmp_amsrc_b/2026"))
        #expect(try contents.bytes(at: client) == code)
        let server = try #require(contents.paths().first { $0.hasPrefix("localhost/my c/") && $0.hasSuffix("/hello") })
        #expect(try contents.bytes(at: server) == Array("hello world\n".utf8))
    }

    @Test("The first part's tape file shows the whole dump, as long as its parts follow")
    func firstPart() throws {
        let tape = MemoryTape(try AmandaSample.tape())
        let file = try #require(try tape.file(1, partition: 0))
        let place = TapePlace(partition: 0, file: 1)
        let recognition = try recognise(1, of: tape)
        let contents = try ArchiveOpener.contents(
            of: file,
            recognised: recognition,
            limits: ContentLimits(),
            place: place,
            volume: tape
        )
        #expect(try contents.bytes(at: "text.txt", step: 50_000) == text)
    }

    @Test("A dump whose last part is elsewhere says so, and one whose first is elsewhere too")
    func missingParts() throws {
        let files = try AmandaSample.tape()
        let short = MemoryTape(Array(files[..<3] + files[4...]))
        let recognition = try #require(Recogniser.recogniseVolume(short))
        let contents = try ArchiveOpener.volumeContents(of: short, recognised: recognition, limits: ContentLimits())
        #expect(contents.problems.contains { $0.contains("bytes are not on this volume") })
        #expect(contents.problems.contains { $0.contains("/tmp/amsrc/a") })
        let late = MemoryTape([files[0]] + Array(files[2...]))
        let rest = try ArchiveOpener.volumeContents(of: late, recognised: recognition, limits: ContentLimits())
        #expect(rest.problems.contains { $0.hasSuffix("what comes before it is not on this volume") })
    }

    @Test("A header in a longer record, filled with zeros, does not become part of the dump")
    func longHeader() throws {
        var files = try AmandaSample.tape()
        files[1][0] += [UInt8](repeating: 0, count: 256 << 10 - 32 << 10)
        let file = MemoryTapeFile(records: files[1])
        #expect(try AmandaFormat.payloadOffset(file) == 256 << 10)
        #expect(try AmandaFormat.payloadOffset(MemoryTapeFile(files[1].flatMap(\.self), blockBytes: 10240)) == 32768)
    }

    @Test("Headers as older and other versions of Amanda wrote them")
    func otherHeaders() throws {
        func header(_ text: String) throws -> AmandaHeader {
            try #require(AmandaHeader(Array(text.utf8) + [UInt8](repeating: 0, count: 1000)))
        }
        // amanda-2.x: FILE without parts; the name of the tape that it goes on on; encryption.
        let old = try header(
            """
            AMANDA: FILE 20050301 uranus.example /usr lev 2 comp .gz program /usr/sbin/dump crypt enc \
            server_encrypt /usr/sbin/amcrypt
            CONT_FILENAME=/holding/20050301/uranus._usr.2.1
            PARTIAL=YES
            To restore, position tape at start of file and run:
            \tdd if=<tape> bs=32k skip=1 | /usr/sbin/amcrypt -d | /bin/gzip -dc | /usr/sbin/restore -f... -
            """
        )
        #expect(old.kind == .dump)
        #expect(old.host == "uranus.example")
        #expect(old.level == 2)
        #expect(old.isEncrypted)
        #expect(old.encryption == "/usr/sbin/amcrypt")
        #expect(old.isPartial)
        #expect(old.dateText == "2005-03-01")
        #expect(old.restoreCommand?.hasPrefix("dd if=<tape> bs=32k skip=1") == true)
        #expect(try header("AMANDA: TAPEEND DATE 20261121171100\n\u{0C}\n").kind == .end)
        let unused = try header("AMANDA: TAPESTART DATE X TAPE DAILY-7\n\u{0C}\n")
        #expect(unused.title == "Amanda volume DAILY-7, not used yet")
        let parts = try header(
            "AMANDA: SPLIT_FILE 20080101 h \"a \\\"b\\\" c\"  part 3/7  lev 0 comp N program SMBCLIENT\n"
        )
        #expect(parts.disk == "a \"b\" c")
        #expect(parts.part == 3)
        #expect(parts.parts == 7)
        let absurd = try header(
            "AMANDA: SPLIT_FILE 2008 h d part 9223372036854775807/9223372036854775807 lev 99999999999999999999\n"
        )
        #expect(absurd.part == nil)
        #expect(absurd.parts == nil)
        #expect(absurd.level == nil)
        #expect(AmandaHeader(Array("AMANDA: NONSENSE 1 2 3\n".utf8)) == nil)
        #expect(AmandaHeader(Array("AMANDA: FILE 20080101 h\n".utf8)) == nil)
    }

    @Test("Any byte of the headers may be wrong: nothing traps")
    func hostile() throws {
        let files = try AmandaSample.tape()
        var random = LabelRandom(seed: 99)
        for _ in 0..<40 {
            var changed = files
            for _ in 0..<6 {
                let file = Int(random.next() % UInt64(files.count))
                changed[file][0][Int(random.next() % 400)] = UInt8(truncatingIfNeeded: random.next())
            }
            let tape = MemoryTape(changed)
            for index in files.indices {
                guard let file = try tape.file(UInt64(index), partition: 0) else { continue }
                _ = Recogniser.recognise(file, place: TapePlace(partition: 0, file: UInt64(index)), volume: tape)
            }
            guard let recognition = Recogniser.recogniseVolume(tape), recognition.isBrowsable else { continue }
            _ = try? ArchiveOpener.volumeContents(of: tape, recognised: recognition, limits: ContentLimits()).paths()
        }
    }
}
