// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DMA
import ManagementAPI

/// One image in JSON.
struct CatalogueImageReport: Codable {
    struct Piece: Codable {
        var cartridge: String
        var tapeFile: UInt32
        var offset: UInt64
        var length: UInt64
    }

    var id: Int64
    var type: String
    var level: Int
    var path: String
    var dataServer: String
    var tapeServer: String
    /// `2026-11-21T14:00:00Z`.
    var started: String
    var finished: String?
    var expires: String?
    var recordBytes: UInt32
    var bytes: UInt64
    var files: UInt64
    var directories: UInt64
    /// `complete`, `unfinished`, `failed` or `overwritten`.
    var state: String
    /// Where the stream lies, in its order.
    var segments: [Piece]?
    var environment: [String: String]?

    init(_ image: Image, segments: [Segment]? = nil, environment: [EnvironmentVariable]? = nil) {
        id = image.id
        type = image.type
        level = image.level
        path = image.path
        dataServer = image.dataServer
        tapeServer = image.tapeServer
        started = Timestamps.text(image.started)
        finished = image.finished.map(Timestamps.text)
        expires = image.expires.map(Timestamps.text)
        recordBytes = image.recordBytes
        bytes = image.bytes
        files = image.files
        directories = image.directories
        state = image.state.rawValue
        self.segments = segments?.map {
            Piece(cartridge: $0.barcode, tapeFile: $0.tapeFile, offset: $0.offset, length: $0.length)
        }
        self.environment = environment.map { variables in
            let pairs = variables.map {
                (String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self))
            }
            return Dictionary(pairs) { $1 }
        }
    }

    /// `394 files, 58 directories`; nothing without file history.
    var contents: String {
        guard files + directories > 0 else { return "no file history" }
        return "\(Plural.of(files, "file")), \(directories) director\(directories == 1 ? "y" : "ies")"
    }

    func page(_ style: Style) -> [String] {
        var table = Table(["", ""])
        table.add("type", "\(type), level \(level)")
        table.add("path", "\(path) on \(dataServer)")
        table.add("written", "\(started) to \(finished ?? "?") on \(tapeServer)")
        table.add("expires", expires ?? "never")
        table.add("stream", "\(ByteSize.text(bytes)) in records of \(ByteSize.text(UInt64(recordBytes)))")
        table.add("history", contents)
        var lines = [style.bold("image \(id)") + ": \(state)"] + table.lines(style).map { "  " + $0 }
        lines += SegmentRows.lines(segments ?? [], style)
        lines += (environment ?? [:]).sorted { $0.key < $1.key }.map { "  \(style.dim($0.key))=\($0.value)" }
        return lines
    }
}

/// Where the pieces of an image lie.
enum SegmentRows {
    static func lines(_ pieces: [CatalogueImageReport.Piece], _ style: Style) -> [String] {
        var table = Table(["cartridge", "tape file", "from byte", "bytes"], right: [1, 2, 3], indent: "  ")
        for piece in pieces {
            table.add(style.bold(piece.cartridge), "\(piece.tapeFile)", "\(piece.offset)", "\(piece.length)")
        }
        return pieces.isEmpty ? [] : table.lines(style)
    }
}

/// One cartridge of the catalogue in JSON.
struct CatalogueMediumReport: Codable {
    var barcode: String
    var label: String
    var pool: String
    var labelled: String
    var lastWritten: String
    var usedBytes: UInt64
    /// `open` or `full`.
    var state: String
    var images: Int
    /// Images that keep it from being written anew.
    var liveImages: Int

    init(_ use: MediumUse) {
        barcode = use.medium.barcode
        label = use.medium.label
        pool = use.medium.pool
        labelled = Timestamps.text(use.medium.labelled)
        lastWritten = Timestamps.text(use.medium.lastWritten)
        usedBytes = use.medium.usedBytes
        state = use.medium.state.rawValue
        images = use.images
        liveImages = use.liveImages
    }
}

/// What `capstan catalogue list --json` prints.
struct CatalogueList: Codable {
    var images: [CatalogueImageReport]
    var media: [CatalogueMediumReport]

    func lines(_ style: Style) -> [String] {
        guard !images.isEmpty || !media.isEmpty else { return ["the catalogue is empty"] }
        var table = Table(
            ["image", "started", "type", "level", "bytes", "files", "state", "path"],
            right: [0, 3, 4, 5]
        )
        for image in images {
            table.add(
                style.bold("\(image.id)"),
                image.started,
                image.type,
                "\(image.level)",
                ByteSize.text(image.bytes),
                "\(image.files)",
                image.state == "complete" ? image.state : style.yellow(image.state),
                "\(image.path) on \(image.dataServer)"
            )
        }
        var tapes = Table(["cartridge", "pool", "used", "images", "state", "last written"], right: [2, 3])
        for medium in media {
            tapes.add(
                style.bold(medium.barcode),
                medium.pool,
                ByteSize.text(medium.usedBytes),
                "\(medium.images)",
                medium.liveImages == 0 ? "free" : medium.state,
                medium.lastWritten
            )
        }
        return table.lines(style) + [""] + tapes.lines(style)
    }
}
