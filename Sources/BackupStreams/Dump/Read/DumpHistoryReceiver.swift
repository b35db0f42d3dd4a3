// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Tells the file history of a stream; nothing is written.
final class DumpHistoryReceiver: DumpFileReceiver {
    private let form: HistoryForm
    private let observer: any JobObserver
    private var contents = DumpContents()
    /// All names, for the form with paths.
    private var wanted = DumpWantedList()
    private(set) var summary = RecoverSummary()

    init(_ form: HistoryForm, observer: any JobObserver) {
        self.form = form
        self.observer = observer
    }

    func start(_ contents: DumpContents) throws(StreamError) {
        self.contents = contents
        let names = contents.names
        // Ascending inodes, as in the stream: the root comes first.
        let order = contents.index.sorted { $0.key < $1.key }.map(\.value)
        let known = order.filter { names.directories[Int($0)].parent != DumpNames.unknown }
        if form == .nodes {
            for index in names.parentsFirst(known) { tellEntries(of: index) }
        } else if form == .paths, let root = contents.index[DumpFormat.rootInode] {
            contents.forEachLeaf(below: root, directory: { _ in }) { position, directory in
                wanted.add(
                    DumpWanted(inode: names.inode(position), selection: 0, directory: directory, name: position)
                )
            }
            wanted.sort()
        }
        for index in known {
            let file = contents.directories[Int(index)]
            summary.directories += 1
            switch form {
            case .none: break
            case .nodes: observer.node(file.status, node: UInt64(file.inode), offset: file.offset)
            case .paths:
                guard let path = names.path(of: index) else { break }
                observer.file(path, file.status, node: UInt64(file.inode), offset: file.offset)
            }
        }
    }

    private func tellEntries(of index: DumpNames.DirectoryIndex) {
        let names = contents.names
        let directory = names.directories[Int(index)]
        let inode = UInt64(directory.inode)
        let parent = UInt64(names.directories[Int(directory.parent)].inode)
        observer.directoryEntry([UInt8(ascii: ".")], node: inode, parent: inode)
        observer.directoryEntry(Array("..".utf8), node: parent, parent: inode)
        for position in names.positions(of: index) {
            observer.directoryEntry(names.name(position), node: UInt64(names.inode(position)), parent: inode)
        }
    }

    func begin(_ file: DumpFile) throws(StreamError) -> Bool {
        summary.files += 1
        switch form {
        case .none: break
        case .nodes: observer.node(file.status, node: UInt64(file.inode), offset: file.offset)
        case .paths:
            for row in wanted.names(of: file.inode) {
                guard let path = contents.names.path(of: row.name, in: row.directory) else { continue }
                observer.file(path, file.status, node: UInt64(file.inode), offset: file.offset)
            }
        }
        return false
    }

    func data(_ bytes: Span<UInt8>, at offset: UInt64) throws(StreamError) {}

    func finish(_ file: DumpFile, _ attributes: [ExtendedAttribute], isComplete: Bool) throws(StreamError) {}
}
