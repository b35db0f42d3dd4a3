// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// Reads AWSTAPE and HET images.
package final class AWSReader: ImageReader {
    package let tape = TapeDescription()
    private let input: ImageInput
    private var previousLength = 0
    private var isCompressed: Bool

    package init(_ path: String, on disk: any Disk, format: ImageFormat = .aws) throws(ImageError) {
        input = try ImageInput(path, on: disk)
        isCompressed = format == .het
    }

    package var format: ImageFormat { isCompressed ? .het : .aws }
    package var position: (done: UInt64, total: UInt64) { (input.offset, input.length) }
    package var notes: [String] { [] }

    package func next(into record: inout [UInt8]) throws(ImageError) -> ImageObject {
        let begin = input.offset
        guard var header = try self.header() else { return .endOfMedium }
        guard !header.flags.contains(.tapeMark) else {
            guard header.length == 0, header.flags.isDisjoint(with: .compression) else {
                throw input.malformed("a tape mark with data", at: begin)
            }
            return .filemark
        }
        guard header.flags.contains(.begin) else {
            throw input.malformed("a record that does not begin with a chunk for its beginning", at: begin)
        }
        let compression = header.flags.intersection(.compression)
        record.removeAll(keepingCapacity: true)
        while true {
            guard record.count + header.length <= ImageLimits.recordBytes else {
                throw input.malformed("a record of more than \(ImageLimits.recordBytes) bytes", at: begin)
            }
            try input.append(header.length, to: &record, of: "a chunk", from: begin)
            guard !header.flags.contains(.end) else { break }
            let chunk = input.offset
            guard let next = try self.header(), next.flags.isDisjoint(with: [.begin, .tapeMark]) else {
                throw input.malformed("a record without an end", at: begin)
            }
            guard next.flags.intersection(.compression) == compression else {
                throw input.malformed("the chunks of a record are compressed differently", at: chunk)
            }
            header = next
        }
        if !compression.isEmpty { record = try decompressed(record, compression, begin) }
        guard !record.isEmpty else { throw input.malformed("a record without any bytes", at: begin) }
        return .record(lengthBytes: record.count)
    }

    /// Nil at the end of the file.
    private func header() throws(ImageError) -> AWSHeader? {
        guard input.remaining > 0 else { return nil }
        guard let number = try input.number(bytes: AWSHeader.size) else {
            throw input.malformed("the file ends in the middle of a header")
        }
        let header = AWSHeader(number)
        guard header.flags.subtracting(.known).isEmpty else {
            throw input.malformed("a header with flags that have no meaning (\(String(number >> 32, radix: 16))h)")
        }
        guard header.previousLength == previousLength else {
            throw input.malformed(
                "a header that says that the chunk before it has \(header.previousLength) bytes, where it has "
                    + "\(previousLength)"
            )
        }
        previousLength = header.length
        input.skip(UInt64(AWSHeader.size))
        return header
    }

    private func decompressed(
        _ record: [UInt8],
        _ compression: AWSHeader.Flags,
        _ begin: UInt64
    ) throws(ImageError) -> [UInt8] {
        isCompressed = true
        let bytes: [UInt8]?
        switch compression {
        case .zlib, .busTechZlib: bytes = Zlib.decompress(record, limit: ImageLimits.recordBytes)
        case .bzip2: bytes = Bzip2.decompress(record, limit: ImageLimits.recordBytes)
        default: throw input.malformed("a record that is compressed in two ways", at: begin)
        }
        guard let bytes else {
            throw input.malformed("a compressed record of \(record.count) bytes that cannot be unpacked", at: begin)
        }
        return bytes
    }
}
