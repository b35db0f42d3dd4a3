// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A member of a tar archive by its place: what a listing needs, and what reads its bytes later.
package struct TarMember: Sendable {
    package enum Content: Sendable, Equatable {
        case file(FileKind)
        /// Another name of the file `link`.
        case hardLink
        /// The name of the archive itself, GNU tar's type V.
        case label
        /// Nothing that a listing shows.
        case other
    }

    package var content: Content
    /// As it is written, not made safe.
    package var path: [UInt8]
    package var link: [UInt8]
    package var status: FileStatus
    /// Of the first header block, the extended ones before it included.
    package var headerOffset: UInt64
    /// Of the first stored byte.
    package var contentOffset: UInt64
    package var storedBytes: UInt64
    /// Behind the content and its filling: where the next header is.
    package var endOffset: UInt64
    /// Stretches of data of a sparse file, stored behind one another; nil: all of it is stored.
    package var regions: [Range<UInt64>]?
    /// Bytes of the file that stand on an earlier volume: this is the rest of it.
    package var missingBytes: UInt64
}

/// Goes through the headers of a tar archive, from anywhere to anywhere: content is passed over, not read.
package struct TarListing {
    private let input: TarInput
    private var reader: TarReader
    /// Passing over less than this is cheaper than beginning a new read.
    private static let nearBytes: UInt64 = 8 << 10

    package static let blockBytes = UInt64(UstarBlock.size)

    /// - Parameter source: of all calls, `position(at:expecting:)` and `read(into:)` are used.
    package init(_ source: any StreamSource) throws(StreamError) {
        input = TarInput(source)
        reader = TarReader(input)
        try input.seek(to: 0, expecting: nil)
    }

    /// The next byte that nobody has looked at: behind the headers of the last member, or behind a block of zeros.
    package var position: UInt64 { input.position }

    /// The member whose header begins at `offset`; nil where a block of zeros stands.
    ///
    /// - Throws: `.truncated` at the end of the stream, `.malformed` where no header is.
    package mutating func member(at offset: UInt64) throws(StreamError) -> TarMember? {
        if offset >= input.position, offset - input.position <= max(Self.nearBytes, input.aheadBytes) {
            try input.skip(offset - input.position)
        } else {
            try input.seek(to: offset, expecting: nil)
        }
        guard var entry = try reader.next() else { return nil }
        try reader.takeMap(&entry)
        let contentOffset = input.position
        guard let stored = entry.storedBlockBytes else {
            throw .malformed("the member at byte \(offset) claims an impossible size")
        }
        let (end, overflow) = contentOffset.addingReportingOverflow(stored)
        guard !overflow else { throw .malformed("the member at byte \(offset) claims an impossible size") }
        let content: TarMember.Content =
            switch entry.content {
            case .hardLink: .hardLink
            case .unknown where entry.type == UInt8(ascii: "M"): .file(.regular)
            case .unknown: entry.type == UInt8(ascii: "V") ? .label : .other
            default: entry.fileKind.map { .file($0) } ?? .other
            }
        return TarMember(
            content: content,
            path: entry.volumeName ?? entry.writtenPath,
            link: entry.link,
            status: entry.status,
            headerOffset: offset,
            contentOffset: contentOffset,
            storedBytes: entry.storedBytes,
            endOffset: end,
            regions: entry.regions,
            missingBytes: entry.missingBytes
        )
    }
}

/// One block, looked at on its own: for telling what a tape file is, and for finding the next header after damage.
package enum TarHeaderCheck: Sendable, Equatable {
    case posix
    case gnu
    /// From before POSIX: nothing but a checksum.
    case old

    /// GNU tar's volume label and continuation: they begin a volume, and have no magic.
    private static let volumeTypes = [UInt8(ascii: "V"), UInt8(ascii: "M")]

    /// - Parameter block: 512 bytes. Nil when they are no header.
    package init?(_ block: [UInt8]) {
        guard block.count == UstarBlock.size, block[0] != 0 || block[UstarBlock.Field.prefix.lowerBound] != 0 else {
            return nil
        }
        let header = UstarBlock(block)
        // An empty checksum field counts as 0, which no sum is.
        guard header.hasGoodChecksum, let size = header.number(UstarBlock.Field.size), size >= 0 else { return nil }
        if header.isPOSIX {
            self = .posix
        } else if header.isGNU {
            self = .gnu
        } else {
            // Fields that old tar filled with octal digits; anything else is a coincidence of the sum.
            let fields = [UstarBlock.Field.mode, UstarBlock.Field.owner, UstarBlock.Field.group]
            guard fields.allSatisfy({ (header.number($0) ?? -1) >= 0 }),
                header.number(UstarBlock.Field.modified) != nil,
                header.type == 0 || (0x30...0x37).contains(header.type) || Self.volumeTypes.contains(header.type)
            else { return nil }
            self = .old
        }
    }
}
