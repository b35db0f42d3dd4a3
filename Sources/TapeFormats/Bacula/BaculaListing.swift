// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Lists the sessions of a volume: one directory for each, named as the run of its job, with the files' paths below.
///
/// The volume is read once from end to end, as it has no list of its own; nothing but the table is kept of it.
struct BaculaListing {
    /// Sessions that are open in one another or behind one another.
    static let maximumSessions = 10_000

    /// What a session is in the middle of.
    private struct State {
        var directory: [UInt8]
        /// The file whose records come: its index, its entry, where its first record of attributes is.
        var fileIndex: Int32 = 0
        var entry: UInt32?
        var stream: BaculaStream?
        var dataBytes: UInt64 = 0
        var start = BaculaMemberReader.Start()
        /// A record that goes on in the next block: its stream, what is missing, and its bytes if they are of use.
        var openStream: Int32 = 0
        var missingBytes = 0
        var gathered: [UInt8] = []
        var isComplete = false
    }

    private let files: [any TapeFileBytes]
    private let builder: ContentTableBuilder
    private var sessions: [BaculaBlock.Session: State] = [:]
    private var names: Set<[UInt8]> = []
    private var damagedBlocks = 0
    private var strayRecords = 0

    private init(_ files: [any TapeFileBytes], limits: ContentLimits) {
        self.files = files
        builder = ContentTableBuilder(limits: limits)
    }

    /// - Parameter files: the tape files of the volume, in order.
    static func contents(of files: [any TapeFileBytes], limits: ContentLimits) throws(FormatError) -> ContentTable {
        var listing = BaculaListing(files, limits: limits)
        do {
            try listing.scan()
        } catch {
            guard !listing.sessions.isEmpty else { throw error }
            listing.builder.problem("what is behind cannot be read: \(error)")
        }
        listing.sayWhatIsOpen()
        return listing.builder.finish { member throws(FormatError) in
            guard let start = BaculaMemberReader.Start(locator: member.locator, second: member.second) else {
                throw .malformed("file \(member.number) has no place on the volume")
            }
            return BaculaMemberReader(files, start: start, lengthBytes: member.entry.lengthBytes)
        }
    }

    private mutating func scan() throws(FormatError) {
        var blocks = BaculaBlocks(files)
        while !builder.isFull, let block = try blocks.read() {
            if blocks.skippedBytes > 0 {
                builder.problem("\(blocks.skippedBytes) bytes before block \(block.number) are no blocks of Bacula")
            }
            guard blocks.isIntact else {
                damagedBlocks += 1
                builder.problem(
                    "block \(block.number) of session \(block.session.number) has a wrong sum: its records are left out"
                )
                continue
            }
            take(block, blocks.bytes, blocks.position)
        }
    }

    private mutating func take(_ block: BaculaBlock, _ bytes: [UInt8], _ position: BaculaBlocks.Position) {
        var offset = BaculaBlock.headerBytes
        while let record = BaculaRecord(bytes, at: offset, end: block.sizeBytes) {
            if record.fileIndex < 0 {
                takeLabel(record, block.session, bytes)
            } else if record.fileIndex > 0 {
                takeRecord(record, block.session, bytes, at: (position, offset))
            }
            offset = record.range.upperBound
        }
    }

    // MARK: Labels

    private mutating func takeLabel(_ record: BaculaRecord, _ session: BaculaBlock.Session, _ bytes: [UInt8]) {
        guard let kind = BaculaLabelKind(rawValue: record.fileIndex) else { return }
        switch kind {
        case .preLabel, .volume, .endOfMedium: break
        case .startOfSession:
            guard sessions[session] == nil, let label = BaculaSessionLabel(Array(bytes[record.range]), kind: kind)
            else { return }
            open(session, named: label.job.isEmpty ? nil : label.job)
        case .endOfSession:
            guard var state = sessions[session] else { return }
            endFile(&state)
            state.isComplete = true
            sessions[session] = state
        }
    }

    /// Makes the session's directory; a second one of the same name gets its number.
    private mutating func open(_ session: BaculaBlock.Session, named name: String?) {
        guard sessions.count < Self.maximumSessions else {
            return builder.problem("only \(Self.maximumSessions) sessions are listed")
        }
        let text = name ?? "session-\(session.number)-\(session.time)"
        var bytes = Array(text.utf8).map { $0 == UInt8(ascii: "/") || $0 == 0 ? UInt8(ascii: "_") : $0 }
        if names.contains(bytes) || bytes == Array("..".utf8) || bytes == Array(".".utf8) {
            bytes += Array(".\(session.number)-\(session.time)".utf8)
        }
        names.insert(bytes)
        var entry = ContentEntry(kind: .directory, permissions: 0o755)
        entry.modifiedNanoseconds = Int64(session.time) * 1_000_000_000
        builder.add(name: bytes, in: 0, entry)
        sessions[session] = State(directory: bytes)
    }

    // MARK: Records

