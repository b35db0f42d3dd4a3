// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Directories and the names in them, kept small: about seven bytes and the name for each, and a few words for each
/// directory. Directories are added one after the other, all names of one before the next.
struct DumpNames: Sendable {
    /// Index of a directory in order of adding.
    typealias DirectoryIndex = UInt32
    /// Position of a name.
    typealias Position = UInt64

    struct Directory: Sendable {
        var inode: UInt32
        /// The directory that holds it; the root's is the root itself. `unknown` until somebody finds out.
        var parent: DirectoryIndex = DumpNames.unknown
        /// Its own name there.
        var name: Position = 0
        fileprivate(set) var first: Position = 0
        fileprivate(set) var end: Position = 0
        fileprivate(set) var count: UInt32 = 0
    }

    static let unknown = DirectoryIndex.max
    private(set) var directories: [Directory] = []
    private(set) var entryCount = 0
    private var store = ByteStore()
    private static let headBytes = 6

    mutating func addDirectory(_ inode: UInt32) -> DirectoryIndex {
        var directory = Directory(inode: inode)
        directory.first = store.end
        directory.end = store.end
        directories.append(directory)
        return DirectoryIndex(directories.count - 1)
    }

    /// Starts the names of a directory that was added before.
    mutating func begin(_ index: DirectoryIndex) {
        directories[Int(index)].first = store.end
        directories[Int(index)].end = store.end
        directories[Int(index)].count = 0
    }

    mutating func add(_ entry: DumpEntry, to index: DirectoryIndex) -> Position {
        var bytes: [UInt8] = [
            0, 0, 0, 0, DumpMode.entryType(of: entry.kind), UInt8(truncatingIfNeeded: entry.name.count),
        ]
        bytes.setLittle32(0, entry.inode)
        bytes.append(contentsOf: entry.name.prefix(DumpFormat.maximumNameBytes))
        let position = store.append(bytes)
        directories[Int(index)].end = store.end
        directories[Int(index)].count += 1
        entryCount += 1
        return position
    }

    mutating func setParent(of index: DirectoryIndex, _ parent: DirectoryIndex, name: Position) {
        directories[Int(index)].parent = parent
        directories[Int(index)].name = name
    }

    func entry(_ position: Position) -> DumpEntry {
        let head = Array(store.bytes(position, Self.headBytes))
        return DumpEntry(
            inode: head.little32(0),
            kind: DumpMode.kind(ofEntryType: head[4]),
            name: Array(store.bytes(position + UInt64(Self.headBytes), Int(head[5])))
        )
    }

    func name(_ position: Position) -> [UInt8] {
        Array(store.bytes(position + UInt64(Self.headBytes), Int(store.byte(position + 5))))
    }

    /// Inode (u32), type, length of the name, name: as it is kept here.
    func packed(_ position: Position) -> ArraySlice<UInt8> {
        store.bytes(position, Self.headBytes + nameBytes(position))
    }

    func inode(_ position: Position) -> UInt32 {
        Array(store.bytes(position, 4)).little32(0)
    }

    func kind(_ position: Position) -> FileKind {
        DumpMode.kind(ofEntryType: store.byte(position + 4))
    }

    func nameBytes(_ position: Position) -> Int {
        Int(store.byte(position + 5))
    }

    /// Positions of a directory's names, in order.
    func positions(of index: DirectoryIndex) -> Positions {
        let directory = directories[Int(index)]
        return Positions(store: store, position: directory.first, left: directory.count)
    }

    struct Positions: Sequence, IteratorProtocol {
        fileprivate let store: ByteStore
        fileprivate var position: Position
        fileprivate var left: UInt32

        mutating func next() -> Position? {
            guard left > 0 else { return nil }
            left -= 1
            let current = store.normal(position)
            position = current + UInt64(DumpNames.headBytes) + UInt64(store.byte(current + 5))
            return current
        }
    }

    /// The same directories, each behind the one that holds it, whatever their inode numbers: who follows file history
    /// knows a directory before its contents come.
    func parentsFirst(_ list: [DirectoryIndex]) -> [DirectoryIndex] {
        var depths = [Int](repeating: -1, count: directories.count)
        for start in list {
            var way: [Int] = []
            var index = Int(start)
            var depth = -1
            while true {
                guard depths[index] < 0 else {
                    // Known, or a circle, which only a damaged stream has: it ends here.
                    depth = depths[index]
                    break
                }
                depths[index] = 0
                way.append(index)
                let parent = directories[index].parent
                guard parent != Self.unknown, Int(parent) != index else { break }
                index = Int(parent)
            }
            for index in way.reversed() {
                depth += 1
                depths[index] = depth
            }
        }
        return list.enumerated()
            .sorted { (depths[Int($0.element)], $0.offset) < (depths[Int($1.element)], $1.offset) }
            .map(\.element)
    }

    /// The path of a directory below the root (the directory whose parent is itself); nil when it is not known.
    func path(of index: DirectoryIndex) -> TreePath? {
        var names: [[UInt8]] = []
        var bytes = 0
        var current = index
        while true {
            let directory = directories[Int(current)]
            if directory.parent == current { break }
            guard directory.parent != Self.unknown, names.count < directories.count else { return nil }
            let name = name(directory.name)
            bytes += name.count + 1
            guard bytes <= TreePath.maximumBytes else { return nil }
            names.append(name)
            current = directory.parent
        }
        return TreePath(Array(names.reversed().joined(separator: [UInt8(ascii: "/")])))
    }

    func path(of position: Position, in index: DirectoryIndex) -> TreePath? {
        path(of: index)?.appending(name(position))
    }
}
