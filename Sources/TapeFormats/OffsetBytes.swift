// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A part of a tape file, or parts of several behind one another, as one run of bytes: an archive behind a header, or
/// one that goes on in the next tape file.
///
/// Record boundaries are those of the parts; a part that begins or ends within a record cuts it.
package final class OffsetBytes: TapeFileBytes {
    package struct Segment: Sendable {
        package var file: any TapeFileBytes
        package var offset: UInt64
        package var lengthBytes: UInt64

        /// - Parameter lengthBytes: nil: to the end of the tape file. What is behind its end is left out.
        package init(_ file: any TapeFileBytes, from offset: UInt64 = 0, lengthBytes: UInt64? = nil) {
            let offset = min(offset, file.lengthBytes)
            self.file = file
            self.offset = offset
            self.lengthBytes = min(lengthBytes ?? .max, file.lengthBytes - offset)
        }
    }

    /// Segments of one archive; above all that a volume set has.
    package static let maximumSegments = 1 << 20

    private let segments: [Segment]
    /// Where each segment begins here; one more for the end.
    private let starts: [UInt64]
    /// Records before each segment; one more for all.
    private let records: [UInt64]
    /// The record of its file that each segment begins in.
    private let firstRecords: [UInt64]

    package init(_ segments: [Segment]) throws(FormatError) {
        guard segments.count <= Self.maximumSegments else {
            throw .limit("an archive in more than \(Self.maximumSegments) pieces is not read")
        }
        let kept = segments.filter { $0.lengthBytes > 0 }
        var starts: [UInt64] = [0]
        var records: [UInt64] = [0]
        var firstRecords: [UInt64] = []
        for segment in kept {
            let (end, overflow) = (starts.last ?? 0).addingReportingOverflow(segment.lengthBytes)
            guard !overflow else { throw .malformed("the pieces of an archive are longer than anything can be") }
            let first = try segment.file.recordIndex(holding: segment.offset) ?? 0
            let last = try segment.file.recordIndex(holding: segment.offset + segment.lengthBytes - 1) ?? first
            starts.append(end)
            firstRecords.append(first)
            records.append((records.last ?? 0) + max(last, first) - first + 1)
        }
        self.segments = kept
        self.starts = starts
        self.records = records
        self.firstRecords = firstRecords
    }

    /// The rest of one tape file.
    package convenience init(_ file: any TapeFileBytes, from offset: UInt64) throws(FormatError) {
        try self.init([Segment(file, from: offset)])
    }

    package var lengthBytes: UInt64 { starts.last ?? 0 }
    package var recordCount: UInt64 { records.last ?? 0 }

    /// The last of `list` that is not above `value`; the list begins with 0.
    private static func index(_ value: UInt64, in list: [UInt64]) -> Int {
        var low = 0
        var high = list.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if list[middle] <= value { low = middle } else { high = middle - 1 }
        }
        return low
    }

    package func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
        var done = 0
        while done < room.count, offset < lengthBytes, offset + UInt64(done) < lengthBytes {
            let at = offset + UInt64(done)
            let index = Self.index(at, in: starts)
            let segment = segments[index]
            let within = at - starts[index]
            let count = Int(min(UInt64(room.count - done), segment.lengthBytes - within))
            var part = room._mutatingExtracting(done..<done + count)
            let got = try segment.file.read(into: &part, at: segment.offset + within)
            guard got > 0 else { break }
            done += got
        }
        return done
    }

    package func record(_ index: UInt64) throws(FormatError) -> (offset: UInt64, lengthBytes: Int)? {
        guard index < recordCount else { return nil }
        let number = Self.index(index, in: records)
        let segment = segments[number]
        guard let record = try segment.file.record(firstRecords[number] + index - records[number]) else { return nil }
        let end = segment.offset + segment.lengthBytes
        let from = max(record.offset, segment.offset)
        let to = min(record.offset + UInt64(record.lengthBytes), end)
        return (starts[number] + from - segment.offset, to > from ? Int(to - from) : 0)
    }

    package func recordIndex(holding offset: UInt64) throws(FormatError) -> UInt64? {
        guard offset < lengthBytes else { return nil }
        let number = Self.index(offset, in: starts)
        let segment = segments[number]
        let index = try segment.file.recordIndex(holding: segment.offset + offset - starts[number])
        guard let index, index >= firstRecords[number] else { return nil }
        return records[number] + index - firstRecords[number]
    }
}
