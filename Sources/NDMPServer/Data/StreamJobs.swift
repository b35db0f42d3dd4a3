// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import NDMPProtocol
import WireFormat

/// A backup over a data connection.
struct BackupStreamJob: DataJob {
    let format: StreamFormat
    /// Root of the backup.
    let tree: ConfinedTree
    /// As the client named it.
    let fileSystem: [UInt8]
    let options: BackupOptions
    let dates: DumpDates

    var title: String { "\(format.rawValue) backup of \(displayed(fileSystem))" }
    var names: [XDRString] { [] }

    func run(_ connection: DataConnection, _ observer: DataObserver) throws(StreamError) -> DataOutcome {
        observer.note(.normal, "\(title), level \(options.level), begins")
        let job = BackupJob(format, tree: tree, options: options, dates: dates)
        let summary = try job.run(into: connection, observer: observer)
        var outcome = DataOutcome(files: summary.files)
        outcome.variables = [
            NDMPVariable(name: "DUMP_DATE", value: XDRString("\(summary.date)")),
            NDMPVariable(name: "LEVEL", value: XDRString("\(summary.level)")),
            NDMPVariable(name: "DMP_NAME", value: XDRString(options.datesKey)),
        ]
        if summary.baseDate > 0 {
            // Which backup of a lower level this one builds on: a client that keeps DUMP_DATE finds it again. The name
            // is no input: a client that starts its next backup with this environment still gets the level it asks for.
            outcome.variables.append(NDMPVariable(name: "BASE_DUMP_DATE", value: XDRString("\(summary.baseDate)")))
        }
        outcome.sentence =
            "\(title), level \(summary.level), is complete: "
            + Counted.text(files: summary.files, directories: summary.directories)
        if summary.unreadable > 0 {
            outcome.sentence += "; \(summary.unreadable) could not be read whole"
            outcome.isIncomplete = true
        }
        return outcome
    }
}

/// A recovery over a data connection, or the reading of a stream for its file history alone.
struct RecoverStreamJob: DataJob {
    let format: StreamFormat
    var selections: [Selection]
    var names: [XDRString]
    let options: RecoverOptions
    let stateDirectory: String
    /// What is recovered and where it goes, in words.
    var scope: String

    var title: String {
        options.historyOnly
            ? "reading of a \(format.rawValue) stream for its file history" : "\(format.rawValue) recovery of \(scope)"
    }

    func run(_ connection: DataConnection, _ observer: DataObserver) throws(StreamError) -> DataOutcome {
        observer.note(.normal, "\(title) begins")
        let job = RecoverJob(format, selections: selections, options: options, stateDirectory: stateDirectory)
        let summary = try job.run(from: connection, observer: observer)
        var outcome = DataOutcome(files: summary.files)
        outcome.sentence =
            "\(title) is complete: " + Counted.text(files: summary.files, directories: summary.directories)
        if summary.removed > 0 {
            outcome.sentence += ", " + Counted.text(summary.removed, "name", "names") + " removed"
        }
        if summary.failed > 0 {
            outcome.sentence += "; \(summary.failed) could not be put back whole"
            outcome.isIncomplete = true
        }
        return outcome
    }
}

/// Numbers of things in sentences for people.
enum Counted {
    static func text(_ count: some BinaryInteger, _ one: String, _ many: String) -> String {
        "\(count) \(count == 1 ? one : many)"
    }

    /// `1 file and 2 directories`.
    static func text(files: some BinaryInteger, directories: some BinaryInteger) -> String {
        text(files, "file", "files") + " and " + text(directories, "directory", "directories")
    }
}
