// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

@testable import TapeFormats

/// A tape file in memory: its records.
final class MemoryTapeFile: TapeFileBytes {
    let bytes: [UInt8]
    private let starts: [Int]

    init(records: [[UInt8]]) {
        bytes = Array(records.joined())
        var starts = [0]
        for record in records { starts.append(starts[starts.count - 1] + record.count) }
        self.starts = starts
    }

    /// Records of `blockBytes`, the last one shorter.
    convenience init(_ bytes: [UInt8], blockBytes: Int) {
        self.init(
            records: stride(from: 0, to: bytes.count, by: blockBytes).map {
                Array(bytes[$0..<min($0 + blockBytes, bytes.count)])
            }
        )
    }

    var lengthBytes: UInt64 { UInt64(bytes.count) }
    var recordCount: UInt64 { UInt64(starts.count - 1) }

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
        guard offset < lengthBytes else { return 0 }
        let count = min(room.count, bytes.count - Int(offset))
        for index in 0..<count { room[index] = bytes[Int(offset) + index] }
        return count
    }

    func record(_ index: UInt64) throws(FormatError) -> (offset: UInt64, lengthBytes: Int)? {
        guard index < recordCount else { return nil }
        return (UInt64(starts[Int(index)]), starts[Int(index) + 1] - starts[Int(index)])
    }

    func recordIndex(holding offset: UInt64) throws(FormatError) -> UInt64? {
        guard offset < lengthBytes else { return nil }
        return UInt64((starts.lastIndex { $0 <= Int(offset) } ?? 0))
    }
}

/// A cartridge in memory: partitions of tape files of records, with a filemark behind each tape file.
final class MemoryTape: TapeVolume {
    let partitions: [[[[UInt8]]]]

    init(partitions: [[[[UInt8]]]]) {
        self.partitions = partitions
    }

    convenience init(_ files: [[[UInt8]]]) {
        self.init(partitions: [files])
    }

    var partitionCount: Int { partitions.count }

    func fileCount(partition: Int) -> UInt64 {
        partitions.indices.contains(partition) ? UInt64(partitions[partition].count) : 0
    }

    func file(_ number: UInt64, partition: Int) throws(FormatError) -> (any TapeFileBytes)? {
        guard number < fileCount(partition: partition) else { return nil }
        return MemoryTapeFile(records: partitions[partition][Int(number)])
    }

    func record(atBlock address: UInt64, partition: Int, limit: Int) throws(FormatError) -> [UInt8]? {
        guard partitions.indices.contains(partition) else { return nil }
        var at = address
        for file in partitions[partition] {
            if at < UInt64(file.count) { return Array(file[Int(at)].prefix(limit)) }
            if at == UInt64(file.count) { return nil }
            at -= UInt64(file.count) + 1
        }
        return nil
    }
}

extension ArchiveContents {
    /// Paths of all entries below a directory, in order; directories with `/` behind them.
    func paths(of directory: UInt32 = 0, prefix: String = "") -> [String] {
        var found: [String] = []
        var below: [(UInt32, String)] = []
        children(of: directory, after: nil) { number, name in
            below.append((number, prefix + String(decoding: name, as: UTF8.self)))
            return true
        }
        for (number, path) in below {
            if entry(number)?.kind == .directory {
                found.append(path + "/")
                found += paths(of: number, prefix: path + "/")
            } else {
                found.append(path)
            }
        }
        return found
    }

    func number(at path: String) -> UInt32? {
        var number: UInt32? = 0
        for name in path.split(separator: "/") {
            guard let directory = number else { return nil }
            number = child(Array(name.utf8), of: directory)
        }
        return number
    }

    /// All bytes of a file, read in pieces of `step` bytes.
    func bytes(at path: String, step: Int = 4096) throws -> [UInt8]? {
        guard let number = number(at: path) else { return nil }
        let reader = try openEntry(number)
        var all: [UInt8] = []
        while true {
            let part = try reader.bytes(step, at: UInt64(all.count))
            all += part
            if part.count < step { return all }
        }
    }
}

extension ContentReader {
    func bytes(_ count: Int, at offset: UInt64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: count)
        var room = bytes.mutableSpan
        let got = try read(into: &room, at: offset)
        return Array(bytes.prefix(got))
    }
}

/// Numbers that come again with the same seed (SplitMix64).
struct LabelRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

enum LabelSum {
    /// FNV-1a, in hexadecimal.
    static func of(_ bytes: [UInt8]) -> String {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { sum = (sum ^ UInt64(byte)) &* 0x0100_0000_01B3 }
        return String(sum, radix: 16)
    }
}
