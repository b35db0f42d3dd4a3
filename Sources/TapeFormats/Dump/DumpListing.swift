// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams

/// Lists a dump: one pass over its headers, the directories' data read, then names from the root down.
///
/// A directory that comes a second time (a loop, or one with two names) keeps its first place. Without the root
/// directory (a later volume, or damage) files are shown by their numbers in `unnamed`.
struct DumpListing: ~Copyable {
    private let file: any TapeFileBytes
    private let builder: ContentTableBuilder
    private let limits: ContentLimits
    private var window: FileWindow
    private var table: DumpNamesTable
    private var firstDirectory: UInt32?
    private var root: UInt32 { table.hasNames(DumpFormat.rootInode) ? DumpFormat.rootInode : firstDirectory ?? 0 }
    private var searched: UInt64 = 0
    private var searches = 0

    private static let recordBytes = UInt64(DumpTapeHeader.recordBytes)
    /// `ContentTable.Member.second`: the inode's number, and this bit for a file without holes.
    static let dense: UInt64 = 1 << 32
    /// What is looked through for headers in a damaged dump, all searches together.
    private static let maximumSearchBytes: UInt64 = 256 << 20
    /// Searches that are told of one by one.
    private static let maximumToldSearches = 8

    init(_ file: any TapeFileBytes, _ limits: ContentLimits) {
        self.file = file
        self.limits = limits
        builder = ContentTableBuilder(limits: limits)
        window = FileWindow(file)
        table = DumpNamesTable(limits)
    }

    static func open(_ file: any TapeFileBytes, _ limits: ContentLimits) throws(FormatError) -> ContentTable {
        var listing = DumpListing(file, limits)
        guard let first = DumpTapeHeader(try file.bytes(DumpTapeHeader.recordBytes)) else {
            throw .malformed("it does not begin with a dump's header")
        }
        guard !first.isCompressed else { throw .opaque(DumpTapeFormat.compressedSentence) }
        listing.readHeaders()
        listing.nameEverything()
        return listing.builder.finish { (member) throws(FormatError) in
            let length = member.entry.lengthBytes
            if member.second & Self.dense != 0 {
                return DumpDenseReader(file, header: member.locator, lengthBytes: length)
            }
            let inode = UInt32(truncatingIfNeeded: member.second)
            return DumpFileReader(file, header: member.locator, inode: inode, lengthBytes: length)
        }
    }

    // MARK: The pass over the headers

    private enum Step {
        case header(DumpTapeHeader)
        /// Something else stands there; the text says what.
        case foreign(String)
        case ended
    }

    private mutating func header(at offset: UInt64) -> Step {
        do {
            let bytes = try window.take(DumpTapeHeader.recordBytes, at: offset)
            guard bytes.count == DumpTapeHeader.recordBytes else { return .ended }
            return DumpTapeHeader(bytes).map { .header($0) } ?? .foreign("there is no dump header at byte \(offset)")
        } catch {
            return .foreign(error.description)
        }
    }

    private mutating func readHeaders() {
        var offset: UInt64 = 0
        while true {
            guard !table.isFull else {
                return builder.problem("it has more entries than are listed: those behind byte \(offset) are left out")
            }
            switch header(at: offset) {
            case .ended:
                return builder.problem("it ends at byte \(offset) without its end mark")
            case .foreign(let sentence):
                searches += 1
                if searches <= Self.maximumToldSearches { builder.problem(sentence) }
                guard let next = search(from: offset + Self.recordBytes) else { return }
                offset = next
            case .header(let header):
                if header.kind == .end { return }
                guard let next = take(header, at: offset) else { return }
                offset = next
            }
        }
    }

