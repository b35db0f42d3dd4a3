// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// An image file, read from front to back through one buffer.
final class ImageInput {
    let path: String
    /// The file's length when it was opened.
    let length: UInt64
    private(set) var offset: UInt64 = 0
    private let file: any DiskFile
    private var buffer: [UInt8]
    private var bufferStart: UInt64 = 0
    private var bufferCount = 0

    init(_ path: String, on disk: any Disk) throws(ImageError) {
        self.path = path
        file = try onDisk { () throws(DiskError) in try disk.open(path, .readOnly) }
        let opened = file
        length = UInt64(clamping: try onDisk { () throws(DiskError) in try opened.size() })
        buffer = [UInt8](repeating: 0, count: Int(min(length, UInt64(ImageLimits.bufferBytes))))
        file.adviseSequential()
    }

    var remaining: UInt64 { length - min(offset, length) }

    func seek(to offset: UInt64) { self.offset = min(offset, length) }

    func malformed(_ reason: String, at offset: UInt64? = nil) -> ImageError {
        .malformed(file: path, offset: offset ?? self.offset, reason: reason)
    }

    /// The little-endian number of 1 to 8 bytes at `distance` from here, without moving; nil when the file ends before it.
    func number(bytes count: Int, at distance: Int = 0) throws(ImageError) -> UInt64? {
        guard remaining >= UInt64(distance + count) else { return nil }
        try fill(distance + count)
        let start = Int(offset - bufferStart) + distance
        return (0..<count).reduce(0) { $0 | UInt64(buffer[start + $1]) << (8 * UInt64($1)) }
    }

    func word(at distance: Int = 0) throws(ImageError) -> UInt32? {
        try number(bytes: 4, at: distance).map { UInt32(truncatingIfNeeded: $0) }
    }

    /// The next line without its end; nil at the end of the file. At most ``ImageLimits/lineBytes`` long.
    func line() throws(ImageError) -> String? {
        guard remaining > 0 else { return nil }
        let begin = offset
        var bytes: [UInt8] = []
        while let byte = try number(bytes: 1) {
            offset += 1
            guard byte != 0x0A else { break }
            bytes.append(UInt8(truncatingIfNeeded: byte))
            guard bytes.count <= ImageLimits.lineBytes else { throw malformed("a line that is too long", at: begin) }
        }
        if bytes.last == 0x0D { bytes.removeLast() }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw malformed("a line that is no text", at: begin)
        }
        return text
    }

    func skip(_ count: UInt64) { offset += min(count, remaining) }

    /// Appends the next `count` bytes to `record`.
    ///
    /// - Throws: `.malformed` at `begin` when the file ends before them.
    func append(_ count: Int, to record: inout [UInt8], of what: String, from begin: UInt64) throws(ImageError) {
        guard remaining >= UInt64(count) else {
            throw malformed("\(what) of \(count) bytes, but the file ends after \(remaining) of them", at: begin)
        }
        var left = count
        let buffered = min(left, held)
        if buffered > 0 {
            let start = Int(offset - bufferStart)
            record.append(contentsOf: buffer[start..<start + buffered])
            offset += UInt64(buffered)
            left -= buffered
        }
        guard left > 0 else { return }
        guard left < ImageLimits.bufferBytes / 2 else { return try appendDirectly(left, to: &record) }
        try fill(left)
        let start = Int(offset - bufferStart)
        record.append(contentsOf: buffer[start..<start + left])
        offset += UInt64(left)
    }

    private func appendDirectly(_ count: Int, to record: inout [UInt8]) throws(ImageError) {
        let start = record.count
        record.append(contentsOf: repeatElement(0, count: count))
        let got = try onDisk { () throws(DiskError) in
            var whole = record.mutableSpan
            var part = whole._mutatingExtracting(start..<start + count)
            return try file.read(into: &part, at: Int64(offset))
        }
        guard got == count else { throw malformed("the file became shorter while it was read") }
        offset += UInt64(count)
    }

    /// Bytes from here on that are in the buffer.
    private var held: Int {
        guard offset >= bufferStart, offset - bufferStart < UInt64(bufferCount) else { return 0 }
        return bufferCount - Int(offset - bufferStart)
    }

    /// Makes `count` bytes from here available in the buffer; the caller knows that the file has them.
    private func fill(_ count: Int) throws(ImageError) {
        guard held < count else { return }
        var bytes: [UInt8] = []
        swap(&bytes, &buffer)
        defer { swap(&bytes, &buffer) }
        let got = try onDisk { () throws(DiskError) in
            var span = bytes.mutableSpan
            return try file.read(into: &span, at: Int64(offset))
        }
        bufferStart = offset
        bufferCount = got
        guard got >= count else { throw malformed("the file became shorter while it was read") }
    }
}
