// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import GRDB

extension Catalogue {
    /// Enters an unfinished image.
    /// - Returns: its number.
    package func begin(_ image: Image) throws(DMAError) -> Int64 {
        try write { database in
            try database.execute(
                sql: """
                    INSERT INTO images(type, level, path, data_server, tape_server, started, expires, record_bytes,
                        state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'unfinished')
                    """,
                arguments: [
                    image.type, image.level, image.path, image.dataServer, image.tapeServer, image.started,
                    image.expires, image.recordBytes,
                ]
            )
            return database.lastInsertedRowID
        }
    }

    /// Enters a piece that is on tape, filemark included.
    package func add(_ segment: Segment, to image: Int64, medium: Int64, now: Int64) throws(DMAError) {
        try write { database in
            try database.execute(
                sql: """
                    INSERT INTO segments(image, number, medium, tape_file, offset, length) VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    image, segment.number, medium, segment.tapeFile, Int64(bitPattern: segment.offset),
                    Int64(bitPattern: segment.length),
                ]
            )
            try database.execute(
                sql: "UPDATE media SET used_bytes = used_bytes + ?, last_written = ? WHERE id = ?",
                arguments: [Int64(bitPattern: segment.length), now, medium]
            )
        }
    }

    /// Marks the image as complete, with what the data service gave back.
    package func finish(
        _ image: Int64,
        bytes: UInt64,
        files: UInt64,
        directories: UInt64 = 0,
        level: Int,
        environment: [EnvironmentVariable],
        now: Int64
    ) throws(DMAError) {
        try write { database in
            for (position, variable) in environment.enumerated() {
                try database.execute(
                    sql: "INSERT INTO environment(image, position, name, value) VALUES (?, ?, ?, ?)",
                    arguments: [image, position, Data(variable.name), Data(variable.value)]
                )
            }
            try database.execute(
                sql: """
                    UPDATE images SET state = 'complete', finished = ?, bytes = ?, files = ?, directories = ?, level = ?
                    WHERE id = ?
                    """,
                arguments: [
                    now, Int64(bitPattern: bytes), Int64(bitPattern: files), Int64(bitPattern: directories), level,
                    image,
                ]
            )
        }
    }

    /// Marks the image as failed; its history goes, its cartridges do not count it.
    package func fail(_ image: Int64, now: Int64) throws(DMAError) {
        try write { database in
            for table in ["entries", "nodes", "roots"] {
                try database.execute(sql: "DELETE FROM \(table) WHERE image = ?", arguments: [image])
            }
            try database.execute(
                sql: "UPDATE images SET state = 'failed', finished = ? WHERE id = ?",
                arguments: [now, image]
            )
        }
    }

    /// Removes an image and its history from the catalogue. What is on tape stays there.
    /// - Returns: false when there is no such image.
    @discardableResult
    package func forgetImage(_ id: Int64) throws(DMAError) -> Bool {
        try write { database in
            try database.execute(sql: "DELETE FROM images WHERE id = ?", arguments: [id])
            return database.changesCount > 0
        }
    }

    /// Images, oldest first.
    ///
    /// - Parameters:
    ///   - path: only those of exactly this root.
    ///   - complete: only those that can be restored.
    package func images(path: String? = nil, complete: Bool = false) throws(DMAError) -> [Image] {
        try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM images WHERE (?1 IS NULL OR path = ?1) AND (?2 = 0 OR state = 'complete')
                    ORDER BY started, id
                    """,
                arguments: [path, complete]
            ).map(Self.image)
        }
    }

