// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Makes a tape stream of an image, a piece at a time.
package final class ImageImport {
    package private(set) var tally = ImageTally()
    package let reader: any ImageReader
    private var encoder = TapeStreamEncoder()
    private var record: [UInt8] = []
    private var hasEnded = false

    package init(_ reader: any ImageReader) {
        self.reader = reader
        encoder.append(reader.tape)
    }

    package var notes: [String] { Array(reader.notes.prefix(ImageLimits.notes)) }

    /// The next piece, about `size` bytes and at most a record more; nil at the end.
    package func next(about size: Int) throws(ImageError) -> [UInt8]? {
        guard !hasEnded else { return nil }
        while encoder.bytes.count < size, !hasEnded {
            let object = try reader.next(into: &record)
            tally.count(object)
            encoder.append(object, record)
            hasEnded = object == .endOfMedium
        }
        return encoder.take()
    }
}
