// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import NDMPProtocol
import Testing
import WireFormat

/// Mutated captures through the record decoder and every decoder in every version. `CAPSTAN_FUZZ_ITERATIONS` sets
/// how long; a failure is repeated with the seed in its message.
@Suite("Hostile input")
struct FuzzTests {
    private static let iterations =
        ProcessInfo.processInfo.environment["CAPSTAN_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 3000

    private func mutated(_ original: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            guard !bytes.isEmpty else { break }
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.removeLast(bytes.count - place)
            case 3: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 8)], at: place)
            case 4:
                let word: UInt32 = [0, 1, 3, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff].randomElement(using: &random) ?? 0
                let start = place & ~3
                for index in start..<min(start + 4, bytes.count) {
                    bytes[index] = UInt8(truncatingIfNeeded: word >> (24 - 8 * (index - start)))
                }
            default: bytes.remove(at: place)
            }
        }
        return bytes
    }

    @Test("every decoder answers or throws, reads no further than the message, and encodes what it decoded")
    func decoders() throws {
        for seed in 0..<UInt64(Self.iterations) {
            var random = SeededGenerator(seed: seed)
            let frame = Frame.all.randomElement(using: &random)!
            let message = mutated(frame.message, &random)
            let version = Int.random(in: 2...4, using: &random)
            let row = NDMPCatalogue.rows.randomElement(using: &random)!
            let own = NDMPCatalogue.row(frame.code, version: version)
            for type in [row.request, row.reply ?? row.request, own?.request, own?.reply].compactMap({ $0 }) {
                try exercise(type, message, version, seed)
            }
            _ = NDMPTrace.describe(message, in: 0..<message.count, version: version)
        }
    }

    private func exercise<T: XDRStruct>(_ type: T.Type, _ message: [UInt8], _ version: Int, _ seed: UInt64) throws {
        let start = min(NDMPHeader.byteCount, message.count)
        var reader = XDRReader(message, in: start..<message.count, version: version)
        guard let body = try? reader.decode(type) else { return }
        #expect(reader.offset <= message.count, "seed \(seed)")
        #expect(XDRPrinter.describe(body, version: version).utf8.count < 64 * message.count + 4096, "seed \(seed)")
        var writer = XDRWriter(version: version, source: message)
        try writer.encode(body)
        // Padding is written as zeros, unknown unions end early: no longer than what was read.
        #expect(writer.offset <= reader.offset - start, "seed \(seed)")
        var second = XDRReader(writer.bytes, in: 0..<writer.offset, version: version)
        var rewritten = XDRWriter(version: version, source: writer.bytes)
        try rewritten.encode(try second.decode(type))
        #expect(rewritten.written == writer.written, "seed \(seed)")
    }

    @Test("the record decoder ends in messages or an error, within its room")
    func recordMarks() throws {
        for seed in 0..<UInt64(Self.iterations / 4) {
            var random = SeededGenerator(seed: seed ^ 0x5eed)
            var stream: [UInt8] = []
            for _ in 0..<8 { stream += Frame.whole.randomElement(using: &random)!.bytes }
            stream = mutated(stream, &random)
            var pieces = random
            do {
                let found = try messages(in: stream) { _ in Int.random(in: 1...2000, using: &pieces) }
                #expect(found.reduce(0) { $0 + $1.count + 4 } <= stream.count, "seed \(seed)")
            } catch is RecordMarkError {
                continue
            }
        }
    }

    @Test("a huge count in every array field costs no memory to speak of")
    func hugeCounts() throws {
        let message = Array(repeating: UInt8(0xff), count: 4096)
        for row in NDMPCatalogue.rows {
            for version in row.versions {
                try exercise(row.request, message, version, 0)
                if let reply = row.reply { try exercise(reply, message, version, 0) }
            }
        }
    }
}
