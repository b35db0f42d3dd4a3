// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing

@testable import TapeFormats

/// A small volume, written by hand as the LTFS Format Specification (2.2 to 2.4) lays it out: no program of Debian
/// writes one.
enum LTFSSample {
    static let volume = "30a91a08-daae-48d1-ae75-69804e61d2ea"
    static let big = Array((0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) })
    static let small = Array("small".utf8)

    /// 7.1.1: VOL1, serial, `L`, 13 blanks, `LTFS` and 9 blanks, 14 of owner, 28 blanks, `4`.
    static func volumeLabel(_ serial: String = "A00001") -> [UInt8] {
        let blanks = { (count: Int) in String(repeating: " ", count: count) }
        return Array(("VOL1" + serial + "L" + blanks(13) + "LTFS" + blanks(9) + blanks(14) + blanks(28) + "4").utf8)
    }

    static func label(_ partition: String) -> [UInt8] {
        Array(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <ltfslabel version="2.2.0">
             <creator>IBM LTFS 1.2.0 - Linux - mkltfs</creator>
             <formattime>2013-02-01T18:35:47.866846222Z</formattime>
             <volumeuuid>\(volume)</volumeuuid>
             <location>
              <partition>\(partition)</partition>
             </location>
             <partitions>
              <index>a</index>
              <data>b</data>
             </partitions>
             <blocksize>4096</blocksize>
             <compression>true</compression>
            </ltfslabel>
            """.utf8
        )
    }

    static func index(
        generation: Int,
        at place: (String, Int),
        previous: (String, Int)?,
        contents: String
    ) -> [UInt8] {
        let back = previous.map {
            """
             <previousgenerationlocation>
              <partition>\($0.0)</partition>
              <startblock>\($0.1)</startblock>
             </previousgenerationlocation>
            """
        }
        return Array(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <ltfsindex version="2.2.0">
             <creator>IBM LTFS 1.2.0 - Linux - ltfs</creator>
             <volumeuuid>\(volume)</volumeuuid>
             <generationnumber>\(generation)</generationnumber>
             <comment>A sample LTFS Index</comment>
             <updatetime>2013-01-28T19:39:57.245954278Z</updatetime>
             <location>
              <partition>\(place.0)</partition>
              <startblock>\(place.1)</startblock>
             </location>
            \(back ?? "")
             <allowpolicyupdate>true</allowpolicyupdate>
             <dataplacementpolicy>
              <indexpartitioncriteria>
               <size>1048576</size>
               <name>*.txt</name>
              </indexpartitioncriteria>
             </dataplacementpolicy>
             <volumelockstate>unlocked</volumelockstate>
             <highestfileuid>9</highestfileuid>
             <directory>
              <fileuid>1</fileuid>
              <name>LTFS Volume Name</name>
              <creationtime>2013-01-28T19:39:50.715656751Z</creationtime>
              <changetime>2013-01-28T19:39:55.231540960Z</changetime>
              <modifytime>2013-01-28T19:39:55.231540960Z</modifytime>
              <accesstime>2013-01-28T19:39:50.715656751Z</accesstime>
              <backuptime>2013-01-28T19:39:50.715656751Z</backuptime>
              <readonly>false</readonly>
              <contents>
            \(contents)
              </contents>
             </directory>
            </ltfsindex>
            """.utf8
        )
    }

    static func file(_ name: String, _ length: Int, _ more: String, readOnly: Bool = false, attributes: String = "")
        -> String
    {
        """
               <file>
                <fileuid>4</fileuid>
                <name\(attributes)>\(name)</name>
                <length>\(length)</length>
                <creationtime>2013-01-28T19:39:51.744583047Z</creationtime>
                <changetime>2013-01-28T19:39:53.231540960Z</changetime>
                <modifytime>2013-01-28T19:39:53.5Z</modifytime>
                <accesstime>2013-01-28T19:39:51.744583047Z</accesstime>
                <backuptime>2013-01-28T19:39:51.744583047Z</backuptime>
                <readonly>\(readOnly)</readonly>
                \(more)
               </file>
        """
    }

    static func extent(_ offset: Int, _ partition: String, _ block: Int, _ byte: Int, _ count: Int) -> String {
        """
        <extent><fileoffset>\(offset)</fileoffset><partition>\(partition)</partition><startblock>\(block)</startblock>
        <byteoffset>\(byte)</byteoffset><bytecount>\(count)</bytecount></extent>
        """
    }

    static let generation2 = file(
        "old &amp; gone",
        10_000,
        "<extentinfo>\(extent(0, "b", 6, 0, 10_000))</extentinfo>"
    )

    static let generation3 =
        """
        <directory><fileuid>2</fileuid><name>directory1</name><modifytime>2013-01-28T19:39:54.735Z</modifytime>
        <readonly>true</readonly><contents><directory><fileuid>3</fileuid><name>subdir1</name>
        <modifytime>2013-01-28T19:39:54.735Z</modifytime><readonly>false</readonly><contents/></directory>
        \(file("small", 5, "<extentinfo>\(extent(0, "b", 8, 1808, 5))</extentinfo>", readOnly: true))
        </contents></directory>
        \(file("big", 10_000, """
        <extendedattributes><xattr><key>author_name</key><value>Michael Richmond</value></xattr>
        <xattr><key>binary_xattr</key><value type="base64">yDaaBPBdIUqMhg==</value></xattr>
        <xattr><key>empty_xattr</key><value/></xattr></extendedattributes>
        <extentinfo>\(extent(0, "b", 6, 0, 10_000))</extentinfo>
        """))
        \(file("sparse", 30_000, """
        <extentinfo>\(extent(20_000, "b", 7, 100, 4096))\(extent(5000, "a", 5, 0, 5))</extentinfo>
        """))
        \(file("a%3Ab%0A", 0, "", attributes: " percentencoded=\"true\""))
        \(file("100%3A", 0, ""))
        \(file("link", 17, "<symlink>directory1/small</symlink>"))
        """

    /// Blocks of partition b: 0 VOL1, 2 label, 4 index 1, 6 to 8 data, 10 index 2, 12 index 3; of a: 4 index 1,
    /// 5 is a filemark.
    static func tape() -> MemoryTape {
        let third = Array(big[8192...]) + small
        let dataPartition: [[[UInt8]]] = [
            [volumeLabel()], [label("b")],
            [index(generation: 1, at: ("b", 4), previous: nil, contents: "")],
            [Array(big[0..<4096]), Array(big[4096..<8192]), third],
            blocks(index(generation: 2, at: ("b", 10), previous: ("b", 4), contents: generation2)),
            blocks(index(generation: 3, at: ("b", 12), previous: ("b", 10), contents: generation3)),
        ]
        let indexPartition: [[[UInt8]]] = [
            [volumeLabel()], [label("a")], [], [Array("index".utf8)],
            blocks(index(generation: 3, at: ("a", 7), previous: ("b", 12), contents: generation3)),
        ]
        return MemoryTape(partitions: [indexPartition, dataPartition])
    }

    /// An index may take several blocks.
    private static func blocks(_ bytes: [UInt8]) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: 4096).map { Array(bytes[$0..<min($0 + 4096, bytes.count)]) }
    }
}

