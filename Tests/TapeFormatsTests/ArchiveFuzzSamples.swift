// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Foundation
import Synchronization
import Testing

@testable import TapeFormats

/// Bytes asked for by everyone who reads one cartridge, and 64 for each call.
final class ArchiveReadCounter: Sendable {
    private let bytes = Mutex<UInt64>(0)
    func add(_ count: Int) { bytes.withLock { $0 += UInt64(count) + 64 } }
    var total: UInt64 { bytes.withLock { $0 } }
}

/// A cartridge of tape files whose records may have any length.
final class ArchiveCartridge: TapeVolume {
    final class File: TapeFileBytes {
        let bytes: [UInt8]
        let starts: [Int]
        let counter: ArchiveReadCounter

        init(_ records: [[UInt8]], _ counter: ArchiveReadCounter) {
            bytes = Array(records.joined())
            var starts = [0]
            for record in records { starts.append(starts[starts.count - 1] + record.count) }
            self.starts = starts
            self.counter = counter
        }

        var lengthBytes: UInt64 { UInt64(bytes.count) }
        var recordCount: UInt64 { UInt64(starts.count - 1) }

        func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
            guard offset < lengthBytes, room.count > 0 else { return 0 }
            let start = Int(offset)
            let count = min(room.count, bytes.count - start)
            counter.add(count)
            room.withUnsafeMutableBufferPointer { room in
                for index in 0..<count { room[index] = bytes[start + index] }
            }
            return count
        }

        func record(_ index: UInt64) throws(FormatError) -> (offset: UInt64, lengthBytes: Int)? {
            counter.add(0)
            guard index < recordCount else { return nil }
            return (UInt64(starts[Int(index)]), starts[Int(index) + 1] - starts[Int(index)])
        }

        func recordIndex(holding offset: UInt64) throws(FormatError) -> UInt64? {
            counter.add(0)
            guard offset < lengthBytes else { return nil }
            var (low, high) = (0, starts.count - 1)
            while high - low > 1 {
                let middle = (low + high) / 2
                if starts[middle] <= Int(offset) { low = middle } else { high = middle }
            }
            return UInt64(low)
        }
    }

    let files: [[File]]
    private let partitions: [[[[UInt8]]]]
    let counter = ArchiveReadCounter()

    init(_ partitions: [[[[UInt8]]]]) {
        self.partitions = partitions
        let counter = counter
        files = partitions.map { $0.map { File($0, counter) } }
    }

    var lengthBytes: UInt64 { files.joined().reduce(0) { $0 + $1.lengthBytes } }
    var partitionCount: Int { files.count }

    func fileCount(partition: Int) -> UInt64 {
        files.indices.contains(partition) ? UInt64(files[partition].count) : 0
    }

    func file(_ number: UInt64, partition: Int) throws(FormatError) -> (any TapeFileBytes)? {
        counter.add(0)
        return number < fileCount(partition: partition) ? files[partition][Int(number)] : nil
    }

    func record(atBlock address: UInt64, partition: Int, limit: Int) throws(FormatError) -> [UInt8]? {
        guard partitions.indices.contains(partition) else { return nil }
        var at = address
        for file in partitions[partition] {
            if at == UInt64(file.count) { return nil }
            if at < UInt64(file.count) {
                counter.add(min(limit, file[Int(at)].count))
                return Array(file[Int(at)].prefix(limit))
            }
            at -= UInt64(file.count) + 1
        }
        return nil
    }
}

/// Cartridges that the fuzzer begins with: partitions of tape files of records.
struct ArchiveFuzzSample: Sendable {
    var name: String
    var partitions: [[[[UInt8]]]]

    init(_ name: String, _ partitions: [[[[UInt8]]]]) {
        self.name = name
        self.partitions = partitions
    }

    init(_ name: String, file bytes: [UInt8], recordBytes: Int = 10_240) {
        let records = stride(from: 0, to: bytes.count, by: recordBytes).map {
            Array(bytes[$0..<min($0 + recordBytes, bytes.count)])
        }
        self.init(name, [[records]])
    }

