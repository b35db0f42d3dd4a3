// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import FoundationEssentials

/// Which directory lay where at a backup: 8 bytes for each, a hash of inode and path. With it the next level sees that a
/// directory was renamed, or not saved.
struct TarDirectories {
    private var places: Set<UInt64> = []

    /// Directories kept; beyond them renamed ones are taken for new, and saved whole.
    static let maximumCount = 16 << 20
    private static let magic: UInt64 = 0x4341_5053_5444_4953

    init() {}

    /// FNV-1a, 64 bits.
    static func hash(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    private static func place(_ inode: UInt64, _ path: TreePath) -> UInt64 {
        hash(path.bytes) ^ (inode &* 0x9E37_79B9_7F4A_7C15)
    }

    mutating func insert(inode: UInt64, _ path: TreePath) {
        guard places.count < Self.maximumCount else { return }
        places.insert(Self.place(inode, path))
    }

    func contains(inode: UInt64, _ path: TreePath) -> Bool {
        places.contains(Self.place(inode, path))
    }

    /// Reads what a backup of `date` kept; nil when there is no such file, or it is of another backup.
    init?(_ file: String, key: String, date: Int64) {
        guard let data = FileManager.default.contents(atPath: file) else { return nil }
        let words = [UInt8](data)
        guard words.count % 8 == 0, words.count >= 32, words.count / 8 <= Self.maximumCount + 4 else { return nil }
        func word(_ index: Int) -> UInt64 {
            var value: UInt64 = 0
            for byte in words[(index * 8)..<(index * 8 + 8)] { value = value << 8 | UInt64(byte) }
            return value
        }
        guard word(0) == Self.magic, word(1) == Self.hash(Array(key.utf8)), Int64(bitPattern: word(2)) == date,
            word(3) == UInt64(words.count / 8 - 4)
        else { return nil }
        for index in 4..<(words.count / 8) { places.insert(word(index)) }
    }

    /// Replaces the file whole.
    ///
    /// - Throws: `.impossible` with the reason.
    func store(_ file: String, key: String, date: Int64) throws(StreamError) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 * (places.count + 4))
        func append(_ word: UInt64) {
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        append(Self.magic)
        append(Self.hash(Array(key.utf8)))
        append(UInt64(bitPattern: date))
        append(UInt64(places.count))
        for place in places { append(place) }
        do {
            let directory = file[..<(file.lastIndex(of: "/") ?? file.startIndex)]
            try FileManager.default.createDirectory(atPath: String(directory), withIntermediateDirectories: true)
            try Data(bytes).write(to: URL(filePath: file), options: .atomic)
        } catch {
            throw .impossible("cannot write \(file): \(error)")
        }
    }
}
