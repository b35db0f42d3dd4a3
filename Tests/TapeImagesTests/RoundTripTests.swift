// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import SimulatedDisk
import Testing

@testable import TapeImages

@Suite("Cartridges into images and back")
struct RoundTripTests {
    static let tape: [Piece] = [
        .record([1]), .record(Array(repeating: 7, count: 10_241)), .mark, .mark, .damaged([9, 8, 7]),
        .record(Array("tail".utf8)), .mark,
    ]
    private static let beside = ["CAP001L8", "image", "cartridge.json", "p0.data", "p0.index"]

    @Test("records, filemarks and damage are the same afterwards", arguments: [ImageFormat.tap, .directory])
    func same(format: ImageFormat) throws {
        let cartridge = try TestCartridge()
        try cartridge.write(Self.tape)
        let export = try cartridge.export(format, to: "/store/image")
        #expect(export.tally.records == 4)
        #expect(export.tally.damagedRecords == 1)
        #expect(export.tally.filemarks == 3)
        #expect(export.progress.done == export.progress.total)
        try cartridge.change { (cartridge) throws(CartridgeError) in try cartridge.truncate(at: .zero, partition: 0) }
        let (filling, image) = try cartridge.fill(from: "/store/image")
        #expect(try cartridge.contents == Self.tape)
        #expect(filling.tally.records == 4)
        #expect(image.tally == export.tally)
        #expect(try cartridge.files == Self.beside)
    }

    @Test(
        "records of 1 byte to 16 MiB less one, of odd lengths, and thousands of marks",
        arguments: ImageFormat.writable
    )
    func lengths(format: ImageFormat) throws {
        var generator = SeededGenerator(seed: 11)
        var pieces: [Piece] = []
        for length in [1, 2, 3, 4095, 4096, 4097, 65_534, 65_535, 65_536, 131_071, 1 << 20, 0xFF_FFFF] {
            pieces.append(.record(Images.random(length, &generator)))
            if length % 3 == 0 { pieces.append(.mark) }
        }
        pieces += Array(repeating: .mark, count: 3000)
        for _ in 0..<200 {
            pieces.append(.record(Images.random(1 + generator.number(below: 5000), &generator)))
            if generator.once(in: 3) { pieces.append(.mark) }
        }
        let cartridge = try TestCartridge()
        try cartridge.write(pieces)
        try cartridge.export(format, to: "/store/image")
        let other = try TestCartridge()
        for name in try cartridge.disk.list("/store") where name.hasPrefix("image") {
            try copy("/store/" + name, from: cartridge.disk, to: other.disk)
        }
        try other.fill(from: "/store/image")
        #expect(try other.contents == pieces)
    }

    private func copy(_ path: String, from: SimulatedDisk, to: SimulatedDisk) throws {
        if let bytes = from.bytes(of: path) { return to.setBytes(bytes, of: path) }
        try to.makeDirectory(path)
        for name in try from.list(path) { try copy(path + "/" + name, from: from, to: to) }
    }

    @Test("a directory keeps partitions and attributes")
    func everything() throws {
        let attribute = MediumAttribute(partition: 1, identifier: 0x0803, format: 2, readOnly: false, value: [65, 66])
        let own = MediumAttribute(partition: 0, identifier: 0x0401, format: 1, readOnly: true, value: [49])
        let pieces: [Piece] = [.partition(0), .record([1]), .mark, .partition(1), .record([2, 2])]
        let cartridge = try TestCartridge(partitions: 2)
        try cartridge.write(pieces)
        try cartridge.change { (cartridge) throws(CartridgeError) in
            try cartridge.updateMetadata { $0.attributes = [own, attribute] }
        }
        try cartridge.export(.directory, to: "/store/image")
        let before = try metadata(of: cartridge)
        try cartridge.change { (cartridge) throws(CartridgeError) in
            try cartridge.format(partitionCapacities: [.mebibytes(64)])
            try cartridge.updateMetadata { $0.attributes = [own] }
        }
        try cartridge.fill(from: "/store/image")
        #expect(try cartridge.contents == pieces)
        let after = try metadata(of: cartridge)
        #expect(after.attributes == [own, attribute])
        #expect(after.partitions == before.partitions)
        #expect(after.identity == before.identity)
        #expect(after.volumeChangeReference == before.volumeChangeReference + 1)
    }

    private func metadata(of cartridge: TestCartridge) throws -> CartridgeMetadata {
        try Cartridge(opening: TestCartridge.directory, on: cartridge.disk, access: .readOnly).metadata
    }

