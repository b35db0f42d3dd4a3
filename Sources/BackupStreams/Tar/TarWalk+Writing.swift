// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

// What the walk writes: directories with their history, files with their content.
extension TarWalk {
    /// Writes the directories on the way that are not written yet.
    func writeFrames() throws(StreamError) {
        guard let first = frames.firstIndex(where: { !$0.isWritten }) else { return }
        for index in first..<frames.count { try writeFrame(index) }
    }

    private func writeFrame(_ index: Int) throws(StreamError) {
        frames[index].isWritten = true
        let frame = frames[index]
        let path = TreePath(Array(currentPath.bytes.prefix(frame.pathBytes)))
        var member = ArchiveMember(path: Self.name(ofDirectory: path), status: frame.status, node: frame.node)
        do throws(TreeError) {
            let directory: TreeDirectory
            if let kept = frame.directory { directory = kept } else { directory = try tree.directory(path) }
            member.setAttributes(try directory.extendedAttributes())
        } catch {
            observer.note(.warning, error.description)
        }
        var names: [UInt8] = []
        if changes != nil, let listing = frame.listing {
            names = nameList(listing, in: path)
            if names.count <= Self.maximumHeaderNames {
                member.names = names
                names = []
            } else {
                member.isNameList = true
                member.size = UInt64(names.count)
            }
        }
        let offset = writer.position
        try writer.begin(member)
        if !names.isEmpty { try writer.write(names.span) }
        try writer.finish()
        summary.directories += 1
        if history == .paths { observer.file(path, frame.status, node: frame.node, offset: offset) }
        if history == .nodes { tellDirectory(frame, path, offset: offset) }
    }

    /// Bytes of names in an extended header: libarchive's readers take 1 MiB of one.
    private static let maximumHeaderNames = 512 << 10

    /// Archives end the names of directories with "/".
    static func name(ofDirectory path: TreePath) -> [UInt8] {
        (path.isRoot ? [UInt8(ascii: ".")] : path.bytes) + [TreePath.separator]
    }

    /// The order of NDMP v4, 3.7.3: ".", "..", all names, then the node.
    private func tellDirectory(_ frame: Frame, _ path: TreePath, offset: UInt64) {
        observer.directoryEntry([UInt8(ascii: ".")], node: frame.node, parent: frame.node)
        observer.directoryEntry(Array("..".utf8), node: frame.parentNode, parent: frame.node)
        for entry in frame.listing ?? TreeListing() {
            guard filter.verdict(path.appending(entry.name)) != .skip, entry.kind != .socket else { continue }
            // Below a mount point the listing has the inode that it covers.
            guard let status = try? (frame.directory ?? tree.directory(path)).status(of: entry.name) else { continue }
            observer.directoryEntry(entry.name, node: node(status), parent: frame.node)
        }
        observer.node(frame.status, node: frame.node, offset: offset)
    }

    /// GNU tar's dumpdir: each name with a letter before and a 0 after it, and a 0 at the end. D is a directory, Y a file,
    /// N one that is there and that this backup does not take.
    private func nameList(_ listing: TreeListing, in path: TreePath) -> [UInt8] {
        var bytes: [UInt8] = []
        for entry in listing {
            let isTaken = entry.kind != .socket && filter.verdict(path.appending(entry.name)) == .take
            if entry.kind == .directory {
                bytes.append(UInt8(ascii: "D"))
            } else {
                bytes.append(UInt8(ascii: isTaken ? "Y" : "N"))
            }
            bytes.append(contentsOf: entry.name)
            bytes.append(0)
        }
        bytes.append(0)
        return bytes
    }

    /// Writes a file that is no directory.
    ///
    /// - Parameter found: nil for a regular file.
    /// - Throws: `StreamError`, and `TreeError` when nothing of it was written.
    func save(
        _ directory: TreeDirectory,
        _ name: [UInt8],
        _ found: FileStatus?,
        _ path: TreePath
    ) throws {
        var file: TreeFile?
        switch found?.kind ?? .regular {
        case .socket, .other:
            observer.note(.normal, "\(displayed(tree.absolute(path))) is a socket and is left out")
            return
        case .regular:
            file = try directory.openFile(name)
        case .directory, .fifo, .characterDevice, .blockDevice, .symbolicLink:
            break
        }
        guard let status = file?.openedStatus ?? found else { return }
        var member = ArchiveMember(path: path.bytes, status: status, node: node(status))
        if status.links > 1, let first = links.first(of: member.node, links: status.links) {
            member.hardLink = first.path
            try writeFrames()
            try writer.begin(member)
            try writer.finish()
            // Its data lies with the first name, and so does what direct access recovery needs.
            tellFile(path, status, member.node, offset: first.offset, isFirst: false)
            return
        }
        member.setAttributes(try file?.extendedAttributes() ?? directory.extendedAttributes(of: name))
        if status.kind == .symbolicLink { member.symbolicLink = try directory.readLink(name) }
        if let file {
            member.size = status.size
            member.regions = try regions(file, status)
        }
        try writeFrames()
        let offset = writer.position
        if status.links > 1 { links.insert(member.node, path: path.bytes, offset: offset, links: status.links) }
        try writer.begin(member)
        if let file { try writeContent(file, status, member.regions) }
        try writer.finish()
        tellFile(path, status, member.node, offset: offset, isFirst: true)
    }

