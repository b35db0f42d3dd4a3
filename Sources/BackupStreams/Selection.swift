// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What a recovery takes out of a stream, and where it goes.
package struct Selection: Sendable {
    /// Below the root of the backup; the root selects all. A directory selects all below it.
    package var original: TreePath
    /// The tree that it goes to.
    package var tree: ConfinedTree
    /// Its complete name below `tree`: what was `original` is then found there.
    package var target: TreePath
    /// The stream position that the file history gave; nil when it is not known.
    package var offset: UInt64?
    /// The node that the file history gave.
    package var node: UInt64?

    package init(
        original: TreePath,
        tree: ConfinedTree,
        target: TreePath,
        offset: UInt64? = nil,
        node: UInt64? = nil
    ) {
        self.original = original
        self.tree = tree
        self.target = target
        self.offset = offset
        self.node = node
    }
}
