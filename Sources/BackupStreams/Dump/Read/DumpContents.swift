// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A file of the stream, by its header.
struct DumpFile: Sendable {
    var inode: UInt32
    var file: DumpInode
    /// Stream position of the header.
    var offset: UInt64

    var status: FileStatus { file.status(inode: inode) }
    var kind: FileKind { DumpMode.kind(ofMode: file.mode) }
}

/// What the front of a stream tells: the maps and the directories.
struct DumpContents: Sendable {
    var tape = DumpHeader(.tape)
    var used = DumpMap()
    var dumped = DumpMap()
    var names = DumpNames()
    /// By index of the directory.
    var directories: [DumpFile] = []
    var attributes: [DumpNames.DirectoryIndex: [ExtendedAttribute]] = [:]
    /// Of each directory in the stream by its inode.
    var index: [UInt32: DumpNames.DirectoryIndex] = [:]
    private(set) var attributeBytes = 0

    /// What is kept of the attributes of all directories.
    private static let maximumAttributeBytes = 256 << 20
    /// Directories within each other that are followed: every path is walked up, so hostile depth would cost its square.
    private static let maximumDepth = 8192

    mutating func setAttributes(_ list: [ExtendedAttribute], of directory: DumpNames.DirectoryIndex) -> Bool {
        let bytes = list.reduce(0) { $0 + $1.name.count + $1.value.count + 64 }
        guard attributeBytes + bytes <= Self.maximumAttributeBytes else { return false }
        attributeBytes += bytes
        attributes[directory] = list
        return true
    }

    /// Finds each directory's place, from the root down. A directory that comes a second time (a loop, or one with two
    /// names) keeps its first place.
    mutating func findPlaces(_ observer: any JobObserver) {
        guard let root = index[DumpFormat.rootInode] else { return }
        names.setParent(of: root, root, name: 0)
        var queue = [root]
        var next = 0
        var depth = 0
        var endOfDepth = 1
        while next < queue.count {
            if next == endOfDepth {
                depth += 1
                endOfDepth = queue.count
                guard depth < Self.maximumDepth else {
                    return observer.note(.error, "directories deeper than \(Self.maximumDepth) levels are ignored")
                }
            }
            let parent = queue[next]
            next += 1
            var found: [(DumpNames.DirectoryIndex, DumpNames.Position)] = []
            for position in names.positions(of: parent) {
                if let child = index[names.inode(position)] { found.append((child, position)) }
            }
            for (child, position) in found {
                guard names.directories[Int(child)].parent == DumpNames.unknown else {
                    let path = names.path(of: position, in: parent) ?? TreePath()
                    observer.note(.warning, "\(displayed(path.bytes)) is a second name of a directory: ignored")
                    continue
                }
                names.setParent(of: child, parent, name: position)
                queue.append(child)
            }
        }
    }

    /// The directory at this name, if it is the directory's one place and in the stream.
    func directory(at position: DumpNames.Position) -> DumpNames.DirectoryIndex? {
        guard let child = index[names.inode(position)], names.directories[Int(child)].name == position,
            child != index[DumpFormat.rootInode]
        else { return nil }
        return child
    }

    /// What a path leads to: the directory that holds it and its name there; the root has neither.
    enum Place {
        case root
        case entry(DumpNames.Position, in: DumpNames.DirectoryIndex)
    }

    func find(_ path: TreePath) -> Place? {
        guard var directory = index[DumpFormat.rootInode] else { return nil }
        var place = Place.root
        for component in path.components {
            if case .entry(let position, _) = place {
                guard let child = self.directory(at: position) else { return nil }
                directory = child
            }
            let found = names.positions(of: directory).first { names.name($0) == component }
            guard let found else { return nil }
            place = .entry(found, in: directory)
        }
        return place
    }

    /// Names of files below a directory, the directories themselves left out.
    func forEachLeaf(
        below top: DumpNames.DirectoryIndex,
        directory visit: (DumpNames.DirectoryIndex) -> Void,
        leaf: (DumpNames.Position, DumpNames.DirectoryIndex) -> Void
    ) {
        var queue = [top]
        var next = 0
        while next < queue.count {
            let current = queue[next]
            next += 1
            visit(current)
            for position in names.positions(of: current) {
                if let child = directory(at: position) {
                    queue.append(child)
                } else if names.kind(position) != .directory, index[names.inode(position)] == nil {
                    leaf(position, current)
                }
            }
        }
    }
}
