// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams

/// Lists a tar archive: members become ranges of the tape file, so that each opens at once and reads at full speed.
///
/// Damage costs the members that it hits: the next header is looked for behind it. A second archive behind the end mark
/// of the first (`tar -A`, `cat a.tar b.tar`) is listed too.
struct TarContents {
    private let file: any TapeFileBytes
    private let builder: ContentTableBuilder
    private var listing: TarListing
    /// Bytes that were looked through for the next header after damage.
    private var searched: UInt64 = 0
    private var archives = 1

    /// `ContentTable.Member.second` of a member that has a map of holes: it is found by its header.
    static let sparse: UInt64 = 1
    /// What is looked through for headers in a damaged archive, all searches together.
    private static let maximumSearchBytes: UInt64 = 256 << 20
    /// Zeros that may stand between two archives: tar fills a record, and records are at most this long.
    private static let maximumGapBytes: UInt64 = 16 << 20

    private init(_ file: any TapeFileBytes, _ limits: ContentLimits) throws(StreamError) {
        self.file = file
        builder = ContentTableBuilder(limits: limits)
        listing = try TarListing(TapeFileSource(file))
    }

    static func open(
        _ file: any TapeFileBytes,
        _ limits: ContentLimits,
        readers: @escaping @Sendable () -> any TapeFileBytes
    ) throws(FormatError) -> ContentTable {
        do {
            var contents = try TarContents(file, limits)
            contents.list()
            return contents.builder.finish { (member) throws(FormatError) in
                try Self.reader(member, readers())
            }
        } catch {
            throw .unreadable(error.description)
        }
    }

    private mutating func list() {
        var offset: UInt64 = 0
        while !builder.isFull {
            do throws(StreamError) {
                guard let member = try listing.member(at: offset) else {
                    guard let next = nextArchive(behind: listing.position) else { return }
                    offset = next
                    continue
                }
                take(member)
                offset = member.endOffset
            } catch {
                guard let next = next(after: error, at: offset) else { return }
                offset = next
            }
        }
    }

    private mutating func next(after error: StreamError, at offset: UInt64) -> UInt64? {
        switch error {
        case .truncated(let at):
            // A compressed archive tells its length only here.
            if offset > file.lengthBytes {
                builder.problem(
                    "it ends in the middle of its last member: \(offset - file.lengthBytes) bytes are missing"
                )
            } else if at == offset {
                builder.problem("it ends at byte \(offset) without an end mark")
            } else {
                builder.problem("it ends at byte \(at), in the middle of a header")
            }
            return nil
        case .malformed(let text), .connection(let text), .impossible(let text):
            builder.problem(text)
        case .cancelled: return nil
        }
        let (from, overflow) = offset.addingReportingOverflow(TarListing.blockBytes)
        return overflow ? nil : search(from)
    }

    /// The next block that is a header without doubt; nil when there is none within the limit.
    private mutating func search(_ start: UInt64) -> UInt64? {
        var offset = start
        var step = 4 << 10
        while searched < Self.maximumSearchBytes {
            let bytes: [UInt8]
            do {
                bytes = try file.bytes(step, at: offset)
            } catch {
                // A damaged record: go on behind it.
                guard let next = behindRecord(holding: offset) else { return nil }
                searched += max(next - offset, TarListing.blockBytes)
                offset = next
                continue
            }
            guard bytes.count >= Int(TarListing.blockBytes) else { return nil }
            searched += UInt64(bytes.count)
            step = min(step * 2, 64 << 10)
            for at in stride(from: 0, through: bytes.count - 512, by: 512) {
                guard let check = TarHeaderCheck(Array(bytes[at..<at + 512])), check != .old else { continue }
                return offset + UInt64(at)
            }
            offset += UInt64(bytes.count / 512 * 512)
        }
        builder.problem("the next header was not found within \(Self.maximumSearchBytes >> 20) MiB")
        return nil
    }

    /// Where the next block begins behind a record that cannot be read, in step with the blocks before.
    private func behindRecord(holding offset: UInt64) -> UInt64? {
        guard let index = try? file.recordIndex(holding: offset), let record = try? file.record(index) else {
            return nil
        }
        let (end, overflow) = record.offset.addingReportingOverflow(UInt64(record.lengthBytes))
        guard !overflow, end > offset else { return nil }
        let behind = end - offset
        return offset + (behind + 511) / 512 * 512
    }

