// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import GRDB

/// The tables. File history of both forms becomes one tree: `entries` are names in directories, `nodes` what they lead
/// to. A path is found by walking its components, each an index lookup, so that nothing depends on how many entries an
/// image has and a path is not stored once per file below it.
extension Catalogue {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: media, images, file history") { database in
            try database.execute(sql: mediaAndImages)
            try database.execute(sql: history)
        }
        return migrator
    }

    private static let mediaAndImages = """
        CREATE TABLE media(
            id INTEGER PRIMARY KEY,
            barcode TEXT NOT NULL UNIQUE,
            label TEXT NOT NULL,
            pool TEXT NOT NULL,
            labelled INTEGER NOT NULL,
            last_written INTEGER NOT NULL,
            used_bytes INTEGER NOT NULL DEFAULT 0,
            tape_files INTEGER NOT NULL DEFAULT 0,
            state TEXT NOT NULL CHECK (state IN ('open', 'full')));
        CREATE TABLE images(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            type TEXT NOT NULL,
            level INTEGER NOT NULL,
            path TEXT NOT NULL,
            data_server TEXT NOT NULL,
            tape_server TEXT NOT NULL,
            started INTEGER NOT NULL,
            finished INTEGER,
            expires INTEGER,
            record_bytes INTEGER NOT NULL,
            bytes INTEGER NOT NULL DEFAULT 0,
            files INTEGER NOT NULL DEFAULT 0,
            directories INTEGER NOT NULL DEFAULT 0,
            state TEXT NOT NULL CHECK (state IN ('unfinished', 'complete', 'failed', 'overwritten')));
        CREATE INDEX images_by_path ON images(path, type, started);
        CREATE TABLE environment(
            image INTEGER NOT NULL REFERENCES images(id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            name BLOB NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY(image, position)) WITHOUT ROWID;
        CREATE TABLE segments(
            image INTEGER NOT NULL REFERENCES images(id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            medium INTEGER NOT NULL REFERENCES media(id),
            tape_file INTEGER NOT NULL,
            offset INTEGER NOT NULL,
            length INTEGER NOT NULL,
            PRIMARY KEY(image, number)) WITHOUT ROWID;
        CREATE INDEX segments_by_medium ON segments(medium);
        """

    private static let history = """
        CREATE TABLE entries(
            image INTEGER NOT NULL REFERENCES images(id) ON DELETE CASCADE,
            parent INTEGER NOT NULL,
            name BLOB NOT NULL,
            node INTEGER NOT NULL,
            PRIMARY KEY(image, parent, name)) WITHOUT ROWID;
        CREATE TABLE nodes(
            image INTEGER NOT NULL REFERENCES images(id) ON DELETE CASCADE,
            node INTEGER NOT NULL,
            type INTEGER NOT NULL,
            mode INTEGER NOT NULL,
            owner INTEGER NOT NULL,
            "group" INTEGER NOT NULL,
            size INTEGER NOT NULL,
            modified INTEGER NOT NULL,
            server_node INTEGER,
            history_info INTEGER,
            PRIMARY KEY(image, node)) WITHOUT ROWID;
        CREATE TABLE roots(
            image INTEGER PRIMARY KEY REFERENCES images(id) ON DELETE CASCADE,
            node INTEGER NOT NULL);
        """
}
