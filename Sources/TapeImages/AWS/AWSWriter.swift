// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Writes AWSTAPE images, and HET ones by compressing records.
package final class AWSWriter: ImageWriter {
    /// Hercules reads records up to this length, and refuses images with longer ones.
    static let herculesRecordBytes = 65_535

    private let output: any ImageOutput
    private let compression: ImageCompression
    private var previousLength = 0
    private var longRecords: UInt64 = 0

    /// - Parameter compression: `.none` is a plain AWSTAPE image.
    package init(_ output: any ImageOutput, compression: ImageCompression) {
        self.output = output
        self.compression = compression
    }

    package var notes: [String] {
        guard longRecords > 0 else { return [] }
        return [
            Numbers.text(longRecords, "record")
                + " of more than \(Self.herculesRecordBytes) bytes, which Hercules cannot read"
        ]
    }

    package func write(_ object: ImageObject, _ bytes: [UInt8]) throws(ImageError) {
        switch object {
        case .record: try write(bytes)
        case .filemark: try write([], .tapeMark)
        case .damagedRecord:
            throw .cannotHold(reason: "a damaged record", hint: "take another format")
        case .gap, .partition, .endOfMedium: break
        }
    }

    private func write(_ record: [UInt8]) throws(ImageError) {
        if record.count > Self.herculesRecordBytes { longRecords += 1 }
        var (stored, method) = (record, AWSHeader.Flags())
        switch compression {
        case .zlib: if let less = Zlib.compress(record), less.count < record.count { (stored, method) = (less, .zlib) }
        case .bzip2:
            if let less = Bzip2.compress(record), less.count < record.count { (stored, method) = (less, .bzip2) }
        case .none: break
        }
        guard stored.count > AWSHeader.largestChunk else { return try write(stored, method.union([.begin, .end])) }
        for start in stride(from: 0, to: stored.count, by: AWSHeader.largestChunk) {
            let chunk = start..<min(start + AWSHeader.largestChunk, stored.count)
            var flags = method
            if start == 0 { flags.insert(.begin) }
            if chunk.upperBound == stored.count { flags.insert(.end) }
            try write(Array(stored[chunk]), flags)
        }
    }

    private func write(_ chunk: [UInt8], _ flags: AWSHeader.Flags) throws(ImageError) {
        let header = AWSHeader(length: chunk.count, previousLength: previousLength, flags: flags)
        try output.write(header.bytes)
        if !chunk.isEmpty { try output.write(chunk) }
        previousLength = chunk.count
    }

    package func finish() throws(ImageError) { try output.finish() }
    package func discard() { output.discard() }
}