    /// - Returns: where the next header should be.
    private mutating func take(_ header: DumpTapeHeader, at offset: UInt64) -> UInt64? {
        let behind = offset + Self.recordBytes * (1 + header.dataRecords)
        switch header.kind {
        case .tape:
            if header.volume > 1, offset == 0 {
                builder.problem("it is volume \(header.volume) of a dump: names stand on the first one")
            }
            return behind
        case .inode:
            let isKnown = table.files[header.inode] != nil
            // Attributes of the file before it, or a number that comes twice: the first one counts.
            guard header.inode > 0, !isKnown else { return behind }
            return takeInode(header, at: offset)
        case .dumpedMap, .usedMap, .addresses, .accessControl, .end:
            return behind
        }
    }

    /// Follows a file through all its headers; a directory's names are taken in.
    private mutating func takeInode(_ first: DumpTapeHeader, at start: UInt64) -> UInt64? {
        var entry = first.entry
        let size = first.lengthBytes
        var header = first
        var offset = start
        var covered: UInt64 = 0
        var isDense = true
        var target: [UInt8] = []
        var isSound = true
        if entry.kind == .directory {
            if firstDirectory == nil { firstDirectory = first.inode }
            table.begin(first.inode)
        }
        while true {
            if entry.kind == .directory || entry.kind == .symbolicLink {
                let (data, isWhole) = readData(header, at: offset, upTo: size - min(size, covered))
                if !isWhole { isSound = false }
                if entry.kind == .symbolicLink {
                    if target.count <= ContentNames.maximumTargetBytes { target += data }
                } else if !takeNames(first, data) {
                    isSound = false
                }
            }
            covered += UInt64(header.map.count) * Self.recordBytes
            offset += Self.recordBytes * (1 + header.dataRecords)
            if header.dataRecords != UInt64(header.map.count) { isDense = false }
            if covered >= size { break }
            if header.map.count != DumpTapeHeader.recordsPerHeader { isDense = false }
            guard let next = nextAddresses(of: first.inode, at: offset) else { break }
            // The header of the next volume stands in between.
            if next.offset != offset { isDense = false }
            header = next.header
            offset = next.offset
        }
        if covered < size, entry.kind == .regular {
            builder.problem("inode \(first.inode) claims \(size) bytes, and \(covered) are told of")
            entry.lengthBytes = covered
        }
        if !isSound { builder.problem("directory or link \(first.inode) at byte \(start) is damaged") }
        var file = DumpNamesTable.File(entry: entry, header: start, isDense: isDense, coveredBytes: covered)
        if entry.kind == .symbolicLink {
            table.setTarget(of: first.inode, target)
            file.entry.lengthBytes = size
        }
        table.set(first.inode, file)
        return offset
    }

    private mutating func nextAddresses(
        of inode: UInt32,
        at start: UInt64
    ) -> (header: DumpTapeHeader, offset: UInt64)? {
        var offset = start
        // A volume's header may stand in the middle of a file.
        for _ in 0..<4 {
            guard case .header(let header) = header(at: offset) else { return nil }
            if header.kind == .tape {
                offset += Self.recordBytes
                continue
            }
            return header.kind == .addresses && header.inode == inode ? (header, offset) : nil
        }
        return nil
    }

    /// - Returns: false when a name is not as it should be.
    private mutating func takeNames(_ directory: DumpTapeHeader, _ data: [UInt8]) -> Bool {
        var isSound = true
        for start in stride(from: 0, to: data.count, by: DumpTapeHeader.recordBytes) {
            let record = Array(data[start..<min(start + DumpTapeHeader.recordBytes, data.count)])
            if !directory.names(in: record, { table.add($0, $1, to: directory.inode) }) { isSound = false }
        }
        return isSound
    }

    /// What one header tells of, at most half a MiB, and whether all of it could be read.
    private mutating func readData(
        _ header: DumpTapeHeader,
        at offset: UInt64,
        upTo size: UInt64
    ) -> (data: [UInt8], isWhole: Bool) {
        var at = offset + Self.recordBytes
        var left = size
        var data: [UInt8] = []
        for byte in header.map where left > 0 {
            let wanted = min(left, Self.recordBytes)
            left -= wanted
            // A hole in a directory has no names.
            guard byte != 0 else { continue }
            guard let record = try? window.take(DumpTapeHeader.recordBytes, at: at), !record.isEmpty else {
                return (data, false)
            }
            data.append(contentsOf: record.prefix(Int(wanted)))
            at += Self.recordBytes
        }
        return (data, true)
    }

