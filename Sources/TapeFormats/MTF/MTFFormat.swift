// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Microsoft Tape Format: NTBackup's and Backup Exec's. Data sets are listed as trees, below the name of their volume.
enum MTFFormat {
    static let row = FormatRow(
        "mtf",
        recognise: { (probe) throws(FormatError) in try recognise(probe) },
        open: { (request) throws(FormatError) in try open(request.file, request.limits) }
    )

    private static func recognise(_ probe: FormatProbe) throws(FormatError) -> Recognition? {
        guard let block = MTFBlock(Array(probe.head.prefix(MTFBlock.lookBytes))) else { return nil }
        var title: String
        var facts = block.facts
        switch block.kind {
        case .tape:
            title = "Microsoft Tape Format, media \(block.string(68))"
        case .startOfSet:
            title = "Microsoft Tape Format, data set \(block.number16(62)) \(block.string(64))"
            // Its volume comes next, mostly in the first few kibibytes.
            var at = 512
            while at < probe.head.count {
                let bytes = Array(probe.head.field(at: at, width: MTFBlock.lookBytes))
                if let volume = MTFBlock(bytes), volume.kind == .volume {
                    facts += volume.facts
                    break
                }
                at += 512
            }
        case .endOfSet: title = "Microsoft Tape Format, end of a data set"
        default: title = "Microsoft Tape Format, \(block.kind.rawValue)"
        }
        if title.hasSuffix(" ") { title.removeLast() }
        let holdsFiles =
            block.kind != .endOfSet && block.kind != .endOfTape
            && probe.file.lengthBytes > UInt64(MTFBlock.lookBytes)
        return Recognition(format: "mtf", title: title, facts: facts, isBrowsable: holdsFiles)
    }

    private static func open(
        _ file: any TapeFileBytes,
        _ limits: ContentLimits
    ) throws(FormatError) -> any ArchiveContents {
        var listing = MTFListing(file, limits)
        return try listing.contents()
    }
}

/// Walks from block to block and from stream to stream of a tape file.
private struct MTFListing {
    /// Streams of one block, so that none is walked for ever.
    static let maximumStreams = 10_000
    /// Blocks begin at a multiple of this.
    static let blockStep: UInt64 = 512
    /// Longest path in a stream of its own.
    static let maximumPathBytes: UInt64 = 65_536
    /// What is looked through for the next block after damage.
    static let maximumSearchBytes: UInt64 = 64 << 20

    /// `ContentTable.Member.second` of a file whose bytes are not plain.
    static let encrypted: UInt64 = 1
    static let compressed: UInt64 = 2
    static let sparse: UInt64 = 3

    private let file: any TapeFileBytes
    private let builder: ContentTableBuilder
    private var volume: [UInt8] = Array("volume".utf8)
    private var directory: [UInt8] = []
    private var searched: UInt64 = 0

    init(_ file: any TapeFileBytes, _ limits: ContentLimits) {
        self.file = file
        builder = ContentTableBuilder(limits: limits)
    }

    mutating func contents() throws(FormatError) -> ContentTable {
        do {
            try walk()
        } catch {
            guard builder.entryCount > 1 else { throw error }
            builder.problem("what is behind cannot be read: \(error)")
        }
        let file = file
        return builder.finish { member throws(FormatError) in
            switch member.second {
            case MTFListing.encrypted: throw .opaque("encrypted")
            case MTFListing.compressed: throw .opaque("compressed by the backup program")
            case MTFListing.sparse: throw .opaque("a sparse file in the backup program's form")
            default: return RangeReader(file, offset: member.locator, lengthBytes: member.entry.lengthBytes)
            }
        }
    }

    private mutating func walk() throws(FormatError) {
        var offset: UInt64 = 0
        while !builder.isFull, offset < file.lengthBytes {
            guard let block = MTFBlock(try file.bytes(MTFBlock.lookBytes, at: offset)) else {
                offset = aligned(offset + 1, Self.blockStep)
                searched += Self.blockStep
                guard searched < Self.maximumSearchBytes else {
                    return builder.problem("no block was found within \(Self.maximumSearchBytes >> 20) MiB")
                }
                continue
            }
            if block.kind == .endOfTape { return }
            offset = try take(block, at: offset)
        }
    }

