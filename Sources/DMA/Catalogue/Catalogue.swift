// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import GRDB

/// What was backed up, and where it lies: one SQLite file.
///
/// Several programs may use it at the same time; every change is one transaction. Unsigned 64-bit numbers are stored
/// as the signed number of the same bits. Times are passed in: the catalogue has no clock.
package final class Catalogue: Sendable {
    /// How long a change waits for another program's.
    private static let busySeconds = 30.0

    let queue: DatabaseQueue
    /// Where it lies, for messages.
    package let path: String

    /// Opens or makes the catalogue; its directory is made too.
    package init(path: String) throws(DMAError) {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(Self.busySeconds)
        do {
            let directory = (path as NSString).deletingLastPathComponent
            if !directory.isEmpty {
                try FileManager.default.createDirectory(
                    atPath: directory,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
            }
            queue = try DatabaseQueue(path: path, configuration: configuration)
            // Its tables are not ours to read: a later version's, or of one that was never released.
            guard try !queue.read(Self.migrator.hasBeenSuperseded) else {
                throw DMAError(
                    .refused,
                    "the catalogue \(path) was made by another version of this program",
                    hint: "use that version, or name another catalogue with --catalogue FILE"
                )
            }
            try Self.migrator.migrate(queue)
        } catch let error as DMAError {
            throw error
        } catch {
            let reason = (error as? DatabaseError)?.message ?? "\(error.localizedDescription)"
            throw DMAError(
                .failure,
                "the catalogue \(path) cannot be opened: \(reason)",
                hint: "name another place with --catalogue FILE"
            )
        }
        self.path = path
    }

    /// `$XDG_STATE_HOME/capstan/catalogue.sqlite`, else the same below `~/.local/state`.
    ///
    /// - Parameter home: where the user lives when `HOME` does not say.
    package static func defaultPath(environment: [String: String], home: String) -> String {
        func directory(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        let state = directory("XDG_STATE_HOME") ?? (directory("HOME") ?? home) + "/.local/state"
        return state + "/capstan/catalogue.sqlite"
    }

    func read<Value>(_ body: (Database) throws -> Value) throws(DMAError) -> Value {
        do { return try queue.read(body) } catch { throw DMAError(error) }
    }

    func write<Value>(_ body: (Database) throws -> Value) throws(DMAError) -> Value {
        do { return try queue.write(body) } catch { throw DMAError(error) }
    }
}
