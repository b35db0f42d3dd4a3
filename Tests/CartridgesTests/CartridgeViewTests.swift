// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import SimulatedDisk
import Testing

/// Lends without end.
final class NoBudget: VerifiedBudget {
    let isExhausted: Bool

    init(exhausted: Bool = false) { isExhausted = exhausted }
    func lend(_ bytes: Int) {}
    func giveBack(_ bytes: Int) {}
}

extension PartitionView {
    /// Everything, each record verified.
    func objects() throws(ViewError) -> [ModelTape.Object] {
        var objects: [ModelTape.Object] = []
        while let block = try block(at: BlockAddress(UInt64(objects.count))) {
            guard block.kind == .record else {
                objects.append(.filemark)
                continue
            }
            objects.append(.record(try bytes(of: TapeFileExtent(of: block))))
        }
        return objects
    }

    func bytes(of file: TapeFileExtent, slice: Int = .max) throws(ViewError) -> [UInt8] {
        let reader = VerifiedReader(file, of: self, budget: NoBudget())
        var all: [UInt8] = []
        while all.count < Int(file.lengthBytes) {
            var part = [UInt8](repeating: 0xEE, count: min(slice, Int(file.lengthBytes) - all.count))
            var span = part.mutableSpan
            let got = try reader.read(into: &span, at: UInt64(all.count))
            all += part.prefix(got)
        }
        return all
    }

    func shape() throws(ViewError) -> String {
        var shape = ""
        while let block = try block(at: BlockAddress(UInt64(shape.utf8.count))) {
            shape += block.kind == .record ? "R" : "F"
        }
        return shape
    }
}

@Suite("View of a cartridge that somebody else has")
struct CartridgeViewTests {
    private func view(_ bench: Bench) throws -> CartridgeView {
        try CartridgeView(opening: Bench.directory, on: bench.disk)
    }

    @Test("each record and filemark is seen as soon as it is written, before anything is synchronised")
    func growing() throws {
        let bench = try Bench()
        var view = try view(bench)
        #expect(try view.partitions[0].shape() == "")
        #expect(view.partitions[0].fileCount == 0)
        var expected: [ModelTape.Object] = []
        for number in 0..<40 {
            if number % 7 == 6 {
                try bench.cartridge.appendFilemarks()
                expected.append(.filemark)
            } else {
                let record = pattern(100 + number * 37, UInt8(number))
                try bench.cartridge.append(record)
                expected.append(.record(record))
            }
            if number == 20 { try bench.cartridge.synchronize() }
            let before = view
            view = try view.refreshed()
            #expect(try view.partitions[0].objects() == expected)
            #expect(try before.partitions[0].objects() == expected.dropLast())
            #expect(view.usedBytes == bench.cartridge.usedBytes(0))
            #expect(view.modifiedNanoseconds > before.modifiedNanoseconds)
        }
        let opened = try self.view(bench)
        #expect(try opened.partitions[0].objects() == expected)
    }

    @Test("overwriting and truncating are seen, and an older view tells that it is one instead of showing new data")
    func overwritten() throws {
        let bench = try Bench()
        for number in 0..<10 { try bench.cartridge.append(pattern(1000, UInt8(number))) }
        try bench.cartridge.synchronize()
        let old = try view(bench)
        let stamp = try old.partitions[0].stamp(before: BlockAddress(8))
        let early = try old.partitions[0].stamp(before: BlockAddress(4))
        try bench.cartridge.writeRecord(pattern(1000, 99).span, at: BlockAddress(5), partition: 0)
        let new = try old.refreshed()
        #expect(try new.partitions[0].shape() == "RRRRRR")
        #expect(try new.partitions[0].objects().last == .record(pattern(1000, 99)))
        #expect(throws: ViewError.changed) { try old.partitions[0].objects() }
        #expect(try new.partitions[0].holds(early))
        #expect(try !new.partitions[0].holds(stamp))
        for number in 6..<10 {
            try bench.cartridge.writeRecord(
                pattern(1000, UInt8(number)).span,
                at: BlockAddress(UInt64(number)),
                partition: 0
            )
        }
        #expect(try !new.refreshed().partitions[0].holds(stamp))
        try bench.cartridge.truncate(at: BlockAddress(2), partition: 0)
        #expect(try new.refreshed().partitions[0].shape() == "RR")
        #expect(try !new.refreshed().partitions[0].holds(early))
    }

