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
        return BackupChain.chain(to: image, of: all)
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
    /// Each level is what has changed since the latest backup of a lower level; so the way back goes from an image to
    /// the latest earlier one of a lower level until the full one.
    ///
    /// - Parameter candidates: complete images, oldest first.
    package static func chain(to image: Image, of candidates: [Image]) -> [Image] {
        var chain = [image]
        let earlier = candidates.filter {
            ($0.started, $0.id) < (image.started, image.id) && $0.type == image.type && $0.path == image.path
                && $0.dataServer == image.dataServer
        }
        var level = image.level
        for candidate in earlier.reversed() where candidate.level < level {
            chain.append(candidate)
            level = candidate.level
        }
        return chain.reversed()
    }
}
