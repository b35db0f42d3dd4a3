// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import FoundationEssentials

/// Takes a tape stream apart as it arrives, in pieces of any size.
package struct TapeStreamDecoder {
    package enum Element: Equatable {
        case description(TapeDescription)
        /// Of a record the bytes are in the caller's buffer.
        case object(ImageObject)
    }

    private var buffer: [UInt8] = []
    private var taken = 0
    private var hasSignature = false
    private var hasDescription = false
    /// Filemarks of a frame that are still to be told.
    private var pendingFilemarks = 0
    package private(set) var hasEnded = false

    package init() {}

    package mutating func feed(_ piece: [UInt8]) {
        if taken == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            taken = 0
        } else if taken > ImageLimits.bufferBytes {
            buffer.removeFirst(taken)
            taken = 0
        }
        buffer.append(contentsOf: piece)
    }

    /// The next whole thing; nil when more bytes are needed, or the stream has ended.
    package mutating func next(into record: inout [UInt8]) throws(TapeStreamError) -> Element? {
        guard !hasEnded else { return nil }
        if pendingFilemarks > 0 {
            pendingFilemarks -= 1
            return .object(.filemark)
        }
        if !hasSignature {
            guard buffer.count - taken >= TapeFrame.signature.count else { return nil }
            guard buffer[taken..<taken + TapeFrame.signature.count].elementsEqual(TapeFrame.signature) else {
                throw TapeStreamError(description: "this is no stream of tape contents")
            }
            hasSignature = true
            taken += TapeFrame.signature.count
        }
        guard buffer.count - taken >= 4 else { return nil }
        let number = Int(buffer[taken]) | Int(buffer[taken + 1]) << 8 | Int(buffer[taken + 2]) << 16
        guard let kind = TapeFrame.Kind(rawValue: buffer[taken + 3]) else {
            throw TapeStreamError(description: "the stream has a part that is not known (\(buffer[taken + 3]))")
        }
        guard (kind == .description) != hasDescription else {
            throw TapeStreamError(description: "the stream does not begin with one description")
        }
        return try frame(kind, number, into: &record)
    }

    private mutating func frame(
        _ kind: TapeFrame.Kind,
        _ number: Int,
        into record: inout [UInt8]
    ) throws(TapeStreamError) -> Element? {
        let length = kind.hasPayload ? number : 0
        guard buffer.count - taken >= 4 + length else { return nil }
        let payload = taken + 4..<taken + 4 + length
        defer { taken = payload.upperBound }
        switch kind {
        case .description:
            guard length <= ImageLimits.descriptionBytes,
                let description = try? JSONDecoder().decode(TapeDescription.self, from: Data(buffer[payload]))
            else { throw TapeStreamError(description: "the description of the tape cannot be read") }
            hasDescription = true
            return .description(description)
        case .record, .damagedRecord:
            record.removeAll(keepingCapacity: true)
            record.append(contentsOf: buffer[payload])
            return .object(kind == .record ? .record(lengthBytes: length) : .damagedRecord(lengthBytes: length))
        case .filemarks:
            guard number > 0 else { throw TapeStreamError(description: "no filemarks where there should be some") }
            pendingFilemarks = number - 1
            return .object(.filemark)
        case .partition: return .object(.partition(number))
        case .end:
            hasEnded = true
            return .object(.endOfMedium)
        }
    }
}
