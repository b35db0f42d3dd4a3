// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import SimulatedDisk

/// What a seed found wrong.
struct SimulationFailure: Error, CustomStringConvertible {
    let description: String
}

/// One life of a cartridge on a disk that fails, played from a seed and compared with ``ModelTape`` all the way.
final class CartridgeSimulation {
    private static let directory = "/store/SIM001L8"
    private static let lengths = [1, 100, 512, 512, 512, 1000, 4096, 5000, 70_000]

    /// Records are windows into this, each at another place.
    private static let pattern: [UInt8] = {
        var random = SeededGenerator(seed: 1)
        return (0..<75_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }()

    private let disk: SimulatedDisk
    private var random: SeededGenerator
    private let faults: SimulatedDisk.Faults
    private var cartridge: Cartridge
    private var tapes: [ModelTape]
    private var recordNumber: UInt64 = 0
    private(set) var log: [String] = []

    init(seed: UInt64) throws {
        random = SeededGenerator(seed: seed)
        disk = SimulatedDisk(seed: random.next())
        var faults = SimulatedDisk.Faults()
        if !random.once(in: 4) {
            faults.write = [0, 15, 60][random.number(below: 3)]
            faults.outOfSpace = [0, 15, 60][random.number(below: 3)]
            faults.synchronize = [0, 8, 30][random.number(below: 3)]
            faults.truncate = [0, 10][random.number(below: 2)]
            faults.read = [0, 100][random.number(below: 2)]
        }
        self.faults = faults
        let partitions = random.once(in: 3) ? 2 : 1
        try disk.makeDirectory("/store")
        let capacity = ByteCount.mebibytes(UInt64(2 + random.number(below: 3)))
        try Cartridge.create(
            at: Self.directory,
            on: disk,
            CartridgeSpecification(barcode: "SIM001L8", capacity: capacity)
        )
        cartridge = try Cartridge(opening: Self.directory, on: disk, access: .readWrite)
        if partitions == 2 {
            try cartridge.format(partitionCapacities: [.mebibytes(1), ByteCount(capacity.rawValue - (1 << 20))])
        }
        tapes = Array(repeating: ModelTape(), count: partitions)
        disk.faults = faults
    }

    func run() throws {
        for _ in 0..<20 + random.number(below: 40) { try step() }
        try end()
        disk.faults = .none
        let report = try cartridge.verify { _ in true }
        guard report.isSound else { throw failure("verify found \(report.problems)") }
        try cartridge.close()
    }

    private func step() throws {
        let partition = random.number(below: tapes.count)
        let count = tapes[partition].objects.count
        switch random.number(below: 100) {
        case 0..<40: try write(at: count, records: 1, partition)
        case 40..<52: try write(at: count, records: 1 + random.number(below: 20), partition)
        case 52..<62: try writeFilemarks(at: count, partition)
        case 62..<69: try write(at: random.number(below: count + 1), records: 1 + random.number(below: 3), partition)
        case 69..<71: try writeFilemarks(at: random.number(below: count + 1), partition)
        case 71..<73: try truncate(at: random.number(below: count + 1), partition)
        case 73..<81: try synchronize()
        case 81..<87: try read(random.number(below: count + 1), partition)
        case 87..<91: try compareFilemarks(partition)
        default: try end()
        }
    }

    // MARK: Writing

    private func makeRecords(_ count: Int) -> (bytes: [UInt8], length: Int, objects: [ModelTape.Object]) {
        let length = Self.lengths[random.number(below: count > 4 ? 6 : Self.lengths.count)]
        var bytes: [UInt8] = []
        var objects: [ModelTape.Object] = []
        for _ in 0..<count {
            recordNumber += 1
            let start = Int(recordNumber * 61 % 4096)
            let record = Array(Self.pattern[start..<start + length])
            bytes += record
            objects.append(.record(record))
        }
        return (bytes, length, objects)
    }

    private func write(at position: Int, records: Int, _ partition: Int) throws {
        let (bytes, length, objects) = makeRecords(records)
        log.append("write \(records) x \(length) at \(position) in \(partition)")
        try attempt(objects, at: position, partition) { () throws(CartridgeError) in
            let address = BlockAddress(UInt64(position))
            if records == 1 {
                try cartridge.writeRecord(bytes.span, at: address, partition: partition)
                return 1
            }
            return try cartridge.writeRecords(bytes.span, recordLength: length, at: address, partition: partition)
        }
    }

    private func writeFilemarks(at position: Int, _ partition: Int) throws {
        let count = 1 + random.number(below: 3)
        log.append("write \(count) filemarks at \(position) in \(partition)")
        try attempt(Array(repeating: .filemark, count: count), at: position, partition) { () throws(CartridgeError) in
            try cartridge.writeFilemarks(count, at: BlockAddress(UInt64(position)), partition: partition)
            return count
        }
    }

    /// Writes and tells the model how it went.
    private func attempt(
        _ objects: [ModelTape.Object],
        at position: Int,
        _ partition: Int,
        _ body: () throws(CartridgeError) -> Int
    ) throws {
        let before = tapes[partition].objects.count
        do throws(CartridgeError) {
            let written = try body()
            tapes[partition].wrote(Array(objects.prefix(written)), at: position)
            if written < objects.count { log.append("only \(written)") }
        } catch {
            log.append("failed: \(error)")
            let end = endOfData(partition)
            switch error {
            case .full:
                guard end == before else { throw failure("a full partition changed its end of data") }
            case .disk, .writingStopped:
                guard tapes[partition].failedToWrite(objects, at: position, endOfData: end) else {
                    throw failure("the end of data moved from \(before) to \(end) though writing failed")
                }
            default:
                throw failure("unexpected error \(error)")
            }
        }
        guard endOfData(partition) == tapes[partition].objects.count else {
            throw failure("end of data is \(endOfData(partition)) instead of \(tapes[partition].objects.count)")
        }
    }

    private func truncate(at position: Int, _ partition: Int) throws {
        log.append("truncate at \(position) in \(partition)")
        try attempt([], at: position, partition) { () throws(CartridgeError) in
            try cartridge.truncate(at: BlockAddress(UInt64(position)), partition: partition)
            return 0
        }
    }

    private func synchronize() throws {
        log.append("synchronize")
        do throws(CartridgeError) {
            try cartridge.synchronize()
            for partition in tapes.indices { tapes[partition].synchronized() }
        } catch {
            log.append("failed: \(error)")
        }
    }

    // MARK: Reading

    private func endOfData(_ partition: Int) -> Int { Int(cartridge.endOfData(partition).rawValue) }

    private func read(_ address: Int, _ partition: Int) throws {
        do throws(CartridgeError) {
            let found = try object(at: address, partition)
            let tape = tapes[partition].objects
            guard found == (address < tape.count ? tape[address] : nil) else {
                throw .invalidArgument("object \(address) in \(partition) reads wrong")
            }
        } catch .disk {
            return
        } catch {
            throw failure("reading: \(error)")
        }
    }

    private func object(at address: Int, _ partition: Int) throws(CartridgeError) -> ModelTape.Object? {
        let block = BlockAddress(UInt64(address))
        switch try cartridge.object(at: block, partition: partition) {
        case nil: return nil
        case .filemark: return .filemark
        case .record(let length):
            var bytes = [UInt8](repeating: 0xAA, count: length)
            var span = bytes.mutableSpan
            let got = try cartridge.readRecord(at: block, partition: partition, into: &span)
            guard got == length else { throw .invalidArgument("read \(got) of \(length) bytes") }
            return .record(bytes)
        }
    }

    private func compareFilemarks(_ partition: Int) throws {
        let tape = tapes[partition]
        let address = random.number(below: tape.objects.count + 1)
        let number = random.number(below: 5)
        do throws(CartridgeError) {
            let before = try cartridge.filemarksBefore(BlockAddress(UInt64(address)), partition: partition)
            let after = try cartridge.addressAfterFilemark(UInt64(number), partition: partition)
            guard before == UInt64(tape.filemarks(before: address)),
                after.map({ Int($0.rawValue) }) == tape.addressAfterFilemark(number)
            else { throw .invalidArgument("filemarks are miscounted") }
        } catch .disk {
            return
        } catch {
            throw failure("filemarks: \(error)")
        }
    }

    // MARK: Ends

    /// Closes, kills or crashes, opens again and compares everything.
    private func end() throws {
        var afterCrash = false
        switch random.number(below: 3) {
        case 0:
            log.append("close")
            do throws(CartridgeError) {
                try cartridge.close()
                for partition in tapes.indices { tapes[partition].synchronized() }
            } catch {
                log.append("failed: \(error)")
            }
            if random.once(in: 3) {
                log.append("crash")
                disk.crash()
                afterCrash = true
            }
        case 1:
            log.append("kill")
            disk.kill()
        default:
            log.append("crash")
            disk.crash()
            afterCrash = true
        }
        if random.once(in: 4) { try compareReadOnly(afterCrash) }
        try reopen(afterCrash)
    }

    private func reopen(_ wasCrash: Bool) throws {
        var afterCrash = wasCrash
        for trial in 0..<10 {
            if trial == 9 { disk.faults = .none }
            do throws(CartridgeError) {
                cartridge = try Cartridge(opening: Self.directory, on: disk, access: .readWrite)
                break
            } catch .disk {
                log.append("open failed")
                if random.once(in: 4) {
                    disk.crash()
                    afterCrash = true
                    log.append("crash")
                }
            } catch {
                throw failure("open: \(error)")
            }
        }
        disk.faults = .none
        try compareAll(afterCrash, adopting: true)
        disk.faults = faults
    }

    private func compareReadOnly(_ afterCrash: Bool) throws {
        disk.faults = .none
        defer { disk.faults = faults }
        let path = Self.directory + "/p0.index"
        let before = disk.bytes(of: path)
        do throws(CartridgeError) {
            cartridge = try Cartridge(opening: Self.directory, on: disk, access: .readOnly)
        } catch {
            throw failure("open for reading: \(error)")
        }
        try compareAll(afterCrash, adopting: false)
        guard disk.bytes(of: path) == before else { throw failure("opening for reading wrote something") }
    }

    private func compareAll(_ afterCrash: Bool, adopting: Bool) throws {
        for partition in tapes.indices {
            var found: [ModelTape.Object] = []
            do throws(CartridgeError) {
                while let object = try object(at: found.count, partition) { found.append(object) }
            } catch {
                throw failure("reading everything: \(error)")
            }
            if let reason = tapes[partition].allows(found, afterCrash: afterCrash) {
                throw failure("partition \(partition): \(reason)")
            }
            if adopting { tapes[partition].adopt(found) }
        }
    }

    private func failure(_ reason: String) -> SimulationFailure {
        SimulationFailure(description: reason + "\n  " + log.suffix(40).joined(separator: "\n  "))
    }
}
