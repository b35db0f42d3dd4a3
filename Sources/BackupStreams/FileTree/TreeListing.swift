// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// One name in a directory.
package struct TreeEntry: Sendable, Equatable {
    package let name: [UInt8]
    package let inode: UInt64
    /// `.other` where the file system does not tell: ask for the status.
    package let kind: FileKind
}

/// The names in a directory, packed: a directory of a million names takes some 40 MB, not 200.
package struct TreeListing: Sendable, RandomAccessCollection {
    private struct Packed {
        var start: Int
        var count: UInt16
        var kind: FileKind
        var inode: UInt64
    }

    private var names: [UInt8] = []
    private var entries: [Packed] = []

    package var startIndex: Int { 0 }
    package var endIndex: Int { entries.count }

    package subscript(index: Int) -> TreeEntry {
        let entry = entries[index]
        return TreeEntry(name: Array(name(of: entry)), inode: entry.inode, kind: entry.kind)
    }

    private func name(of entry: Packed) -> ArraySlice<UInt8> {
        names[entry.start..<(entry.start + Int(entry.count))]
    }

    mutating func append(inode: UInt64, kind: FileKind, name: some Collection<UInt8>) {
        // The kernel's longest name is 255 bytes; "." and ".." are known to every reader.
        guard let count = UInt16(exactly: name.count), count > 0 else { return }
        if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { return }
        entries.append(Packed(start: names.count, count: count, kind: kind, inode: inode))
        names.append(contentsOf: name)
    }

    mutating func sort() {
        let names = names
        entries.sort { left, right in
            names[left.start..<(left.start + Int(left.count))]
                .lexicographicallyPrecedes(names[right.start..<(right.start + Int(right.count))])
        }
    }
}
