// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Foundation
import SimulatedDisk
import Testing

/// A cartridge is written from a seed, and at every single step of the writer on its disk somebody looks.
final class LiveViewSimulation {
    private static let directory = "/store/LIVE01L8"
    private static let lengths = [1, 100, 512, 512, 1000, 5000]

    private let disk: SimulatedDisk
    private var random: SeededGenerator
    private let cartridge: Cartridge
    private var tape: [ModelTape.Object] = []
    /// What the operation that runs now makes of the tape: everything before `position` stays.
    private var position = 0
    private var added: [ModelTape.Object] = []
    private var view: CartridgeView
    private var isLooking = false
    private var failure: String?
    private var number: UInt8 = 0
    private(set) var looks = 0

    init(seed: UInt64) throws {
        random = SeededGenerator(seed: seed)
        disk = SimulatedDisk(seed: random.next())
        try disk.makeDirectory("/store")
        try Cartridge.create(
            at: Self.directory,
            on: disk,
            CartridgeSpecification(barcode: "LIVE01L8", capacity: .mebibytes(2))
        )
        cartridge = try Cartridge(opening: Self.directory, on: disk, access: .readWrite)
        view = try CartridgeView(opening: Self.directory, on: disk)
    }

    func run() throws {
        // The disk calls this on the writer's own thread, so that each seed plays the same every time.
        nonisolated(unsafe) let simulation = self
        disk.intercept = { _, _ in
            simulation.look()
            return nil
        }
        for _ in 0..<40 {
            try step()
            look()
            if let failure { throw SimulationFailure(description: failure) }
        }
        disk.intercept = nil
        try cartridge.close()
    }

    private func step() throws {
        number &+= 1
        let count = tape.count
        let place = random.once(in: 3) ? random.number(below: count + 1) : count
        switch random.number(below: 10) {
        case 0..<6:
            let length = Self.lengths[random.number(below: Self.lengths.count)]
            let records = length > 1000 || random.once(in: 2) ? 1 : 1 + random.number(below: 5)
            let bytes = pattern(length * records, number)
            let parts = (0..<records).map { ModelTape.Object.record(Array(bytes[$0 * length..<($0 + 1) * length])) }
            try perform(at: place, parts) { () throws(CartridgeError) in
                _ = try cartridge.writeRecords(
                    bytes.span,
                    recordLength: length,
                    at: BlockAddress(UInt64(place)),
                    partition: 0
                )
            }
        case 6..<8:
            let marks = 1 + random.number(below: 3)
            try perform(at: place, Array(repeating: .filemark, count: marks)) { () throws(CartridgeError) in
                try cartridge.writeFilemarks(marks, at: BlockAddress(UInt64(place)), partition: 0)
            }
        case 8:
            try perform(at: place, []) { () throws(CartridgeError) in
                try cartridge.truncate(at: BlockAddress(UInt64(place)), partition: 0)
            }
        default:
            try perform(at: count, []) { () throws(CartridgeError) in try cartridge.synchronize() }
        }
    }

    private func perform(
        at position: Int,
        _ added: [ModelTape.Object],
        _ body: () throws(CartridgeError) -> Void
    ) throws {
        self.position = position
        self.added = added
        do throws(CartridgeError) { try body() } catch .full { return }
        tape = Array(tape[..<position]) + added
        self.position = tape.count
        self.added = []
    }

    private func look() {
        // Looking is itself operations on the disk.
        guard !isLooking, failure == nil else { return }
        isLooking = true
        defer { isLooking = false }
        looks += 1
        do {
            let before = view
            view = try view.refreshed()
            let found = try view.partitions[0].objects()
            guard isPossible(found) else {
                failure = "a view of \(found.count) objects in the middle of \(tape.count) cut at \(position)"
                return
            }
            let afresh = try CartridgeView(opening: Self.directory, on: disk).partitions[0].objects()
            if afresh != found { failure = "opened anew it shows \(afresh.count) objects, refreshed \(found.count)" }
            do throws(ViewError) {
                let old = try before.partitions[0].objects()
                // What an old view still shows it showed at its own time: a prefix of the tape before this step.
                if !isPossible(old), !tape.starts(with: old) { failure = "an old view shows what never was" }
            } catch .changed {
            } catch {
                failure = "an old view: \(error)"
            }
        } catch {
            failure = "\(error)"
        }
    }

    /// The tape before the step, cut where it writes, or with some of what it adds.
    private func isPossible(_ found: [ModelTape.Object]) -> Bool {
        if found == tape { return true }
        guard found.starts(with: tape[..<position]) else { return false }
        return added.starts(with: found[position...])
    }
}

@Suite("View while the cartridge is written")
struct LiveViewTests {
    @Test("at every step of the writer the view shows all complete records and nothing else")
    func everyStep() {
        var looks = 0
        for seed in UInt64(0)..<12 {
            do {
                let simulation = try LiveViewSimulation(seed: seed)
                try simulation.run()
                looks += simulation.looks
            } catch {
                Issue.record("seed \(seed): \(error)")
                return
            }
        }
        #expect(looks > 1000)
    }