    private func aligned(_ offset: UInt64, _ step: UInt64) -> UInt64 {
        let (sum, overflow) = offset.addingReportingOverflow(step - 1)
        return overflow ? .max : sum / step * step
    }

    /// - Returns: where the next block begins.
    private mutating func take(_ block: MTFBlock, at start: UInt64) throws(FormatError) -> UInt64 {
        var offset = start + UInt64(block.streamOffset)
        var data: (offset: UInt64, stream: MTFStream)?
        var longPath: [UInt8]?
        var isSparse = false
        for _ in 0..<Self.maximumStreams {
            guard let stream = MTFStream(try file.bytes(MTFStream.headerBytes, at: offset)) else { break }
            let body = offset + UInt64(MTFStream.headerBytes)
            let (end, overflow) = body.addingReportingOverflow(stream.lengthBytes)
            guard !overflow, end <= file.lengthBytes else {
                builder.problem("stream \(stream.name) at byte \(offset) is longer than the tape file")
                if stream.name == "STAN" { data = (body, stream) }
                offset = file.lengthBytes
                break
            }
            switch stream.name {
            case "STAN" where data == nil: data = (body, stream)
            case "SPAR": isSparse = true
            case "PNAM" where stream.lengthBytes <= Self.maximumPathBytes,
                "FNAM" where stream.lengthBytes <= Self.maximumPathBytes:
                longPath = path(try file.bytes(Int(stream.lengthBytes), at: body), block.isUnicode)
            default: break
            }
            offset = aligned(end, 4)
            if stream.name == "SPAD" { break }
        }
        add(block, data, isSparse: isSparse, longPath: longPath)
        // Behind the padding comes the next block; without one, at the next multiple.
        return max(aligned(offset, Self.blockStep), start + Self.blockStep)
    }

    private func path(_ bytes: [UInt8], _ isUnicode: Bool) -> [UInt8] {
        var text = bytes
        if isUnicode {
            var units: [UInt16] = []
            for index in stride(from: 0, to: bytes.count - 1, by: 2) {
                units.append(UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8)
            }
            text = Array(String(decoding: units, as: UTF16.self).utf8)
        }
        return text.map { $0 == 0 ? UInt8(ascii: "/") : $0 }
    }

    private mutating func add(
        _ block: MTFBlock,
        _ data: (offset: UInt64, stream: MTFStream)?,
        isSparse: Bool,
        longPath: [UInt8]?
    ) {
        switch block.kind {
        case .volume:
            let name = block.string(60).isEmpty ? block.string(56) : block.string(60)
            volume = Array(name.replacing("/", with: "_").utf8)
            if volume.isEmpty || volume.elementsEqual("..".utf8) || volume.elementsEqual(".".utf8) {
                volume = Array("volume".utf8)
            }
            directory = []
        case .directory:
            directory = longPath ?? Array(block.strings(80).joined(separator: [UInt8(ascii: "/")]))
            builder.add(path: volume + slash + directory, entry(block, .directory, 0))
        case .file, .corruptFile:
            if block.kind == .corruptFile {
                return builder.problem("the backup program noted a corrupt file")
            }
            let name = longPath ?? Array(block.strings(84).joined(separator: [UInt8(ascii: "/")]))
            var second: UInt64 = 0
            if let stream = data?.stream {
                second = stream.isEncrypted ? Self.encrypted : stream.isCompressed ? Self.compressed : 0
            }
            if isSparse { second = Self.sparse }
            builder.add(
                path: volume + slash + directory + slash + name,
                entry(block, .regular, data?.stream.lengthBytes ?? 0),
                locator: data?.offset ?? 0,
                second: second
            )
        default: break
        }
    }

    private var slash: [UInt8] { [UInt8(ascii: "/")] }

    private func entry(_ block: MTFBlock, _ kind: ContentEntry.Kind, _ length: UInt64) -> ContentEntry {
        // Bit 8 of a file's attributes: read-only.
        let isReadOnly = block.number32(52) & 0x100 != 0
        return ContentEntry(
            kind: kind,
            permissions: kind == .directory ? 0o755 : isReadOnly ? 0o444 : 0o644,
            lengthBytes: length,
            modifiedNanoseconds: block.time(56).map { ContentEntry.nanoseconds($0) } ?? 0
        )
    }
}
