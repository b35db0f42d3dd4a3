// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing

@testable import TapeFormats

/// A data set laid out by hand after the Microsoft Tape Format Specification 1.00a: no program of Debian writes one.
enum MTFSample {
    private static func put(_ value: UInt64, _ width: Int, at offset: Int, _ bytes: inout [UInt8]) {
        for index in 0..<width { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8)) }
    }

    private static func sum(_ words: Int, of bytes: [UInt8]) -> UInt64 {
        var sum: UInt16 = 0
        for index in 0..<words { sum ^= UInt16(bytes[index * 2]) | UInt16(bytes[index * 2 + 1]) << 8 }
        return UInt64(sum)
    }

    /// 14 bits of year, 4 of month, 5 of day, 5 of hour, 6 of minute, 6 of second: 2024-02-29 12:34:56.
    static let time: [UInt8] = {
        let value: UInt64 = 2024 << 26 | 2 << 22 | 29 << 17 | 12 << 12 | 34 << 6 | 56
        return (0..<5).map { UInt8(truncatingIfNeeded: value >> UInt64(32 - $0 * 8)) }
    }()

    /// A block of `size` bytes: strings in Unicode behind the fields, its sum, then streams, padded by SPAD.
    static func block(
        _ kind: String,
        fields: Int,
        numbers: [(Int, Int, UInt64)] = [],
        strings: [(Int, String)] = [],
        times: [Int] = [],
        streams: [(String, [UInt8])] = []
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: fields)
        for (index, byte) in kind.utf8.enumerated() { bytes[index] = byte }
        bytes[48] = 2
        for (offset, width, value) in numbers { put(value, width, at: offset, &bytes) }
        for offset in times { bytes.replaceSubrange(offset..<offset + 5, with: time) }
        for (offset, text) in strings {
            let units = text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
            put(UInt64(units.count), 2, at: offset, &bytes)
            put(UInt64(bytes.count), 2, at: offset + 2, &bytes)
            bytes += units
        }
        while bytes.count % 4 > 0 { bytes.append(0) }
        put(UInt64(bytes.count), 2, at: 8, &bytes)
        put(sum(25, of: bytes), 2, at: 50, &bytes)
        for (name, data) in streams { add(name, data, &bytes) }
        let padding = (512 - (bytes.count + 22) % 512) % 512
        add("SPAD", [UInt8](repeating: 0, count: padding), &bytes)
        return bytes
    }

    private static func add(_ name: String, _ data: [UInt8], _ bytes: inout [UInt8]) {
        var header = [UInt8](repeating: 0, count: 22)
        for (index, byte) in name.utf8.enumerated() { header[index] = byte }
        put(UInt64(data.count), 8, at: 8, &header)
        put(sum(10, of: header), 2, at: 20, &header)
        bytes += header + data
        while bytes.count % 4 > 0, name != "SPAD" { bytes.append(0) }
    }

    static let tapeBlock = block(
        "TAPE",
        fields: 94,
        numbers: [(52, 4, 0xCAFE), (60, 2, 1), (84, 2, 512)],
        strings: [(68, "Media created 29.02.24"), (72, "weekly"), (80, "NTBackup")],
        times: [88]
    )

    static let dataSet =
        block("SSET", fields: 98, numbers: [(62, 2, 1)], strings: [(64, "Set one"), (76, "KLAUS")], times: [88])
        + block("VOLB", fields: 73, strings: [(56, "C:"), (60, "System"), (64, "\\\\SERVER")])
        + block("DIRB", fields: 84, numbers: [(76, 4, 1)], strings: [(80, "\0")], times: [56])
        + block("DIRB", fields: 84, numbers: [(76, 4, 2)], strings: [(80, "docs\0süb\0")], times: [56])
        + block(
            "FILE",
            fields: 88,
            numbers: [(52, 4, 0x100), (76, 4, 2), (80, 4, 3)],
            strings: [(84, "letter.txt")],
            times: [56],
            streams: [("NACL", [1, 2, 3]), ("STAN", Array("Dear reader".utf8))]
        )
        + block(
            "FILE",
            fields: 88,
            strings: [(84, "big.bin")],
            times: [56],
            streams: [("STAN", [UInt8](repeating: 7, count: 3000))]
        )

    static let end = block("ESET", fields: 90)

    static func tape() -> [[[UInt8]]] { [[tapeBlock], [dataSet], [end]] }
}