@Suite("LTFS volumes")
struct LTFSTests {
    private func contents(_ tape: MemoryTape) throws -> any ArchiveContents {
        let recognition = try #require(Recogniser.recogniseVolume(tape))
        #expect(recognition.format == "ltfs")
        return try ArchiveOpener.volumeContents(of: tape, recognised: recognition, limits: ContentLimits())
    }

    @Test("Labels and indexes of tape files are told apart, with what they say")
    func tapeFiles() throws {
        let tape = LTFSSample.tape()
        func recognise(_ number: UInt64) throws -> Recognition {
            let file = try #require(try tape.file(number, partition: 1))
            let place = TapePlace(partition: 1, file: number)
            return try #require(Recogniser.recognise(file, place: place, volume: tape))
        }
        #expect(LTFSSample.volumeLabel().count == 80)
        #expect(try recognise(0).title == "VOL1 of LTFS volume A00001")
        #expect(try recognise(1).title == "Label of LTFS partition b")
        #expect(try recognise(1).facts.contains(.init("block size", "4096")))
        let index = try recognise(4)
        #expect(index.format == "ltfs-index")
        #expect(index.title == "LTFS index, generation 2, 2013-01-28T19:39:57.245954278Z")
        #expect(index.facts.contains(.init("previous generation", "b 4")))
        #expect(index.isBrowsable)
        let volume = try #require(Recogniser.recogniseVolume(tape))
        #expect(volume.title == "LTFS volume A00001")
        #expect(volume.problems == [])
    }

