// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Reads a tape image from its beginning to its end. One owner, one thread.
package protocol ImageReader: AnyObject {
    var format: ImageFormat { get }
    /// Known before the first object.
    var tape: TapeDescription { get }
    /// Bytes of the image that were read, and that there are: for progress.
    var position: (done: UInt64, total: UInt64) { get }
    /// What the reader left out or assumed, in words; complete at the end.
    var notes: [String] { get }
    /// The next object; of a record the bytes are in `record`, whose memory is used again. `.endOfMedium` again and
    /// again at the end.
    func next(into record: inout [UInt8]) throws(ImageError) -> ImageObject
}

/// Writes a tape image. One owner, one thread. Nothing is in its place before `finish`.
package protocol ImageWriter: AnyObject {
    /// What a reader of this format may stumble over, in words; complete at the end.
    var notes: [String] { get }
    /// - Parameter bytes: of a record.
    func write(_ object: ImageObject, _ bytes: [UInt8]) throws(ImageError)
    /// Ends the image, makes it durable and puts it in its place.
    func finish() throws(ImageError)
    /// Removes what was written.
    func discard()
}

/// Numbers of things in notes.
enum Numbers {
    /// `1 record`, `2 records`.
    static func text(_ count: UInt64, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
