// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import FoundationEssentials
import Synchronization

/// When each tree was last backed up at each level: what incremental backups compare with.
///
/// One JSON file, replaced whole; a program that dies leaves the old one or the new one.
package final class DumpDates: Sendable {
    private struct Entry: Codable, Equatable {
        var key: String
        var format: String
        var level: Int
        var date: Int64
    }

    private struct Document: Codable {
        var version: Int
        var dates: [Entry]
    }

    /// Where it lies; other state of the formats goes next to it.
    package let directory: String
    private let lock = Mutex(())

    /// Entries kept; the oldest go first. Ten levels of two formats of hundreds of trees.
    static let maximumEntries = 16_384
    /// A longer file was not written by us.
    private static let maximumFileBytes = 64 << 20
    private static let fileName = "dump-dates.json"
    private static let version = 1

    /// - Parameter directory: made when it is missing.
    package init(directory: String) {
        self.directory = directory
    }

    private var path: String { directory + "/" + Self.fileName }

    /// The date of the latest backup of a lower level; nil when there was none, so that everything has to be saved.
    ///
    /// - Throws: `.impossible` when the file is there and cannot be read.
    package func base(
        key: String,
        _ format: StreamFormat,
        below level: Int
    ) throws(StreamError) -> (date: Int64, level: Int)? {
        let entries = try lock.withLock { _ throws(StreamError) in try load() }
        let candidates = entries.filter { $0.key == key && $0.format == format.rawValue && $0.level < level }
        // Of equal dates the higher level holds less: it was made after the lower one.
        return candidates.max { ($0.date, $0.level) < ($1.date, $1.level) }.map { ($0.date, $0.level) }
    }

    /// Keeps the date of a backup that is complete. Dates of higher levels that this one makes meaningless go.
    ///
    /// - Throws: `.impossible` when the file cannot be written.
    package func record(key: String, _ format: StreamFormat, level: Int, date: Int64) throws(StreamError) {
        try lock.withLock { _ throws(StreamError) in
            var entries = try load()
            entries.removeAll { $0.key == key && $0.format == format.rawValue && $0.level >= level }
            entries.append(Entry(key: key, format: format.rawValue, level: level, date: date))
            if entries.count > Self.maximumEntries {
                entries.sort { $0.date < $1.date }
                entries.removeFirst(entries.count - Self.maximumEntries)
            }
            try store(entries)
        }
    }

    private func load() throws(StreamError) -> [Entry] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            guard data.count <= Self.maximumFileBytes else {
                throw StreamError.impossible("\(path) is too long to be a file of dump dates")
            }
            let document = try JSONDecoder().decode(Document.self, from: data)
            guard document.version == Self.version else {
                throw StreamError.impossible(
                    "\(path) has version \(document.version), which this program does not know"
                )
            }
            return document.dates
        } catch let error as StreamError {
            throw error
        } catch {
            throw .impossible("cannot read the dump dates in \(path): \(error)")
        }
    }

    private func store(_ entries: [Entry]) throws(StreamError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let data = try encoder.encode(Document(version: Self.version, dates: entries))
            try data.write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw .impossible("cannot write the dump dates to \(path): \(error)")
        }
    }
}