    package func image(_ id: Int64) throws(DMAError) -> Image? {
        try read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM images WHERE id = ?", arguments: [id]).map(Self.image)
        }
    }

    /// The pieces of an image in the order of its stream.
    package func segments(of image: Int64) throws(DMAError) -> [Segment] {
        try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT segments.*, media.barcode FROM segments JOIN media ON media.id = segments.medium
                    WHERE image = ? ORDER BY number
                    """,
                arguments: [image]
            ).map { row in
                Segment(
                    number: row["number"],
                    barcode: row["barcode"],
                    tapeFile: row["tape_file"],
                    offset: UInt64(bitPattern: row["offset"]),
                    length: UInt64(bitPattern: row["length"])
                )
            }
        }
    }

    /// What GET_ENV gave after the backup, in its order.
    package func environment(of image: Int64) throws(DMAError) -> [EnvironmentVariable] {
        try read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT name, value FROM environment WHERE image = ? ORDER BY position",
                arguments: [image]
            ).map { row in
                let (name, value): (Data, Data) = (row["name"], row["value"])
                return EnvironmentVariable(name: Array(name), value: Array(value))
            }
        }
    }

    /// The images that together give the state of `image`: the full one first, then each lower level's latest, `image`
    /// last.
    package func chain(to image: Image) throws(DMAError) -> [Image] {
        let all = try images(path: image.path, complete: true)
        return try BackupChain.chain(to: image, of: all) { (image) throws(DMAError) in try dates(of: image.id) }
    }

    private func dates(of image: Int64) throws(DMAError) -> BackupChain.Dates {
        var dates = BackupChain.Dates()
        for variable in try environment(of: image) {
            switch String(decoding: variable.name, as: UTF8.self) {
            case "DUMP_DATE": dates.own = variable.value
            case "BASE_DUMP_DATE": dates.base = variable.value
            default: break
            }
        }
        return dates
    }

    private static func image(_ row: Row) throws -> Image {
        var image = Image(
            type: row["type"],
            level: row["level"],
            path: row["path"],
            dataServer: row["data_server"],
            tapeServer: row["tape_server"],
            started: row["started"],
            recordBytes: row["record_bytes"],
            expires: row["expires"]
        )
        image.id = row["id"]
        image.finished = row["finished"]
        image.bytes = UInt64(bitPattern: row["bytes"])
        image.files = UInt64(bitPattern: row["files"])
        image.directories = UInt64(bitPattern: row["directories"])
        image.state = Image.State(rawValue: row["state"]) ?? .failed
        return image
    }
}

/// Which backups belong together.
package enum BackupChain {
    /// What a data service told of a backup in its environment, in its own form; nil for what it did not tell.
    package struct Dates: Sendable, Equatable {
        /// DUMP_DATE: what later backups compare with.
        package var own: [UInt8]?
        /// BASE_DUMP_DATE: the DUMP_DATE of the backup that this one was compared with.
        package var base: [UInt8]?

        package init(own: [UInt8]? = nil, base: [UInt8]? = nil) {
            self.own = own
            self.base = base
        }
    }

    /// Values of BASE_DUMP_DATE that name no backup.
    private static let noDates: Set<[UInt8]> = [[], Array("0".utf8), Array("-1".utf8)]

    /// Each image is what has changed since another one of a lower level; so the way back goes from an image to the one
    /// that it was compared with until the full one. Where the data service did not say which that was, it is the latest
    /// earlier one of a lower level.
    ///
    /// - Parameter candidates: complete images, oldest first.
    /// - Returns: a chain whose first image is of a level above 0 when the one below it is not among the candidates.
    package static func chain(
        to image: Image,
        of candidates: [Image],
        dates: (Image) throws(DMAError) -> Dates = { _ in Dates() }
    ) throws(DMAError) -> [Image] {
        let related = candidates.filter {
            $0.type == image.type && $0.path == image.path && $0.dataServer == image.dataServer
        }
        var chain = [image]
        var current = image
        while current.level > 0 {
            let lower = related.filter {
                $0.level < current.level && ($0.started, $0.id) < (current.started, current.id)
            }
            guard let base = try base(of: current, among: lower, dates: dates) else { break }
            chain.append(base)
            current = base
        }
        return chain.reversed()
    }

    /// The image that `image` was compared with. A backup that was forgotten, or that somebody else made, is not
    /// replaced by another one: what changed between the two would be missing without a word.
    private static func base(
        of image: Image,
        among lower: [Image],
        dates: (Image) throws(DMAError) -> Dates
    ) throws(DMAError) -> Image? {
        guard let wanted = try dates(image).base, !noDates.contains(wanted) else { return lower.last }
        for candidate in lower.reversed() {
            guard let own = try dates(candidate).own else { return candidate }
            if own == wanted { return candidate }
        }
        return nil
    }
}
