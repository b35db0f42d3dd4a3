// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Why something of a tape cannot be read as the format it seems to be.
package enum FormatError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The tape cannot be read there. The text names the place and the reason.
    case unreadable(String)
    /// What stands there contradicts the format. The text says where and what.
    case malformed(String)
    /// It ends before it should, at this byte of the tape file.
    case truncated(at: UInt64)
    /// More than a limit of ours allows. The text names the limit.
    case limit(String)
    /// Encrypted, or compressed in a way we do not read. The text says which.
    case opaque(String)
    /// The entry or its state is gone.
    case stale

    /// The largest piece of a tape that is taken into memory at once: the largest record, and an index of LTFS.
    package static let pieceBytes = 64 << 20

    package var description: String {
        switch self {
        case .unreadable(let text), .malformed(let text), .limit(let text), .opaque(let text): text
        case .truncated(let offset): "it ends at byte \(offset), in the middle"
        case .stale: "the tape file has changed"
        }
    }
}

/// One tape file as a run of bytes that can be read anywhere. Record boundaries can be asked for.
///
/// Any thread; blocks on the disk. What is read is verified: bytes of a damaged record throw.
package protocol TapeFileBytes: AnyObject, Sendable {
    var lengthBytes: UInt64 { get }
    var recordCount: UInt64 { get }
    /// Bytes read, fewer than `room.count` only at the end; 0 at or behind it.
    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int
    /// Where record `index` (from 0) begins, and its length, in bytes; nil behind the last.
    func record(_ index: UInt64) throws(FormatError) -> (offset: UInt64, lengthBytes: Int)?
    /// The record that holds a byte; nil behind the end. O(log n).
    func recordIndex(holding offset: UInt64) throws(FormatError) -> UInt64?
}

/// A whole cartridge, as far as formats that span tape files need it.
package protocol TapeVolume: AnyObject, Sendable {
    var partitionCount: Int { get }
    /// Tape files of a partition: one more than its filemarks when records follow the last, else as many.
    func fileCount(partition: Int) -> UInt64
    /// nil: there is no such file. An empty one (two filemarks in a row) has no bytes.
    func file(_ number: UInt64, partition: Int) throws(FormatError) -> (any TapeFileBytes)?
    /// The record at a block address (records and filemarks counted together, from 0), at most `limit` bytes of it;
    /// nil: a filemark or the end of data. For formats that point to blocks (LTFS extents).
    func record(atBlock address: UInt64, partition: Int, limit: Int) throws(FormatError) -> [UInt8]?
}

extension TapeFileBytes {
    /// At most `count` bytes from `offset`; `.limit` for more than ``FormatError/pieceBytes``, which only a length on
    /// the tape that nobody checked can ask for.
    package func bytes(_ count: Int, at offset: UInt64 = 0) throws(FormatError) -> [UInt8] {
        guard count >= 0, count <= FormatError.pieceBytes else {
            throw .limit("a piece of \(count) bytes is larger than \(FormatError.pieceBytes)")
        }
        let wanted = Int(min(UInt64(max(0, count)), lengthBytes > offset ? lengthBytes - offset : 0))
        var bytes = [UInt8](repeating: 0, count: wanted)
        var room = bytes.mutableSpan
        let got = try read(into: &room, at: offset)
        return got == wanted ? bytes : Array(bytes.prefix(got))
    }
}
