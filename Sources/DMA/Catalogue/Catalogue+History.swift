// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import GRDB

extension Catalogue {
    /// Finds a path of an image by walking its components; nil when the image does not name it.
    ///
    /// - Parameter path: from the root of the backup; "./" and "/" at either end make no difference.
    package func entry(_ path: [UInt8], in image: Int64) throws(DMAError) -> CatalogueEntry? {
        let path = HistoryWriter.normalised(path)
        return try read { database in
            guard var key = try Self.root(of: image, database) else { return nil }
            for name in path.split(separator: UInt8(ascii: "/")) {
                let statement = try database.cachedStatement(
                    sql: "SELECT node FROM entries WHERE image = ? AND parent = ? AND name = ?"
                )
                let found = try Int64.fetchOne(statement, arguments: [image, key, Data(name)])
                guard let found else { return nil }
                key = found
            }
            let statement = try database.cachedStatement(sql: "SELECT * FROM nodes WHERE image = ? AND node = ?")
            let row = try Row.fetchOne(statement, arguments: [image, key])
            return CatalogueEntry(key: key, path: path, attributes: row.flatMap(Self.attributes))
        }
    }

    /// What a directory holds, by name, one at a time.
    ///
    /// - Parameter body: false ends it.
    package func forEachChild(
        of directory: CatalogueEntry,
        in image: Int64,
        _ body: (CatalogueEntry) throws -> Bool
    ) throws(DMAError) {
        try read { database in
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT entries.name, entries.node AS key, nodes.* FROM entries
                    LEFT JOIN nodes ON nodes.image = entries.image AND nodes.node = entries.node
                    WHERE entries.image = ? AND entries.parent = ? ORDER BY entries.name
                    """,
                arguments: [image, directory.key]
            )
            while let row = try rows.next() {
                let name: Data = row["name"]
                let prefix = directory.path.isEmpty ? [] : directory.path + [UInt8(ascii: "/")]
                let entry = CatalogueEntry(key: row["key"], path: prefix + name, attributes: Self.attributes(row))
                guard try body(entry) else { return }
            }
        }
    }

    /// The entry and all below it that the image holds, or nil when there are more than `limit`.
    package func tree(below entry: CatalogueEntry, in image: Int64, limit: Int) throws(DMAError) -> [CatalogueEntry]? {
        var found: [CatalogueEntry] = []
        var waiting = [entry]
        // A history that says a directory lies within itself ends at the limit, or when its path is too long.
        while let next = waiting.popLast() {
            guard next.path.count <= Self.pathLimit else { continue }
            if next.attributes != nil { found.append(next) }
            guard found.count <= limit, waiting.count <= limit else { return nil }
            guard next.isDirectory else { continue }
            var children: [CatalogueEntry] = []
            try forEachChild(of: next, in: image) { child in
                children.append(child)
                return children.count <= limit
            }
            waiting += children.reversed()
        }
        return found
    }

    /// What the image holds of an inode; history of the nodes form only.
    func attributes(ofNode key: Int64, in image: Int64) throws(DMAError) -> FileAttributes? {
        try read { database in
            let statement = try database.cachedStatement(sql: "SELECT * FROM nodes WHERE image = ? AND node = ?")
            return try Row.fetchOne(statement, arguments: [image, key]).flatMap(Self.attributes)
        }
    }

    /// One of the inode's names and the directory it is in; nil for the root. Looks through the whole image.
    func name(ofNode key: Int64, in image: Int64) throws(DMAError) -> (parent: Int64, name: [UInt8])? {
        try read { database in
            let row = try Row.fetchOne(
                database,
                sql: "SELECT parent, name FROM entries WHERE image = ? AND node = ? LIMIT 1",
                arguments: [image, key]
            )
            guard let row else { return nil }
            let name: Data = row["name"]
            return (row["parent"], Array(name))
        }
    }

    /// Longest path that is followed; the protocol's own limit.
    private static let pathLimit = 16 << 10

    private static func root(of image: Int64, _ database: Database) throws -> Int64? {
        try Int64.fetchOne(database, sql: "SELECT node FROM roots WHERE image = ?", arguments: [image])
    }

    private static func attributes(_ row: Row) -> FileAttributes? {
        guard let type: Int = row["type"] else { return nil }
        let (node, historyInfo): (Int64?, Int64?) = (row["server_node"], row["history_info"])
        return FileAttributes(
            type: type,
            mode: row["mode"],
            owner: row["owner"],
            group: row["group"],
            size: UInt64(bitPattern: row["size"]),
            modified: row["modified"],
            node: node.map { UInt64(bitPattern: $0) },
            historyInfo: historyInfo.map { UInt64(bitPattern: $0) }
        )
    }
}
