// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A cartridge that the catalogue knows.
package struct Medium: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        /// More can be appended.
        case open
        /// The end of the tape was reached.
        case full
    }

    package var id: Int64 = 0
    package var barcode: String
    /// The name in its label; the barcode unless somebody labelled it otherwise.
    package var label: String
    package var pool: String
    /// When the label was written, seconds since 1970: tells this use of the cartridge from an earlier one.
    package var labelled: Int64
    package var lastWritten: Int64
    /// Bytes of images on it.
    package var usedBytes: UInt64 = 0
    /// Tape files that this catalogue's jobs may have written: more on the tape are somebody else's.
    package var tapeFiles: UInt32 = 0
    package var state = State.open

    package init(barcode: String, label: String, pool: String, labelled: Int64, lastWritten: Int64) {
        self.barcode = barcode
        self.label = label
        self.pool = pool
        self.labelled = labelled
        self.lastWritten = lastWritten
    }
}

/// What has to be said of a medium besides: whether it may be written anew.
package struct MediumUse: Sendable, Equatable {
    package var medium: Medium
    /// Images with a piece on it.
    package var images: Int
    /// Of these the ones that are neither expired nor failed.
    package var liveImages: Int
}

/// One backup.
package struct Image: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        /// Being written, or its program died.
        case unfinished
        case complete
        case failed
        /// A cartridge that held a piece of it was written anew.
        case overwritten
    }

    package var id: Int64 = 0
    /// The NDMP backup type, `tar` or `dump`.
    package var type: String
    package var level: Int
    /// Root of the backup on the data server.
    package var path: String
    /// `host:port` of the data server.
    package var dataServer: String
    package var tapeServer: String
    /// Seconds since 1970.
    package var started: Int64
    package var finished: Int64?
    /// After this its cartridges may be written anew; nil: never.
    package var expires: Int64?
    package var recordBytes: UInt32
    /// Length of the stream.
    package var bytes: UInt64 = 0
    /// What the file history tells of: names in the form of paths, inodes in the form of nodes.
    package var files: UInt64 = 0
    package var directories: UInt64 = 0
    package var state = State.unfinished

    package init(
        type: String,
        level: Int,
        path: String,
        dataServer: String,
        tapeServer: String,
        started: Int64,
        recordBytes: UInt32,
        expires: Int64? = nil
    ) {
        self.type = type
        self.level = level
        self.path = path
        self.dataServer = dataServer
        self.tapeServer = tapeServer
        self.started = started
        self.recordBytes = recordBytes
        self.expires = expires
    }
}

/// The piece of an image's stream that lies in one tape file.
package struct Segment: Sendable, Equatable {
    /// From 0, in the order of the stream.
    package var number: Int
    package var barcode: String
    /// Filemarks between the beginning of the tape and its first record.
    package var tapeFile: UInt32
    /// First byte of the stream in it.
    package var offset: UInt64
    /// Bytes of the stream in it, without padding.
    package var length: UInt64

    package init(number: Int, barcode: String, tapeFile: UInt32, offset: UInt64, length: UInt64) {
        self.number = number
        self.barcode = barcode
        self.tapeFile = tapeFile
        self.offset = offset
        self.length = length
    }

    package var end: UInt64 { offset + length }
}

/// A variable of an image's environment; names and values are bytes.
package struct EnvironmentVariable: Sendable, Equatable {
    package var name: [UInt8]
    package var value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) {
        self.name = name
        self.value = value
    }

    package init(_ name: String, _ value: String) {
        self.init(name: Array(name.utf8), value: Array(value.utf8))
    }
}

/// What the file history says of one file.
package struct FileAttributes: Sendable, Equatable {
    /// The protocol's number: 0 directory, 4 file, 5 symbolic link …
    package var type: Int
    package var mode: UInt32
    package var owner: UInt32
    package var group: UInt32
    package var size: UInt64
    /// Seconds since 1970.
    package var modified: Int64
    /// The server's number of the file; nil when it gives none.
    package var node: UInt64?
    /// Where direct access finds it in the stream; nil when the server does not say.
    package var historyInfo: UInt64?

    package static let directoryType = 0

    package init(
        type: Int,
        mode: UInt32 = 0,
        owner: UInt32 = 0,
        group: UInt32 = 0,
        size: UInt64 = 0,
        modified: Int64 = 0,
        node: UInt64? = nil,
        historyInfo: UInt64? = nil
    ) {
        self.type = type
        self.mode = mode
        self.owner = owner
        self.group = group
        self.size = size
        self.modified = modified
        self.node = node
        self.historyInfo = historyInfo
    }
}

/// A name in an image.
package struct CatalogueEntry: Sendable, Equatable {
    /// The catalogue's number of it within the image.
    package var key: Int64
    /// From the root of the backup, without "/" at either end; empty for the root itself.
    package var path: [UInt8]
    /// Nil for a file that the image names but does not hold: an incremental image lists whole directories.
    package var attributes: FileAttributes?

    package var isDirectory: Bool { attributes?.type == FileAttributes.directoryType }
    /// The path for people.
    package var pathText: String { String(decoding: path, as: UTF8.self) }
}
