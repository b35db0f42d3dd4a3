// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import LogicalUnits
import SCSI
import SimulatedDisk
import Testing

@Suite("Drive: cartridges whose index is damaged")
struct DriveDamageTests {
    private static let path = "/store/T1/p0.index"
    /// Entries of 32 bytes begin behind the superblocks.
    private static func place(_ address: Int) -> Range<Int> { 4096 + 32 * address..<4096 + 32 * (address + 1) }

    /// Five records and a filemark, with entry 3 as it was before the tape was overwritten: the disk lost a write.
    /// That entry is whole, but says that a filemark lies before it.
    private func benchWithStaleEntry() throws -> DriveBench {
        let bench = try DriveBench()
        _ = bench.writeFilemarks()
        for _ in 1...5 { _ = bench.writeRecord(pattern(100)) }
        _ = bench.rewind()
        let old = try #require(bench.disk.bytes(of: Self.path))
        for _ in 1...5 { _ = bench.writeRecord(pattern(200)) }
        _ = bench.writeFilemarks()
        _ = bench.rewind()
        var index = try #require(bench.disk.bytes(of: Self.path))
        index.replaceSubrange(Self.place(3), with: old[Self.place(3)])
        bench.disk.setBytes(index, of: Self.path)
        return bench
    }

    @Test("an index that contradicts itself is an error of the medium wherever the tape goes, never the end")
    func staleEntry() throws {
        let bench = try benchWithStaleEntry()
        for start: UInt8 in 0...6 {
            for code: UInt8 in [0, 1, 2] {
                for count in [1, 2, 3, 6, -1, -2, -3, -6] {
                    _ = bench.run([0x2B, 0, 0, 0, 0, 0, start, 0, 0, 0])
                    let result = bench.space(code, count)
                    #expect(result.status == .good || [0, 3, 8].contains(result.sense?.key.rawValue))
                    #expect(bench.block <= 6)
                    _ = bench.run([0x34, 6, 0, 0, 0, 0, 0, 0, 0, 0])
                }
            }
            for file: UInt8 in 0...2 {
                _ = bench.run([0x92, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0, file, 0, 0, 0, 0])
                #expect(bench.block <= 6)
            }
        }
        _ = bench.run([0x2B, 0, 0, 0, 0, 0, 4, 0, 0, 0])
        #expect(line(bench.space(1, 1)) == "3/3B/00")
    }

    @Test("READ of an object whose index entry is damaged: INFORMATION is what was asked for")
    func damagedEntry() throws {
        let bench = try DriveBench()
        for _ in 1...2 { _ = bench.writeRecord(pattern(100)) }
        _ = bench.rewind()
        var index = try #require(bench.disk.bytes(of: Self.path))
        index[Self.place(0).lowerBound + 8] ^= 1
        bench.disk.setBytes(index, of: Self.path)
        #expect(line(bench.read(100)) == "3/31/00 info 100")
        #expect(bench.block == 0)
    }
}
