// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Logging
import Sockets
import WireFormat

/// What a job tells while it runs, on its way to the client and to our log. Used on the job's thread.
///
/// Nothing here writes to the control connection: posts go through the engine to the session's thread, and wait there
/// while the client is slow.
final class DataObserver: RecoverObserver {
    /// Notes of one job in our own log; the client gets all of them.
    static let loggedNotes = 200

    private let engine: DataEngine
    private let names: [XDRString]
    private let logger: Logger
    private let session: String
    private var history: FileHistoryBatcher
    private var notes = 0
    /// What the client has been told is done, so that each name is told once.
    private var isFinished: [Bool]

    init(engine: DataEngine, version: Int, names: [XDRString], logger: Logger, session: String) {
        self.engine = engine
        self.names = names
        self.logger = logger
        self.session = session
        isFinished = Array(repeating: false, count: names.count)
        history = FileHistoryBatcher(version: version) { engine.post(.history($0)) }
    }

    var isCancelled: Bool { engine.isEnded }

    func note(_ severity: NoteSeverity, _ sentence: String) {
        logHere(severity, sentence)
        engine.post(.log(severity, sentence))
    }

    private func logHere(_ severity: NoteSeverity, _ sentence: String) {
        notes += 1
        guard notes <= Self.loggedNotes else { return }
        switch severity {
        case .normal: logger.info("\(session): \(sentence)")
        case .warning, .error: logger.warning("\(session): \(sentence)")
        }
        if notes == Self.loggedNotes { logger.warning("\(session): further notes go to the client alone") }
    }

    func estimate(bytes: UInt64) {
        engine.counters.update { $0.estimatedBytes = bytes }
    }

    func finished(_ selection: Int, _ result: RecoveryResult) {
        guard names.indices.contains(selection), !isFinished[selection] else { return }
        isFinished[selection] = true
        engine.post(.file(names[selection], result))
    }

    // MARK: File history

    func file(_ path: TreePath, _ status: FileStatus, node: UInt64, offset: UInt64) {
        engine.counters.update { $0.files &+= 1 }
        history.add(path, status, node: node, offset: offset, now: MonotonicClock.milliseconds())
        flushOldHistory()
    }

    func directoryEntry(_ name: [UInt8], node: UInt64, parent: UInt64) {
        history.addDirectoryEntry(name, node: node, parent: parent, now: MonotonicClock.milliseconds())
        flushOldHistory()
    }

    func node(_ status: FileStatus, node: UInt64, offset: UInt64) {
        engine.counters.update { $0.files &+= 1 }
        history.addNode(status, node: node, offset: offset, now: MonotonicClock.milliseconds())
        flushOldHistory()
    }

    /// History does not lie here while a large file is on its way.
    func flushOldHistory() {
        history.flushWhenOld(now: MonotonicClock.milliseconds())
    }

    func flushHistory() {
        history.flush()
    }
}
