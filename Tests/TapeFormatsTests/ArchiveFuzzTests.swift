// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import TapeFormats

/// Mutated cartridges of every format through the recogniser, the listing and the readers. `CAPSTAN_FUZZ_ITERATIONS`
/// says how many; a failure is repeated with the sample and the seed in its message. `CAPSTAN_FUZZ_TRACE` names a file
/// that tells them before each round, for a crash.
@Suite("Archives: Fuzz", .enabled(if: ArchiveShell.has("tar", "cpio", "zstd", "lz4", "xz")))
struct ArchiveFuzzTests {
    private static let iterations =
        ProcessInfo.processInfo.environment["CAPSTAN_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 1000
    private static let trace = ProcessInfo.processInfo.environment["CAPSTAN_FUZZ_TRACE"]
    private static let firstSeed =
        ProcessInfo.processInfo.environment["CAPSTAN_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1

    /// Small limits: what a large archive would need is reached by a small one.
    private static var limits: ContentLimits {
        var limits = ContentLimits()
        limits.entries = 5000
        limits.footprintBytes = 4 << 20
        limits.expansion = 100
        return limits
    }

    /// What a listing may read: every byte this many times, and so much besides for the looks of the recogniser.
    private static let listingFactor: UInt64 = 64
    private static let listingBytes: UInt64 = 8 << 20
    /// The same for one piece of a member: a compressed archive begins anew.
    private static let readingFactor: UInt64 = 8
    private static let readingBytes: UInt64 = 1 << 20

    @Test("no mutation of any format crashes, loops, or reads much more than there is")
    func mutations() throws {
        let samples = try ArchiveFuzzSample.all()
        for round in 0..<Self.iterations {
            let sample = samples[round % samples.count]
            let seed = Self.firstSeed + UInt64(round / samples.count)
            if let trace = Self.trace {
                try Data("\(sample.name) \(seed)\n".utf8).write(to: URL(fileURLWithPath: trace))
            }
            var mutator = ArchiveMutator(seed: seed)
            let cartridge = ArchiveCartridge(mutator.mutated(sample.partitions))
            try look(at: cartridge, "\(sample.name), seed \(seed)", &mutator)
        }
    }

    @Test("every format that can be listed has a sample here, recognised as that format")
    func samples() throws {
        var found: Set<String> = []
        for sample in try ArchiveFuzzSample.all() {
            let cartridge = ArchiveCartridge(sample.partitions)
            var formats: [String] = []
            for (partition, files) in cartridge.files.enumerated() {
                for (number, file) in files.enumerated() {
                    let place = TapePlace(partition: partition, file: UInt64(number))
                    guard let format = Recogniser.recognise(file, place: place, volume: cartridge)?.format else {
                        continue
                    }
                    formats.append(format)
                }
            }
            if let format = Recogniser.recogniseVolume(cartridge)?.format { formats.append("volume " + format) }
            #expect(!formats.isEmpty, "\(sample.name) is not recognised")
            found.formUnion(formats)
        }
        // Debian has no lzip and no compress among what the tests install.
        let rare: Set<String> = ["lzip", "compress", "volume bareos"]
        let rows = Recogniser.rows.filter { $0.open != nil }.map(\.format)
        let volumeRows = Recogniser.volumeRows.filter { $0.open != nil }.map { "volume " + $0.format }
        let missing = Set(rows + volumeRows).subtracting(found).subtracting(rare)
        #expect(missing == [], "formats without a sample: \(missing.sorted())")
    }

    private func look(at cartridge: ArchiveCartridge, _ name: String, _ mutator: inout ArchiveMutator) throws {
        let total = cartridge.lengthBytes
        for (partition, files) in cartridge.files.enumerated() {
            for (number, file) in files.enumerated() {
                let place = TapePlace(partition: partition, file: UInt64(number))
                let before = cartridge.counter.total
                guard let recognition = Recogniser.recognise(file, place: place, volume: cartridge) else { continue }
                check(recognition, name)
                let contents = try? ArchiveOpener.contents(
                    of: file,
                    recognised: recognition,
                    limits: Self.limits,
                    place: place,
                    volume: cartridge
                )
                expectBounded(cartridge, before, total, name)
                if let contents { try read(contents, cartridge, name, &mutator) }
            }
        }
        let before = cartridge.counter.total
        guard let recognition = Recogniser.recogniseVolume(cartridge) else { return }
        check(recognition, name)
        let contents = try? ArchiveOpener.volumeContents(of: cartridge, recognised: recognition, limits: Self.limits)
        expectBounded(cartridge, before, total, name)
        if let contents { try read(contents, cartridge, name, &mutator) }
    }

    private func expectBounded(_ cartridge: ArchiveCartridge, _ before: UInt64, _ total: UInt64, _ name: String) {
        let bytes = cartridge.counter.total - before
        #expect(bytes <= Self.listingFactor * total + Self.listingBytes, "\(name): listing \(total) read \(bytes)")
    }

    private func check(_ recognition: Recognition, _ name: String) {
        #expect(recognition.problems.count <= Recognition.maximumProblems, "\(name)")
        #expect(recognition.facts.count <= Recognition.maximumFacts, "\(name)")
        #expect(!recognition.title.isEmpty && !recognition.format.isEmpty, "\(name)")
    }

    /// Every name is safe, every entry is reached once; some of every tenth file is read.
    private func read(
        _ contents: any ArchiveContents,
        _ cartridge: ArchiveCartridge,
        _ name: String,
        _ mutator: inout ArchiveMutator
    ) throws {
        #expect(contents.problems.count <= Recognition.maximumProblems + 1, "\(name)")
        #expect(contents.entryCount <= Self.limits.entries * 4, "\(name)")
        var seen = 0
        var reads = 0
        var queue: [(UInt32, Int)] = [(0, 0)]
        while let (directory, depth) = queue.popLast() {
            #expect(depth <= 520, "\(name)")
            var children: [(UInt32, [UInt8])] = []
            contents.children(of: directory, after: nil) { number, bytes in
                children.append((number, bytes))
                return true
            }
            #expect(Set(children.map(\.1)).count == children.count, "\(name): names twice")
            for (number, bytes) in children {
                seen += 1
                guard seen <= contents.entryCount else {
                    Issue.record("\(name): more entries than there are")
                    return
                }
                let isSafe =
                    !bytes.isEmpty && bytes.count <= 255 && !bytes.contains(0) && !bytes.contains(0x2F)
                    && bytes != [0x2E] && bytes != [0x2E, 0x2E]
                #expect(isSafe, "\(name): name \(bytes)")
                #expect(contents.child(bytes, of: directory) == number, "\(name)")
                guard let entry = contents.entry(number) else {
                    Issue.record("\(name): entry \(number) is none")
                    continue
                }
                if entry.kind == .directory { queue.append((number, depth + 1)) }
                if entry.kind == .symbolicLink { #expect(contents.linkTarget(number)?.isEmpty == false, "\(name)") }
                guard entry.kind == .regular, reads < 40 else { continue }
                reads += 1
                try readSome(contents, number, entry, cartridge, name, &mutator)
            }
        }
    }

    private func readSome(
        _ contents: any ArchiveContents,
        _ number: UInt32,
        _ entry: ContentEntry,
        _ cartridge: ArchiveCartridge,
        _ name: String,
        _ mutator: inout ArchiveMutator
    ) throws {
        let before = cartridge.counter.total
        guard let reader = try? contents.openEntry(number) else { return }
        let length = entry.lengthBytes
        let offsets = [0, length / 2, length > 10 ? length - 10 : 0, length, .max, UInt64(mutator.below(70_000))]
        for offset in offsets {
            var part = [UInt8](repeating: 0xEE, count: 1 + mutator.below(9000))
            let count = part.count
            var room = part.mutableSpan
            guard let got = try? reader.read(into: &room, at: offset) else { continue }
            #expect(got >= 0 && got <= count, "\(name)")
            #expect(offset < length || got == 0, "\(name): \(got) bytes at \(offset) of \(length)")
        }
        let bytes = cartridge.counter.total - before
        let allowed = UInt64(offsets.count) * (Self.readingFactor * cartridge.lengthBytes + Self.readingBytes)
        #expect(bytes <= allowed, "\(name): reading entry \(number) took \(bytes)")
    }
}
