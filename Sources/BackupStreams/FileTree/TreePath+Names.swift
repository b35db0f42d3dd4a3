// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

extension TreePath {
    /// Bytes that a path may have: sixteen times what the kernel takes at once.
    package static let maximumBytes = 64 << 10
    /// Names in a path. Each costs a call and a directory; a hostile stream must not keep us busy with them.
    package static let maximumDepth = 2048
    static let separator = UInt8(ascii: "/")

    /// The path of a text that people or other programs wrote: leading, trailing and doubled "/" and "." are dropped.
    /// Nil when it has "..", a 0 byte, too many names or bytes.
    package init?(normalising text: [UInt8]) {
        guard text.count <= Self.maximumBytes, !text.contains(0) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var depth = 0
        for component in text.split(separator: Self.separator) {
            if component.elementsEqual(".".utf8) { continue }
            if component.elementsEqual("..".utf8) { return nil }
            depth += 1
            guard depth <= Self.maximumDepth else { return nil }
            if !bytes.isEmpty { bytes.append(Self.separator) }
            bytes.append(contentsOf: component)
        }
        self.init(bytes)
    }

    /// The names from the root down.
    package var components: [[UInt8]] {
        bytes.split(separator: Self.separator).map { Array($0) }
    }

    package func appending(_ name: [UInt8]) -> TreePath {
        isRoot ? TreePath(name) : TreePath(bytes + [Self.separator] + name)
    }

    /// `other` taken as lying below this path.
    package func appending(_ other: TreePath) -> TreePath {
        other.isRoot ? self : appending(other.bytes)
    }

    /// The directory that holds it; the root's is the root.
    package var parent: TreePath {
        guard let slash = bytes.lastIndex(of: Self.separator) else { return TreePath() }
        return TreePath(Array(bytes[..<slash]))
    }

    /// The last name; empty for the root.
    package var name: [UInt8] {
        guard let slash = bytes.lastIndex(of: Self.separator) else { return bytes }
        return Array(bytes[(slash + 1)...])
    }

    /// What is left of this path below `directory`; empty for the directory itself, nil when it is not below it.
    package func relative(to directory: TreePath) -> TreePath? {
        if directory.isRoot { return self }
        guard bytes.starts(with: directory.bytes) else { return nil }
        if bytes.count == directory.bytes.count { return TreePath() }
        guard bytes[directory.bytes.count] == Self.separator else { return nil }
        return TreePath(Array(bytes[(directory.bytes.count + 1)...]))
    }
}
