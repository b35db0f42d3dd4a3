// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import Logging
import SimulatedDisk
import TapeLibrary
import Testing

@testable import TapeFiles

@Suite("Below cartridges/BARCODE: what is in tape files")
struct CartridgeContentsTests {
    private func write(_ archive: [UInt8], record: Int, to bench: CartridgeBench) throws {
        for start in stride(from: 0, to: archive.count, by: record) {
            try bench.write(Array(archive[start..<min(start + record, archive.count)]))
        }
    }

    private let members: [(name: String, bytes: [UInt8])] = [
        ("etc/hosts", Array("127.0.0.1 localhost\n".utf8)), ("etc/data", counted(40_000)), ("top", []),
    ]

    @Test("an archive's members are directories and files with the archive's owners, modes and times")
    func browsing() throws {
        let bench = try CartridgeBench()
        try write(HandmadeTar.archive(members), record: 10_240, to: bench)
        try bench.writeFilemarks()
        #expect(try bench.names("files/0001") == ["data", "info.json", "contents"])
        #expect(try bench.names("files/0001/contents").sorted() == ["etc", "top"])
        #expect(try bench.text("files/0001/contents/etc/hosts") == "127.0.0.1 localhost\n")
        #expect(try bench.bytes("files/0001/contents/etc/data", piece: 3000) == counted(40_000))
        let file = try bench.open("files/0001/contents/etc/data")
        #expect(try file.part(10, at: 30_000) == Array(counted(40_000)[30_000..<30_010]))
        #expect(try file.part(10, at: 5) == Array(counted(15)[5...]))
        let attributes = try bench.attributes("files/0001/contents/etc/data")
        #expect(attributes.lengthBytes == 40_000)
        #expect(attributes.permissions == 0o640)
        // Nobody else gets into an archive, whatever its modes are.
        let root = try bench.attributes("files/0001/contents")
        #expect(root.permissions == 0o550 && root.owner == nil)
        #expect(attributes.owner == FileAttributes.Owner(user: 1000, group: 1001))
        #expect(attributes.modifiedNanoseconds == 1_600_000_000_000_000_000)
        // The root is in no archive: its time is the tape's.
        let tape = try bench.attributes("").modifiedNanoseconds
        #expect(try bench.attributes("files/0001/contents").modifiedNanoseconds == tape)
        #expect(throws: FileError(ENOENT)) { try bench.node("files/0001/contents/etc/passwd") }
        #expect(throws: FileError(ENOTDIR)) { try bench.node("files/0001/contents/top/x") }
    }

    @Test("a member whose bytes end before its length is no shorter file: reading across the end is EIO")
    func cutMember() throws {
        let bench = try CartridgeBench()
        // Two headers and a block of `etc/hosts` come before the bytes of `etc/data`.
        let cut = Array(HandmadeTar.archive(members).prefix(3 * 512 + 20_000))
        try write(cut, record: 10_240, to: bench)
        try bench.writeFilemarks()
        let file = try bench.open("files/0001/contents/etc/data")
        #expect(try file.part(4096, at: 8192) == Array(counted(40_000)[8192..<12_288]))
        for (count, offset) in [(4096, UInt64(16_384)), (131_072, 0), (1, 20_000), (4096, 36_864)] {
            let error = #expect(throws: FileError.self) { try file.part(count, at: offset) }
            #expect(error?.code == EIO, "\(count) bytes at \(offset)")
        }
        #expect(try file.part(4096, at: 40_000) == [])
    }

