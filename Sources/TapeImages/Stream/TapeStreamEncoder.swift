// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import FoundationEssentials

/// Makes the bytes of a tape stream. The caller takes `bytes` away as it likes.
package struct TapeStreamEncoder {
    package private(set) var bytes: [UInt8] = TapeFrame.signature

    package init() {}

    /// First of all, once.
    package mutating func append(_ description: TapeDescription) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Numbers and texts only: always possible.
        let json = (try? encoder.encode(description)) ?? Data("{}".utf8)
        bytes.appendLittleEndian(TapeFrame.word(.description, min(json.count, TapeFrame.numberLimit)))
        bytes.append(contentsOf: json.prefix(TapeFrame.numberLimit))
    }

    /// - Parameter record: of a record, at most ``ImageLimits/recordBytes``.
    package mutating func append(_ object: ImageObject, _ record: [UInt8] = []) {
        switch object {
        case .record:
            bytes.appendLittleEndian(TapeFrame.word(.record, record.count))
            bytes.append(contentsOf: record)
        case .damagedRecord:
            bytes.appendLittleEndian(TapeFrame.word(.damagedRecord, record.count))
            bytes.append(contentsOf: record)
        case .filemark: bytes.appendLittleEndian(TapeFrame.word(.filemarks, 1))
        case .partition(let number): bytes.appendLittleEndian(TapeFrame.word(.partition, number))
        case .endOfMedium: bytes.appendLittleEndian(TapeFrame.word(.end, 0))
        case .gap: break
        }
    }

    /// Appends a record of up to `length` bytes that `fill` puts there; it returns how many there are, and whether they are
    /// whole.
    mutating func appendRecord<E: Error>(
        upTo length: Int,
        fill: (inout MutableSpan<UInt8>) throws(E) -> (count: Int, isWhole: Bool)
    ) throws(E) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: 4 + length))
        let count: Int
        let isWhole: Bool
        do throws(E) {
            var span = bytes.mutableSpan
            var room = span._mutatingExtracting(start + 4..<start + 4 + length)
            (count, isWhole) = try fill(&room)
        } catch {
            bytes.removeLast(4 + length)
            throw error
        }
        bytes.removeLast(length - count)
        let word = TapeFrame.word(isWhole ? .record : .damagedRecord, count)
        for position in 0..<4 { bytes[start + position] = UInt8(truncatingIfNeeded: word >> UInt32(8 * position)) }
    }

    /// Hands over what has come together.
    package mutating func take() -> [UInt8] {
        let taken = bytes
        bytes = []
        return taken
    }
}