    @Test("formatting into other partitions, there and back, is seen")
    func formatted() throws {
        let bench = try Bench()
        try bench.cartridge.append(pattern(100, 1))
        var view = try view(bench)
        try bench.cartridge.format(partitionCapacities: [.mebibytes(1), .mebibytes(2)])
        view = try view.refreshed()
        #expect(view.partitions.map(\.blockCount) == [0, 0])
        #expect(view.partitions.map(\.capacity) == [1 << 20, 2 << 20])
        try bench.cartridge.append(pattern(10, 2), partition: 1)
        view = try view.refreshed()
        let stamp = try view.partitions[1].stamp(before: BlockAddress(1))
        #expect(try view.partitions[1].objects() == [.record(pattern(10, 2))])
        try bench.cartridge.format(partitionCapacities: [.mebibytes(1)])
        try bench.cartridge.format(partitionCapacities: [.mebibytes(1), .mebibytes(2)])
        try bench.cartridge.append(pattern(11, 3), partition: 1)
        view = try view.refreshed()
        #expect(try view.partitions[1].objects() == [.record(pattern(11, 3))])
        #expect(try !view.partitions[1].holds(stamp))
    }

    @Test("a cartridge that another took the name of is opened anew; one that is gone is an error")
    func replaced() throws {
        let bench = try Bench()
        try bench.cartridge.append(pattern(100, 1))
        let view = try view(bench)
        try bench.disk.removeTree(Bench.directory)
        #expect(throws: CartridgeError.self) { try view.refreshed() }
        try Cartridge.create(
            at: Bench.directory,
            on: bench.disk,
            CartridgeSpecification(barcode: "TEST01L8", capacity: .mebibytes(4))
        )
        let now = try view.refreshed()
        #expect(now.metadata.identity != view.metadata.identity)
        #expect(now.partitions[0].blockCount == 0)
        #expect(try view.partitions[0].objects() == [.record(pattern(100, 1))])
    }

    @Test("after an unclean end the view shows what opening the cartridge finds")
    func killed() throws {
        var bench = try Bench()
        for number in 0..<5 { try bench.cartridge.append(pattern(300, UInt8(number))) }
        try bench.cartridge.synchronize()
        try bench.cartridge.appendFilemarks()
        try bench.cartridge.append(pattern(300, 77))
        bench.disk.kill()
        let view = try view(bench)
        #expect(try view.partitions[0].shape() == "RRRRRFR")
        try bench.reopen()
        #expect(try bench.cartridge.shape() == "RRRRRFR")
        #expect(try view.refreshed().partitions[0].shape() == "RRRRRFR")
        try bench.cartridge.close()
        #expect(try view.refreshed().partitions[0].objects().count == 7)
    }

    @Test("tape files are found by number and one after another, empty ones too")
    func tapeFiles() throws {
        let bench = try Bench()
        try bench.cartridge.append(pattern(100, 1))
        try bench.cartridge.append(pattern(50, 2))
        try bench.cartridge.appendFilemarks(2)
        for number in 0..<300 { try bench.cartridge.append(pattern(1 + number, 3)) }
        try bench.cartridge.appendFilemarks()
        var partition = try view(bench).partitions[0]
        #expect(partition.fileCount == 3)
        try bench.cartridge.append([7])
        partition = try view(bench).partitions[0]
        #expect(partition.fileCount == 4)
        let expected: [[UInt64]] = [[0, 2, 0, 150], [3, 0, 150, 0], [4, 300, 150, 45150], [305, 1, 45300, 1]]
        var walked = try partition.tapeFile(0)
        for (number, numbers) in expected.enumerated() {
            let file = try #require(try partition.tapeFile(UInt64(number)))
            #expect([file.firstBlock.rawValue, file.recordCount, file.firstByte, file.lengthBytes] == numbers)
            #expect(file.endsWithFilemark == (number < 3))
            #expect(file == walked)
            walked = try partition.tapeFile(behind: file)
        }
        #expect(walked == nil)
        #expect(try partition.tapeFile(4) == nil)
        let file = try #require(try partition.tapeFile(2))
        var offset: UInt64 = 0
        for index in 0..<300 {
            let first = try partition.record(holding: offset, of: file)
            let last = try partition.record(holding: offset + UInt64(index), of: file)
            #expect(first?.address == BlockAddress(4 + UInt64(index)))
            #expect(first == last)
            offset += UInt64(index) + 1
        }
        #expect(try partition.record(holding: offset, of: file) == nil)
    }

