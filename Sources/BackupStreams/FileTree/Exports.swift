// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A directory that may be backed up, and restored to when it is writable.
package struct Export: Sendable, Equatable {
    /// Absolute.
    package var path: String
    package var isWritable: Bool

    package init(path: String, isWritable: Bool) {
        self.path = path
        self.isWritable = isWritable
    }
}

/// The directories that the data service may use. What no export holds does not exist for it.
package struct Exports: Sendable, Equatable {
    /// Normalised: no trailing, doubled or "." components.
    package let list: [Export]

    /// Far more than anyone lists by hand.
    package static let maximumCount = 256

    /// No exports.
    package init() {
        list = []
    }

    /// - Throws: `.invalid` for a path that is relative, has "..", or comes twice, and for too many.
    package init(_ list: [Export]) throws(TreeError) {
        guard list.count <= Self.maximumCount else {
            throw TreeError("export", [], .invalid("more than \(Self.maximumCount) exports"))
        }
        var result: [Export] = []
        for export in list {
            let bytes = Array(export.path.utf8)
            guard export.path.hasPrefix("/") else {
                throw TreeError("export", bytes, .invalid("the path is not absolute"))
            }
            guard let path = TreePath(normalising: bytes) else {
                throw TreeError("export", bytes, .invalid("the path has \"..\" or is too long"))
            }
            let normal = "/" + String(decoding: path.bytes, as: UTF8.self)
            guard !result.contains(where: { $0.path == normal }) else {
                throw TreeError("export", bytes, .invalid("it is listed twice"))
            }
            result.append(Export(path: normal, isWritable: export.isWritable))
        }
        self.list = result
    }

    /// Read-only exports that lie inside of a writable one: writing to the outer one does not reach them.
    private func readOnlyPlaces(in export: Export, _ root: TreePath) -> [TreePath] {
        guard export.isWritable else { return [] }
        return list.filter { !$0.isWritable }.compactMap { inner in
            TreePath(Array(inner.path.utf8.dropFirst())).relative(to: root)
        }
    }

    /// The export with the longest path that holds `absolutePath`, opened, and the path below it.
    ///
    /// - Throws: `.escapes` for a path with "..", `.notExported`, `.readOnly`, or why the export cannot be opened.
    package func tree(
        holding absolutePath: [UInt8],
        for access: TreeAccess
    ) throws(TreeError) -> (tree: ConfinedTree, path: TreePath) {
        guard absolutePath.first == TreePath.separator else {
            throw TreeError("use", absolutePath, .invalid("the path is not absolute"))
        }
        guard let path = TreePath(normalising: absolutePath) else { throw TreeError("use", absolutePath, .escapes) }
        var best: (export: Export, root: TreePath, path: TreePath)?
        for export in list {
            let root = TreePath(Array(export.path.utf8.dropFirst()))
            guard let below = path.relative(to: root) else { continue }
            if best.map({ $0.root.bytes.count < root.bytes.count }) ?? true { best = (export, root, below) }
        }
        guard let best else { throw TreeError("use", absolutePath, .notExported) }
        guard access == .reading || best.export.isWritable else { throw TreeError("write to", absolutePath, .readOnly) }
        return (try ConfinedTree(best.export, readOnly: readOnlyPlaces(in: best.export, best.root)), best.path)
    }
}
