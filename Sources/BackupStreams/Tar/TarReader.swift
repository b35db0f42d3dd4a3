// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Reads the members of a tar archive: POSIX pax and ustar, GNU tar's and star's own additions.
///
/// Written here rather than left to libarchive, for three reasons: libarchive passes names through the locale and loses
/// bytes that are not UTF-8; direct access recovery has to know of every byte that it asks from a tape; and a hostile
/// archive meets code that checks every index.
struct TarReader {
    let input: TarInput
    /// From global headers, for all members that follow.
    private var global = TarExtensions()

    /// Longest extended header, and longest name of GNU tar's kind.
    static let maximumHeaderBytes = 4 << 20
    /// Headers before one member.
    private static let maximumHeaders = 16
    /// Longest list of names of one directory.
    static let maximumNamesBytes = 256 << 20

    init(_ input: TarInput) {
        self.input = input
    }

    /// The next member; its content follows in the input and has to be taken or skipped. Nil at the end of the archive.
    ///
    /// - Throws: `.malformed`, `.truncated` when the stream ends without the two blocks of zeros.
    mutating func next() throws(StreamError) -> TarEntry? {
        let offset = input.position
        var extensions = global
        for _ in 0..<Self.maximumHeaders {
            let at = input.position
            guard let block = try input.takeBlock() else { throw .truncated(at: at) }
            // POSIX has two blocks of zeros; some writers end with one.
            if block.isZero { return nil }
            guard block.hasGoodChecksum, let written = block.number(UstarBlock.Field.size),
                let size = UInt64(exactly: written)
            else { throw .malformed("there is no tar header at byte \(at) of the stream") }
            switch block.type {
            case UInt8(ascii: "x"), UInt8(ascii: "X"):
                try apply(try header(size, at), to: &extensions, at)
            case UInt8(ascii: "g"):
                try apply(try header(size, at), to: &global, at)
                extensions = global
            case UInt8(ascii: "L"):
                extensions.path = Array(try header(size, at).prefix { $0 != 0 })
            case UInt8(ascii: "K"):
                extensions.link = Array(try header(size, at).prefix { $0 != 0 })
            default:
                // In a global header they are of the first member alone: the rest of a file.
                global.volumeName = nil
                global.volumeOffset = nil
                return try entry(block, size, extensions, offset: offset)
            }
        }
        throw .malformed("more than \(Self.maximumHeaders) headers before one member at byte \(offset) of the stream")
    }

    /// The content of an extended header, without its filling.
    private func header(_ size: UInt64, _ at: UInt64) throws(StreamError) -> [UInt8] {
        guard size <= UInt64(Self.maximumHeaderBytes) else {
            throw .malformed("the extended header at byte \(at) of the stream claims \(size) bytes")
        }
        let padded = (Int(size) + 511) / 512 * 512
        input.expect(UInt64(padded) + 1024)
        return Array(try input.take(padded).prefix(Int(size)))
    }

    private func apply(_ records: [UInt8], to extensions: inout TarExtensions, _ at: UInt64) throws(StreamError) {
        guard PaxRecords.forEach(records[...], { extensions.apply($0, $1) }), extensions.trouble == nil else {
            let why = extensions.trouble.map { ": \($0)" } ?? ""
            throw .malformed("the extended header at byte \(at) of the stream is damaged\(why)")
        }
    }

    private func entry(
        _ block: UstarBlock,
        _ size: UInt64,
        _ extensions: TarExtensions,
        offset: UInt64
    ) throws(StreamError) -> TarEntry {
        var name = extensions.path ?? block.text(UstarBlock.Field.name)
        if extensions.path == nil, block.isPOSIX {
            let prefix = block.text(UstarBlock.Field.prefix)
            if !prefix.isEmpty { name = prefix + [TreePath.separator] + name }
        }
        if let real = extensions.sparseName { name = real }
        var content = Self.content(block.type)
        // Archives from before POSIX mark a directory by its last byte.
        if content == .regular && name.last == TreePath.separator && block.type != UInt8(ascii: "S") {
            content = .directory
        }
        var entry = TarEntry(
            content: content,
            path: TreePath(normalising: name),
            writtenPath: name,
            link: extensions.link ?? block.text(UstarBlock.Field.link),
            status: status(block, extensions),
            node: extensions.node,
            links: extensions.links,
            attributes: extensions.attributes,
            offset: offset,
            storedBytes: extensions.size ?? size,
            names: extensions.names
        )
        entry.status.kind = entry.fileKind ?? .other
        entry.type = block.type
        entry.volumeName = extensions.volumeName
        entry.missingBytes = extensions.volumeOffset ?? 0
        if block.type == UInt8(ascii: "M") {
            entry.missingBytes = UInt64(clamping: block.number(UstarBlock.Field.volumeOffset) ?? 0)
        }
        if block.type == UInt8(ascii: "D") {
            entry.hasNamesInContent = true
        } else if content == .directory || content == .symbolicLink || content == .fifo || content == .hardLink {
            // POSIX lets a hard link have content; others have none, whatever the field says.
            if content != .hardLink { entry.storedBytes = 0 }
            if content == .hardLink && !block.isPOSIX { entry.storedBytes = 0 }
        }
        guard entry.storedBlockBytes != nil else {
            throw .malformed("the member at byte \(offset) of the stream claims an impossible size")
        }
        entry.status.size = content == .regular ? extensions.sparseSize ?? entry.storedBytes : 0
        if content == .symbolicLink { entry.status.size = UInt64(entry.link.count) }
        try setRegions(&entry, block, extensions)
        return entry
    }

    private static func content(_ type: UInt8) -> TarEntry.Content {
        switch type {
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"), UInt8(ascii: "S"): .regular
        case UInt8(ascii: "1"): .hardLink
        case UInt8(ascii: "2"): .symbolicLink
        case UInt8(ascii: "3"): .characterDevice
        case UInt8(ascii: "4"): .blockDevice
        case UInt8(ascii: "5"), UInt8(ascii: "D"): .directory
        case UInt8(ascii: "6"): .fifo
        case UInt8(ascii: "M"), UInt8(ascii: "N"), UInt8(ascii: "V"), UInt8(ascii: "A"), UInt8(ascii: "I"): .unknown
        // POSIX: a type that a reader does not know is a regular file.
        default: .regular
        }
    }

    private func status(_ block: UstarBlock, _ extensions: TarExtensions) -> FileStatus {
        let modified = extensions.modified ?? Timestamp(seconds: block.number(UstarBlock.Field.modified) ?? 0)
        return FileStatus(
            kind: .other,
            inode: extensions.node ?? 0,
            links: max(1, extensions.links ?? 1),
            mode: UInt32(truncatingIfNeeded: block.number(UstarBlock.Field.mode) ?? 0) & 0o7777,
            owner: extensions.owner ?? UInt32(clamping: block.number(UstarBlock.Field.owner) ?? 0),
            group: extensions.group ?? UInt32(clamping: block.number(UstarBlock.Field.group) ?? 0),
            accessed: extensions.accessed ?? modified,
            modified: modified,
            changed: modified,
            deviceMajor: extensions.deviceMajor ?? UInt32(clamping: block.number(UstarBlock.Field.deviceMajor) ?? 0),
            deviceMinor: extensions.deviceMinor ?? UInt32(clamping: block.number(UstarBlock.Field.deviceMinor) ?? 0)
        )
    }
}
