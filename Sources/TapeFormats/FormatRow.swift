// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Where a tape file lies on its cartridge.
package struct TapePlace: Sendable, Equatable {
    package var partition: Int
    /// Filemarks before it.
    package var file: UInt64

    package init(partition: Int, file: UInt64) {
        self.partition = partition
        self.file = file
    }
}

/// The beginning of a tape file, or of an archive within another one, as the rows of the table look at it.
package struct FormatProbe: Sendable {
    package let file: any TapeFileBytes
    /// The first bytes, `headBytes` or all there are.
    package let head: [UInt8]
    /// Nil for an archive within another one.
    package let place: TapePlace?
    package let volume: (any TapeVolume)?
    /// Archives around this one.
    package let nesting: Int

    package static let headBytes = 32 << 10
    /// Most that a row may look at, counted from the beginning.
    package static let maximumBytes = 1 << 20

    /// Bytes from `offset` on, fewer at the end of the tape file or of what a row may look at.
    package func bytes(_ count: Int, at offset: Int) throws(FormatError) -> [UInt8] {
        guard offset >= 0, count > 0, offset < Self.maximumBytes else { return [] }
        let count = min(count, Self.maximumBytes)
        let end = min(offset + count, Self.maximumBytes)
        if offset + count <= head.count { return Array(head[offset..<offset + count]) }
        return try file.bytes(end - offset, at: UInt64(offset))
    }

    /// Whether these bytes stand at `offset`.
    package func has(_ signature: some Collection<UInt8>, at offset: Int = 0) -> Bool {
        guard offset >= 0, offset + signature.count <= head.count else { return false }
        return head[offset..<offset + signature.count].elementsEqual(signature)
    }

    /// Length of the first record; 0 for an empty tape file.
    package func firstRecordBytes() throws(FormatError) -> Int {
        try file.record(0)?.lengthBytes ?? 0
    }
}

/// What an opener gets.
package struct ContentRequest: Sendable {
    package var file: any TapeFileBytes
    package var recognition: Recognition
    package var limits: ContentLimits
    package var place: TapePlace?
    package var volume: (any TapeVolume)?
    /// Archives around this one.
    package var nesting: Int
}

/// One format of tape files. A new one is a row in `Recogniser.rows`, nothing else.
package struct FormatRow: Sendable {
    package typealias Recognise = @Sendable (FormatProbe) throws(FormatError) -> Recognition?
    package typealias Open = @Sendable (ContentRequest) throws(FormatError) -> any ArchiveContents

    /// `Recognition.format` of what it recognises.
    package let format: String
    /// Nil when it is something else. An error: it is this format, and cannot be read.
    package let recognise: Recognise
    /// Nil for a format whose contents cannot be listed.
    package let open: Open?

    package init(_ format: String, recognise: @escaping Recognise, open: Open? = nil) {
        self.format = format
        self.recognise = recognise
        self.open = open
    }
}

/// One format that spans the tape files of a cartridge.
package struct VolumeRow: Sendable {
    package typealias Recognise = @Sendable (any TapeVolume) throws(FormatError) -> Recognition?
    package typealias Open =
        @Sendable (any TapeVolume, Recognition, ContentLimits) throws(FormatError) -> any ArchiveContents

    package let format: String
    package let recognise: Recognise
    package let open: Open?

    package init(_ format: String, recognise: @escaping Recognise, open: Open? = nil) {
        self.format = format
        self.recognise = recognise
        self.open = open
    }
}
