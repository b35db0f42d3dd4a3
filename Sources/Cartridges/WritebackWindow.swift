// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// Keeps a long stream from filling the page cache: once much has been written in one go, pages are pushed to the
/// disk and released behind the writer. Short streams stay cached, which is faster (docs/decisions/0002).
struct WritebackWindow {
    /// Written in one go before the window starts.
    static let startBytes: UInt64 = 768 << 20
    /// Pushed at a time.
    static let stepBytes: UInt64 = 16 << 20
    /// How far behind the push pages are waited for and released: with one step the writer waits for the disk while
    /// its sender waits for the writer (measured: 1.3 against 1.7 GB/s).
    static let releaseLagBytes: UInt64 = 4 * stepBytes

    /// The stream so far.
    private var begin: UInt64 = 0
    private var written: UInt64 = 0
    /// Up to here the window has followed the stream, and up to here it has pushed.
    private var followed: UInt64 = 0
    private var pushed: UInt64 = 0

    /// A new stream begins with the next write.
    mutating func reset() {
        begin = 0
        written = 0
    }

    /// Payload was written from `start` to `end`.
    mutating func wrote(from start: UInt64, to end: UInt64, in file: any DiskFile) {
        if written != start || begin == written {
            begin = start
            pushed = start
        }
        written = end
        guard written - begin >= Self.startBytes else {
            followed = written
            return
        }
        while written - followed >= Self.stepBytes {
            followed += Self.stepBytes
            // Two steps for each new one: what was written before the window started is caught up with, smoothly.
            push(in: file)
            push(in: file)
        }
    }

    private mutating func push(in file: any DiskFile) {
        guard written - pushed >= Self.stepBytes else { return }
        file.startWriteback(offset: Int64(pushed), length: Int64(Self.stepBytes))
        // What was pushed that long ago is mostly on the disk by now: waiting for it is short.
        if pushed >= begin + Self.releaseLagBytes {
            file.dropFromCache(offset: Int64(pushed - Self.releaseLagBytes), length: Int64(Self.stepBytes))
        }
        pushed += Self.stepBytes
    }
}
