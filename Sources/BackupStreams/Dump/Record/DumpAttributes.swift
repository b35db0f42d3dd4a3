// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Extended attributes as Linux' dump carries them: ext2 attribute blocks, one or more, each in a record of its own
/// behind the file's data.
///
/// A block (magic 0xEA020000) has a header of 32 bytes; the short form out of an inode (0xEA020001) has one of 4. Then
/// come entries: length of the name, namespace, offset of the value (u16; from the block's start, in the short form from
/// the first entry), block (u32, 0), length of the value (u32), hash (u32), the name's end without its namespace, padded
/// to four bytes. Four zero bytes end them; values lie behind. ACLs are in ext2's own, shorter form.
package enum DumpAttributes {
    private static let blockMagic: UInt32 = 0xEA02_0000
    private static let shortMagic: UInt32 = 0xEA02_0001
    private static let headerBytes = 32
    private static let entryBytes = 16
    /// Offsets of values have 16 bits, so a block ends here at the latest.
    package static let maximumBlockBytes = 65_536
    /// What a reader keeps of one file's attributes; far above what Linux can store (64 KiB a value).
    package static let maximumFileBytes = 4 << 20

    /// Namespaces by number; a name with no part behind the dot stands for the whole attribute.
    private static let namespaces: [(index: UInt8, name: String)] = [
        (2, "system.posix_acl_access"), (3, "system.posix_acl_default"),
        (1, "user."), (4, "trusted."), (6, "security."), (7, "system."),
    ]
    private static let accessControl: Set<UInt8> = [2, 3]

    /// Lays the attributes out in as few blocks as they need.
    ///
    /// - Returns: the blocks, each a multiple of 1024 bytes, and the names that the format cannot hold.
    package static func blocks(_ attributes: [ExtendedAttribute]) -> (blocks: [[UInt8]], refused: [[UInt8]]) {
        var blocks: [[UInt8]] = []
        var refused: [[UInt8]] = []
        var pending: [Entry] = []
        var used = headerBytes + 4
        for attribute in attributes {
            guard let entry = entry(attribute), headerBytes + 4 + entry.bytes <= maximumBlockBytes else {
                refused.append(attribute.name)
                continue
            }
            if used + entry.bytes > maximumBlockBytes {
                blocks.append(block(pending))
                pending = []
                used = headerBytes + 4
            }
            pending.append(entry)
            used += entry.bytes
        }
        if !pending.isEmpty { blocks.append(block(pending)) }
        return (blocks, refused)
    }

    private struct Entry {
        var index: UInt8
        var name: [UInt8]
        var value: [UInt8]
        var bytes: Int { entryBytes + (name.count + 3) & ~3 + (value.count + 3) & ~3 }
    }

    private static func entry(_ attribute: ExtendedAttribute) -> Entry? {
        for (index, namespace) in namespaces where attribute.name.starts(with: namespace.utf8) {
            let isWhole = accessControl.contains(index)
            let name = Array(attribute.name.dropFirst(namespace.utf8.count))
            guard name.isEmpty == isWhole else { continue }
            guard name.count <= 255 else { return nil }
            if isWhole {
                return DumpAccessControl.stored(attribute.value).map { Entry(index: index, name: [], value: $0) }
            }
            return Entry(index: index, name: name, value: attribute.value)
        }
        return nil
    }

    private static func block(_ entries: [Entry]) -> [UInt8] {
        let needed = headerBytes + 4 + entries.reduce(0) { $0 + $1.bytes }
        let length = (needed + DumpFormat.recordBytes - 1) / DumpFormat.recordBytes * DumpFormat.recordBytes
        var block = [UInt8](repeating: 0, count: length)
        block.setLittle32(0, blockMagic)
        block.setLittle32(4, 1)
        block.setLittle32(8, 1)
        var offset = headerBytes
        var end = length
        for entry in entries {
            end -= (entry.value.count + 3) & ~3
            block[offset] = UInt8(truncatingIfNeeded: entry.name.count)
            block[offset + 1] = entry.index
            block.setLittle16(offset + 2, UInt16(truncatingIfNeeded: entry.value.isEmpty ? 0 : end))
            block.setLittle32(offset + 8, UInt32(entry.value.count))
            block.replaceSubrange(offset + entryBytes..<offset + entryBytes + entry.name.count, with: entry.name)
            block.replaceSubrange(end..<end + entry.value.count, with: entry.value)
            offset += entryBytes + (entry.name.count + 3) & ~3
        }
        return block
    }

    /// The attributes of a block in either form.
    ///
    /// - Returns: what could be read, and whether all of it could.
    package static func attributes(in block: [UInt8]) -> (attributes: [ExtendedAttribute], isSound: Bool) {
        guard block.count >= headerBytes else { return ([], false) }
        let start: Int
        let base: Int
        switch block.little32(0) {
        case blockMagic: (start, base) = (headerBytes, 0)
        case shortMagic: (start, base) = (4, 4)
        default: return ([], false)
        }
        var result: [ExtendedAttribute] = []
        var isSound = true
        var offset = start
        while offset + 4 <= block.count, block.little32(offset) != 0 {
            guard offset + entryBytes + Int(block[offset]) <= block.count else { return (result, false) }
            if let attribute = attribute(in: block, at: offset, base: base) {
                result.append(attribute)
            } else {
                isSound = false
            }
            offset += entryBytes + (Int(block[offset]) + 3) & ~3
        }
        return (result, isSound)
    }

    private static func attribute(in block: [UInt8], at offset: Int, base: Int) -> ExtendedAttribute? {
        let index = block[offset + 1]
        guard let namespace = namespaces.first(where: { $0.index == index })?.name else { return nil }
        let name = block[offset + entryBytes..<offset + entryBytes + Int(block[offset])]
        let start = base + Int(block.little16(offset + 2))
        let count = Int(block.little32(offset + 8))
        guard block.little32(offset + 4) == 0, count <= block.count, start + count <= block.count else { return nil }
        guard name.isEmpty == accessControl.contains(index), !name.contains(0) else { return nil }
        let value = Array(block[start..<start + count])
        guard accessControl.contains(index) else {
            return ExtendedAttribute(name: Array(namespace.utf8) + name, value: value)
        }
        guard let shown = DumpAccessControl.shown(value) else { return nil }
        return ExtendedAttribute(name: Array(namespace.utf8), value: shown)
    }
}

