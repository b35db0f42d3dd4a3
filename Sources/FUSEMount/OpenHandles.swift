// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Synchronization
import TapeFiles

/// One open(2) of a file of the tree. Its address is the handle that the kernel gives back with every request.
final class OpenHandle: Sendable {
    let file: any OpenFile
    let node: FileNode
    /// What the file said of itself when it was opened.
    let traits: OpenTraits

    init(_ file: any OpenFile, _ node: FileNode) {
        self.file = file
        self.node = node
        traits = file.traits
    }
}

/// All open files: what keeps them alive until the kernel releases them, or the mount ends.
final class OpenHandles: Sendable {
    private struct State {
        var handles: [ObjectIdentifier: OpenHandle] = [:]
        var streams = 0
        /// Closed at the end of the mount. A request that is late may still name them, so they stay in memory.
        var ended: [OpenHandle] = []
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.handles.count } }
    /// Tape devices among them.
    var streams: Int { state.withLock { $0.streams } }

    /// False when too many are open.
    func add(_ handle: OpenHandle) -> Bool {
        state.withLock { state in
            guard state.handles.count < MountLimits.openFiles else { return false }
            state.handles[ObjectIdentifier(handle)] = handle
            if handle.traits.isStream { state.streams += 1 }
            return true
        }
    }

    func remove(_ handle: OpenHandle) {
        state.withLock { state in
            guard state.handles.removeValue(forKey: ObjectIdentifier(handle)) != nil else { return }
            if handle.traits.isStream { state.streams -= 1 }
        }
    }

    /// All that are left, which are then nobody's.
    func removeAll() -> [OpenHandle] {
        state.withLock { state in
            let all = Array(state.handles.values)
            state = State(ended: state.ended + all)
            return all
        }
    }
}
