// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What a directory holds after a level of a whole image has been restored into it: the names and their inodes, which the
/// next level compares with. Lies in the data service's state directory, one file for each target; nothing of it is
/// put into the target itself.
struct DumpImageState {
    private let file: DumpStateFile
    private static let magic: [UInt8] = Array("CAPIMG1\n".utf8)

    init(directory: String, target: [UInt8]) {
        file = DumpStateFile(directory: directory, prefix: "dump-image", key: target)
    }

    /// - Returns: the tree as it was left, with each directory's place, and the date of the dump; nil when no level 0 has
    ///   been restored there.
    func load(_ observer: any JobObserver) throws(StreamError) -> (tree: DumpContents, date: UInt32)? {
        guard let bytes = try file.load(magic: Self.magic) else { return nil }
        guard bytes.count >= 8 else { throw file.damaged }
        var tree = DumpContents()
        let date = bytes.little32(0)
        let directories = bytes.little32(4)
        var offset = 8
        for _ in 0..<directories {
            guard offset + 8 <= bytes.count else { throw file.damaged }
            let inode = bytes.little32(offset)
            let count = bytes.little32(offset + 4)
            offset += 8
            guard tree.index[inode] == nil else { throw file.damaged }
            let index = tree.names.addDirectory(inode)
            tree.index[inode] = index
            for _ in 0..<count {
                guard offset + 6 <= bytes.count, offset + 6 + Int(bytes[offset + 5]) <= bytes.count else {
                    throw file.damaged
                }
                let end = offset + 6 + Int(bytes[offset + 5])
                let kind = DumpMode.kind(ofEntryType: bytes[offset + 4])
                let entry = DumpEntry(inode: bytes.little32(offset), kind: kind, name: Array(bytes[(offset + 6)..<end]))
                _ = tree.names.add(entry, to: index)
                offset = end
            }
        }
        tree.findPlaces(observer)
        return (tree, date)
    }

    func save(_ tree: DumpContents, date: UInt32) throws(StreamError) {
        let names = tree.names
        var bytes = [UInt8](repeating: 0, count: 8)
        bytes.setLittle32(0, date)
        bytes.setLittle32(4, UInt32(clamping: names.directories.count))
        for (index, directory) in names.directories.enumerated() {
            let positions = Array(names.positions(of: DumpNames.DirectoryIndex(index)))
            let start = bytes.count
            bytes.append(contentsOf: [UInt8](repeating: 0, count: 8))
            bytes.setLittle32(start, directory.inode)
            bytes.setLittle32(start + 4, UInt32(positions.count))
            for position in positions { bytes.append(contentsOf: names.packed(position)) }
        }
        try file.save(magic: Self.magic, bytes)
    }

    func remove() throws(StreamError) {
        try file.remove()
    }
}
