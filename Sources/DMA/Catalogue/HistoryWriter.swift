// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import GRDB
import NDMPClient
import NDMPProtocol

/// Puts the file history of one image into the catalogue while the backup runs.
///
/// Entries are collected and inserted in batches, one transaction each, so that memory does not depend on the number
/// of files. Both forms end as one tree: paths are taken apart here, directories that no entry names yet are made.
final class HistoryWriter {
    /// Entries per transaction.
    static let batchLimit = 8192
    /// Directories whose numbers are remembered; beyond that all are forgotten and looked up anew.
    static let directoryCacheLimit = 8192
    /// Number of the root in the form of paths; no inode has it, so that it tells the forms apart.
    static let rootKey: Int64 = -1
    /// Components of a path that are looked at.
    static let depthLimit = 4096

    private let catalogue: Catalogue
    private let image: Int64
    private var batch: [FileHistory] = []
    private var batchCount = 0
    private var nextKey: Int64 = 1
    private var directories: [[UInt8]: Int64] = [[]: HistoryWriter.rootKey]
    private var hasRoot = false
    /// Told of so far: names in the form of paths, inodes in the form of nodes.
    private(set) var files: UInt64 = 0
    private(set) var directoriesTold: UInt64 = 0

    init(catalogue: Catalogue, image: Int64) {
        self.catalogue = catalogue
        self.image = image
    }

    func add(_ history: FileHistory) throws(DMAError) {
        batch.append(history)
        switch history {
        case .files(let entries): batchCount += entries.count
        case .directories(let entries): batchCount += entries.count
        case .nodes(let entries): batchCount += entries.count
        }
        if batchCount >= Self.batchLimit { try flush() }
    }

    /// Inserts what is left.
    func flush() throws(DMAError) {
        guard !batch.isEmpty else { return }
        let work = batch
        batch = []
        batchCount = 0
        try catalogue.write { database in
            for history in work {
                switch history {
                case .files(let entries): for entry in entries { try insert(entry, database) }
                case .directories(let entries): for entry in entries { try insert(entry, database) }
                case .nodes(let entries): for entry in entries { try insert(entry, database) }
                }
            }
        }
    }

    // MARK: Paths

    private func insert(_ entry: FileEntry, _ database: Database) throws {
        guard let path = Self.unixName(entry.names).map(Self.normalised) else { return }
        let attributes = Self.attributes(entry.status, node: entry.node, historyInfo: entry.fileHistoryInfo)
        count(attributes)
        if !hasRoot { try setRoot(Self.rootKey, database) }
        if path.isEmpty {
            try insert(attributes, at: Self.rootKey, database)
        } else if attributes.type == FileAttributes.directoryType {
            try insert(attributes, at: directory(path[...], database), database)
        } else {
            let (parent, name) = Self.split(path[...])
            let key = takeKey()
            try link(name, in: directory(parent, database), to: key, database)
            try insert(attributes, at: key, database)
        }
    }

    /// The number of a directory, which is made when nothing has named it yet.
    private func directory(_ path: ArraySlice<UInt8>, _ database: Database) throws -> Int64 {
        // From the deepest known directory downwards; a path is at most `NDMPLimits.pathBytes` long.
        var missing: [ArraySlice<UInt8>] = []
        var known = path
        var key = directories[Array(known)]
        while key == nil, missing.count < Self.depthLimit {
            let (parent, name) = Self.split(known)
            missing.append(name)
            known = parent
            key = directories[Array(known)]
        }
        guard var key else { return Self.rootKey }
        for name in missing.reversed() {
            let found = try database.cachedStatement(sql: Self.find)
            let row = try Int64.fetchOne(found, arguments: [image, key, Data(name)])
            if let row {
                key = row
            } else {
                let new = takeKey()
                try link(name, in: key, to: new, database)
                try insert(FileAttributes(type: FileAttributes.directoryType), at: new, database)
                key = new
            }
            remember(path[..<name.endIndex], as: key)
        }
        return key
    }

