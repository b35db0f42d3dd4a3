// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Where a member of a stream is put.
struct RecoveryDestination {
    /// Index of the selection that it belongs to.
    let selection: Int
    let tree: ConfinedTree
    let path: TreePath
    /// The selection's own target: directories above it are not ours.
    let root: TreePath
}

/// Finds the selections that a path of a stream belongs to.
struct SelectionIndex {
    private let selections: [Selection]
    private let isRecursive: Bool
    /// So few are compared one by one.
    private static let fewSelections = 8
    private var byPath: [[UInt8]: [Int]] = [:]

    /// - Parameter indices: which of the selections take part.
    init(_ selections: [Selection], _ indices: [Int], isRecursive: Bool) {
        self.selections = selections
        self.isRecursive = isRecursive
        for index in indices { byPath[selections[index].original.bytes, default: []].append(index) }
    }

    /// One destination for each selection that is the path, or a directory above it.
    func destinations(_ path: TreePath) -> [RecoveryDestination] {
        var found: [RecoveryDestination] = []
        collect([], path, &found)
        guard !path.isRoot else { return found }
        if byPath.count <= Self.fewSelections {
            for original in byPath.keys where !original.isEmpty { collect(original, path, &found) }
            return found
        }
        for (index, byte) in path.bytes.enumerated() where byte == TreePath.separator {
            collect(Array(path.bytes[..<index]), path, &found)
        }
        collect(path.bytes, path, &found)
        return found
    }

    private func collect(_ original: [UInt8], _ path: TreePath, _ found: inout [RecoveryDestination]) {
        guard let indices = byPath[original], let below = path.relative(to: TreePath(original)) else { return }
        guard isRecursive || below.isRoot else { return }
        for index in indices {
            let selection = selections[index]
            let target = selection.target.appending(below)
            found.append(
                RecoveryDestination(selection: index, tree: selection.tree, path: target, root: selection.target)
            )
        }
    }
}

extension RecoveryResult {
    /// What a failed access means to the one who asked for the file.
    init(_ error: TreeError) {
        self =
            switch error.recoveryCode {
            case .permission: .permissionDenied
            case .noDirectory: .noDirectory
            case .exists: .pathExists
            case .memory: .outOfMemory
            case .other: .failed
            }
    }
}
