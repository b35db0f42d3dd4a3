// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A piece of a tape file in memory: for going from header to header without a read for each.
struct FileWindow: ~Copyable {
    private let file: any TapeFileBytes
    private var start: UInt64 = 0
    private var bytes: [UInt8] = []

    private static let smallStep = 4 << 10
    private static let largeStep = 64 << 10

    init(_ file: any TapeFileBytes) {
        self.file = file
    }

    /// Bytes from `offset` on, fewer only at the end of the tape file.
    mutating func take(_ count: Int, at offset: UInt64) throws(FormatError) -> [UInt8] {
        let end = start + UInt64(bytes.count)
        if offset >= start, offset <= end, end - offset >= UInt64(count) {
            let from = Int(offset - start)
            return Array(bytes[from..<from + count])
        }
        // Read on in large steps, and jump in small ones.
        let step = offset >= start && offset <= end && !bytes.isEmpty ? Self.largeStep : Self.smallStep
        var taken: [UInt8]
        do {
            taken = try file.bytes(max(count, step), at: offset)
        } catch {
            // The next record may be damaged, this one is not.
            taken = try file.bytes(count, at: offset)
        }
        bytes = taken
        start = offset
        return Array(taken.prefix(count))
    }
}
