// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Foundation
import Logging
import SimulatedDisk
import Testing

@testable import TapeFiles

@Suite("Below cartridges/BARCODE: names, texts and bytes")
struct CartridgeFilesTests {
    @Test("an empty cartridge has its texts, and no tape files")
    func empty() throws {
        let bench = try CartridgeBench()
        #expect(try bench.names("") == ["label.json", "attributes", "blocks.csv", "files"])
        #expect(try bench.names("attributes") == [])
        #expect(try bench.names("files") == [])
        #expect(try bench.text("blocks.csv") == "partition,block,kind,file,record,length,offset,crc32c\n")
        #expect(throws: FileError(ENOENT)) { try bench.node("contents") }
        #expect(throws: FileError(ENOENT)) { try bench.node("files/0001") }
        #expect(throws: FileError(ENOTDIR)) { try bench.node("label.json/x") }
        #expect(throws: FileError(EISDIR)) { try bench.open("files") }
        #expect(throws: FileError.self) {
            _ = try bench.files.openFile(.label, of: CartridgeBench.stored, OpenRequest(reads: true, writes: true))
        }
    }

    @Test("what is on a tape is for its owner and group, not for everybody")
    func permissions() throws {
        let bench = try CartridgeBench()
        try bench.write(counted(100))
        for path in ["", "attributes", "files", "files/0001"] {
            #expect(try bench.attributes(path).permissions == 0o550, "\(path)")
        }
        for path in ["label.json", "blocks.csv", "files/0001/data", "files/0001/info.json"] {
            #expect(try bench.attributes(path).permissions == 0o440, "\(path)")
        }
    }

    @Test("label.json tells what the cartridge is and how full, in this order")
    func label() throws {
        let bench = try CartridgeBench()
        try bench.write(counted(100))
        try bench.writeFilemarks()
        try bench.write(counted(50))
        try bench.cartridge.updateMetadata { metadata in
            metadata.attributes = [
                MediumAttribute(
                    partition: 0,
                    identifier: 0x0803,
                    format: 2,
                    readOnly: false,
                    value: Array("Monday \"A\"".utf8) + [0, 0]
                )
            ]
            metadata.counters.loadCount = 3
        }
        let identity = bench.cartridge.metadata.identity
        let expected = """
            {
              "barcode": "TEST01L8",
              "identity": "\(identity)",
              "formatVersion": 1,
              "generation": "LTO-8",
              "density": "0x5e",
              "kind": "data",
              "writeProtected": false,
              "label": "Monday \\"A\\"",
              "capacityBytes": 8388608,
              "usedBytes": 246,
              "cleaningsLeft": null,
              "volumeChangeReference": 0,
              "partitions": [
                {
                  "partition": 0,
                  "capacityBytes": 8388608,
                  "usedBytes": 246,
                  "payloadBytes": 150,
                  "records": 2,
                  "filemarks": 1,
                  "files": 2,
                  "endOfDataBlock": 3
                }
              ],
              "counters": {
                "loads": 3,
                "bytesWritten": 0,
                "bytesRead": 0,
                "recordsWritten": 0,
                "recordsRead": 0,
                "filemarksWritten": 0,
                "writeErrors": 0,
                "readErrors": 0
              }
            }

            """
        #expect(try bench.text("label.json") == expected)
        #expect(try bench.attributes("label.json").lengthBytes == UInt64(expected.utf8.count))
    }

    @Test("attributes are files: texts without padding and with a line feed, the rest as its bytes")
    func attributes() throws {
        let bench = try CartridgeBench()
        func attribute(_ identifier: UInt16, _ format: UInt8, _ value: [UInt8], partition: Int = 0) -> MediumAttribute {
            MediumAttribute(
                partition: partition,
                identifier: identifier,
                format: format,
                readOnly: false,
                value: value
            )
        }
        try bench.cartridge.updateMetadata {
            $0.attributes = [
                attribute(0x080C, 0, [1, 2, 3], partition: 1), attribute(0x0806, 1, Array("TEST01L8   ".utf8)),
                attribute(0x1234, 0, [0, 255]), attribute(0x0801, 1, Array("Backup".utf8) + [0, 0x41]),
            ]
        }
        #expect(
            try bench.names("attributes") == [
                "0801-application-name", "0806-barcode", "1234", "p1-080C-volume-coherency-information",
            ]
        )
        #expect(try bench.text("attributes/0806-barcode") == "TEST01L8\n")
        #expect(try bench.text("attributes/0801-application-name") == "Backup\n")
        #expect(try bench.bytes("attributes/1234") == [0, 255])
        #expect(try bench.attributes("attributes/p1-080C-volume-coherency-information").lengthBytes == 3)
        #expect(throws: FileError(ENOENT)) { try bench.node("attributes/0806") }
    }

    @Test("blocks.csv has a line of the same length for every record and filemark")
    func blocks() throws {
        let bench = try CartridgeBench()
        try bench.write(Array("123456789".utf8))
        try bench.write(counted(7))
        try bench.writeFilemarks(2)
        try bench.write(Array("123456789".utf8))
        // Widths 1, 13, 8, 10, 13, 8, 15, 8; E3069283 is the standard's own check value.
        let first = "0,            0,  record,         0,            0,       9,              0,e3069283"
        let fourth = "0,            3,filemark,         1,             ,       0,             16,        "
        let fifth = "0,            4,  record,         2,            0,       9,             16,e3069283"
        let text = try bench.text("blocks.csv")
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 7)
        #expect(lines[1] == first)
        #expect(lines[4] == fourth)
        #expect(lines[5] == fifth)
        #expect(lines[2].hasPrefix("0,            1,  record,         0,            1,       7,              9,"))
        #expect(lines[6] == "")
        #expect(try bench.attributes("blocks.csv").lengthBytes == UInt64(text.utf8.count))
        let file = try bench.open("blocks.csv")
        for offset in 0..<text.utf8.count {
            #expect(try file.part(1, at: UInt64(offset)) == [Array(text.utf8)[offset]])
        }
        #expect(try bench.bytes("blocks.csv", piece: 33) == Array(text.utf8))
    }

    @Test("data is the tape file's bytes, its length is told, and it grows while the drive writes")
    func data() throws {
        let bench = try CartridgeBench()
        let first = counted(3000) + counted(777, from: 9)
        try bench.write(counted(3000))
        try bench.write(counted(777, from: 9))
        try bench.writeFilemarks(2)
        try bench.write(counted(10))
        #expect(try bench.names("files") == ["0001", "0002", "0003"])
        #expect(try bench.names("files/0001").prefix(2) == ["data", "info.json"])
        for piece in [1000, 4096, 100_000] { #expect(try bench.bytes("files/0001/data", piece: piece) == first) }
        #expect(try bench.attributes("files/0001/data").lengthBytes == 3777)
        #expect(try bench.bytes("files/0002/data") == [])
        let growing = try bench.open("files/0003/data")
        #expect(try growing.part(100, at: 0) == counted(10))
        try bench.write(counted(20, from: 10))
        #expect(try growing.part(100, at: 0) == counted(30))
        #expect(try growing.part(100, at: 25) == counted(5, from: 25))
        #expect(try bench.attributes("files/0003/data").lengthBytes == 30)
        #expect(try bench.attributes("files/0003/data").modifiedNanoseconds > 1)
        #expect(throws: FileError(ENOENT)) { try bench.node("files/0004") }
        #expect(throws: FileError(ENOENT)) { try bench.node("files/00001") }
        #expect(throws: FileError(ENOENT)) { try bench.node("files/0000") }
    }

    @Test("an open tape file that is overwritten is stale; one before it is read on")
    func overwritten() throws {
        let bench = try CartridgeBench()
        for number in UInt8(0)..<3 {
            try bench.write(counted(1000, from: number))
            try bench.write(counted(1000, from: number &+ 1))
            try bench.writeFilemarks()
        }
        let before = try bench.open("files/0001/data")
        let hit = try bench.open("files/0002/data")
        #expect(try hit.part(5, at: 0) == counted(5, from: 1))
        let record = counted(1000, from: 200)
        try bench.cartridge.writeRecord(record.span, at: BlockAddress(3), partition: 0)
        #expect(try before.everything() == counted(1000) + counted(1000, from: 1))
        // Not even what was verified before: the kernel would keep it for who opens the file now.
        #expect(code { _ = try hit.part(500, at: 0) } == ESTALE)
        #expect(try bench.bytes("files/0002/data") == record)
        #expect(try bench.names("files") == ["0001", "0002"])
    }

    private func code(_ body: () throws -> Void) -> Int32? {
        do {
            try body()
            return nil
        } catch {
            return (error as? FileError)?.code
        }
    }

    @Test("an open tape file whose cartridge was replaced by another of its name is stale")
    func swapped() throws {
        let bench = try CartridgeBench()
        try bench.write(counted(1000))
        let file = try bench.open("files/0001/data")
        #expect(try file.part(10, at: 0) == counted(10))
        try bench.disk.rename(from: CartridgeBench.stored.directory, to: "/store/cartridges/old")
        try Cartridge.create(
            at: CartridgeBench.stored.directory,
            on: bench.disk,
            CartridgeSpecification(barcode: "TEST01L8", capacity: .mebibytes(4))
        )
        #expect(code { _ = try file.part(10, at: 0) } == ESTALE)
    }

    @Test("a damaged record is EIO with its position, and info.json says so")
    func damaged() throws {
        let bench = try CartridgeBench()
        try bench.write(counted(1000))
        try bench.write(counted(1000))
        let path = CartridgeBench.stored.directory + "/p0.data"
        var payload = try #require(bench.disk.bytes(of: path))
        payload[1500] ^= 0x10
        bench.disk.setBytes(payload, of: path)
        let file = try bench.open("files/0001/data")
        #expect(try file.part(1000, at: 0) == counted(1000))
        do {
            _ = try file.part(10, at: 1000)
            Issue.record("a damaged record was handed out")
        } catch {
            #expect(error.code == EIO)
            #expect(error.reason.contains("Record 1 in partition 0 is damaged"))
        }
    }

    @Test("directories are listed from any place, however large, with cookies that stay")
    func cookies() throws {
        let bench = try CartridgeBench()
        try bench.writeFilemarks(30)
        var all: [DirectoryEntry] = []
        let files = try bench.node("files")
        try bench.files.list(files, of: CartridgeBench.stored, after: 0) {
            all.append($0); return true
        }
        #expect(all.count == 30)
        try bench.writeFilemarks()
        for place in [0, 7, 29] {
            var next: DirectoryEntry?
            let cookie = place == 0 ? 0 : all[place - 1].cookie
            try bench.files.list(files, of: CartridgeBench.stored, after: cookie) {
                next = $0; return false
            }
            #expect(next == all[place])
        }
        var inodes = Set(all.map(\.inode))
        inodes.insert(try bench.attributes("files").inode)
        #expect(inodes.count == 31)
        for path in ["", "files/0001"] {
            var walked: [String] = []
            var cookie: UInt64 = 0
            while true {
                var next: DirectoryEntry?
                try bench.files.list(bench.node(path), of: CartridgeBench.stored, after: cookie) {
                    next = $0; return false
                }
                guard let next else { break }
                walked.append(String(decoding: next.name, as: UTF8.self))
                cookie = next.cookie
                let attributes = try bench.attributes(path + "/" + (walked.last ?? ""))
                #expect(attributes.inode == next.inode)
                #expect(attributes.kind == next.kind)
            }
            #expect(try walked == bench.names(path))
        }
    }

    @Test("a cartridge that was deleted is ENOENT, and one made anew under its name is shown")
    func replaced() throws {
        let bench = try CartridgeBench()
        try bench.write(counted(10))
        #expect(try bench.names("files") == ["0001"])
        try bench.disk.removeTree(CartridgeBench.stored.directory)
        do {
            _ = try bench.attributes("")
            Issue.record("it is gone")
        } catch let error as FileError {
            #expect(error.code == ENOENT)
        }
        try Cartridge.create(
            at: CartridgeBench.stored.directory,
            on: bench.disk,
            CartridgeSpecification(barcode: "TEST01L8", capacity: .mebibytes(4))
        )
        #expect(try bench.names("files") == [])
        #expect(try bench.files.use(of: CartridgeBench.stored).capacityBytes == 4 << 20)
    }

    @Test("partitions have their own files")
    func partitions() throws {
        let bench = try CartridgeBench()
        try bench.cartridge.format(partitionCapacities: [.mebibytes(1), .mebibytes(2)])
        try bench.write(counted(5), partition: 1)
        #expect(
            try bench.names("") == ["label.json", "attributes", "blocks.csv", "files", "blocks-p1.csv", "files-p1"]
        )
        #expect(try bench.names("files") == [])
        #expect(try bench.bytes("files-p1/0001/data") == counted(5))
        #expect(try bench.text("blocks-p1.csv").split(separator: "\n")[1].hasPrefix("1,            0,  record,"))
    }
}
