// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import GRDB

extension Catalogue {
    /// Every medium, by barcode. `now` decides what is expired.
    package func media(now: Int64) throws(DMAError) -> [MediumUse] {
        try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT media.*, COUNT(DISTINCT images.id) AS images,
                        COUNT(DISTINCT CASE WHEN images.state IN ('complete', 'unfinished')
                            AND (images.expires IS NULL OR images.expires > ?) THEN images.id END) AS live
                    FROM media LEFT JOIN segments ON segments.medium = media.id
                        LEFT JOIN images ON images.id = segments.image
                    GROUP BY media.id ORDER BY media.barcode
                    """,
                arguments: [now]
            ).map { MediumUse(medium: try Self.medium($0), images: $0["images"], liveImages: $0["live"]) }
        }
    }

    package func medium(barcode: String) throws(DMAError) -> Medium? {
        try read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM media WHERE barcode = ?", arguments: [barcode])
                .map(Self.medium)
        }
    }

    /// Records that the cartridge carries this label now.
    ///
    /// When the catalogue knows it by another label, or the label is new, images that lay on it are overwritten.
    /// - Returns: the medium, with its number.
    package func label(_ medium: Medium, isNew: Bool) throws(DMAError) -> Medium {
        try write { database in
            let known = try Row.fetchOne(
                database,
                sql: "SELECT * FROM media WHERE barcode = ?",
                arguments: [medium.barcode]
            ).map(Self.medium)
            if let known, !isNew, known.labelled == medium.labelled, known.pool == medium.pool { return known }
            if let known { try Self.forgetSegments(of: known.id, in: database) }
            try database.execute(
                sql: """
                    INSERT INTO media(barcode, label, pool, labelled, last_written, used_bytes, state)
                    VALUES (?, ?, ?, ?, ?, 0, 'open')
                    ON CONFLICT(barcode) DO UPDATE SET label = excluded.label, pool = excluded.pool,
                        labelled = excluded.labelled, last_written = excluded.last_written, used_bytes = 0, tape_files = 0,
                        state = 'open'
                    """,
                arguments: [medium.barcode, medium.label, medium.pool, medium.labelled, medium.lastWritten]
            )
            var result = medium
            result.id =
                try Int64.fetchOne(database, sql: "SELECT id FROM media WHERE barcode = ?", arguments: [medium.barcode])
                ?? 0
            return result
        }
    }

    /// A piece is about to be written as this tape file, with its trailer behind it.
    package func expectPiece(atTapeFile file: UInt32, ofMedium id: Int64) throws(DMAError) {
        try write { database in
            try database.execute(
                sql: "UPDATE media SET tape_files = MAX(tape_files, ?) WHERE id = ?",
                arguments: [Int64(file) + 2, id]
            )
        }
    }

    package func setState(_ state: Medium.State, ofMedium id: Int64) throws(DMAError) {
        try write { database in
            try database.execute(sql: "UPDATE media SET state = ? WHERE id = ?", arguments: [state.rawValue, id])
        }
    }

    /// Removes a medium from the catalogue; images with a piece on it are overwritten as far as it is concerned.
    /// - Returns: false when there is no such medium.
    @discardableResult
    package func forgetMedium(barcode: String) throws(DMAError) -> Bool {
        try write { database in
            let id = try Int64.fetchOne(database, sql: "SELECT id FROM media WHERE barcode = ?", arguments: [barcode])
            guard let id else { return false }
            try Self.forgetSegments(of: id, in: database)
            try database.execute(sql: "DELETE FROM media WHERE id = ?", arguments: [id])
            return true
        }
    }

    private static func forgetSegments(of medium: Int64, in database: Database) throws {
        try database.execute(
            sql: """
                UPDATE images SET state = 'overwritten'
                WHERE state = 'complete' AND id IN (SELECT image FROM segments WHERE medium = ?)
                """,
            arguments: [medium]
        )
        try database.execute(sql: "DELETE FROM segments WHERE medium = ?", arguments: [medium])
    }

    private static func medium(_ row: Row) throws -> Medium {
        var medium = Medium(
            barcode: row["barcode"],
            label: row["label"],
            pool: row["pool"],
            labelled: row["labelled"],
            lastWritten: row["last_written"]
        )
        medium.id = row["id"]
        medium.usedBytes = UInt64(bitPattern: row["used_bytes"])
        medium.tapeFiles = UInt32(clamping: row["tape_files"] as Int64)
        medium.state = Medium.State(rawValue: row["state"]) ?? .full
        return medium
    }
}
