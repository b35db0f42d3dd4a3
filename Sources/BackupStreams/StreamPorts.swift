// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Why a backup or recovery ended before its end. Trouble with single files is no such reason: it is noted, counted,
/// and the job goes on.
package enum StreamError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The one who started the job has taken it back.
    case cancelled
    /// The other end of the stream is gone. The text names it.
    case connection(String)
    /// The stream ended before its end marker, at this many bytes.
    case truncated(at: UInt64)
    /// The stream is not of the format, or damaged. The text says where and what.
    case malformed(String)
    /// What was asked for cannot be done. The text is a sentence for the operator.
    case impossible(String)

    package var description: String {
        switch self {
        case .cancelled: "the job was aborted"
        case .connection(let text), .malformed(let text), .impossible(let text): text
        case .truncated(let offset): "the stream ends at byte \(offset), before its end marker"
        }
    }
}

/// Where a backup stream goes. Called on the job's own thread; blocks.
package protocol StreamSink: AnyObject {
    /// Takes every byte, or throws.
    func write(_ bytes: Span<UInt8>) throws(StreamError)
}

/// Where a recovery reads its stream. Called on the job's own thread; blocks.
///
/// A source starts at no position. A reader that takes the stream from end to end calls
/// `position(at: 0, expecting: nil)` once; direct access calls it once per file. Offsets count from the first byte of
/// the stream.
package protocol StreamSource: AnyObject {
    /// Reads on at `offset`.
    ///
    /// - Parameter expecting: how many bytes will be read at least; nil: all to the end of the stream. The source asks
    ///   the tape for what is expected and no more, and asks again when more is read after all.
    func position(at offset: UInt64, expecting count: UInt64?) throws(StreamError)
    /// After a header has been read: this many bytes from here on will be wanted too. Without effect when the stream
    /// is read to its end.
    func expect(_ count: UInt64)
    /// At least one byte, at most `room.count`; 0 at the end of the stream.
    func read(into room: inout MutableSpan<UInt8>) throws(StreamError) -> Int
}
