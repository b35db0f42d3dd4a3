// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A name in a directory.
package struct DumpEntry: Sendable, Equatable {
    package var inode: UInt32
    package var kind: FileKind
    package var name: [UInt8]

    package init(inode: UInt32, kind: FileKind, name: [UInt8]) {
        self.inode = inode
        self.kind = kind
        self.name = name
    }
}

/// Lays directory entries out: inode, length of the record, type, length of the name, the name with a 0, padded to
/// four bytes. A record never crosses a block of 512 bytes; the last one of a block is stretched to its end.
package struct DumpDirectoryEncoder {
    /// The block that is being filled.
    private var block: [UInt8] = []
    /// Where the last entry in it starts.
    private var last = 0

    package init() {}

    package static func length(ofName bytes: Int) -> Int {
        8 + (bytes + 4) & ~3
    }

    /// Adds an entry; hands a block out when it does not fit there any more.
    package mutating func add(_ entry: DumpEntry) -> [UInt8]? {
        let length = Self.length(ofName: entry.name.count)
        var full: [UInt8]?
        if block.count + length > DumpFormat.directoryBlockBytes { full = finish() }
        last = block.count
        block.append(contentsOf: repeatElement(0, count: length))
        block.setLittle32(last, entry.inode)
        block.setLittle16(last + 4, UInt16(length))
        block[last + 6] = DumpMode.entryType(of: entry.kind)
        block[last + 7] = UInt8(truncatingIfNeeded: entry.name.count)
        for (index, byte) in entry.name.enumerated() { block[last + 8 + index] = byte }
        return full
    }

    /// The last block; nil when there is none.
    package mutating func finish() -> [UInt8]? {
        guard !block.isEmpty else { return nil }
        block.setLittle16(last + 4, UInt16(DumpFormat.directoryBlockBytes - last))
        block.append(contentsOf: repeatElement(0, count: DumpFormat.directoryBlockBytes - block.count))
        defer { block = [] }
        return block
    }
}

/// Blocks that the entries will fill, counted without laying them out.
package struct DumpDirectorySize {
    package private(set) var blocks: UInt64 = 0
    private var used = DumpFormat.directoryBlockBytes

    package init() {}

    package mutating func add(nameBytes: Int) {
        let length = DumpDirectoryEncoder.length(ofName: nameBytes)
        if used + length > DumpFormat.directoryBlockBytes {
            blocks += 1
            used = 0
        }
        used += length
    }

    package var bytes: UInt64 { blocks * UInt64(DumpFormat.directoryBlockBytes) }
}

package enum DumpDirectoryDecoder {
    /// What stands in one record of directory data, without "." and "..".
    ///
    /// - Returns: false when something in it is not as it should be; what could be read has been handed out.
    package static func entries(in data: [UInt8], _ take: (DumpEntry) -> Void) -> Bool {
        var offset = 0
        var isSound = true
        while offset + 8 <= data.count {
            let inode = data.little32(offset)
            let length = Int(data.little16(offset + 4))
            let nameBytes = Int(data[offset + 7])
            guard length >= 8, length & 3 == 0, offset + length <= data.count else {
                // The chain is broken: the next block starts a new one.
                if length != 0 || inode != 0 { isSound = false }
                let block = DumpFormat.directoryBlockBytes
                offset = (offset / block + 1) * block
                continue
            }
            defer { offset += length }
            guard inode != 0 else { continue }
            guard nameBytes > 0, 8 + nameBytes <= length else {
                isSound = false
                continue
            }
            let name = Array(data[offset + 8..<offset + 8 + nameBytes])
            if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
            guard !name.contains(0), !name.contains(UInt8(ascii: "/")) else {
                isSound = false
                continue
            }
            take(DumpEntry(inode: inode, kind: DumpMode.kind(ofEntryType: data[offset + 6]), name: name))
        }
        return isSound
    }
}
