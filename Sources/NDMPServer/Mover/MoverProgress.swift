// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Synchronization

/// The mover's counters as MOVER_GET_STATE tells them.
struct MoverProgress: Equatable, Sendable {
    /// Number of the next record: N after N records from the start.
    var recordNumber: UInt64 = 0
    /// Stream bytes put on tape without padding, or sent on the data connection.
    var bytesMoved: UInt64 = 0
    /// Offset of the last MOVER_READ, or the position wanted by a SEEK pause.
    var seekPosition: UInt64 = 0
    /// What is left of the last MOVER_READ.
    var bytesLeftToRead: UInt64 = 0
}

/// The counters, shared by the mover thread, which writes them, and everyone who asks. Nobody waits: the lock is held
/// for a few stores only.
final class MoverCounters: Sendable {
    private let progress = Mutex(MoverProgress())

    var current: MoverProgress { progress.withLock { $0 } }

    func update(_ body: (inout MoverProgress) -> Void) {
        progress.withLock { (value: inout sending MoverProgress) in body(&value) }
    }
}
