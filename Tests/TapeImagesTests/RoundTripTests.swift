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

    @Test("records, filemarks and damage are the same afterwards", arguments: [ImageFormat.tap])
    func same(format: ImageFormat) throws {
        let cartridge = try TestCartridge()
        try cartridge.write(Self.tape)
        let export = try cartridge.export(format, to: "/store/image")
        #expect(export.tally.records == 4)
        #expect(export.tally.damagedRecords == 1)
        #expect(export.tally.filemarks == 3)
        try cartridge.change { (cartridge) throws(CartridgeError) in try cartridge.truncate(at: .zero, partition: 0) }
        let (filling, image) = try cartridge.fill(from: "/store/image", as: format)
        #expect(try cartridge.contents == Self.tape)
        #expect(filling.tally.records == 4)
        #expect(image.tally == export.tally)
        #expect(try cartridge.files == ["CAP001L8", "image", "cartridge.json", "p0.data", "p0.index"])
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

    @Test("a damaged record without any byte gets one, and is damaged")
    func emptyDamage() throws {
        let cartridge = try TestCartridge()
        cartridge.disk.setBytes([0, 0, 0, 0x80, 0, 0, 0, 0x80], of: "/store/image")
        let (filling, _) = try cartridge.fill(from: "/store/image", as: .tap)
        #expect(try cartridge.contents == [.damaged([0])])
        #expect(filling.emptyDamagedRecords == 1)
    }
}