    /// A record that tells whether it is what was written: its length and bytes follow from its first four.
    private static func record(_ serial: UInt32) -> [UInt8] {
        let length = 64 + Int(serial &* 2_654_435_761 % 300)
        var bytes = pattern(length, UInt8(truncatingIfNeeded: serial))
        for place in 0..<4 { bytes[place] = UInt8(truncatingIfNeeded: serial >> UInt32(8 * place)) }
        return bytes
    }

    @Test("readers beside a writer on a real disk never get a wrong byte", .timeLimit(.minutes(2)))
    func threads() async throws {
        let temporary = try TemporaryDirectory()
        let directory = temporary.path + "/RACE01L8"
        let disk = POSIXDisk()
        try Cartridge.create(
            at: directory,
            on: disk,
            CartridgeSpecification(barcode: "RACE01L8", capacity: .mebibytes(8))
        )
        // Threads of their own: the pool of tasks may have no more of them than there are readers.
        let writer = Task.detachedThread { try Self.write(directory, disk) }
        let readers = (0..<2).map { _ in Task.detachedThread { try Self.readUntilClosed(directory, disk) } }
        try await writer.value
        var counts: [Int] = []
        for reader in readers { counts.append(try await reader.value) }
        #expect(counts.reduce(0, +) > 1000)
        withExtendedLifetime(temporary) {}
    }

    private static func write(_ directory: String, _ disk: POSIXDisk) throws {
        let cartridge = try Cartridge(opening: directory, on: disk, access: .readWrite)
        var random = SeededGenerator(seed: 5)
        for serial in UInt32(0)..<3000 {
            var place = cartridge.end
            if place.rawValue > 200 || random.once(in: 50) {
                place = BlockAddress(UInt64(random.number(below: Int(place.rawValue) + 1)))
            }
            if random.once(in: 9) {
                try cartridge.writeFilemarks(1, at: place, partition: 0)
            } else {
                try cartridge.writeRecord(Self.record(serial).span, at: place, partition: 0)
            }
        }
        try cartridge.close()
    }

    /// Returns how many records were compared.
    private static func readUntilClosed(_ directory: String, _ disk: POSIXDisk) throws -> Int {
        var view = try CartridgeView(opening: directory, on: disk)
        var compared = 0
        var quiet = 0
        // The writer rests for a second only when it has ended.
        while quiet < 2000 {
            let before = view.modifiedNanoseconds
            view = try view.refreshed()
            quiet = view.modifiedNanoseconds == before ? quiet + 1 : 0
            if quiet > 0 {
                usleep(500)
                continue
            }
            do throws(ViewError) {
                for case .record(let bytes) in try view.partitions[0].objects() {
                    let serial = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << UInt32(8 * $1) }
                    if bytes != record(serial) {
                        Issue.record("record \(serial) is wrong")
                        return compared
                    }
                    compared += 1
                }
            } catch .changed {
            } catch {
                Issue.record("\(error)")
                return compared
            }
        }
        return compared
    }
}

extension Task where Failure == any Error, Success: Sendable {
    /// A task whose work is done on a thread of its own.
    fileprivate static func detachedThread(_ body: @escaping @Sendable () throws -> Success) -> Task {
        Task {
            try await withCheckedThrowingContinuation { continuation in
                Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
            }
        }
    }
}

@Suite("View of two million records")
struct LargeViewTests {
    @Test("opening, its files and any place in them cost a few reads, whatever the cartridge's size")
    func twoMillion() throws {
        let temporary = try TemporaryDirectory()
        let directory = try SparseCartridge().make(in: temporary.path)
        let clock = ContinuousClock()
        let disk = POSIXDisk()
        var view = try CartridgeView(opening: directory, on: disk)
        let opening = try clock.measure { for _ in 0..<100 { view = try CartridgeView(opening: directory, on: disk) } }
        let refreshing = try clock.measure { for _ in 0..<1000 { view = try view.refreshed() } }
        let partition = view.partitions[0]
        #expect(partition.recordCount == 2_000_000)
        #expect(partition.payloadBytes == 100_000_000_000)
        #expect(partition.fileCount == 2000)
        let listing = try clock.measure {
            for number in UInt64(0)..<2000 {
                let file = try #require(try partition.tapeFile(number))
                #expect(file.firstBlock.rawValue == number * 1001)
                #expect(file.lengthBytes == 50_000_000)
            }
        }
        let file = try #require(try partition.tapeFile(1234))
        let placing = try clock.measure {
            for place in UInt64(0)..<1000 {
                let found = try partition.record(holding: place * 50_000 - min(place, 1), of: file)
                #expect(found?.address.rawValue == 1234 * 1001 + place - min(place, 1))
            }
        }
        print(
            "opening \(opening / 100), refreshing \(refreshing / 1000), a tape file \(listing / 2000), "
                + "a place in one \(placing / 1000)"
        )
        withExtendedLifetime(temporary) {}
    }
}
