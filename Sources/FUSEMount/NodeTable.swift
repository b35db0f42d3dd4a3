// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Synchronization
import TapeFiles

/// The numbers that the kernel knows nodes by.
///
/// A number is given with a node's first lookup and taken back when the kernel has forgotten all of them; it is never
/// used again. Memory follows what the kernel itself remembers.
final class NodeTable: Sendable {
    /// FUSE_ROOT_ID
    static let rootNumber: UInt64 = 1

    struct Entry {
        var node: FileNode
        /// Lookups that the kernel has not forgotten.
        var lookups: UInt64
        /// st_ino, and the number of the directory it was found in: for `.` and `..`.
        var inode: UInt64
        var parent: UInt64
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var numbers: [FileNode: UInt64] = [:]
        var next = NodeTable.rootNumber + 1
    }

    private let state: Mutex<State>

    init(rootInode: UInt64 = NodeTable.rootNumber) {
        var first = State()
        let root = Entry(node: .root, lookups: 1, inode: rootInode, parent: Self.rootNumber)
        first.entries[Self.rootNumber] = root
        first.numbers[.root] = Self.rootNumber
        state = Mutex(first)
    }

    var count: Int { state.withLock { $0.entries.count } }

    /// Nil for a number that was forgotten.
    func node(_ number: UInt64) -> FileNode? { state.withLock { $0.entries[number]?.node } }

    func entry(_ number: UInt64) -> Entry? { state.withLock { $0.entries[number] } }

    /// Nil for a node that the kernel does not know.
    func number(of node: FileNode) -> UInt64? { state.withLock { $0.numbers[node] } }

    /// Counts one lookup of `node`, found in the directory `parent`.
    func remember(_ node: FileNode, inode: UInt64, parent: UInt64) -> UInt64 {
        state.withLock { state in
            if let number = state.numbers[node] {
                state.entries[number]?.lookups += 1
                state.entries[number]?.inode = inode
                if number != Self.rootNumber { state.entries[number]?.parent = parent }
                return number
            }
            let number = state.next
            state.next += 1
            state.entries[number] = Entry(node: node, lookups: 1, inode: inode, parent: parent)
            state.numbers[node] = number
            return number
        }
    }

    /// The kernel forgets `count` lookups. The root stays.
    func forget(_ number: UInt64, _ count: UInt64) {
        state.withLock { state in
            guard number != Self.rootNumber, var entry = state.entries[number] else { return }
            guard entry.lookups > count else {
                state.entries[number] = nil
                state.numbers[entry.node] = nil
                return
            }
            entry.lookups -= count
            state.entries[number] = entry
        }
    }
}
