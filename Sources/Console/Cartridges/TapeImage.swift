// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// SIMH tape images (`.tap`): every record between two little-endian 32-bit lengths and padded to an even number of
/// bytes, a zero for a filemark, all ones for the end of the medium.
enum TapeImage {
    static let filemark: UInt32 = 0
    static let endOfMedium: UInt32 = 0xFFFF_FFFF
    /// Fills a gap without meaning.
    static let eraseGap: UInt32 = 0xFFFF_FFFE
    /// The high bits are a class; class 0 is a good record.
    static let lengthMask: UInt32 = 0x00FF_FFFF

    static func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

    /// Bytes that a record of `length` takes in an image.
    static func space(forRecord length: Int) -> UInt64 { UInt64(8 + length + length % 2) }
}

/// Takes a tape image apart as it arrives, in pieces of any size.
struct TapeImageReader {
    enum Element: Equatable {
        case record([UInt8])
        case filemark
    }

    /// Why an image cannot be read.
    struct Malformed: Error, Equatable {
        /// Byte of the image at which the offending marker stands.
        var offset: UInt64
        var reason: String
    }

    private var buffer: [UInt8] = []
    private var taken = 0
    private var consumed: UInt64 = 0
    private(set) var hasEnded = false

    /// Adds the next piece. What comes behind the end of the medium is ignored.
    mutating func feed(_ piece: [UInt8]) {
        guard !hasEnded else { return }
        if taken > 0 {
            buffer.removeFirst(taken)
            taken = 0
        }
        buffer.append(contentsOf: piece)
    }

    /// The next whole record or filemark; nil when more bytes are needed or the medium has ended.
    mutating func next() throws(Malformed) -> Element? {
        while !hasEnded {
            guard let marker = word(at: taken) else { return nil }
            switch marker {
            case TapeImage.filemark:
                advance(4)
                return .filemark
            case TapeImage.endOfMedium: hasEnded = true
            case TapeImage.eraseGap: advance(4)
            default: return try record(marker)
            }
        }
        return nil
    }

    /// - Throws: when the image ends inside of a record.
    func finish() throws(Malformed) {
        guard hasEnded || taken == buffer.count else {
            throw Malformed(offset: consumed, reason: "the image ends in the middle of a record")
        }
    }

    private mutating func record(_ marker: UInt32) throws(Malformed) -> Element? {
        guard marker & ~TapeImage.lengthMask == 0 else {
            let reason =
                marker >> 28 == 8
                ? "a record that the original drive could not read; it cannot be written as a good one"
                : "no length that a tape image can have (\(marker))"
            throw Malformed(offset: consumed, reason: reason)
        }
        let length = Int(marker)
        let padded = length + length % 2
        guard buffer.count - taken >= 8 + padded else { return nil }
        guard word(at: taken + 4 + padded) == marker else {
            throw Malformed(
                offset: consumed,
                reason: "the lengths before and behind a record of \(length) bytes differ"
            )
        }
        let bytes = Array(buffer[(taken + 4)..<(taken + 4 + length)])
        advance(8 + padded)
        return .record(bytes)
    }

    private mutating func advance(_ count: Int) {
        taken += count
        consumed += UInt64(count)
    }

    private func word(at index: Int) -> UInt32? {
        guard buffer.count - index >= 4 else { return nil }
        return (0..<4).reduce(0) { $0 | UInt32(buffer[index + $1]) << (8 * UInt32($1)) }
    }
}