    @Test("The newest index is the tree: extents, shared blocks, holes, links, read-only and encoded names")
    func tree() throws {
        let contents = try contents(LTFSSample.tape())
        #expect(
            contents.paths() == [
                "directory1/", "directory1/subdir1/", "directory1/small", "big", "sparse", "a:b\n", "100%3A", "link",
                ".generations/", ".generations/2/", ".generations/2/old & gone", ".generations/1/",
            ]
        )
        #expect(contents.problems == [])
        #expect(try contents.bytes(at: "big", step: 777) == LTFSSample.big)
        #expect(try contents.bytes(at: "directory1/small") == LTFSSample.small)
        var sparse = [UInt8](repeating: 0, count: 30_000)
        sparse.replaceSubrange(5000..<5005, with: Array("index".utf8))
        sparse.replaceSubrange(20_000..<24_096, with: LTFSSample.big[4196..<8292])
        #expect(try contents.bytes(at: "sparse", step: 5003) == sparse)
        #expect(contents.number(at: "link").flatMap(contents.linkTarget) == Array("directory1/small".utf8))
        let small = try #require(contents.number(at: "directory1/small").flatMap(contents.entry))
        #expect(small.permissions == 0o444)
        #expect(small.modifiedNanoseconds == 1_359_401_993_500_000_000)
        #expect(contents.number(at: "directory1").flatMap(contents.entry)?.permissions == 0o555)
        #expect(contents.number(at: "big").flatMap(contents.entry)?.permissions == 0o644)
    }

    @Test("Older generations are there as they were")
    func generations() throws {
        let contents = try contents(LTFSSample.tape())
        #expect(try contents.bytes(at: ".generations/2/old & gone", step: 4096) == LTFSSample.big)
        #expect(contents.number(at: ".generations/3") == nil)
    }

    @Test("Without its newest index the volume is the generation before")
    func newestIsBroken() throws {
        var partitions = LTFSSample.tape().partitions
        partitions[0][4] = []
        partitions[1][5][0] = Array("<?xml version=\"1.0\"?><ltfsindex version=\"2.2.0\"><generation".utf8)
        let contents = try contents(MemoryTape(partitions: partitions))
        #expect(contents.paths().first == "old & gone")
        #expect(contents.problems.contains { $0.hasPrefix("tape file 6 of partition 1 is no sound index") })
    }

    @Test("A file whose blocks are not there says so when it is read")
    func missingBlocks() throws {
        var partitions = LTFSSample.tape().partitions
        partitions[1][3].removeLast()
        let contents = try contents(MemoryTape(partitions: partitions))
        let reader = try contents.openEntry(try #require(contents.number(at: "big")))
        #expect(try reader.bytes(4096, at: 0) == Array(LTFSSample.big[0..<4096]))
        #expect(throws: FormatError.self) { try reader.bytes(4096, at: 8192) }
    }

    @Test("Numbers that overflow, names that lead out, tags without end: problems, never a trap")
    func hostile() throws {
        let most = "18446744073709551615"
        let nasty =
            LTFSSample.file("../../etc/passwd", 5, "")
            + LTFSSample.file("..", 5, "")
            + LTFSSample.file("huge", 5, "").replacing("<length>5</length>", with: "<length>\(most)</length>")
            + LTFSSample.file("x", 5000, "<extentinfo>\(LTFSSample.extent(0, "b", 6, 0, 5000))</extentinfo>")
            .replacing("<startblock>6<", with: "<startblock>\(most)<").replacing(
                "<byteoffset>0<",
                with: "<byteoffset>\(most)<"
            )
            + LTFSSample.file("y", 5000, "<extentinfo>\(LTFSSample.extent(0, "q", 6, 0, 5000))</extentinfo>")
        var partitions = LTFSSample.tape().partitions
        partitions[0][4] = [LTFSSample.index(generation: 9, at: ("a", 7), previous: ("b", 12), contents: nasty)]
        let contents = try contents(MemoryTape(partitions: partitions))
        #expect(contents.problems.count >= 3)
        #expect(Set(contents.paths().prefix(3)) == ["huge", "x", "y"])
        for name in ["huge", "x", "y"] {
            let reader = try contents.openEntry(try #require(contents.number(at: name)))
            _ = try? reader.bytes(100, at: 0)
            _ = try? reader.bytes(100, at: .max - 50)
        }
    }

    @Test("Any byte of an index may be wrong: nothing traps")
    func damagedIndex() throws {
        var random = LabelRandom(seed: 2024)
        let whole = LTFSSample.index(generation: 9, at: ("a", 7), previous: nil, contents: LTFSSample.generation3)
        for _ in 0..<60 {
            var index = whole
            for _ in 0..<3 {
                index[Int(random.next() % UInt64(index.count))] = UInt8(truncatingIfNeeded: random.next() % 96 + 32)
            }
            var partitions = LTFSSample.tape().partitions
            partitions[0][4] = [index]
            guard let contents = try? contents(MemoryTape(partitions: partitions)) else { continue }
            for path in contents.paths().prefix(8) where !path.hasSuffix("/") {
                guard let number = contents.number(at: path), let reader = try? contents.openEntry(number) else {
                    continue
                }
                _ = try? reader.bytes(5000, at: 0)
            }
        }
    }

    @Test("XML with a document type, entities of its own, or too deep is refused")
    func xml() throws {
        func events(_ text: String, depth: Int = 8) throws -> Int {
            var scanner = XMLScanner(MemoryTapeFile(records: [Array(text.utf8)]), maximumDepth: depth)
            var count = 0
            while try scanner.next() != nil { count += 1 }
            return count
        }
        #expect(try events("<?xml version='1.0'?><!-- x --><a b='&lt;'><c/>t&#x41;&#66;<![CDATA[<&]]></a> rest") == 6)
        let lol = "<!DOCTYPE a [<!ENTITY b \"x\">]><a>&b;</a>"
        #expect(throws: FormatError.malformed("at byte 3: a document type is not taken")) { try events(lol) }
        #expect(throws: FormatError.self) { try events("<a>&b;</a>") }
        #expect(throws: FormatError.self) { try events("<a></b>") }
        #expect(throws: FormatError.truncated(at: 4)) { try events("<a>x") }
        #expect(throws: FormatError.self) { try events(String(repeating: "<a>", count: 9)) }
    }
}