    /// The header of another archive behind an end mark, zeros between; nil: this was the last one.
    private mutating func nextArchive(behind offset: UInt64) -> UInt64? {
        var at = offset
        while at - offset < Self.maximumGapBytes {
            guard let bytes = try? file.bytes(4 << 10, at: at), bytes.count >= 512 else { return nil }
            for start in stride(from: 0, through: bytes.count - 512, by: 512) {
                let block = Array(bytes[start..<start + 512])
                guard block.contains(where: { $0 != 0 }) else { continue }
                guard TarHeaderCheck(block) != nil else {
                    builder.problem("what stands at byte \(at + UInt64(start)), behind its end mark, is no tar")
                    return nil
                }
                archives += 1
                builder.problem("another archive follows behind its end mark, at byte \(at + UInt64(start))")
                return at + UInt64(start)
            }
            at += UInt64(bytes.count / 512 * 512)
        }
        return nil
    }

    private mutating func take(_ member: TarMember) {
        var entry = ContentEntry(member.status)
        switch member.content {
        case .label, .other: return
        case .hardLink:
            // POSIX lets a link bring the bytes along; then it is as good as a file.
            if member.storedBytes > 0, builder.find(member.link) == nil {
                entry.kind = .regular
                entry.lengthBytes = member.storedBytes
                builder.add(path: member.path, entry, locator: member.contentOffset)
                return
            }
            builder.addHardLink(path: member.path, to: member.link, entry)
        case .file(let kind):
            if kind == .regular, member.missingBytes > 0 {
                builder.problem(
                    "\(ContentNames.shown(member.path)) began on an earlier volume: its first "
                        + "\(member.missingBytes) bytes are not here"
                )
                entry.kind = .regular
                entry.lengthBytes = member.storedBytes
            }
            if kind == .regular, member.regions != nil {
                builder.add(path: member.path, entry, locator: member.headerOffset, second: Self.sparse)
            } else {
                if kind == .regular { entry.lengthBytes = member.storedBytes }
                builder.add(path: member.path, entry, locator: member.contentOffset, linkTarget: member.link)
            }
        }
    }

    private static func reader(
        _ member: ContentTable.Member,
        _ file: any TapeFileBytes
    ) throws(FormatError) -> any ContentReader {
        guard member.second == sparse else {
            return RangeReader(file, offset: member.locator, lengthBytes: member.entry.lengthBytes)
        }
        // Maps can be long: they are read again instead of kept for every file.
        do {
            var listing = try TarListing(TapeFileSource(file))
            guard let found = try listing.member(at: member.locator), let regions = found.regions else {
                throw FormatError.stale
            }
            var stored = found.contentOffset
            var pieces: [PieceReader.Piece] = []
            pieces.reserveCapacity(regions.count)
            for region in regions {
                let length = region.upperBound - region.lowerBound
                pieces.append(.init(offset: region.lowerBound, lengthBytes: length, stored: stored))
                stored += length
            }
            return PieceReader(file, pieces: pieces, lengthBytes: member.entry.lengthBytes)
        } catch let error as FormatError {
            throw error
        } catch {
            throw .unreadable("\(error)")
        }
    }
}

extension ContentEntry {
    /// As the readers of backup streams tell it.
    init(_ status: FileStatus) {
        let kind: Kind =
            switch status.kind {
            case .directory: .directory
            case .regular: .regular
            case .symbolicLink: .symbolicLink
            default: .other
            }
        self.init(
            kind: kind,
            permissions: UInt16(truncatingIfNeeded: status.mode & 0o7777),
            user: status.owner,
            group: status.group,
            lengthBytes: kind == .regular ? status.size : 0,
            modifiedNanoseconds: Self.nanoseconds(status.modified.seconds, status.modified.nanoseconds),
            links: max(1, status.links)
        )
    }

    /// Since 1970, as near as 64 bits come.
    package static func nanoseconds(_ seconds: Int64, _ nanoseconds: UInt32 = 0) -> Int64 {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, tooFar) = product.addingReportingOverflow(Int64(nanoseconds))
        return tooFar ? .max : sum
    }
}