    private func tellFile(_ path: TreePath, _ status: FileStatus, _ node: UInt64, offset: UInt64, isFirst: Bool) {
        summary.files += 1
        switch history {
        case .none: break
        case .paths: observer.file(path, status, node: node, offset: offset)
        case .nodes: if isFirst { observer.node(status, node: node, offset: offset) }
        }
    }

    /// The stretches of data of a file that has holes; nil for one without.
    private func regions(_ file: TreeFile, _ status: FileStatus) throws(TreeError) -> [Range<UInt64>]? {
        guard status.blocks &* 512 < status.size else { return nil }
        var regions: [Range<UInt64>] = []
        var position: UInt64 = 0
        while let region = try file.nextData(from: position, end: status.size) {
            if regions.count == Self.maximumRegions {
                // Too many to tell of: the rest is one, and its holes are zeros.
                regions.append(region.lowerBound..<status.size)
                break
            }
            regions.append(region)
            position = region.upperBound
        }
        return regions == [0..<status.size] ? nil : regions
    }

    /// Stretches of one file; its map is kept in memory twice.
    private static let maximumRegions = 65_536

    private func writeContent(
        _ file: TreeFile,
        _ status: FileStatus,
        _ regions: [Range<UInt64>]?
    ) throws(StreamError) {
        var position: UInt64 = 0
        var trouble: String?
        // Taken out of the walk while it is used: one owner, no copy.
        var buffer: [UInt8] = []
        swap(&buffer, &self.buffer)
        defer { swap(&buffer, &self.buffer) }
        for region in regions ?? [0..<status.size] {
            try writeZeros(region.lowerBound - position)
            position = region.lowerBound
            while position < region.upperBound {
                if observer.isCancelled { throw .cancelled }
                let want = Int(min(UInt64(buffer.count), region.upperBound - position))
                let got = trouble == nil ? Self.read(file, &buffer, want, at: position, &trouble) : 0
                if got < want {
                    if trouble == nil { trouble = "it became shorter while it was read" }
                    // The header has told its size: what is missing is zeros.
                    try writer.write(buffer.span.extracting(0..<got))
                    try writeZeros(region.upperBound - position - UInt64(got))
                    position = region.upperBound
                } else {
                    try writer.write(buffer.span.extracting(0..<got))
                    position += UInt64(got)
                }
            }
        }
        try writeZeros(status.size - position)
        if let trouble {
            summary.unreadable += 1
            observer.note(.error, "\(displayed(file.path)) is padded with zeros: \(trouble)")
        } else if status.size >= Self.grownBytes, let size = try? file.status().size, size > status.size {
            let sizes = "from \(status.size) to \(size) bytes"
            observer.note(.warning, "\(displayed(file.path)) grew \(sizes) while it was read; it is saved as it was")
        }
    }

    /// Smaller files are read in a moment: whether they grew in it is nothing to tell.
    private static let grownBytes: UInt64 = 64 << 10

    private static func read(
        _ file: TreeFile,
        _ buffer: inout [UInt8],
        _ want: Int,
        at offset: UInt64,
        _ trouble: inout String?
    ) -> Int {
        var room = buffer.mutableSpan
        var part = room._mutatingExtracting(first: want)
        do throws(TreeError) {
            return try file.read(into: &part, at: offset)
        } catch {
            trouble = error.description
            return 0
        }
    }

    /// In a hole they are counted and not sent.
    private func writeZeros(_ count: UInt64) throws(StreamError) {
        var left = count
        let zeros = Self.zeros
        while left > 0 {
            if observer.isCancelled { throw .cancelled }
            let part = Int(min(left, UInt64(zeros.count)))
            try writer.write(zeros.span.extracting(0..<part))
            left -= UInt64(part)
        }
    }

    private static let zeros = [UInt8](repeating: 0, count: 1 << 20)
}

extension ArchiveMember {
    /// Lists of access go where other tars look for them, all else as it is.
    mutating func setAttributes(_ all: [ExtendedAttribute]) {
        for attribute in all {
            if attribute.name == AccessControlList.accessName, let list = AccessControlList(attribute: attribute.value)
            {
                accessList = list
            } else if attribute.name == AccessControlList.defaultName,
                let list = AccessControlList(attribute: attribute.value)
            {
                defaultList = list
            } else {
                attributes.append(attribute)
            }
        }
    }
}

/// The first names of files that have several.
struct TarLinks {
    private struct First {
        var path: [UInt8]
        var offset: UInt64
        var left: UInt32
    }

    private var firsts: [UInt64: First] = [:]
    /// Files with names still to come; beyond them each name is saved as a file of its own.
    static let maximumCount = 1 << 20

    /// The first name of this file; nil when this is the first.
    mutating func first(of node: UInt64, links: UInt32) -> (path: [UInt8], offset: UInt64)? {
        guard var first = firsts[node] else { return nil }
        first.left -= 1
        firsts[node] = first.left == 0 ? nil : first
        return (first.path, first.offset)
    }

    mutating func insert(_ node: UInt64, path: [UInt8], offset: UInt64, links: UInt32) {
        guard firsts.count < Self.maximumCount else { return }
        firsts[node] = First(path: path, offset: offset, left: links - 1)
    }
}
