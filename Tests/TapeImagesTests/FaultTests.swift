// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import SimulatedDisk
import Testing

@testable import TapeImages

@Suite("Images on disks that fail")
struct ImageFaultTests {
    private static let old: [Piece] = [.record([1, 2, 3]), .mark]
    private static let new: [Piece] = [
        .record(Array(repeating: 5, count: 300_000)), .mark, .record([6]), .damaged([7]), .mark,
    ]

    /// A cartridge with `old` on it and an image of `new` beside it.
    private func place(seed: UInt64 = 0, _ format: ImageFormat = .tap) throws -> TestCartridge {
        let place = try TestCartridge(seed: seed)
        try place.write(Self.new)
        try place.export(format, to: "/store/image")
        try place.change { (cartridge) throws(CartridgeError) in try cartridge.truncate(at: .zero, partition: 0) }
        try place.write(Self.old)
        return place
    }

    /// Makes the `number`th of these operations fail.
    private final class Countdown: @unchecked Sendable {
        private var left: Int
        init(_ number: Int) { left = number }
        func strikes() -> Bool {
            left -= 1
            return left == 0
        }
    }

    @Test(
        "an import that fails at any operation leaves the cartridge as it was",
        arguments: [
            (SimulatedDisk.Operation.write, ENOSPC), (.write, EIO), (.synchronize, EIO), (.rename, EIO),
            (.makeDirectory, ENOSPC), (.open, EMFILE), (.synchronizeDirectory, EIO),
        ] as [(SimulatedDisk.Operation, Int32)]
    )
    func failedImport(operation: SimulatedDisk.Operation, code: Int32) throws {
        var number = 0
        var failures = 0
        while true {
            number += 1
            let place = try place()
            let countdown = Countdown(number)
            place.disk.intercept = { what, _ in what == operation && countdown.strikes() ? code : nil }
            let failure = Result { try place.fill(from: "/store/image", as: .tap) }
            place.disk.intercept = nil
            if case .success = failure {
                #expect(try place.contents == Self.new)
                break
            }
            failures += 1
            let contents = try place.contents
            // A directory that could not be synchronised may be the last step of all.
            #expect(contents == Self.old || operation == .synchronizeDirectory && contents == Self.new, "\(number)")
            #expect(number < 100)
        }
        #expect(failures > 0)
    }

    @Test("an import that the power ends at any write leaves the old contents or the new", arguments: 1...40)
    func crash(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let place = try place(seed: seed)
        place.disk.canExchange = seed % 3 > 0
        let countdown = Countdown(1 + generator.number(below: 40))
        place.disk.intercept = { operation, _ in
            [.write, .synchronize, .rename, .synchronizeDirectory].contains(operation) && countdown.strikes()
                ? EIO : nil
        }
        _ = try? place.fill(from: "/store/image")
        place.disk.intercept = nil
        place.disk.crash()
        guard place.disk.exists(TestCartridge.directory) else {
            // Where names cannot be exchanged, the new one waits under its other name between the two steps.
            #expect(!place.disk.canExchange)
            #expect(place.disk.exists(TestCartridge.directory + ".import/CAP001L8"))
            return
        }
        let contents = try place.contents
        #expect(contents == Self.old || contents == Self.new)
        // What is left of it is no hindrance.
        if place.disk.exists("/store/image") {
            try place.fill(from: "/store/image")
            #expect(try place.contents == Self.new)
            #expect(!place.disk.exists(TestCartridge.directory + ".import"))
        }
    }

