// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Foundation
import Testing

@Suite("Dump records: bytes as Debian's dump 0.4b47 writes them")
struct DumpRecordTests {
    /// The first record of a level 0 dump of a file system mounted at /mnt/tree: all of it that is not 0.
    static let tape: [(offset: Int, bytes: String)] = [
        (0, "01000000"),  // type: tape
        (4, "16ac016b"),  // date 1795271702
        (8, "00000000"),  // base date: none
        (12, "01000000"),  // volume 1
        (16, "00000000"),  // record 0
        (24, "6cea0000"),  // magic 60012
        (28, "d7f3d96f"),  // makes the words' sum 84446
        (160, "01000000"),  // count
        (676, "6e6f6e65"),  // label: none
        (696, "2f6d6e742f74726565"),  // file system: /mnt/tree
        (760, "2f6465762f6c6f6f7030"),  // device: /dev/loop0
        (824, "766d"),  // host: vm
        (888, "03000000"),  // flags: new header, new inode
        (896, "0a000000"),  // 10 records a block
    ]

    static func record(_ fields: [(offset: Int, bytes: String)]) -> [UInt8] {
        var record = [UInt8](repeating: 0, count: 1024)
        for field in fields {
            record.replaceSubrange(field.offset..<field.offset + field.bytes.count / 2, with: hex(field.bytes))
        }
        return record
    }