    private func remember(_ path: ArraySlice<UInt8>, as key: Int64) {
        if directories.count >= Self.directoryCacheLimit { directories = [[]: Self.rootKey] }
        directories[Array(path)] = key
    }

    private func takeKey() -> Int64 {
        defer { nextKey += 1 }
        return nextKey
    }

    // MARK: Directory entries and nodes

    private func insert(_ entry: DirectoryEntry, _ database: Database) throws {
        guard let name = Self.unixName(entry.names) else { return }
        let (node, parent) = (Int64(bitPattern: entry.node), Int64(bitPattern: entry.parent))
        // The first "." is the root's; "." and ".." of others repeat what the names say.
        if name == [UInt8(ascii: ".")] {
            if !hasRoot { try setRoot(node, database) }
            return
        }
        guard name != Array("..".utf8), !name.isEmpty, !name.contains(UInt8(ascii: "/")) else { return }
        try link(name[...], in: parent, to: node, database)
    }

    private func insert(_ entry: NodeEntry, _ database: Database) throws {
        let attributes = Self.attributes(entry.status, node: entry.node, historyInfo: entry.fileHistoryInfo)
        count(attributes)
        try insert(attributes, at: Int64(bitPattern: entry.node), database)
    }

    private func count(_ attributes: FileAttributes) {
        if attributes.type == FileAttributes.directoryType { directoriesTold += 1 } else { files += 1 }
    }

    // MARK: Rows

    private static let find = "SELECT node FROM entries WHERE image = ? AND parent = ? AND name = ?"

    private func setRoot(_ key: Int64, _ database: Database) throws {
        hasRoot = true
        try database.execute(sql: "INSERT OR REPLACE INTO roots(image, node) VALUES (?, ?)", arguments: [image, key])
    }

    private func link(_ name: ArraySlice<UInt8>, in parent: Int64, to key: Int64, _ database: Database) throws {
        try database.cachedStatement(
            sql: "INSERT OR REPLACE INTO entries(image, parent, name, node) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [image, parent, Data(name), key])
    }

    private func insert(_ attributes: FileAttributes, at key: Int64, _ database: Database) throws {
        try database.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO nodes(image, node, type, mode, owner, "group", size, modified, server_node,
                    history_info) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            image, key, attributes.type, attributes.mode, attributes.owner, attributes.group,
            Int64(bitPattern: attributes.size), attributes.modified, attributes.node.map { Int64(bitPattern: $0) },
            attributes.historyInfo.map { Int64(bitPattern: $0) },
        ])
    }

    // MARK: Pure parts

    /// The name in the UNIX name space, else the first that there is.
    static func unixName(_ names: [FileName]) -> [UInt8]? {
        var first: [UInt8]?
        for name in names {
            switch name {
            case .unix(let path): return path.bytes
            case .nt(let path, _), .other(_, let path): first = first ?? path.bytes
            }
        }
        return first
    }

    /// Without "./", "/" at either end, and doubled "/": servers write `/a/b`, `./a/b` and `a/b` for the same.
    static func normalised(_ path: [UInt8]) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        let parts = path.split(separator: slash).filter { $0 != [UInt8(ascii: ".")] }
        return Array(parts.joined(separator: [slash]))
    }

    /// Parent and last component of a normalised path that is not empty.
    static func split(_ path: ArraySlice<UInt8>) -> (parent: ArraySlice<UInt8>, name: ArraySlice<UInt8>) {
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return (path[..<path.startIndex], path) }
        return (path[..<slash], path[path.index(after: slash)...])
    }

    static func attributes(_ list: [FileStatus], node: UInt64, historyInfo: UInt64) -> FileAttributes {
        let status = list.first { $0.fileSystemType == .unix } ?? list.first ?? FileStatus()
        return FileAttributes(
            type: Int(status.type.rawValue),
            mode: status.attributes,
            owner: status.owner,
            group: status.group,
            size: status.size,
            modified: Int64(status.modificationTime),
            // 0 is "not supported", all ones is reserved.
            node: node == 0 || node == .max ? nil : node,
            historyInfo: historyInfo == .max ? nil : historyInfo
        )
    }
}
