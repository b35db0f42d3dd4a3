// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The second pass: writes the files that the first one chose.
struct DumpFileWriter {
    private let tree: ConfinedTree
    let scan: DumpScan
    let output: DumpOutput
    private let history: HistoryForm
    let observer: any JobObserver
    /// The directory that the last file lay in: neighbours have neighbouring numbers.
    private var lastDirectory: (index: DumpNames.DirectoryIndex, directory: TreeDirectory)?
    /// Room for the data behind one header.
    var buffer: [UInt8]

    var files: UInt64 = 0
    private(set) var directories: UInt64 = 0
    private(set) var unreadable: UInt64 = 0

    init(
        tree: ConfinedTree,
        scan: DumpScan,
        output: DumpOutput,
        options: BackupOptions,
        observer: any JobObserver
    ) {
        self.tree = tree
        self.scan = scan
        self.output = output
        history = options.history
        self.observer = observer
        buffer = [UInt8](repeating: 0, count: DumpFormat.recordsPerHeader * DumpFormat.recordBytes)
    }

    mutating func run() throws(StreamError) {
        if history == .nodes { tellDirectories() }
        try forEachInode { (writer, rows) throws(StreamError) in
            if rows.first?.isDirectory == true { try writer.writeDirectory(rows) }
        }
        try forEachInode { (writer, rows) throws(StreamError) in
            if rows.first?.isDirectory == false { try writer.writeFile(rows) }
        }
    }

    /// All names of one dumped inode at a time.
    private mutating func forEachInode(
        _ body: (inout DumpFileWriter, ArraySlice<DumpRow>) throws(StreamError) -> Void
    ) throws(StreamError) {
        let rows = scan.rows
        var start = 0
        while start < rows.count {
            var end = start + 1
            while end < rows.count, rows[end].inode == rows[start].inode { end += 1 }
            if rows[start..<end].contains(where: \.isDumped) {
                if observer.isCancelled { throw .cancelled }
                try body(&self, rows[start..<end])
            }
            start = end
        }
    }

    /// A file could not be read, in part or at all.
    mutating func fault(_ sentence: String) {
        unreadable += 1
        observer.note(.error, sentence)
    }

    mutating func directory(_ index: DumpNames.DirectoryIndex) throws(TreeError) -> TreeDirectory {
        if let lastDirectory, lastDirectory.index == index { return lastDirectory.directory }
        guard let path = scan.names.path(of: index) else {
            throw TreeError("find", [], .invalid("the path is too long"))
        }
        let directory = try tree.directory(path)
        lastDirectory = (index, directory)
        return directory
    }
}

// File history.
extension DumpFileWriter {
    /// The contents of every dumped directory, the root's first.
    private func tellDirectories() {
        let names = scan.names
        let dumped = scan.rows.lazy.filter { $0.isDirectory && $0.isDumped }.map(\.ownDirectory)
        for index in names.parentsFirst(Array(dumped)) {
            let directory = names.directories[Int(index)]
            let inode = UInt64(directory.inode)
            let parent = names.directories[Int(directory.parent)].inode
            observer.directoryEntry([UInt8(ascii: ".")], node: inode, parent: inode)
            observer.directoryEntry(Array("..".utf8), node: UInt64(parent), parent: inode)
            for position in names.positions(of: index) {
                let entry = names.entry(position)
                observer.directoryEntry(entry.name, node: UInt64(entry.inode), parent: inode)
            }
        }
    }

    func tell(_ rows: ArraySlice<DumpRow>, _ status: FileStatus, offset: UInt64) {
        guard let inode = rows.first?.inode else { return }
        switch history {
        case .none: break
        case .nodes: observer.node(status, node: UInt64(inode), offset: offset)
        case .paths:
            for row in rows {
                let path =
                    inode == DumpFormat.rootInode ? TreePath() : scan.names.path(of: row.name, in: row.directory)
                if let path { observer.file(path, status, node: UInt64(inode), offset: offset) }
            }
        }
    }
}

// Directories.
extension DumpFileWriter {
    private mutating func writeDirectory(_ rows: ArraySlice<DumpRow>) throws(StreamError) {
        guard let row = rows.first else { return }
        let names = scan.names
        let parent = names.directories[Int(names.directories[Int(row.ownDirectory)].parent)].inode
        var status = FileStatus(kind: .directory, inode: UInt64(row.inode), links: 2, mode: 0o700)
        var attributes: [ExtendedAttribute] = []
        do throws(TreeError) {
            let directory = try directory(row.ownDirectory)
            status = try directory.status()
            attributes = try directory.extendedAttributes()
        } catch {
            fault(error.description)
        }
        var size = DumpDirectorySize()
        size.add(nameBytes: 1)
        size.add(nameBytes: 2)
        for position in names.positions(of: row.ownDirectory) { size.add(nameBytes: names.nameBytes(position)) }
        status.size = size.bytes
        tell(rows, status, offset: output.position)
        var header = output.header(.inode, inode: row.inode)
        header.file = DumpInode(status)
        header.file.size = size.bytes
        var file = try DumpContiguousFile(output, header)
        var encoder = DumpDirectoryEncoder()
        _ = encoder.add(DumpEntry(inode: row.inode, kind: .directory, name: [UInt8(ascii: ".")]))
        _ = encoder.add(DumpEntry(inode: parent, kind: .directory, name: Array("..".utf8)))
        for position in names.positions(of: row.ownDirectory) {
            if let block = encoder.add(names.entry(position)) { try file.append(block) }
        }
        if let block = encoder.finish() { try file.append(block) }
        try file.finish()
        directories += 1
        try write(attributes, of: header)
    }
}