    static func hex(_ text: String) -> [UInt8] {
        let digits = text.filter { !$0.isWhitespace }.map { UInt8($0.hexDigitValue ?? 0) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    @Test("a tape header is written as Debian's dump writes it")
    func tapeHeader() throws {
        var header = DumpHeader(.tape)
        header.date = 1_795_271_702
        header.count = 1
        header.addresses = [0]
        header.label = Array("none".utf8)
        header.fileSystem = Array("/mnt/tree".utf8)
        header.device = Array("/dev/loop0".utf8)
        header.host = Array("vm".utf8)
        header.flags = 3
        header.recordsPerBlock = 10
        #expect(header.encoded() == Self.record(Self.tape))
        header.addresses = []
        #expect(try DumpHeader(Self.record(Self.tape)) == header)
    }

    @Test("an inode header of a capture is understood")
    func inodeHeader() throws {
        let bench = try DumpBench()
        let stream = try bench.capture(DumpCaptures.level0)
        // Record 29 is the header of keep/k: inode 18, mode 100664 by its ACL, 2024-02-03 04:05:06.
        let header = try DumpHeader(Array(stream[29 * 1024..<30 * 1024]))
        #expect(header.kind == .inode)
        #expect(header.inode == 18)
        #expect(header.record == 29)
        #expect(header.file.mode == 0o100664)
        #expect(header.file.links == 1)
        #expect(header.file.size == 2)
        #expect(header.file.modified == Timestamp(seconds: 1_706_933_106))
        #expect(header.count == 1)
        #expect(header.addresses == [1])
        #expect(!header.holdsAttributes)
        // Its attributes follow, after one record of data.
        let attributes = try DumpHeader(Array(stream[31 * 1024..<32 * 1024]))
        #expect(attributes.holdsAttributes)
        #expect(attributes.attributeKind == 3)
        #expect(attributes.file.size == 256)
        // Record 46: /dev/null's numbers, 1 and 3.
        let device = try DumpHeader(Array(stream[46 * 1024..<47 * 1024])).file.status(inode: 28)
        #expect(device.kind == .characterDevice)
        #expect([device.deviceMajor, device.deviceMinor] == [1, 3])
    }

    @Test("damage, other byte orders and formats are told apart")
    func refusals() throws {
        var record = Self.record(Self.tape)
        record[500] ^= 1
        #expect(throws: DumpHeaderError.checksum) { try DumpHeader(record) }
        #expect(throws: DumpHeaderError.notAHeader) { try DumpHeader([UInt8](repeating: 7, count: 1024)) }
        var swapped = Self.record(Self.tape)
        swapped.replaceSubrange(24..<28, with: [0, 0, 0xEA, 0x6C])
        #expect(throws: DumpHeaderError.otherByteOrder) { try DumpHeader(swapped) }
        // 60011, and FreeBSD's UFS2 magic 0x19540119.
        for magic in [[0x6B, 0xEA, 0, 0], [0x19, 0x01, 0x54, 0x19]] as [[UInt8]] {
            var old = Self.record(Self.tape)
            old.replaceSubrange(24..<28, with: magic)
            #expect(throws: DumpHeaderError.oldFormat) { try DumpHeader(old) }
        }
        var header = DumpHeader(.inode)
        header.count = 513
        #expect(throws: DumpHeaderError.count(513)) { try DumpHeader(header.encoded()) }
    }

    @Test("times keep nanoseconds and years far from 1970")
    func times() throws {
        var header = DumpHeader(.inode)
        header.file.mode = 0o100644
        for seconds in [0, 1, -1, Int64(Int32.max) + 1, Int64(Int32.min) - 1, 1 << 40, -(1 << 40)] {
            header.file.modified = Timestamp(seconds: seconds, nanoseconds: 123_456_789)
            header.file.accessed = Timestamp(seconds: -seconds, nanoseconds: 999_999_999)
            let read = try DumpHeader(header.encoded())
            #expect(read.file.modified == header.file.modified)
            #expect(read.file.accessed == header.file.accessed)
        }
    }

    /// The root directory of an ext4 file system as dump wrote it: ".", "..", lost+found (11), d1 (12), d2 (6673).
    static let directory =
        "02000000 0c00 04 01 2e000000" + "02000000 0c00 04 02 2e2e0000"
        + "0b000000 1400 04 0a 6c6f73742b666f756e640000" + "0c000000 0c00 04 02 64310000"
        + "111a0000 c801 04 02 6432"

    @Test("a directory is laid out as dump lays it out, and read back")
    func directoryBlock() {
        var expected = Self.hex(Self.directory)
        expected += [UInt8](repeating: 0, count: 512 - expected.count)
        var encoder = DumpDirectoryEncoder()
        let entries = [(2, "."), (2, ".."), (11, "lost+found"), (12, "d1"), (6673, "d2")].map {
            DumpEntry(inode: $0.0, kind: .directory, name: Array($0.1.utf8))
        }
        var blocks: [[UInt8]] = []
        for entry in entries { if let block = encoder.add(entry) { blocks.append(block) } }
        if let block = encoder.finish() { blocks.append(block) }
        #expect(blocks == [expected])
        var read: [DumpEntry] = []
        #expect(DumpDirectoryDecoder.entries(in: expected) { read.append($0) })
        #expect(read == Array(entries.dropFirst(2)))
    }

    @Test("the size of a directory is known before it is laid out", arguments: [1, 2, 3, 40, 41, 400])
    func directorySize(count: Int) {
        var encoder = DumpDirectoryEncoder()
        var size = DumpDirectorySize()
        var bytes = 0
        for number in 0..<count {
            let name = [UInt8](repeating: 0x61, count: 1 + number * 37 % 255)
            size.add(nameBytes: name.count)
            if let block = encoder.add(DumpEntry(inode: 5, kind: .regular, name: name)) { bytes += block.count }
        }
        bytes += encoder.finish()?.count ?? 0
        #expect(size.bytes == UInt64(bytes))
    }

    @Test("names that are none, and broken chains, are passed over")
    func hostileDirectory() {
        var block = [UInt8](repeating: 0, count: 1024)
        func put(_ offset: Int, _ inode: UInt8, _ length: Int, _ nameBytes: UInt8, _ name: String) {
            block[offset] = inode
            block[offset + 4] = UInt8(length & 0xFF)
            block[offset + 5] = UInt8(length >> 8)
            block[offset + 7] = nameBytes
            for (index, byte) in name.utf8.enumerated() { block[offset + 8 + index] = byte }
        }
        put(0, 9, 16, 2, "..")
        put(16, 9, 16, 3, "a/b")
        put(32, 9, 16, 200, "long")
        put(48, 9, 16, 0, "")
        put(64, 9, 16, 3, "a\u{0}b")
        put(80, 9, 3, 1, "x")
        put(512, 10, 512, 2, "ok")
        var names: [String] = []
        #expect(!DumpDirectoryDecoder.entries(in: block) { names.append(String(decoding: $0.name, as: UTF8.self)) })
        #expect(names == ["ok"])
    }
}
