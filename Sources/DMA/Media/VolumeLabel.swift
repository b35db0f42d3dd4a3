// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation

/// The first tape file of a cartridge of ours: one record of text, so that anybody can read with `dd` whose it is.
package struct VolumeLabel: Sendable, Equatable {
    /// Raised when an older program would misread what follows the label.
    static let formatVersion = 1
    /// The record is filled up with blanks to this.
    static let recordBytes = 1024
    private static let magic = "CAPSTAN VOLUME LABEL"
    /// Longest value that is taken from a label.
    private static let valueLimit = 256

    package var label: String
    package var barcode: String
    package var pool: String
    /// When it was written, seconds since 1970.
    package var written: Int64

    package init(label: String, barcode: String, pool: String, written: Int64) {
        self.label = label
        self.barcode = barcode
        self.pool = pool
        self.written = written
    }

    /// The record.
    var record: [UInt8] {
        let text = """
            \(Self.magic) \(Self.formatVersion)
            label: \(label)
            barcode: \(barcode)
            pool: \(pool)
            date: \(Timestamps.text(written))

            """
        var bytes = Array(text.utf8.prefix(Self.recordBytes - 1))
        bytes += [UInt8](repeating: 0x20, count: Self.recordBytes - 1 - bytes.count)
        return bytes + [0x0A]
    }

    /// Reads a tape's first record; nil when it is no label of ours.
    init?(record: [UInt8]) {
        guard record.count == Self.recordBytes, let text = String(validating: record, as: UTF8.self) else { return nil }
        let lines = text.split(separator: "\n")
        guard let head = lines.first, head.hasPrefix(Self.magic + " "),
            let version = Int(head.dropFirst(Self.magic.count + 1)), version == Self.formatVersion
        else { return nil }
        var values: [Substring: Substring] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            values[line[..<colon]] = line[line.index(after: colon)...].drop { $0 == " " }
        }
        guard let label = values["label"], let barcode = values["barcode"], let pool = values["pool"],
            let date = values["date"].flatMap({ Timestamps.parse(String($0)) }),
            max(label.count, barcode.count, pool.count) <= Self.valueLimit
        else { return nil }
        self.init(label: String(label), barcode: String(barcode), pool: String(pool), written: date)
    }
}

/// Written behind each piece of an image, as a tape file of its own: the catalogue's knowledge of it, for people who
/// have the cartridge alone.
struct SegmentTrailer: Sendable, Equatable {
    var image: Image
    var segment: Segment
    var isLast: Bool

    var record: [UInt8] {
        let text = """
            CAPSTAN IMAGE SEGMENT 1
            image: \(image.id)
            type: \(image.type)
            level: \(image.level)
            path: \(image.path)
            data server: \(image.dataServer)
            started: \(Timestamps.text(image.started))
            record size: \(image.recordBytes)
            segment: \(segment.number)
            tape file: \(segment.tapeFile)
            offset: \(segment.offset)
            length: \(segment.length)
            continues: \(isLast ? "no" : "yes")

            """
        var bytes = Array(text.utf8.prefix(Self.recordBytes - 1))
        bytes += [UInt8](repeating: 0x20, count: Self.recordBytes - 1 - bytes.count)
        return bytes + [0x0A]
    }

    /// A path may be as long as the kernel takes.
    static let recordBytes = 8192
}

/// Times as labels carry them: `2026-11-21T14:00:00Z`.
package enum Timestamps {
    package static func text(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }

    package static func parse(_ text: String) -> Int64? {
        guard let date = try? Date(text, strategy: .iso8601) else { return nil }
        return Int64(date.timeIntervalSince1970)
    }
}