    @Test("info.json tells records, format, and after listing what the contents came to")
    func information() throws {
        let bench = try CartridgeBench()
        try write(HandmadeTar.archive([("a", [1])]), record: 1536, to: bench)
        let before = try bench.text("files/0001/info.json")
        let expected = """
            {
              "partition": 0,
              "file": 0,
              "firstBlock": 0,
              "records": 2,
              "bytes": 2048,
              "endsWithFilemark": false,
              "recordBytes": {
                "first": 1536,
                "last": 512,
                "smallest": 512,
                "largest": 1536
              },
              "firstBytes": "61\(String(repeating: "0", count: 126))",
              "problem": null,
              "format": {
                "name": "tar",
            """
        #expect(before.hasPrefix(expected))
        #expect(before.contains("\"listed\": false,\n    \"entries\": null,\n    \"problems\": []"))
        #expect(try bench.attributes("files/0001/info.json").lengthBytes == UInt64(before.utf8.count))
        _ = try bench.names("files/0001/contents")
        let after = try bench.text("files/0001/info.json")
        #expect(after.contains("\"browsable\": true,\n    \"listed\": true,\n    \"entries\": 2"))
        try bench.writeFilemarks()
        try bench.write([0xDE, 0xAD, 0xBE, 0xEF])
        let unknown = try bench.text("files/0002/info.json")
        #expect(unknown.contains("\"firstBytes\": \"deadbeef\""))
        #expect(unknown.contains("\"format\": null"))
        #expect(try bench.names("files/0002") == ["data", "info.json"])
    }