/// POSIX ACLs: the form of getxattr (version 2, all entries 8 bytes) and the one that ext2 stores (version 1, entries
/// without an id are 4 bytes).
package enum DumpAccessControl {
    private static let userTag: UInt16 = 0x02
    private static let groupTag: UInt16 = 0x08

    private static func hasIdentity(_ tag: UInt16) -> Bool { tag == userTag || tag == groupTag }

    package static func stored(_ shown: [UInt8]) -> [UInt8]? {
        guard shown.count >= 4, (shown.count - 4) % 8 == 0, shown.little32(0) == 2 else { return nil }
        var result: [UInt8] = [1, 0, 0, 0]
        for offset in stride(from: 4, to: shown.count, by: 8) {
            let length = hasIdentity(shown.little16(offset)) ? 8 : 4
            result.append(contentsOf: shown[offset..<offset + length])
        }
        return result
    }

    package static func shown(_ stored: [UInt8]) -> [UInt8]? {
        guard stored.count >= 4, stored.little32(0) == 1 else { return nil }
        var result: [UInt8] = [2, 0, 0, 0]
        var offset = 4
        while offset < stored.count {
            guard offset + 4 <= stored.count else { return nil }
            let length = hasIdentity(stored.little16(offset)) ? 8 : 4
            guard offset + length <= stored.count else { return nil }
            result.append(contentsOf: stored[offset..<offset + length])
            if length == 4 { result.append(contentsOf: [0xFF, 0xFF, 0xFF, 0xFF]) }
            offset += length
        }
        return result
    }
}
