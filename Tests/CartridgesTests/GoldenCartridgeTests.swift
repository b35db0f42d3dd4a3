// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import Testing

/// Cartridges written by Images/cartridges/make-golden.py from the format's document, not by this program.
@Suite("Golden cartridges")
struct GoldenCartridgeTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Images/cartridges/golden-v1").path

    /// A copy that may be written.
    private func copy(_ barcode: String) throws -> (TemporaryDirectory, String) {
        let temporary = try TemporaryDirectory()
        let path = temporary.path + "/" + barcode
        try FileManager.default.copyItem(atPath: Self.folder + "/" + barcode, toPath: path)
        return (temporary, path)
    }

    @Test("A cleanly closed cartridge reads as its maker wrote it", arguments: [CartridgeAccess.readOnly, .readWrite])
    func clean(access: CartridgeAccess) throws {
        let (temporary, path) = try copy("GOLD01L8")
        let cartridge = try Cartridge(opening: path, on: POSIXDisk(), access: access)
        #expect(cartridge.metadata.barcode == "GOLD01L8")
        #expect(cartridge.metadata.writeProtected)
        #expect(cartridge.metadata.volumeChangeReference == 42)
        #expect(
            cartridge.metadata.attributes == [
                MediumAttribute(
                    partition: 0,
                    identifier: 0x0801,
                    format: 1,
                    readOnly: false,
                    value: Array("Caps".utf8)
                )
            ]
        )
        #expect(cartridge.partitionCount == 2)
        #expect(cartridge.capacity(0) == 2 << 20)
        #expect(try cartridge.shape() == "RFRRRFF")
        #expect(try cartridge.bytes(at: 0) == Array("VOL1GOLD01".utf8) + Array(repeating: 0x20, count: 70))
        #expect(try cartridge.bytes(at: 2) == pattern(1000, 7))
        #expect(try cartridge.bytes(at: 3) == pattern(1000, 9))
        #expect(try cartridge.bytes(at: 4) == [0x5A])
        #expect(try cartridge.bytes(at: 0, partition: 1) == pattern(513, 1))
        #expect(cartridge.usedBytes(0) == 2081 + 7 * 32)
        #expect(try cartridge.addressAfterFilemark(2, partition: 0) == BlockAddress(6))
        #expect(try cartridge.verify { _ in true }.isSound)
        try cartridge.close()
        withExtendedLifetime(temporary) {}
    }

    @Test("A crashed cartridge holds what its epoch vouches for, and the overwritten record stays gone")
    func crashed() throws {
        let (temporary, path) = try copy("GOLD02L8")
        for access in [CartridgeAccess.readOnly, .readWrite, .readOnly] {
            let cartridge = try Cartridge(opening: path, on: POSIXDisk(), access: access)
            #expect(try cartridge.shape() == "RFRR")
            #expect(try cartridge.bytes(at: 3) == pattern(600, 5))
            #expect(try cartridge.verify { _ in true }.isSound)
            try cartridge.close()
        }
        let size = try POSIXDisk().open(path + "/p0.index", .readOnly).size()
        #expect(size == 4096 + 4 * 32)
        withExtendedLifetime(temporary) {}
    }

    @Test("What the program writes has the bytes that the document gives")
    func sameBytes() throws {
        let (temporary, path) = try copy("GOLD01L8")
        let cartridge = try Cartridge(opening: path, on: POSIXDisk(), access: .readWrite)
        let before = try POSIXDisk().readContents(of: path + "/p1.index", limit: 1 << 20)
        try cartridge.truncate(at: .zero, partition: 1)
        try cartridge.writeRecord(pattern(513, 1).span, at: .zero, partition: 1)
        try cartridge.close()
        let after = try POSIXDisk().readContents(of: path + "/p1.index", limit: 1 << 20)
        // Offset, kind, lengths, checksum and filemarks are the same; the epoch is the next one.
        #expect(after[4096..<4120] == before[4096..<4120])
        #expect(after[4120..<4124] == [2, 0, 0, 0])
        #expect(after.count == before.count)
        withExtendedLifetime(temporary) {}
    }
}
