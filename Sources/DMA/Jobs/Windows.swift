// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Arithmetic of the mover's window and of the pieces of a stream.
package enum Windows {
    /// The length that means "to the end" behind `offset`: NDMP v4, 2.8.4 lets all ones stand only with offset 0.
    package static func restOfStream(from offset: UInt64) -> UInt64 { UInt64.max - offset }

    /// How far a window for reading goes: to the end of the last record, padding included. A data service that looks a
    /// little beyond the end of the stream gets zeros then; at the end of the window it would be cut off.
    package static func readLength(of segment: Segment, recordBytes: UInt32) -> UInt64 {
        guard recordBytes > 0, segment.length > 0 else { return segment.length }
        let whole = ((segment.length - 1) / UInt64(recordBytes) + 1).multipliedReportingOverflow(
            by: UInt64(recordBytes)
        )
        return whole.overflow ? segment.length : whole.partialValue
    }

    /// Index of the segment that holds the byte; nil when none does. `segments` are in the order of the stream.
    package static func segment(holding position: UInt64, in segments: [Segment]) -> Int? {
        var (low, high) = (0, segments.count)
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].offset <= position { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let segment = segments[low - 1]
        return position - segment.offset < segment.length ? low - 1 : nil
    }

    /// True when the segments are one stream of `total` bytes without a gap: what a restore needs.
    package static func areWhole(_ segments: [Segment], total: UInt64) -> Bool {
        var next: UInt64 = 0
        for segment in segments {
            let (end, overflow) = segment.offset.addingReportingOverflow(segment.length)
            guard segment.offset == next, !overflow else { return false }
            next = end
        }
        return next >= total
    }
}
