// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CFuse3
import Glibc
import TapeFiles

/// Tells the kernel what it must not believe any more, from a thread of its own: the kernel takes the directory's lock
/// for it, which a request that is being served may hold.
@safe
final class Notifier: @unchecked Sendable {
    private struct State {
        var changes: [TreeChange] = []
        var isEnded = false
        var isRunning = false
    }

    private let session: OpaquePointer
    private let nodes: NodeTable
    private let state = Monitor(State())

    /// - Parameter session: it must live until `end()` has returned.
    @unsafe init(session: OpaquePointer, nodes: NodeTable) {
        unsafe self.session = session
        self.nodes = nodes
    }

    /// False when the system has no threads.
    func start() -> Bool {
        state.withLock { $0.isRunning = true }
        guard ServingThread.start({ self.run() }) else {
            state.withLock { $0.isRunning = false }
            return false
        }
        return true
    }

    /// Never waits. When the kernel does not keep up the oldest is dropped.
    func post(_ change: TreeChange) {
        state.update { state in
            if state.changes.count >= MountLimits.queuedChanges {
                state.changes.removeFirst(MountLimits.queuedChanges / 2)
            }
            state.changes.append(change)
        }
    }

    /// True when its thread is gone.
    func end(seconds: Int) -> Bool {
        state.update { $0.isEnded = true }
        return state.wait(nanoseconds: Int64(seconds) * 1_000_000_000) { $0.isRunning ? nil : true } ?? false
    }

    private func run() {
        while true {
            let batch: [TreeChange]? =
                state.wait { state -> [TreeChange]?? in
                    if state.isEnded { return .some(nil) }
                    guard !state.changes.isEmpty else { return nil }
                    defer { state.changes.removeAll() }
                    return .some(state.changes)
                } ?? nil
            guard let batch else { break }
            for change in batch { tell(change) }
        }
        state.update { $0.isRunning = false }
    }

    private func tell(_ change: TreeChange) {
        // ENOENT: the kernel does not know it, which is as good.
        switch change {
        case .entry(let directory, let name):
            guard let number = nodes.number(of: directory) else { return }
            // libfuse sends the zero byte behind the name too.
            let text = name.map { CChar(bitPattern: $0) } + [0]
            _ = unsafe fuse_lowlevel_notify_inval_entry(session, number, text, text.count - 1)
            _ = unsafe fuse_lowlevel_notify_inval_inode(session, number, 0, 0)
        case .contents(let node):
            guard let number = nodes.number(of: node) else { return }
            _ = unsafe fuse_lowlevel_notify_inval_inode(session, number, 0, 0)
        }
    }
}
