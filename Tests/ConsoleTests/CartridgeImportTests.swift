// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import ManagementAPI
import TapeImages
import TapeLibrary
import Testing

@testable import Console

@Suite("Filling cartridges")
struct CartridgeImportTests {
    /// A cartridge of 1 MiB with one record of 5 bytes on it, in a folder of its own.
    private final class Place {
        let disk = POSIXDisk()
        private let folder = FileManager.default.temporaryDirectory.path + "/import-\(UUID().uuidString.prefix(8))"
        var directory: String { folder + "/CAP001L8" }

        init() throws {
            let specification = CartridgeSpecification(barcode: "CAP001L8", generation: 8, capacity: .mebibytes(1))
            try disk.makeDirectory(folder)
            try Cartridge.create(at: directory, on: disk, specification)
            let cartridge = try Cartridge(opening: directory, on: disk, access: .readWrite)
            try cartridge.writeRecord([1, 2, 3, 4, 5].span, at: .zero, partition: 0)
            try cartridge.close()
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func sink() -> CartridgeImageSink {
            let thread = DeviceThread(name: "image")
            return CartridgeImageSink(
                ImageCartridge(barcode: "CAP001L8", directory: directory, disk: disk, thread: thread, release: {})
            )
        }

        var records: [[UInt8]] {
            get throws {
                let cartridge = try Cartridge(opening: directory, on: disk, access: .readOnly)
                var records: [[UInt8]] = []
                var address = BlockAddress.zero
                while let object = try cartridge.object(at: address, partition: 0) {
                    if case .record(let length) = object {
                        var bytes = [UInt8](repeating: 0, count: length)
                        var span = bytes.mutableSpan
                        _ = try cartridge.readRecord(at: address, partition: 0, into: &span)
                        records.append(bytes)
                    }
                    address += 1
                }
                return records
            }
        }

        /// Names in the cartridge's folder, and beside it.
        var files: Set<String> {
            let places = [directory, folder].map { try? FileManager.default.contentsOfDirectory(atPath: $0) }
            return Set(places.flatMap { $0 ?? [] })
        }
    }

    private func fill(_ place: Place, _ pieces: [[UInt8]]) async -> APIError? {
        let sink = place.sink()
        do throws(APIError) {
            try await sink.begin()
            for piece in pieces { try await sink.write(piece) }
            _ = try await sink.finish()
            return nil
        } catch {
            await sink.abandon()
            return error
        }
    }

    /// Two records, each with a filemark behind it.
    static var stream: [UInt8] {
        var encoder = TapeStreamEncoder()
        encoder.append(TapeDescription())
        encoder.append(.record(lengthBytes: 3), [0x41, 0x42, 0x43])
        encoder.append(.filemark)
        encoder.append(.record(lengthBytes: 2), [0x44, 0x45])
        encoder.append(.filemark)
        encoder.append(.endOfMedium)
        return encoder.take()
    }

    @Test("a whole stream replaces what was there and leaves nothing behind")
    func whole() async throws {
        let place = try Place()
        let files = place.files
        #expect(await fill(place, Self.stream.map { [$0] }) == nil)
        #expect(try place.records == [[0x41, 0x42, 0x43], [0x44, 0x45]])
        #expect(place.files == files)
    }

    @Test("a stream that is damaged or cut short leaves the cartridge as it was")
    func damaged() async throws {
        let place = try Place()
        let files = place.files
        let stream = Self.stream
        let record = stream.count - 4 - 4 - 6 - 4 - 7
        var wrong = stream
        wrong[record + 3] = 99
        for image in [wrong, Array(stream[..<(record + 2)]), Array(stream.dropLast(4))] {
            let error = await fill(place, [image])
            #expect(error?.code == .damaged)
            #expect(error?.hint == "the cartridge is as it was")
            #expect(try place.records == [[1, 2, 3, 4, 5]])
            #expect(place.files == files)
        }
    }

    @Test("a stream that does not fit is refused before anything is lost")
    func tooLarge() async throws {
        let place = try Place()
        let files = place.files
        var encoder = TapeStreamEncoder()
        encoder.append(TapeDescription())
        for _ in 0..<3 { encoder.append(.record(lengthBytes: 1 << 19), [UInt8](repeating: 7, count: 1 << 19)) }
        encoder.append(.endOfMedium)
        let error = await fill(place, [encoder.take()])
        #expect(error?.code == .outOfSpace)
        #expect(place.files == files)
        #expect(try place.records == [[1, 2, 3, 4, 5]])
    }

    @Test("an import that its client gives up changes nothing")
    func abandoned() async throws {
        let place = try Place()
        let sink = place.sink()
        try await sink.begin()
        try await sink.write(Self.stream)
        await sink.abandon()
        #expect(try place.records == [[1, 2, 3, 4, 5]])
        #expect(!place.files.contains("CAP001L8.import"))
    }
}
