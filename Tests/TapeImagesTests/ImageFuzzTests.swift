// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import SimulatedDisk
import Testing

@testable import TapeImages

@Suite("Fuzz: tape images")
struct ImageFuzzTests {
    /// Reads an image to its end or first error. Nothing may trap, and nothing may go on for ever.
    private func exhaust(_ reader: any ImageReader, limit: Int = 100_000) throws {
        var record: [UInt8] = []
        for _ in 0..<limit {
            guard let object = try? reader.next(into: &record) else { return }
            switch object {
            case .endOfMedium: return
            case .record(let length), .damagedRecord(let length):
                try #require(length == record.count && length <= ImageLimits.recordBytes)
            case .filemark, .gap, .partition: break
            }
        }
        Issue.record("no end")
    }

    private func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0...generator.number(below: 6) {
            guard !bytes.isEmpty else { break }
            let place = generator.number(below: bytes.count)
            switch generator.number(below: 6) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
            case 1: bytes[place] ^= 1 << UInt8(generator.number(below: 8))
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + generator.number(below: 20)))
            case 3: bytes.insert(contentsOf: Images.random(generator.number(below: 9), &generator), at: place)
            case 4: bytes.replaceSubrange(place..<min(bytes.count, place + 4), with: [0xFF, 0xFF, 0xFF, 0x7F])
            default: bytes.removeLast(min(bytes.count, generator.number(below: 40)))
            }
        }
        return bytes
    }

    @Test("mutated SIMH, AWSTAPE and HET images end with an object or an error", arguments: 1...8)
    func files(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let images = [SIMHTests.image, AWSTests.image, AWSTests.zlib + AWSTests.image, AWSTests.bzip2]
        for round in 0..<300 {
            let image = mutated(images[round % images.count], &generator)
            let disk = try Images.disk(image)
            for format in [ImageFormat.tap, .e11, .aws, .het] {
                try exhaust(try ImageFiles.reader(Images.path, format: format, on: disk))
            }
            if let reader = try? ImageFiles.reader(Images.path, format: nil, on: disk) { try exhaust(reader) }
        }
    }

    @Test("mutated directories and mhvtl cartridges end with an object or an error", arguments: 1...8)
    func folders(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let source = try Images.disk([])
        try Images.write(
            FolderTests.pieces,
            to: try FolderWriter("/images/t", on: source, tape: FolderTests.tape, replaces: false)
        )
        let ours = try source.list("/images/t").map { ($0, source.bytes(of: "/images/t/" + $0) ?? []) }
        var fixture = MHVTLFixture()
        for number in 0..<5 { fixture.plain([UInt8](repeating: UInt8(number), count: number + 1)) }
        fixture.entry(type: 11, flags: 1, size: 100, stored: Array(AWSTests.zlib[6...]))
        fixture.mark()
        let foreign = [
            ("mam", MHVTLFixture.memory(version: 5)), ("data", fixture.data), ("indx", fixture.index),
            ("data.1", fixture.data), ("indx.1", fixture.index),
        ]
        for round in 0..<300 {
            let disk = try Images.disk([])
            try disk.makeDirectory("/images/t")
            let files = round % 2 == 0 ? ours : foreign
            let victim = generator.number(below: files.count)
            for (number, file) in files.enumerated() {
                let bytes = number == victim ? mutated(file.1, &generator) : file.1
                disk.setBytes(bytes, of: "/images/t/" + file.0)
            }
            if let reader = try? ImageFiles.reader("/images/t", format: nil, on: disk) { try exhaust(reader) }
        }
    }

    @Test("mutated streams never change a cartridge by halves", arguments: 1...6)
    func streams(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var encoder = TapeStreamEncoder()
        encoder.append(TapeDescription(partitions: [.init(), .init(capacityBytes: 1 << 20)], attributes: []))
        encoder.append(.record(lengthBytes: 3), [1, 2, 3])
        encoder.append(.filemark)
        encoder.append(.partition(1))
        encoder.append(.damagedRecord(lengthBytes: 2), [4, 5])
        encoder.append(.endOfMedium)
        let stream = encoder.take()
        let place = try TestCartridge()
        try place.write([.record([9])])
        var expected: [Piece] = [.record([9])]
        for _ in 0..<60 {
            let filling = try CartridgeFilling(TestCartridge.directory, on: place.disk)
            do {
                for piece in mutated(stream, &generator).chunked(1 + generator.number(below: 30)) {
                    try filling.write(piece)
                }
                try filling.finish()
                expected = try place.contents
            } catch {
                filling.abandon()
            }
            #expect(try place.contents == expected)
        }
    }
}

extension [UInt8] {
    fileprivate func chunked(_ size: Int) -> [[UInt8]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
