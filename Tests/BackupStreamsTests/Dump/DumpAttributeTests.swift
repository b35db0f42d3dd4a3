// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Testing

@Suite("Dump attributes: ext2's attribute blocks and ACLs")
struct DumpAttributeTests {
    /// Out of an inode, as dump wrote it: user.a = value1 (at 0x54 from the first entry), user.bb = 00 01 02 03 (at 0x50).
    static let short =
        "010002ea 01 01 5400 00000000 06000000 00000000 61000000" + "02 01 5000 00000000 04000000 00000000 62620000"

    @Test("attributes that lay in an inode")
    func shortForm() {
        var block = DumpRecordTests.hex(Self.short)
        block += [UInt8](repeating: 0, count: 256 - block.count)
        block.replaceSubrange(0x54..<0x58, with: [0, 1, 2, 3])
        block.replaceSubrange(0x58..<0x5E, with: Array("value1".utf8))
        let (attributes, isSound) = DumpAttributes.attributes(in: block)
        #expect(isSound)
        #expect(
            attributes == [
                ExtendedAttribute("user.a", Array("value1".utf8)), ExtendedAttribute("user.bb", [0, 1, 2, 3]),
            ]
        )
    }

    /// A block of 4096 bytes with the ACL u::rw-,u:1000:rw-,g::r--,m::rw-,o::r-- in it, as dump wrote it.
    static let head =
        "000002ea 01000000 01000000 2700ff03 7eb3dcc4 000000000000000000000000"
        + "00 02 e40f 00000000 1c000000 2700ff03"
    static let stored = "01000000 01000600 02000600e8030000 04000400 10000600 20000400"
    /// The same ACL as getxattr gives it.
    static let shown =
        "02000000 01000600ffffffff 02000600e8030000 04000400ffffffff 10000600ffffffff 20000400ffffffff"

    @Test("an ACL that lay in a block of its own, and its way back")
    func accessControl() throws {
        var block = DumpRecordTests.hex(Self.head)
        block += [UInt8](repeating: 0, count: 0xFE4 - block.count) + DumpRecordTests.hex(Self.stored)
        let acl = ExtendedAttribute("system.posix_acl_access", DumpRecordTests.hex(Self.shown))
        let read = DumpAttributes.attributes(in: block)
        #expect(read.isSound)
        #expect(read.attributes == [acl])
        let (blocks, refused) = DumpAttributes.blocks([acl])
        #expect(refused.isEmpty)
        let written = try #require(blocks.first)
        #expect(written.count == 1024)
        #expect(Array(written[996...]) == DumpRecordTests.hex(Self.stored))
    }

    @Test("many and large attributes take several blocks; what no block can hold is named")
    func manyBlocks() {
        let attributes = (0..<5).map {
            ExtendedAttribute("user.big\($0)", [UInt8](repeating: UInt8($0), count: 30_000))
        }
        let tooLarge = ExtendedAttribute("user.huge", [UInt8](repeating: 1, count: 65_536))
        let foreign = ExtendedAttribute("other.name", [1])
        let (blocks, refused) = DumpAttributes.blocks(attributes + [tooLarge, foreign])
        #expect(blocks.count == 3)
        #expect(refused == [tooLarge.name, foreign.name])
        #expect(blocks.flatMap { DumpAttributes.attributes(in: $0).attributes } == attributes)
    }

    @Test("mutated blocks never trap")
    func mutated() {
        var random = DumpRandom(seed: 11)
        let (blocks, _) = DumpAttributes.blocks([
            ExtendedAttribute("user.a", [1, 2, 3]), ExtendedAttribute("trusted.bcd", [UInt8](repeating: 5, count: 300)),
        ])
        for _ in 0..<20_000 {
            var block = blocks[0]
            for _ in 0..<(1 + random.next() % 6) {
                block[Int(random.next() % 80)] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = DumpAttributes.attributes(in: block)
        }
    }
}

/// Numbers that a seed repeats (splitmix64).
struct DumpRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
