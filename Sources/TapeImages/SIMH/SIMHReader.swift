// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// Reads SIMH images and, where the first record of odd length shows it, E11 ones, whose records are not padded.
package final class SIMHReader: ImageReader {
    private enum Padding {
        case unknown, even, none
    }

    package let tape = TapeDescription()
    private let input: ImageInput
    private var padding: Padding
    private var hasEnded = false
    private var otherRecords: UInt64 = 0
    private var privateMarkers: UInt64 = 0
    private var bytesBehindEnd: UInt64 = 0

    /// - Parameter format: `.e11` when that is known; `.tap` finds out.
    package init(_ path: String, on disk: any Disk, format: ImageFormat = .tap) throws(ImageError) {
        input = try ImageInput(path, on: disk)
        padding = format == .e11 ? .none : .unknown
    }

    package var format: ImageFormat { padding == .none ? .e11 : .tap }
    package var position: (done: UInt64, total: UInt64) { (input.offset, input.length) }

    package var notes: [String] {
        var notes: [String] = []
        if otherRecords > 0 {
            notes.append(Numbers.text(otherRecords, "private or descriptive record") + " of the image left out")
        }
        if privateMarkers > 0 {
            notes.append(Numbers.text(privateMarkers, "private marker") + " of the image left out")
        }
        if bytesBehindEnd > 0 {
            notes.append(Numbers.text(bytesBehindEnd, "byte") + " behind the end of the medium left out")
        }
        return notes
    }

    package func next(into record: inout [UInt8]) throws(ImageError) -> ImageObject {
        while !hasEnded, input.remaining > 0 {
            guard let word = try input.word() else { throw input.malformed("the file ends in the middle of a marker") }
            switch SIMHMarker.kind(of: word) {
            case .tapeMark:
                input.skip(4)
                return .filemark
            case .endOfMedium:
                input.skip(4)
                hasEnded = true
                bytesBehindEnd = input.remaining
            case .gap, .halfGap: return .gap(lengthBytes: try gap())
            case .record(let length):
                try read(length, marker: word, into: &record)
                return .record(lengthBytes: length)
            case .badRecord(let length):
                try read(length, marker: word, into: &record)
                return .damagedRecord(lengthBytes: length)
            case .otherRecord(let length):
                try read(length, marker: word, into: &record)
                otherRecords += 1
            case .privateMarker:
                input.skip(4)
                privateMarkers += 1
            case .reserved:
                throw input.malformed("a marker that has no meaning (\(Self.hexadecimal(word)))")
            }
        }
        hasEnded = true
        return .endOfMedium
    }

    /// One stretch of erase gaps.
    private func gap() throws(ImageError) -> UInt64 {
        let start = input.offset
        while let word = try input.word() {
            switch SIMHMarker.kind(of: word) {
            case .gap: input.skip(4)
            case .halfGap: input.skip(2)
            default: return input.offset - start
            }
        }
        return input.offset - start
    }

    private func read(_ length: Int, marker: UInt32, into record: inout [UInt8]) throws(ImageError) {
        let begin = input.offset
        guard length <= ImageLimits.recordBytes else {
            throw input.malformed(
                "a record of \(length) bytes; a tape has at most \(ImageLimits.recordBytes)",
                at: begin
            )
        }
        input.skip(4)
        record.removeAll(keepingCapacity: true)
        try input.append(length, to: &record, of: "a record", from: begin)
        guard length % 2 == 1 else { return try trailer(0, marker, begin) }
        switch padding {
        case .even: try trailer(1, marker, begin)
        case .none: try trailer(0, marker, begin)
        case .unknown:
            let isPadded = try input.word(at: 1) == marker
            let isBare = try input.word() == marker
            padding = isBare && !isPadded ? .none : .even
            try trailer(padding == .even ? 1 : 0, marker, begin)
        }
    }

    /// The length behind a record, which must be the one before it.
    private func trailer(_ padding: Int, _ marker: UInt32, _ begin: UInt64) throws(ImageError) {
        guard let word = try input.word(at: padding) else {
            throw input.malformed("the file ends in the middle of a record", at: begin)
        }
        guard word == marker else {
            throw input.malformed(
                "the lengths before and behind a record differ (\(Self.hexadecimal(marker)) and "
                    + "\(Self.hexadecimal(word)))",
                at: begin
            )
        }
        input.skip(UInt64(padding) + 4)
    }

    private static func hexadecimal(_ word: UInt32) -> String {
        let digits = String(word, radix: 16, uppercase: true)
        return String(repeating: "0", count: 8 - digits.count) + digits + "h"
    }
}