    @Test("an export that fails leaves nothing, and an image that was there stays", arguments: ImageFormat.writable)
    func failedExport(format: ImageFormat) throws {
        let place = try place(format == .tap ? .tap : .directory)
        try place.disk.removeTree("/store/image")
        try place.write([.partition(0)])
        for operation in [SimulatedDisk.Operation.open, .write, .synchronize, .rename] {
            let countdown = Countdown(operation == .open ? 3 : 1)
            place.disk.intercept = { what, _ in what == operation && countdown.strikes() ? EIO : nil }
            #expect(throws: ImageError.self, "\(operation)") { () throws(ImageError) in
                try place.export(format, to: "/store/image")
            }
            place.disk.intercept = nil
            #expect(try place.disk.list("/store") == ["CAP001L8"], "\(operation)")
        }
        try place.export(format, to: "/store/image")
        var options = ImageExport.Options()
        #expect(throws: ImageError.self) { () throws(ImageError) in try place.export(format, to: "/store/image") }
        options.replaces = true
        place.disk.intercept = { operation, _ in operation == .synchronize ? EIO : nil }
        #expect(throws: ImageError.self) { () throws(ImageError) in
            try place.export(format, to: "/store/image", options: options)
        }
        place.disk.intercept = nil
        #expect(try place.disk.list("/store") == ["CAP001L8", "image"])
        try place.export(format, to: "/store/image", options: options)
        try place.fill(from: "/store/image")
        #expect(try place.contents == Self.old)
    }

    @Test("an export touches no file of the user but its own, and follows no link", arguments: ImageFormat.writable)
    func othersFiles(format: ImageFormat) throws {
        let folder = FileManager.default.temporaryDirectory.path + "/export-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let disk = POSIXDisk()
        try disk.makeDirectory(folder)
        let path = folder + "/tape"
        let (victim, link) = (folder + "/victim", path + ".partial")
        try disk.replaceContents(of: victim, with: [1, 2, 3])
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: victim)
        #expect(throws: DiskError(operation: "open", path: link, code: EEXIST)) { try disk.open(link, .createNew) }
        func writer(_ path: String) throws(ImageError) -> any ImageWriter {
            try ImageFiles.writer(
                format,
                to: path,
                on: disk,
                tape: FolderTests.tape,
                options: .init(),
                standardOutput: nil
            )
        }
        let given = try writer(path)
        try given.write(.record(lengthBytes: 1), [9])
        #expect(try disk.list(folder).count == 3)
        given.discard()
        #expect(try disk.list(folder) == ["tape.partial", "victim"])
        try Images.write([.record([9]), .mark], to: try writer(path))
        #expect(try disk.list(folder) == ["tape", "tape.partial", "victim"])
        #expect(try disk.readContents(of: victim, limit: 10) == [1, 2, 3])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == victim)
    }

    @Test("only a record that the medium fails to give goes out as damaged; other errors end the export")
    func readErrors() throws {
        let place = try TestCartridge()
        try place.write([.record([1, 2, 3]), .mark])
        for (code, isDamage) in [(EIO, true), (EBADMSG, true), (EMFILE, false), (ENOMEM, false)] {
            let stream = try CartridgeStream(opening: TestCartridge.directory, on: place.disk)
            place.disk.intercept = { what, path in what == .read && path.hasSuffix(".data") ? code : nil }
            let result = Result { try stream.next(about: 100_000) }
            place.disk.intercept = nil
            switch result {
            case .success: #expect(isDamage, "\(code)")
            case .failure: #expect(!isDamage, "\(code)")
            }
        }
    }

    @Test("a partition that is made anew never begins where another did")
    func epochs() throws {
        let place = try TestCartridge()
        func second() throws -> UInt32? {
            try CartridgeView(opening: TestCartridge.directory, on: place.disk).partitions.dropFirst().first?.epoch
        }
        var seen: Set<UInt32?> = [nil]
        for _ in 0..<3 {
            let half = ByteCount.mebibytes(32)
            for capacities in [[ByteCount.mebibytes(64)], [half, half], [.mebibytes(64)]] {
                try place.change { (cartridge) throws(CartridgeError) in
                    try cartridge.format(partitionCapacities: capacities)
                }
                if capacities.count == 2 { #expect(seen.insert(try second()).inserted) }
            }
            let new = try CartridgeReplacement(
                of: TestCartridge.directory,
                on: place.disk,
                partitionCapacities: [half, half]
            )
            try new.commit()
            #expect(seen.insert(try second()).inserted)
        }
    }

    @Test("an import that can go neither on nor back keeps both cartridges")
    func neitherWay() throws {
        let place = try place()
        place.disk.canExchange = false
        place.disk.intercept = { [disk = place.disk] what, _ in
            what == .rename && !disk.exists(TestCartridge.directory) ? EIO : nil
        }
        #expect(throws: (any Error).self) { try place.fill(from: "/store/image") }
        place.disk.intercept = nil
        #expect(try place.disk.list(TestCartridge.directory + ".import") == ["CAP001L8", "old"])
    }

    @Test("who has the cartridge open while it is replaced goes on reading the old one, on a real disk too")
    func readers() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/replace-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let disk = POSIXDisk()
        try disk.makeDirectory(folder)
        let directory = folder + "/CAP001L8"
        let specification = CartridgeSpecification(barcode: "CAP001L8", generation: 8, capacity: .mebibytes(1))
        try Cartridge.create(at: directory, on: disk, specification)
        let first = try Cartridge(opening: directory, on: disk, access: .readWrite)
        try first.writeRecord([1, 2, 3].span, at: .zero, partition: 0)
        try first.close()
        let old = try Cartridge(opening: directory, on: disk, access: .readOnly)
        let replacement = try CartridgeReplacement(of: directory, on: disk, partitionCapacities: [.mebibytes(1)])
        try replacement.cartridge.writeRecord([9].span, at: .zero, partition: 0)
        try replacement.commit()
        let new = try Cartridge(opening: directory, on: disk, access: .readOnly)
        #expect(try old.object(at: .zero, partition: 0) == .record(length: 3))
        #expect(try new.object(at: .zero, partition: 0) == .record(length: 1))
        #expect(old.metadata.identity == new.metadata.identity)
        #expect(try disk.list(folder) == ["CAP001L8"])
    }

    @Test("an image that does not fit changes nothing")
    func tooLarge() throws {
        let place = try TestCartridge(capacity: .mebibytes(1))
        try place.write(Self.old)
        let record =
            MHVTLFixture.number(700_000, 4) + [UInt8](repeating: 1, count: 700_000) + MHVTLFixture.number(700_000, 4)
        place.disk.setBytes(record + record, of: "/store/image")
        do {
            try place.fill(from: "/store/image")
            Issue.record("no error")
        } catch CartridgeFilling.Failure.cartridge(.full) {
        }
        #expect(try place.contents == Self.old)
        #expect(try place.disk.list("/store") == ["CAP001L8", "image"])
    }
}
