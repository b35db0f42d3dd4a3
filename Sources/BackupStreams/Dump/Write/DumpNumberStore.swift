// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Keeps the dense numbers of one tree between its levels, in the data service's state directory.
struct DumpNumberStore {
    private let file: DumpStateFile
    private let key: String

    private static let magic: [UInt8] = Array("CAPNUM1\n".utf8)
    private static let recordBytes = 20

    init(directory: String, key: String) {
        file = DumpStateFile(directory: directory, prefix: "dump-numbers", key: Array(key.utf8))
        self.key = key
    }

    /// The numbers of the last dump; nil when that one used the file system's own.
    ///
    /// - Throws: `.impossible` when the file cannot be read or is damaged.
    func load() throws(StreamError) -> (numbers: [DumpNumbering.Key: UInt32], next: UInt32)? {
        guard let bytes = try file.load(magic: Self.magic) else { return nil }
        guard bytes.count >= 4, (bytes.count - 4) % Self.recordBytes == 0 else { throw file.damaged }
        var numbers: [DumpNumbering.Key: UInt32] = [:]
        numbers.reserveCapacity(bytes.count / Self.recordBytes)
        for offset in stride(from: 4, to: bytes.count, by: Self.recordBytes) {
            let key = DumpNumbering.Key(device: bytes.little64(offset), inode: bytes.little64(offset + 8))
            numbers[key] = bytes.little32(offset + 16)
        }
        return (numbers, bytes.little32(0))
    }

    func save(_ numbering: DumpNumbering) throws(StreamError) {
        var bytes = [UInt8](repeating: 0, count: 4 + numbering.assigned.count * Self.recordBytes)
        bytes.setLittle32(0, numbering.next)
        var offset = 4
        for (key, number) in numbering.assigned {
            bytes.setLittle64(offset, key.device)
            bytes.setLittle64(offset + 8, key.inode)
            bytes.setLittle32(offset + 16, number)
            offset += Self.recordBytes
        }
        try file.save(magic: Self.magic, bytes)
    }

    func remove() throws(StreamError) {
        try file.remove()
    }
}