    /// One of each format: those of this file, and `LabelFuzzSamples`.
    static func all() throws -> [ArchiveFuzzSample] {
        try archives() + LabelFuzzSamples.all()
    }

    private static func archives() throws -> [ArchiveFuzzSample] {
        let scratch = try ArchiveScratch()
        try ArchiveShell.run(
            """
            mkdir -p tree/a/b; cd tree; echo hello > a/one; head -c 3000 /dev/urandom > a/b/two; ln a/one hard
            ln -s a/one link; mkfifo a/pipe; n=$(printf 'n%.0s' $(seq 130)); mkdir $n; echo long > $n/$n
            truncate -s 60000 holes; printf x | dd of=holes bs=1 seek=30000 conv=notrunc status=none
            printf end >> holes
            """,
            in: scratch.path
        )
        let commands = [
            ("tar v7", "tar --format=v7 -cf OUT a/one a/b hard link"),
            ("tar ustar", "tar --format=ustar -cf OUT a/one a/b hard link"),
            ("tar gnu", "tar --format=gnu -S -V label -cf OUT ."), ("tar oldgnu", "tar --format=oldgnu -S -cf OUT ."),
            ("tar incremental", "tar --format=gnu -g OUT.snar -cf OUT ."),
            ("tar pax 0.0", "tar --format=posix -S --sparse-version=0.0 -cf OUT ."),
            ("tar pax 0.1", "tar --format=posix -S --sparse-version=0.1 -cf OUT ."),
            ("tar pax 1.0", "tar --format=posix -S --sparse-version=1.0 -cf OUT ."),
            ("cpio newc", "find . -depth -print | cpio -o -H newc > OUT"),
            ("cpio crc", "find . -depth -print | cpio -o -H crc > OUT"),
            ("cpio odc", "find . -depth -print | cpio -o -H odc > OUT"),
            ("cpio bin", "find . -depth -print | cpio -o -H bin > OUT"),
            ("gzip", "tar -cf - . | gzip -c > OUT"), ("bzip2", "tar -cf - . | bzip2 -c > OUT"),
            ("xz", "tar -cf - . | xz -c > OUT"), ("zstd", "tar -cf - . | zstd -c > OUT"),
            ("lz4", "find . -depth -print | cpio -o -H newc | lz4 -c > OUT"),
        ]
        var samples: [ArchiveFuzzSample] = []
        for (name, command) in commands {
            let script = command.replacingOccurrences(of: "OUT", with: "'\(scratch.path)/out'")
            try ArchiveShell.run("rm -f ../out ../out.snar; \(script) 2>/dev/null", in: scratch.path + "/tree")
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/out")))
            samples.append(ArchiveFuzzSample(name, file: bytes))
        }
        try ArchiveShell.run(
            "tar --format=gnu -M -L 20 -cf ../v1 -f ../v2 -f ../v3 -f ../v4 -f ../v5 a holes",
            in: scratch.path + "/tree"
        )
        let second = Array(try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/v2")))
        samples.append(ArchiveFuzzSample("tar second volume", file: second))
        let dump = try ArchiveCaptures.dump("level0", scratch.path)
        samples.append(ArchiveFuzzSample("dump", file: dump))
        samples.append(ArchiveFuzzSample("dump big-endian", file: ArchiveCaptures.bigEndian(dump), recordBytes: 64_512))
        return samples
    }
}

/// Seeded changes to a cartridge; sums of headers are set right again half of the time, or nobody would look behind
/// them.
struct ArchiveMutator {
    private var random: SeededRandom

    /// Values that lengths and counts are lied about with.
    private static let lies: [[UInt8]] = [
        Array("77777777777".utf8), Array("00000000000".utf8), Array("7777777".utf8), Array("FFFFFFFF".utf8),
        Array("99999999999999999999".utf8), Array("../../../".utf8), Array("/".utf8), Array("9223372036854775807".utf8),
        [0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F], [0x80, 0, 0, 0, 0, 0, 0, 0],
        [0x80, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0xFF, 0xFF], [0, 0x80],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    ]