    @Test("nodes of contents are the same in a new start, and stale when the tape was overwritten")
    func generations() throws {
        let bench = try CartridgeBench()
        try write(HandmadeTar.archive(members), record: 10_240, to: bench)
        try bench.writeFilemarks()
        let node = try bench.node("files/0001/contents/etc/hosts")
        let open = try bench.open("files/0001/contents/etc/data")
        #expect(try open.part(3, at: 0) == [0, 1, 2])
        let other = CartridgeFiles(
            disk: bench.disk,
            inode: { InodeNumber.of($0) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        #expect(try other.attributes(of: node, in: CartridgeBench.stored).lengthBytes == 20)
        // Behind it the tape may change.
        try bench.write(counted(100))
        #expect(try bench.files.attributes(of: node, in: CartridgeBench.stored).lengthBytes == 20)
        let archive = HandmadeTar.archive([("etc/other", [7])])
        try bench.cartridge.writeRecord(archive.span, at: .zero, partition: 0)
        do {
            _ = try bench.files.attributes(of: node, in: CartridgeBench.stored)
            Issue.record("the node is of an archive that is gone")
        } catch {
            #expect(error.code == ESTALE)
        }
        do {
            _ = try open.part(3, at: 20_000)
            Issue.record("the member is of an archive that is gone")
        } catch {
            #expect(error.code == ESTALE)
        }
        #expect(try bench.names("files/0001/contents/etc") == ["other"])
    }

    @Test("an archive that is still being written is shown as far as it is, and listed anew after a while")
    func growing() throws {
        var limits = CartridgeFilesLimits()
        limits.relistNanoseconds = 0
        let bench = try CartridgeBench(limits: limits)
        let archive = HandmadeTar.archive([("one", counted(5000)), ("two", counted(5000))])
        try bench.write(Array(archive[..<6000]))
        #expect(try bench.names("files/0001/contents").first == "one")
        #expect(try bench.bytes("files/0001/contents/one") == counted(5000))
        try bench.write(Array(archive[6000...]))
        #expect(try bench.names("files/0001/contents") == ["one", "two"])
        #expect(try bench.bytes("files/0001/contents/two") == counted(5000))
    }

    @Test("so many archives and members are kept as the limits say, and those given up are read again")
    func bounded() throws {
        var limits = CartridgeFilesLimits()
        limits.openArchives = 2
        limits.memberReaders = 2
        limits.recognised = 4
        let bench = try CartridgeBench(limits: limits)
        for number in 0..<8 {
            try bench.write(HandmadeTar.archive([("member", counted(3000, from: UInt8(number)))]))
            try bench.writeFilemarks()
        }
        for _ in 0..<2 {
            var open: [any OpenFile] = []
            for number in 0..<8 {
                open.append(try bench.open("files/000\(number + 1)/contents/member"))
                #expect(try open[number].part(10, at: 0) == counted(10, from: UInt8(number)))
            }
            for number in 0..<8 {
                #expect(try open[number].part(10, at: 100) == counted(10, from: UInt8(100 + number)))
            }
            for file in open { file.close() }
        }
    }

    @Test("threads that ask for one archive wait for one listing; each gets its bytes", .timeLimit(.minutes(1)))
    func threads() async throws {
        let bench = try CartridgeBench()
        let members = (0..<50).map { (name: "m\($0)", bytes: counted(1000, from: UInt8($0))) }
        try bench.write(HandmadeTar.archive(members))
        try bench.writeFilemarks()
        let files = bench.files
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    for number in 0..<50 {
                        let wanted = (number * 7 + worker) % 50
                        let bytes = try files.bytes("files/0001/contents/m\(wanted)")
                        #expect(bytes == counted(1000, from: UInt8(wanted)))
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}

@Suite("Map of a tape")
struct CartridgeMapTests {
    @Test("files, records, record lengths and formats; an empty file between two filemarks")
    func map() throws {
        let bench = try CartridgeBench()
        try bench.write(HandmadeTar.archive([("a", [1])]))
        try bench.writeFilemarks(2)
        try bench.write(counted(512, from: 1))
        try bench.write(counted(100, from: 1))
        let map = try CartridgeMap(of: CartridgeBench.stored, on: bench.disk)
        let files = try map.files(partition: 0, from: 0, limit: 100)
        #expect(files.map(\.extent.number) == [0, 1, 2])
        #expect(files.map(\.extent.firstBlock.rawValue) == [0, 2, 3])
        #expect(files.map(\.extent.recordCount) == [1, 0, 2])
        #expect(files.map(\.extent.endsWithFilemark) == [true, true, false])
        #expect(files[0].format == "tar")
        #expect(files[2].sizes == RecordSizes(first: 512, last: 100, smallest: 100, largest: 512))
        #expect(files[2].format == nil)
        #expect(try map.files(partition: 0, from: 1, limit: 1).map(\.extent.number) == [1])
        #expect(try map.files(partition: 0, from: 3, limit: 1) == [])
        #expect(try map.files(partition: 1, from: 0, limit: 1) == [])
    }
}

@Suite("A very large cartridge")
struct CartridgeScaleTests {
    @Test("two million records and a million tape files are listed from any place at once", .timeLimit(.minutes(2)))
    func million() throws {
        let folder = NSTemporaryDirectory() + "capstan-scale-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var sparse = SparseCartridge()
        sparse.recordsPerFile = 2
        let stored = StoredCartridge(barcode: sparse.barcode, directory: try sparse.make(in: folder))
        let files = CartridgeFiles(
            disk: POSIXDisk(),
            inode: { InodeNumber.of($0) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let clock = ContinuousClock()
        let time = try clock.measure {
            var names: [String] = []
            try files.list(.files(partition: 0), of: stored, after: 999_990) {
                names.append(String(decoding: $0.name, as: UTF8.self))
                return true
            }
            #expect(names == (999_991...1_000_000).map { "\($0)" })
            for number in stride(from: UInt64(0), to: 1_000_000, by: 99_991) {
                let tapeFile = TapeFileNumber(number: number)
                #expect(try files.attributes(of: .fileData(tapeFile), in: stored).lengthBytes == 100_000)
                let data = try files.openFile(.fileData(tapeFile), of: stored, OpenRequest())
                #expect(try data.part(10, at: 99_995) == [0, 0, 0, 0, 0])
            }
            let blocks = try files.openFile(.blocks(partition: 0), of: stored, OpenRequest())
            let last = try blocks.part(84, at: 54 + 84 * 2_999_998)
            let line = "0,      2999998,  record,    999999,            1,   50000,    99999950000,"
            #expect(String(decoding: last, as: UTF8.self).hasPrefix(line))
            #expect(try files.attributes(of: .blocks(partition: 0), in: stored).lengthBytes == 54 + 84 * 3_000_000)
        }
        // A scan of the index alone would take as long in a debug build; nothing here may depend on its length.
        #expect(time < .seconds(5))
    }
}
