// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Bytes that only grow, in pieces: adding never copies what is there, so a million names cost their own bytes.
struct ByteStore: Sendable {
    private var pieces: [[UInt8]] = []
    private static let pieceBits = 18
    private static let pieceBytes = 1 << pieceBits

    /// Adds what belongs together; it lies in one piece. At most 64 KiB.
    ///
    /// - Returns: its position, for `read`.
    mutating func append(_ bytes: [UInt8]) -> UInt64 {
        if (pieces.last?.count ?? Self.pieceBytes) + bytes.count > Self.pieceBytes {
            var piece: [UInt8] = []
            piece.reserveCapacity(Self.pieceBytes)
            pieces.append(piece)
        }
        let last = pieces.count - 1
        let position = UInt64(last) << Self.pieceBits | UInt64(pieces[last].count)
        pieces[last].append(contentsOf: bytes)
        return position
    }

    /// Where the next `append` will put something at the earliest.
    var end: UInt64 {
        guard let last = pieces.last else { return 0 }
        return UInt64(pieces.count - 1) << Self.pieceBits | UInt64(last.count)
    }

    /// A position that is the end of its piece is the start of the next one.
    func normal(_ position: UInt64) -> UInt64 {
        let piece = Int(position >> Self.pieceBits)
        let within = Int(position & UInt64(Self.pieceBytes - 1))
        guard piece < pieces.count, within >= pieces[piece].count else { return position }
        return UInt64(piece + 1) << Self.pieceBits
    }

    func bytes(_ position: UInt64, _ count: Int) -> ArraySlice<UInt8> {
        let within = Int(position & UInt64(Self.pieceBytes - 1))
        return pieces[Int(position >> Self.pieceBits)][within..<within + count]
    }

    func byte(_ position: UInt64) -> UInt8 {
        pieces[Int(position >> Self.pieceBits)][Int(position & UInt64(Self.pieceBytes - 1))]
    }
}
