// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import LogicalUnits
import SCSI
import SimulatedDisk
import Testing

/// The tape as an array: what SSC says, without files, indexes or capacity.
struct ModelTape {
    enum Object: Equatable {
        case record([UInt8])
        case filemark
    }

    var objects: [Object] = []
    var position = 0

    mutating func write(_ new: [Object]) {
        objects.removeSubrange(position...)
        objects += new
        position = objects.count
    }

    /// Result of READ with SILI in the words of ``line(_:)``, and its data.
    mutating func read(_ length: Int) -> (String, [UInt8]) {
        guard position < objects.count else { return ("8/00/05 info \(length)", []) }
        defer { position += 1 }
        switch objects[position] {
        case .filemark: return ("0/00/01 FM info \(length)", [])
        case .record(let bytes): return ("GOOD", Array(bytes.prefix(length)))
        }
    }

    mutating func spaceBlocks(_ count: Int) -> String {
        for done in 0..<abs(count) {
            let left = abs(count) - done
            if count > 0 {
                guard position < objects.count else { return "8/00/05 info \(left)" }
                position += 1
                if objects[position - 1] == .filemark { return "0/00/01 FM info \(left)" }
            } else {
                guard position > 0 else { return "0/00/04 EOM info \(left)" }
                position -= 1
                if objects[position] == .filemark { return "0/00/01 FM info \(left)" }
            }
        }
        return "GOOD"
    }

    mutating func spaceFilemarks(_ count: Int) -> String {
        var left = abs(count)
        while left > 0 {
            if count > 0 {
                guard position < objects.count else { return "8/00/05 info \(left)" }
                if objects[position] == .filemark { left -= 1 }
                position += 1
            } else {
                guard position > 0 else { return "0/00/04 EOM info \(left)" }
                position -= 1
                if objects[position] == .filemark { left -= 1 }
            }
        }
        return "GOOD"
    }

    mutating func locate(_ block: Int) -> String {
        position = min(block, objects.count)
        return block > objects.count ? "8/00/05" : "GOOD"
    }

    var file: UInt64 { UInt64(objects.prefix(position).count { $0 == .filemark }) }
}

@Suite("Drive: a model tape against the drive, by CDB and by the typed face")
struct DriveModelTests {
    enum Step {
        case write(Int, UInt8)
        case filemarks(Int)
        case read(Int)
        case blocks(Int)
        case filemarksOver(Int)
        case locate(Int)
        case rewind
        case endOfData
        case reload
    }

    private func step(_ random: inout SeededGenerator) -> Step {
        switch random.number(below: 16) {
        case 0...4: .write(1 + random.number(below: 300), UInt8(random.number(below: 256)))
        case 5...6: .filemarks(random.number(below: 4))
        case 7...9: .read(1 + random.number(below: 300))
        case 10: .blocks(random.number(below: 9) - 4)
        case 11: .filemarksOver(random.number(below: 7) - 3)
        case 12: .locate(random.number(below: 24))
        case 13: .rewind
        case 14: .endOfData
        default: random.number(below: 4) == 0 ? .reload : .read(1 + random.number(below: 300))
        }
    }

