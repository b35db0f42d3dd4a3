// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Synchronization

/// Opens of devices that are served at once: each may wait for somebody else's release, which needs a thread too.
///
/// So only part of the threads serves them. The others stand in line, and whoever has finished one takes the next.
final class OpenLine: Sendable {
    typealias Work = @Sendable () -> Void

    private struct State {
        var running = 0
        var line: [Work] = []
        /// First of the line; what lies before it is done.
        var head = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    /// Runs `work` on this thread, and what has come to stand in line meanwhile; or puts it in line. False when the
    /// line is full.
    func serve(_ work: @escaping Work) -> Bool {
        let mayRun: Bool? = state.withLock { state in
            guard state.running >= limit else {
                state.running += 1
                return true
            }
            guard state.line.count - state.head < MountLimits.queuedOpens else { return nil }
            state.line.append(work)
            return false
        }
        guard let mayRun else { return false }
        guard mayRun else { return true }
        var next: Work? = work
        while let current = next {
            current()
            next = state.withLock { state in
                guard state.head < state.line.count else {
                    state.running -= 1
                    return nil
                }
                defer {
                    state.head += 1
                    if state.head == state.line.count {
                        state.line.removeAll(keepingCapacity: true)
                        state.head = 0
                    }
                }
                return state.line[state.head]
            }
        }
        return true
    }
}
