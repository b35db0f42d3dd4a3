// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// Where the bytes of an image go, from front to back.
package protocol ImageOutput: AnyObject {
    func write(_ bytes: [UInt8]) throws(ImageError)
    /// Makes everything durable and puts it in its place.
    func finish() throws(ImageError)
    func discard()
}

/// A file that gets its name when it is whole.
package final class ImageFileOutput: ImageOutput {
    static let unfinishedSuffix = ".partial"

    private let path: String
    private let unfinished: String
    private let disk: any Disk
    private let file: any DiskFile
    private var offset: Int64 = 0
    private var buffer: [UInt8] = []
    private var isSettled = false

    /// Where something comes together that will be `path`: a name that nobody else has or foresees, beside it.
    static func unfinishedName(of path: String) -> String {
        path + "." + String(UInt64.random(in: .min ... .max), radix: 36) + unfinishedSuffix
    }

    /// - Throws: EEXIST as `.disk` when the file exists and `replaces` is not set.
    package init(_ path: String, on disk: any Disk, replaces: Bool) throws(ImageError) {
        self.path = path
        self.disk = disk
        guard replaces || !disk.exists(path) else {
            throw .disk(DiskError(operation: "create", path: path, code: Self.exists))
        }
        let unfinished = Self.unfinishedName(of: path)
        self.unfinished = unfinished
        // Never a file that is there, and never what a link of that name leads to.
        file = try onDisk { () throws(DiskError) in try disk.open(unfinished, .createNew) }
        buffer.reserveCapacity(2 * ImageLimits.bufferBytes)
    }

    deinit { discard() }

    private static let exists: Int32 = 17  // EEXIST

    package func write(_ bytes: [UInt8]) throws(ImageError) {
        guard bytes.count < ImageLimits.bufferBytes else {
            try flush()
            try store(bytes)
            return
        }
        buffer.append(contentsOf: bytes)
        if buffer.count >= ImageLimits.bufferBytes { try flush() }
    }

    private func flush() throws(ImageError) {
        guard !buffer.isEmpty else { return }
        try store(buffer)
        buffer.removeAll(keepingCapacity: true)
    }

    private func store(_ bytes: [UInt8]) throws(ImageError) {
        try onDisk { () throws(DiskError) in try file.write(bytes.span, at: offset) }
        offset += Int64(bytes.count)
    }

    package func finish() throws(ImageError) {
        guard !isSettled else { return }
        try flush()
        try onDisk { () throws(DiskError) in
            try file.synchronize()
            try disk.rename(from: unfinished, to: path)
            isSettled = true
            try disk.synchronizeDirectory(parentDirectory(of: path))
        }
    }

    package func discard() {
        guard !isSettled else { return }
        isSettled = true
        try? disk.remove(unfinished)
    }
}

extension [UInt8] {
    mutating func appendLittleEndian(_ value: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func appendLittleEndian16(_ value: UInt16) {
        append(UInt8(truncatingIfNeeded: value))
        append(UInt8(truncatingIfNeeded: value >> 8))
    }
}