    @Test("2 x 150 seeds of 80 steps agree in sense, data, position and file number", arguments: [false, true])
    func agree(typed: Bool) throws {
        for seed in 1...150 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            let bench = try DriveBench(loading: .mebibytes(8))
            var model = ModelTape()
            for number in 1...80 {
                let step = step(&random)
                let (expected, expectedData) = perform(step, on: &model)
                let (sense, data) = typed ? try performTyped(step, on: bench) : try performCDB(step, on: bench)
                let position = bench.drive.position
                #expect(sense == expected, "seed \(seed) step \(number) \(step)")
                #expect(data == expectedData, "seed \(seed) step \(number) \(step)")
                #expect(position.block.rawValue == UInt64(model.position), "seed \(seed) step \(number) \(step)")
                #expect(position.file == model.file, "seed \(seed) step \(number) \(step)")
                guard sense == expected, data == expectedData else { return }
            }
        }
    }

    private func perform(_ step: Step, on model: inout ModelTape) -> (String, [UInt8]) {
        switch step {
        case .write(let length, let seed):
            model.write([.record(pattern(length, seed: seed))])
            return ("GOOD", [])
        case .filemarks(let count):
            if count > 0 { model.write([ModelTape.Object](repeating: .filemark, count: count)) }
            return ("GOOD", [])
        case .read(let length): return model.read(length)
        case .blocks(let count): return (model.spaceBlocks(count), [])
        case .filemarksOver(let count): return (model.spaceFilemarks(count), [])
        case .locate(let block): return (model.locate(block), [])
        case .rewind, .reload: return (model.locate(0), [])
        case .endOfData: return (model.locate(model.objects.count), [])
        }
    }

    private func performCDB(_ step: Step, on bench: DriveBench) throws -> (String, [UInt8]) {
        switch step {
        case .write(let length, let seed): return (line(bench.writeRecord(pattern(length, seed: seed))), [])
        case .filemarks(let count): return (line(bench.writeFilemarks(UInt8(count))), [])
        case .read(let length):
            let result = bench.read(length, flags: 2)
            return (line(result), result.dataIn)
        case .blocks(let count): return (line(bench.space(0, count)), [])
        case .filemarksOver(let count): return (line(bench.space(1, count)), [])
        case .locate(let block): return (line(bench.run([0x2B, 0, 0, 0, 0, 0, UInt8(block), 0, 0, 0])), [])
        case .rewind: return (line(bench.rewind()), [])
        case .endOfData: return (line(bench.space(3, 0)), [])
        case .reload:
            #expect(line(bench.run([0x1B, 0, 0, 0, 0, 0])) == "GOOD")
            return (line(bench.run([0x1B, 0, 0, 0, 1, 0])), [])
        }
    }

    private func performTyped(_ step: Step, on bench: DriveBench) throws -> (String, [UInt8]) {
        let drive = bench.drive
        do throws(CheckCondition) {
            switch step {
            case .write(let length, let seed):
                let outcome = try drive.write(pattern(length, seed: seed).span)
                return (outcome == .written ? "GOOD" : "\(outcome)", [])
            case .filemarks(let count):
                let outcome = try drive.writeFilemarks(count, immediate: false)
                return (outcome == .written ? "GOOD" : "\(outcome)", [])
            case .read(let length):
                var bytes = [UInt8](repeating: 0, count: length)
                var span = bytes.mutableSpan
                switch try drive.read(into: &span) {
                case .record(let actual): return ("GOOD", Array(bytes.prefix(actual)))
                case .filemark: return ("0/00/01 FM info \(length)", [])
                case .endOfData: return ("8/00/05 info \(length)", [])
                }
            case .blocks(let count): return (words(try drive.space(.blocks, count: Int64(count)), count), [])
            case .filemarksOver(let count): return (words(try drive.space(.filemarks, count: Int64(count)), count), [])
            case .locate(let block): try drive.locate(block: UInt64(block))
            case .rewind: try drive.rewind()
            case .endOfData: return (words(try drive.space(.endOfData, count: 0), 0), [])
            case .reload:
                let cartridge = try drive.unload()
                drive.load(cartridge)
            }
            return ("GOOD", [])
        } catch {
            return (error.sense.key == .blankCheck ? "8/00/05" : "\(error)", [])
        }
    }

    private func words(_ outcome: SpaceOutcome, _ count: Int) -> String {
        let left = Int64(abs(count)) - outcome.moved
        switch outcome.stop {
        case .none: return "GOOD"
        case .filemark: return "0/00/01 FM info \(left)"
        case .endOfData: return "8/00/05 info \(left)"
        case .beginningOfPartition: return "0/00/04 EOM info \(left)"
        }
    }
}