@Suite("Microsoft Tape Format")
struct MTFTests {
    @Test("The tape's block and the data set's tell their names, dates, user and volume")
    func headers() throws {
        let tape = try #require(Recogniser.recognise(MemoryTapeFile(records: [MTFSample.tapeBlock])))
        #expect(tape.format == "mtf")
        #expect(tape.title == "Microsoft Tape Format, media Media created 29.02.24")
        #expect(tape.facts.contains(.init("software", "NTBackup")))
        #expect(tape.facts.contains(.init("written", "2024-02-29 12:34:56 UTC")))
        let set = try #require(Recogniser.recognise(MemoryTapeFile(records: [MTFSample.dataSet])))
        #expect(set.title == "Microsoft Tape Format, data set 1 Set one")
        #expect(set.facts.contains(.init("user", "KLAUS")))
        #expect(set.facts.contains(.init("device", "C:")))
        #expect(set.facts.contains(.init("machine", "\\\\SERVER")))
        #expect(set.isBrowsable)
    }

    @Test("A data set is the tree of its volume, and files are their standard data")
    func tree() throws {
        let file = MemoryTapeFile(MTFSample.dataSet, blockBytes: 1024)
        let recognition = try #require(Recogniser.recognise(file))
        let contents = try ArchiveOpener.contents(of: file, recognised: recognition, limits: ContentLimits())
        #expect(
            contents.paths() == [
                "System/", "System/docs/", "System/docs/süb/", "System/docs/süb/letter.txt", "System/docs/süb/big.bin",
            ]
        )
        #expect(try contents.bytes(at: "System/docs/süb/letter.txt") == Array("Dear reader".utf8))
        #expect(try contents.bytes(at: "System/docs/süb/big.bin") == [UInt8](repeating: 7, count: 3000))
        let letter = try #require(contents.number(at: "System/docs/süb/letter.txt").flatMap(contents.entry))
        #expect(letter.permissions == 0o444)
        #expect(letter.modifiedNanoseconds == 1_709_210_096_000_000_000)
        #expect(contents.problems == [])
    }

    @Test("A path longer than any path is left out; no length on a tape asks for memory without limit")
    func longPath() throws {
        let long = MTFSample.block(
            "FILE",
            fields: 88,
            strings: [(84, "short.txt")],
            times: [56],
            streams: [("PNAM", [UInt8](repeating: 0x41, count: 70_000)), ("STAN", Array("x".utf8))]
        )
        let file = MemoryTapeFile(MTFSample.dataSet + long, blockBytes: 1024)
        let recognition = try #require(Recogniser.recognise(file))
        let contents = try ArchiveOpener.contents(of: file, recognised: recognition, limits: ContentLimits())
        #expect(contents.paths().contains { $0.hasSuffix("/short.txt") })
        #expect(throws: FormatError.self) { try file.bytes(FormatError.pieceBytes + 1) }
        #expect(throws: FormatError.self) { try file.bytes(-1) }
    }

    @Test("Any byte may be wrong: nothing traps")
    func hostile() throws {
        var random = LabelRandom(seed: 5)
        for _ in 0..<200 {
            var bytes = MTFSample.dataSet
            for _ in 0..<4 {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            let file = MemoryTapeFile(bytes, blockBytes: 1024)
            guard let recognition = Recogniser.recognise(file), recognition.isBrowsable, recognition.format == "mtf",
                let contents = try? ArchiveOpener.contents(
                    of: file,
                    recognised: recognition,
                    limits: ContentLimits()
                )
            else { continue }
            for path in contents.paths() where !path.hasSuffix("/") { _ = try? contents.bytes(at: path) }
        }
    }
}
