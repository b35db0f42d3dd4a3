// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Foundation
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

    @Test("directories of the user with names like those of our work stay", arguments: [true, false])
    func othersDirectories(canExchange: Bool) throws {
        let disk = try written()
        disk.canExchange = canExchange
        let names = ["t.new", "t.old", "t.partial"]
        for name in names {
            try disk.makeDirectory("/images/" + name)
            disk.setBytes([7], of: "/images/\(name)/photo")
        }
        try Images.write([.mark], to: try FolderWriter("/images/t", on: disk, tape: Self.tape, replaces: true))
        #expect(try disk.list("/images/t") == ["blocks.csv", "tape.json"])
        try FolderWriter("/images/t", on: disk, tape: Self.tape, replaces: true).discard()
        #expect(try disk.list("/images") == ["t"] + names + ["tape"])
        for name in names { #expect(disk.bytes(of: "/images/\(name)/photo") == [7]) }
    }

    @Test("what takes the name while a tape is written is not replaced", arguments: [true, false])
    func latecomer(replaces: Bool) throws {
        let disk = try Images.disk([])
        let writer = try FolderWriter("/images/t", on: disk, tape: Self.tape, replaces: replaces)
        try disk.makeDirectory("/images/t")
        disk.setBytes([7], of: "/images/t/photo")
        #expect(throws: ImageError.self) { try writer.finish() }
        writer.discard()
        #expect(try disk.list("/images") == ["t", "tape"])
        #expect(disk.bytes(of: "/images/t/photo") == [7])
    }

    @Test("a name that is there is not made anew, on a real disk")
    func newDirectory() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/folder-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let disk = POSIXDisk()
        try disk.makeNewDirectory(folder + "/a/b")
        #expect(throws: DiskError.self) { try disk.makeNewDirectory(folder + "/a/b") }
        try FileManager.default.createSymbolicLink(atPath: folder + "/c", withDestinationPath: folder + "/a")
        #expect(throws: DiskError.self) { try disk.makeNewDirectory(folder + "/c") }
        let tape = folder + "/tape"
        for marks in 1...2 {
            let pieces = Array(repeating: Piece.mark, count: marks)
            try Images.write(pieces, to: try FolderWriter(tape, on: disk, tape: Self.tape, replaces: marks > 1))
            #expect(try Images.pieces(try FolderReader(tape, on: disk)) == pieces)
        }
        #expect(try disk.list(folder) == ["a", "c", "tape"])
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
