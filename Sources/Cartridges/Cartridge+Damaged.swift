// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// Records that cannot be read: known ones from images of real tapes, and those of this store that went bad.
///
/// A known-bad record is an ordinary one whose index entry carries the complement of the true checksum. So it is a
/// medium error for every reader of the format, keeps its place and length, and what could be read of it is still there.
extension Cartridge {
    /// Writes a record that every read will report as damaged. Otherwise as ``writeRecord(_:at:partition:)``.
    package func writeDamagedRecord(
        _ record: Span<UInt8>,
        at address: BlockAddress,
        partition: Int
    ) throws(CartridgeError) {
        _ = try writable(partition).writeRecords(
            record,
            recordLength: record.count,
            at: address.rawValue,
            isDamaged: true
        )
    }

    /// Reads as much of a record as there is, whatever its checksum says: only to salvage, never for a drive.
    /// `bytes` takes a whole record. Returns how many bytes could be read, from the front.
    package func salvageRecord(
        at address: BlockAddress,
        partition: Int,
        into bytes: inout MutableSpan<UInt8>
    ) throws(CartridgeError) -> Int {
        try opened(partition).salvageRecord(at: address.rawValue, into: &bytes)
    }
}

extension Partition {
    /// One unreadable sector costs no more than this much of a record.
    private static let salvageBytes = 4096

    func salvageRecord(at address: UInt64, into bytes: inout MutableSpan<UInt8>) throws(CartridgeError) -> Int {
        let entry = try record(at: address)
        let length = min(Int(entry.storedLength), bytes.count)
        var done = 0
        while done < length {
            var part = bytes._mutatingExtracting(done..<min(length, done + Self.salvageBytes))
            guard let got = try? payload.read(into: &part, at: Int64(entry.offset) + Int64(done)), got > 0 else {
                break
            }
            done += got
            if got < part.count { break }
        }
        return done
    }
}