    /// The next record that is a header; nil when there is none within the limit.
    private mutating func search(from start: UInt64) -> UInt64? {
        var offset = start
        var step = 4 << 10
        while searched < Self.maximumSearchBytes {
            let bytes: [UInt8]
            do {
                bytes = try file.bytes(step, at: offset)
            } catch {
                guard let index = try? file.recordIndex(holding: offset), let record = try? file.record(index) else {
                    return nil
                }
                // In step with the records before.
                let behind = record.offset + UInt64(record.lengthBytes) - offset
                offset += max(1, (behind + 1023) / 1024) * 1024
                searched += max(behind, 1024)
                continue
            }
            guard bytes.count >= DumpTapeHeader.recordBytes else {
                builder.problem("it ends at byte \(offset + UInt64(bytes.count)) without its end mark")
                return nil
            }
            searched += UInt64(bytes.count)
            step = min(step * 2, 64 << 10)
            for at in stride(from: 0, through: bytes.count - 1024, by: 1024)
            where DumpTapeHeader(Array(bytes[at..<at + 1024])) != nil {
                return offset + UInt64(at)
            }
            offset += UInt64(bytes.count / 1024 * 1024)
        }
        builder.problem("the next header was not found within \(Self.maximumSearchBytes >> 20) MiB")
        return nil
    }

    // MARK: Names

    private mutating func nameEverything() {
        guard table.hasNames(root) else { return nameByNumber() }
        if let entry = table.files[root]?.entry { builder.add(path: [], entry) }
        var seen: Set<UInt32> = [root]
        var numbers: [UInt32: UInt32] = [:]
        var queue: [(inode: UInt32, number: UInt32)] = [(root, 0)]
        var next = 0
        var secondNames = 0
        while next < queue.count, !builder.isFull {
            let (directory, place) = queue[next]
            next += 1
            table.forEachName(of: directory) { inode, name in
                // Not in this dump: a level above 0 has the directories whole, and the changed files.
                guard !builder.isFull, let file = table.files[inode] else { return }
                if file.entry.kind == .directory {
                    guard seen.insert(inode).inserted else {
                        secondNames += 1
                        return
                    }
                    guard let number = builder.add(name: name, in: place, file.entry) else { return }
                    queue.append((inode, number))
                } else if let first = numbers[inode] {
                    builder.addHardLink(name: name, in: place, to: first)
                } else {
                    numbers[inode] = add(inode, file, name, in: place)
                }
            }
        }
        if secondNames > 0 {
            builder.problem("directories with a second name, or that lie in themselves, are left out: \(secondNames)")
        }
    }

    private func add(_ inode: UInt32, _ file: DumpNamesTable.File, _ name: [UInt8], in place: UInt32) -> UInt32? {
        builder.add(
            name: name,
            in: place,
            file.entry,
            locator: file.header,
            second: UInt64(inode) | (file.isDense ? Self.dense : 0),
            linkTarget: table.target(of: inode)
        )
    }

    /// Without a root directory nobody knows the names.
    private mutating func nameByNumber() {
        guard !table.files.isEmpty else { return }
        let place = builder.add(name: Array("unnamed".utf8), in: 0, ContentEntry(kind: .directory, permissions: 0o755))
        guard let place else { return }
        builder.problem("there is no root directory: files are shown by their inode's number")
        for (inode, file) in table.files.sorted(by: { $0.key < $1.key }) where file.entry.kind == .regular {
            guard add(inode, file, Array("inode-\(inode)".utf8), in: place) != nil || !builder.isFull else { return }
        }
    }
}