    struct SeededRandom: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
            return value ^ value >> 31
        }
    }

    init(seed: UInt64) { random = SeededRandom(state: seed) }

    mutating func below(_ count: Int) -> Int { count <= 1 ? 0 : Int.random(in: 0..<count, using: &random) }

    mutating func mutated(_ original: [[[[UInt8]]]]) -> [[[[UInt8]]]] {
        var partitions = original
        for _ in 0..<(1 + below(6)) {
            let partition = below(partitions.count)
            guard !partitions[partition].isEmpty else { continue }
            let file = below(partitions[partition].count)
            var records = partitions[partition][file]
            guard !records.isEmpty else { continue }
            let number = below(records.count)
            switch below(12) {
            case 0: records.remove(at: number)
            case 1: records.insert(records[below(records.count)], at: number)
            case 2: records.removeLast(records.count - number)
            default: change(&records[number], original[partition].joined().joined().count)
            }
            partitions[partition][file] = records
        }
        if below(2) == 0 { partitions = partitions.map { $0.map { $0.map { Self.resealed($0) } } } }
        return partitions
    }

    private mutating func change(_ record: inout [UInt8], _ total: Int) {
        guard !record.isEmpty else { return }
        // Headers are where the trouble is: the first bytes of a block more often than the rest.
        var at = below(record.count)
        if below(3) > 0 { at = min(at / 512 * 512 + below(200), record.count - 1) }
        switch below(7) {
        case 0: record[at] ^= 1 << UInt8(below(8))
        case 1: record[at] = UInt8(below(256))
        case 2:
            let lie = Self.lies[below(Self.lies.count)]
            for (index, byte) in lie.enumerated() where at + index < record.count { record[at + index] = byte }
        case 3:
            // The field of length in tar and cpio, and the digits of whatever stands there.
            let lie = Self.lies[below(Self.lies.count)]
            let start = at / 512 * 512 + 124
            for (index, byte) in lie.prefix(12).enumerated() where start + index < record.count {
                record[start + index] = byte
            }
        case 4:
            let count = min(1 + below(600), record.count - at)
            let from = below(record.count - count + 1)
            let piece = Array(record[from..<from + count])
            record.replaceSubrange(at..<at + count, with: piece)
        case 5: record.removeLast(record.count - max(at, 1))
        default: record.insert(contentsOf: record[at..<min(at + 1 + below(64), record.count)], at: below(record.count))
        }
    }

    /// Blocks that look like headers of tar or dump get a right sum.
    static func resealed(_ record: [UInt8]) -> [UInt8] {
        var record = record
        for at in stride(from: 0, through: record.count - 512, by: 512) {
            if record[at + 257..<at + 262].elementsEqual("ustar".utf8) {
                var sum = 0
                for index in at..<at + 512 { sum += at + 148..<at + 156 ~= index ? 32 : Int(record[index]) }
                let digits = String(sum, radix: 8)
                let text = Array((String(repeating: "0", count: 6 - digits.count) + digits).utf8) + [0, 0x20]
                record.replaceSubrange(at + 148..<at + 156, with: text)
            }
        }
        for at in stride(from: 0, through: record.count - 1024, by: 1024) {
            let magic = Array(record[at + 24..<at + 28])
            guard magic == [0x6C, 0xEA, 0, 0] || magic == [0, 0, 0xEA, 0x6C] else { continue }
            let isBig = magic[0] == 0
            for index in 28..<32 { record[at + index] = 0 }
            var sum: UInt32 = 0
            for start in stride(from: at, to: at + 1024, by: 4) {
                var word: UInt32 = 0
                for index in 0..<4 { word = word << 8 | UInt32(record[start + (isBig ? index : 3 - index)]) }
                sum &+= word
            }
            let rest = 84_446 &- sum
            for index in 0..<4 {
                record[at + 28 + (isBig ? 3 - index : index)] = UInt8(truncatingIfNeeded: rest >> UInt32(8 * index))
            }
        }
        return record
    }
}
