// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A member that lies in one piece: bytes of the tape file from `offset` on.
package final class RangeReader: ContentReader {
    private let file: any TapeFileBytes
    private let start: UInt64
    private let lengthBytes: UInt64

    package init(_ file: any TapeFileBytes, offset: UInt64, lengthBytes: UInt64) {
        self.file = file
        self.start = offset
        self.lengthBytes = lengthBytes
    }

    package func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
        guard offset < lengthBytes else { return 0 }
        let count = Int(min(UInt64(room.count), lengthBytes - offset))
        guard count > 0 else { return 0 }
        let (from, overflow) = start.addingReportingOverflow(offset)
        guard !overflow else { throw .truncated(at: file.lengthBytes) }
        var part = room._mutatingExtracting(first: count)
        var done = 0
        while done < count {
            var rest = part._mutatingExtracting(done..<count)
            let got = try file.read(into: &rest, at: from + UInt64(done))
            // What the archive promised is not there.
            if got == 0 {
                if done == 0 { throw .truncated(at: from) }
                break
            }
            done += got
        }
        return done
    }
}

/// A member with holes: pieces of data at their places in the file, stored anywhere in the tape file; zeros between.
package final class PieceReader: ContentReader {
    package struct Piece: Sendable, Equatable {
        /// Place in the member.
        package var offset: UInt64
        package var lengthBytes: UInt64
        /// Place in the tape file.
        package var stored: UInt64

        package init(offset: UInt64, lengthBytes: UInt64, stored: UInt64) {
            self.offset = offset
            self.lengthBytes = lengthBytes
            self.stored = stored
        }
    }

    private let file: any TapeFileBytes
    private let pieces: [Piece]
    private let lengthBytes: UInt64

    /// - Parameter pieces: in order; what overlaps the one before, is empty or ends beyond 64 bits is left out, and what
    ///   is behind `lengthBytes` is not read.
    package init(_ file: any TapeFileBytes, pieces: [Piece], lengthBytes: UInt64) {
        self.file = file
        var end: UInt64 = 0
        self.pieces = pieces.filter { piece in
            let (next, overflow) = piece.offset.addingReportingOverflow(piece.lengthBytes)
            let isStored = !piece.stored.addingReportingOverflow(piece.lengthBytes).overflow
            guard !overflow, isStored, piece.lengthBytes > 0, piece.offset >= end else { return false }
            end = next
            return true
        }
        self.lengthBytes = lengthBytes
    }

    package func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
        guard offset < lengthBytes else { return 0 }
        let count = Int(min(UInt64(room.count), lengthBytes - offset))
        var index = firstPiece(endingBehind: offset)
        var done = 0
        while done < count {
            let at = offset + UInt64(done)
            while index < pieces.count, pieces[index].offset + pieces[index].lengthBytes <= at { index += 1 }
            guard index < pieces.count, pieces[index].offset < offset + UInt64(count) else {
                fillZeros(&room, done..<count)
                return count
            }
            let piece = pieces[index]
            if piece.offset > at {
                let hole = Int(piece.offset - at)
                fillZeros(&room, done..<done + hole)
                done += hole
                continue
            }
            let within = at - piece.offset
            let wanted = Int(min(UInt64(count - done), piece.lengthBytes - within))
            var part = room._mutatingExtracting(done..<done + wanted)
            let got = try file.read(into: &part, at: piece.stored + within)
            if got == 0 {
                if done == 0 { throw .truncated(at: piece.stored + within) }
                return done
            }
            done += got
        }
        return count
    }

    private func firstPiece(endingBehind offset: UInt64) -> Int {
        var low = 0
        var high = pieces.count
        while low < high {
            let middle = (low + high) / 2
            if pieces[middle].offset + pieces[middle].lengthBytes <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func fillZeros(_ room: inout MutableSpan<UInt8>, _ range: Range<Int>) {
        for index in range { room[index] = 0 }
    }
}