    @Test(
        "bytes of a tape file are the same in slices of any size, from any place",
        arguments: [1, 7, 512, 1000, 5000, 1 << 20]
    )
    func slices(slice: Int) throws {
        let bench = try Bench()
        var expected: [UInt8] = []
        for number in 0..<30 {
            let record = pattern([1, 511, 3000, 70_000][number % 4], UInt8(number))
            expected += record
            try bench.cartridge.append(record)
        }
        let partition = try view(bench).partitions[0]
        let file = try #require(try partition.tapeFile(0))
        if slice >= 512 { #expect(try partition.bytes(of: file, slice: slice) == expected) }
        for budget in [NoBudget(), NoBudget(exhausted: true)] {
            let reader = VerifiedReader(file, of: partition, budget: budget)
            var random = SeededGenerator(seed: UInt64(slice))
            for _ in 0..<40 {
                let offset = random.number(below: expected.count + 10)
                var part = [UInt8](repeating: 0, count: slice)
                var span = part.mutableSpan
                let got = try reader.read(into: &span, at: UInt64(offset))
                #expect(Array(part.prefix(got)) == Array(expected.dropFirst(offset).prefix(slice)))
            }
        }
    }

    @Test("a damaged record is an error with its place, and those around it are read")
    func damagedPayload() throws {
        let bench = try Bench()
        for number in 0..<10 { try bench.cartridge.append(pattern(1000, UInt8(number))) }
        try bench.cartridge.close()
        var payload = try #require(bench.disk.bytes(of: Bench.directory + "/p0.data"))
        payload[5500] ^= 1
        bench.disk.setBytes(payload, of: Bench.directory + "/p0.data")
        let partition = try view(bench).partitions[0]
        let file = try #require(try partition.tapeFile(0))
        let damage = ViewError.cartridge(.corruptRecord(partition: 0, address: BlockAddress(5)))
        let reader = VerifiedReader(file, of: partition, budget: NoBudget())
        func read(_ count: Int, at offset: UInt64) throws -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            var span = bytes.mutableSpan
            let got = try reader.read(into: &span, at: offset)
            return Array(bytes.prefix(got))
        }
        #expect(try read(5000, at: 0).count == 5000)
        #expect(try read(4000, at: 6000).prefix(3) == pattern(3, 6)[...])
        #expect(throws: damage) { try read(1, at: 5999) }
        #expect(throws: damage) { try read(2000, at: 4000) }
        #expect(throws: damage) { try read(10000, at: 0) }
    }

    @Test("a damaged entry is an error where it is, and the end of data where nothing vouches for it")
    func damagedEntry() throws {
        let bench = try Bench()
        for number in 0..<10 { try bench.cartridge.append(pattern(1000, UInt8(number))) }
        let index = Bench.directory + "/p0.index"
        var bytes = try #require(bench.disk.bytes(of: index))
        bytes[4096 + 6 * 32 + 9] ^= 4
        bench.disk.setBytes(bytes, of: index)
        #expect(try view(bench).partitions[0].shape() == "RRRRRR")
        bytes[4096 + 6 * 32 + 9] ^= 4
        bench.disk.setBytes(bytes, of: index)
        try bench.cartridge.close()
        bytes = try #require(bench.disk.bytes(of: index))
        bytes[4096 + 6 * 32 + 9] ^= 4
        bench.disk.setBytes(bytes, of: index)
        let partition = try view(bench).partitions[0]
        #expect(partition.blockCount == 10)
        let reason = "the entry does not match its check"
        #expect(throws: ViewError.cartridge(.corruptIndex(partition: 0, address: BlockAddress(6), reason: reason))) {
            try partition.block(at: BlockAddress(6))
        }
        #expect(try partition.blocks(from: BlockAddress(4), count: 6).count == 2)
        #expect(try partition.block(at: BlockAddress(7))?.offset == 7000)
    }

    @Test("the golden cartridges show what their maker wrote")
    func golden() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Images/cartridges/golden-v1").path
        let clean = try CartridgeView(opening: folder + "/GOLD01L8", on: POSIXDisk())
        #expect(try clean.partitions[0].shape() == "RFRRRFF")
        #expect(try clean.partitions[1].objects() == [.record(pattern(513, 1))])
        #expect(clean.partitions[0].usedBytes == 2081 + 7 * 32)
        let crashed = try CartridgeView(opening: folder + "/GOLD02L8", on: POSIXDisk())
        let cartridge = try Cartridge(opening: folder + "/GOLD02L8", on: POSIXDisk(), access: .readOnly)
        // A record without its payload, as only a loss of power leaves it, is not looked at before it is read.
        #expect(try crashed.partitions[0].shape().hasPrefix(try cartridge.shape()))
    }
}
