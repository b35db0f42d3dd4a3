// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import SimulatedDisk
import Testing

@testable import TapeImages

@Suite("Tapes as directories")
struct FolderTests {
    static let pieces: [Piece] = [
        .record(Array("123456789".utf8)), .record([1, 2]), .mark, .mark, .damaged([3]), .partition(1), .record([4]),
        .mark,
    ]
    static let tape = TapeDescription(
        barcode: "CAP001L8",
        partitions: [.init(capacityBytes: 1 << 30), .init(capacityBytes: 1 << 20)],
        attributes: [.init(partition: 1, identifier: 0x0800, format: 1, value: "434150")]
    )

    private func written() throws -> SimulatedDisk {
        let disk = try Images.disk([])
        try Images.write(Self.pieces, to: try FolderWriter("/images/t/", on: disk, tape: Self.tape, replaces: false))
        return disk
    }

    @Test("records stand in a file for each tape file, and the index tells everything else")
    func writing() throws {
        let disk = try written()
        #expect(
            try disk.list("/images/t") == [
                "blocks.csv", "file0001.bin", "file0003.bin", "p1-file0001.bin", "tape.json",
            ]
        )
        #expect(disk.bytes(of: "/images/t/file0001.bin") == Array("123456789".utf8) + [1, 2])
        // E3069283h for these nine digits is the check value by which catalogues of CRCs know CRC32C.
        let index = String(decoding: try #require(disk.bytes(of: "/images/t/blocks.csv")), as: UTF8.self)
        #expect(
            index == """
                partition,block,kind,bytes,crc32c
                0,0,record,9,e3069283
                0,1,record,2,\(FolderWriter.checksum([1, 2]))
                0,2,filemark,,
                0,3,filemark,,
                0,4,damaged,1,
                1,0,record,1,\(FolderWriter.checksum([4]))
                1,1,filemark,,
                ,7,end,,

                """
        )
    }

    @Test("it comes back as it was: partitions, attributes, damage")
    func reading() throws {
        let reader = try ImageFiles.reader("/images/t", format: nil, on: try written())
        #expect(reader.tape == Self.tape)
        #expect(try Images.pieces(reader) == Self.pieces)
    }

    @Test("an index that was written by hand needs no checksums")
    func byHand() throws {
        let disk = try Images.disk(Array("partition,block,kind,bytes,crc32c\r\n0,0,record,5,\r\n,1,end,,\r\n".utf8))
        try disk.rename(from: Images.path, to: "/images/blocks.csv")
        disk.setBytes(Array("hello".utf8), of: "/images/file0001.bin")
        disk.setBytes(Array(#"{"capstanTape":1,"tape":{"partitions":[{}]}}"#.utf8), of: "/images/tape.json")
        #expect(try Images.pieces(try FolderReader("/images", on: disk)) == [.record(Array("hello".utf8))])
    }

    @Test("changed records, files of another length and a changed index are errors")
    func lies() throws {
        func damage(_ name: String, _ change: (inout [UInt8]) -> Void) throws {
            let disk = try written()
            var bytes = try #require(disk.bytes(of: "/images/t/" + name))
            change(&bytes)
            disk.setBytes(bytes, of: "/images/t/" + name)
            #expect(throws: ImageError.self) { try Images.pieces(try FolderReader("/images/t", on: disk)) }
        }
        try damage("file0001.bin") { $0[3] ^= 1 }
        try damage("file0001.bin") { $0.append(0) }
        try damage("file0001.bin") { $0.removeLast() }
        try damage("blocks.csv") { $0.removeLast(10) }
        try damage("blocks.csv") { $0 += Array("1,2,filemark,,\n".utf8) }
        try damage("blocks.csv") { $0.replace(Array("record,9".utf8), with: Array("record,99999999999999999999".utf8)) }
        try damage("blocks.csv") { $0.replace(Array("0,3,".utf8), with: Array("0,4,".utf8)) }
        try damage("blocks.csv") { $0.replace(Array("1,0,".utf8), with: Array("2,0,".utf8)) }
        try damage("tape.json") { $0 = Array("[]".utf8) }
        try damage("tape.json") { $0 = Array(#"{"capstanTape":2,"tape":{"partitions":[{}]}}"#.utf8) }
    }

    @Test("one of ours is replaced when that is wanted, any other directory never")
    func replacing() throws {
        let disk = try written()
        #expect(throws: ImageError.self) { try FolderWriter("/images/t", on: disk, tape: Self.tape, replaces: false) }
        try Images.write([.mark], to: try FolderWriter("/images/t", on: disk, tape: Self.tape, replaces: true))
        #expect(try disk.list("/images/t") == ["blocks.csv", "tape.json"])
        #expect(try disk.list("/images") == ["t", "tape"])
        try disk.makeDirectory("/images/holiday")
        #expect(throws: ImageError.self) {
            try FolderWriter("/images/holiday", on: disk, tape: Self.tape, replaces: true)
        }
    }

    @Test("a directory that is given up leaves nothing")
    func discarded() throws {
        let disk = try Images.disk([])
        let writer = try FolderWriter("/images/t", on: disk, tape: Self.tape, replaces: false)
        try writer.write(.record(lengthBytes: 1), [1])
        writer.discard()
        #expect(try disk.list("/images") == ["tape"])
    }
}

extension [UInt8] {
    fileprivate mutating func replace(_ old: [UInt8], with new: [UInt8]) {
        guard let start = indices.first(where: { self[$0...].starts(with: old) }) else { return }
        replaceSubrange(start..<start + old.count, with: new)
    }
}