    private mutating func takeRecord(
        _ record: BaculaRecord,
        _ session: BaculaBlock.Session,
        _ bytes: [UInt8],
        at place: (block: BaculaBlocks.Position, record: Int)
    ) {
        if sessions[session] == nil {
            open(session, named: nil)
            builder.problem("session \(session.number) began on a volume before this one")
        }
        guard var state = sessions.removeValue(forKey: session) else { return }
        defer { sessions[session] = state }
        if record.isContinuation {
            goOn(record, &state, bytes)
        } else {
            if state.missingBytes > 0 {
                builder.problem("a record of file \(state.fileIndex) of session \(session.number) breaks off")
            }
            begin(record, &state, bytes, place)
        }
    }

    private mutating func begin(
        _ record: BaculaRecord,
        _ state: inout State,
        _ bytes: [UInt8],
        _ place: (block: BaculaBlocks.Position, record: Int)
    ) {
        state.openStream = record.stream
        state.missingBytes = record.missingBytes
        state.gathered = []
        if record.type == 1 || record.type == 5 {
            endFile(&state)
            state.fileIndex = record.fileIndex
            state.start = BaculaMemberReader.Start(place.block, record: place.record)
            guard record.lengthBytes <= BaculaAttributes.maximumBytes else {
                return builder.problem("file \(record.fileIndex) has \(record.lengthBytes) bytes of attributes")
            }
            state.gathered = Array(bytes[record.range])
            if record.missingBytes == 0 { addFile(&state) }
        } else if record.fileIndex == state.fileIndex {
            account(record, &state)
        } else if BaculaStream(type: record.type) != nil {
            strayRecords += 1
        }
    }

    private mutating func goOn(_ record: BaculaRecord, _ state: inout State, _ bytes: [UInt8]) {
        guard record.stream.magnitude == state.openStream.magnitude, record.fileIndex == state.fileIndex,
            record.lengthBytes == state.missingBytes
        else {
            // Of a file that began before, or whose last block is damaged.
            if state.fileIndex == 0 || state.missingBytes == 0 {
                if BaculaStream(type: record.type) != nil { strayRecords += 1 }
            } else {
                builder.problem("a record of file \(state.fileIndex) goes on with another's bytes")
            }
            state.missingBytes = 0
            return
        }
        state.missingBytes = record.missingBytes
        if record.type == 1 || record.type == 5 {
            guard !state.gathered.isEmpty else { return }
            state.gathered += bytes[record.range]
            if record.missingBytes == 0 { addFile(&state) }
        } else if state.stream?.packing == .plain, state.stream?.hasOffsets == false {
            state.dataBytes += UInt64(record.range.count)
        }
    }

    /// Bytes of a file, or something else that goes with it.
    private func account(_ record: BaculaRecord, _ state: inout State) {
        guard state.entry != nil, let stream = BaculaStream(type: record.type) else { return }
        if state.stream == nil { state.stream = stream }
        if state.stream?.packing == .plain, state.stream?.hasOffsets == false {
            state.dataBytes += UInt64(record.range.count)
        }
    }

    private mutating func addFile(_ state: inout State) {
        defer { state.gathered = [] }
        guard let attributes = BaculaAttributes(state.gathered) else {
            return builder.problem("the attributes of file \(state.fileIndex) are not readable")
        }
        let path = state.directory + [UInt8(ascii: "/")] + attributes.path
        switch attributes.kind {
        case .none: return
        case .hardLink:
            let target = state.directory + [UInt8(ascii: "/")] + attributes.target
            builder.addHardLink(path: path, to: target, attributes.entry)
        case .file:
            state.entry = builder.add(
                path: path,
                attributes.entry,
                locator: state.start.locator,
                second: state.start.second
            )
        case .directory, .symbolicLink, .special:
            builder.add(path: path, attributes.entry, linkTarget: attributes.target)
        }
    }

    /// A plain file is as long as its bytes here, whatever its attributes said when the backup of it began.
    private func endFile(_ state: inout State) {
        defer {
            state.entry = nil
            state.stream = nil
            state.dataBytes = 0
            state.fileIndex = 0
            state.missingBytes = 0
        }
        guard let entry = state.entry, let stream = state.stream, stream == BaculaStream(type: 2) else { return }
        builder.setLocator(
            entry,
            locator: state.start.locator,
            second: state.start.second,
            lengthBytes: state.dataBytes
        )
    }

    private mutating func sayWhatIsOpen() {
        for (session, state) in sessions.sorted(by: { $0.key < $1.key }) where !state.isComplete {
            var state = state
            endFile(&state)
            builder.problem(
                "session \(session.number) does not end here: it goes on on another volume, or it broke off"
            )
        }
        if strayRecords > 0 {
            builder.problem("\(strayRecords) records are of files whose beginning is not here")
        }
        if damagedBlocks > 0 { builder.problem("\(damagedBlocks) blocks are damaged in all") }
    }
}
