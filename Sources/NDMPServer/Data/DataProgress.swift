// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Synchronization

/// The data service's counters as DATA_GET_STATE and `capstan status` tell them.
struct DataProgress: Equatable, Sendable {
    /// Bytes of the stream so far.
    var bytes: UInt64 = 0
    /// Files told of so far; of a finished job all its files.
    var files: UInt64 = 0
    /// Size of the whole stream; nil when nobody can tell.
    var estimatedBytes: UInt64?
    /// The last NOTIFY_DATA_READ.
    var readOffset: UInt64 = 0
    var readLength: UInt64 = 0
    /// When the job began, on the clock that only goes forward.
    var startedMilliseconds: UInt64 = 0

    /// Bytes still to come; nil when nobody can tell.
    var estimatedBytesRemaining: UInt64? {
        estimatedBytes.map { $0 > bytes ? $0 - bytes : 0 }
    }

    /// Seconds to the end at the pace so far; nil when nobody can tell.
    func estimatedSecondsRemaining(now: UInt64) -> UInt32? {
        guard let rest = estimatedBytesRemaining, bytes > 0, now > startedMilliseconds else { return nil }
        let seconds = Double(rest) * Double(now - startedMilliseconds) / Double(bytes) / 1000
        return UInt32(exactly: seconds.rounded(.up)) ?? .max
    }
}

/// The counters, shared by the worker thread, which writes them, and everyone who asks. Nobody waits: the lock is held
/// for a few stores only.
final class DataCounters: Sendable {
    private let progress = Mutex(DataProgress())

    var current: DataProgress { progress.withLock { $0 } }

    func update(_ body: (inout DataProgress) -> Void) {
        progress.withLock { (value: inout sending DataProgress) in body(&value) }
    }
}