    @Test("formats of one partition take the one that is written, or the one that is named, and refuse two")
    func partitions() throws {
        let cartridge = try TestCartridge(partitions: 2)
        try cartridge.write([.partition(1), .record([5])])
        let export = try cartridge.export(.tap, to: "/store/one")
        #expect(export.notes == ["partition 1 of 2 is in the image"])
        #expect(cartridge.disk.bytes(of: "/store/one") == [1, 0, 0, 0, 5, 0, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF])
        try cartridge.write([.partition(0), .mark])
        #expect(throws: ImageError.self) { () throws(ImageError) in try cartridge.export(.aws, to: "/store/two") }
        var options = ImageExport.Options()
        options.partition = 0
        try cartridge.export(.aws, to: "/store/two", options: options)
        #expect(cartridge.disk.bytes(of: "/store/two") == [0, 0, 0, 0, 0x40, 0])
        options.partition = 2
        #expect(throws: ImageError.self) { () throws(ImageError) in
            try cartridge.export(.tap, to: "/store/three", options: options)
        }
        #expect(try cartridge.disk.list("/store") == ["CAP001L8", "one", "two"])
    }

    @Test(
        "a format without a place for damage refuses it, or leaves it out when told to",
        arguments: [
            ImageFormat.aws, .het,
        ]
    )
    func damageWithoutPlace(format: ImageFormat) throws {
        let cartridge = try TestCartridge()
        try cartridge.write(Self.tape)
        #expect(throws: ImageError.self) { () throws(ImageError) in try cartridge.export(format, to: "/store/image") }
        #expect(try cartridge.disk.list("/store") == ["CAP001L8"])
        var options = ImageExport.Options()
        options.omitsDamaged = true
        let export = try cartridge.export(format, to: "/store/image", options: options)
        #expect(export.omittedRecords == 1)
        try cartridge.fill(from: "/store/image")
        #expect(try cartridge.contents == Self.tape.filter { $0 != .damaged([9, 8, 7]) })
    }

    @Test("a record that has gone bad on the disk becomes a damaged one in the image, at the same place")
    func rot() throws {
        let cartridge = try TestCartridge()
        try cartridge.write([.record([1, 2, 3]), .record([4, 5, 6]), .record([7, 8, 9]), .mark])
        var payload = try #require(cartridge.disk.bytes(of: TestCartridge.directory + "/p0.data"))
        payload[4] = 0x55
        cartridge.disk.setBytes(payload, of: TestCartridge.directory + "/p0.data")
        try cartridge.export(.tap, to: "/store/image")
        try cartridge.fill(from: "/store/image", as: .tap)
        #expect(try cartridge.contents == [.record([1, 2, 3]), .damaged([4, 0x55, 6]), .record([7, 8, 9]), .mark])
    }

    @Test(
        "where the index is damaged, the record goes out as a damaged one of unknown length, and those behind it whole"
    )
    func damagedIndex() throws {
        let cartridge = try TestCartridge()
        try cartridge.write([.record([1, 2, 3]), .record([4, 5, 6]), .record([7, 8, 9])])
        var index = try #require(cartridge.disk.bytes(of: TestCartridge.directory + "/p0.index"))
        index[4096 + 32 + 9] ^= 0xFF
        cartridge.disk.setBytes(index, of: TestCartridge.directory + "/p0.index")
        let export = try cartridge.export(.tap, to: "/store/image")
        #expect(export.tally.damagedRecords == 1)
        let reader = try ImageFiles.reader("/store/image", format: .tap, on: cartridge.disk)
        #expect(try Images.pieces(reader) == [.record([1, 2, 3]), .damaged([]), .record([7, 8, 9])])
    }

    @Test("a damaged record without any byte gets one, and is damaged")
    func emptyDamage() throws {
        let cartridge = try TestCartridge()
        cartridge.disk.setBytes([0, 0, 0, 0x80, 0, 0, 0, 0x80], of: "/store/image")
        let (filling, _) = try cartridge.fill(from: "/store/image", as: .tap)
        #expect(try cartridge.contents == [.damaged([0])])
        #expect(filling.emptyDamagedRecords == 1)
    }

    @Test(
        "protected, once written and cleaning cartridges are not filled",
        arguments: [MediumKind.data, .worm, .cleaning]
    )
    func refused(kind: MediumKind) throws {
        let cartridge = try TestCartridge()
        try cartridge.write([.record([1])])
        try cartridge.change { (cartridge) throws(CartridgeError) in
            try cartridge.updateMetadata { metadata in
                metadata.kind = kind
                metadata.writeProtected = kind == .data
            }
        }
        cartridge.disk.setBytes(SIMHTests.image, of: "/store/image")
        #expect(throws: CartridgeFilling.Failure.self) { try cartridge.fill(from: "/store/image") }
        #expect(try cartridge.contents == [.record([1])])
    }

    @Test("the division of the medium among partitions: as it was, made smaller in proportion, or in equal shares")
    func shares() throws {
        func capacities(_ sizes: [UInt64?], of medium: UInt64) throws -> [UInt64] {
            let partitions = sizes.map { TapeDescription.Partition(capacityBytes: $0) }
            return try PartitionShares.capacities(for: partitions, of: ByteCount(medium)).map(\.rawValue)
        }
        let mebibyte: UInt64 = 1 << 20
        #expect(try capacities([nil], of: 9 * mebibyte) == [9 * mebibyte])
        #expect(try capacities([3 * mebibyte], of: 9 * mebibyte) == [9 * mebibyte])
        #expect(try capacities([3 * mebibyte, 5 * mebibyte], of: 9 * mebibyte) == [3 * mebibyte, 5 * mebibyte])
        #expect(try capacities([3 * mebibyte, nil], of: 9 * mebibyte) == [3 * mebibyte, 6 * mebibyte])
        #expect(try capacities([nil, nil], of: 8 * mebibyte) == [4 * mebibyte, 4 * mebibyte])
        let smaller = try capacities([30 * mebibyte, 60 * mebibyte], of: 9 * mebibyte)
        #expect(smaller.reduce(0, +) <= 9 * mebibyte && smaller[0] >= 3 * mebibyte - 2)
        #expect(throws: CartridgeError.self) { try capacities([nil, nil, nil, nil, nil], of: 9 * mebibyte) }
        #expect(throws: CartridgeError.self) { try capacities([], of: 9 * mebibyte) }
    }
}
