// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Volumes of Bacula and Bareos: recognised by their blocks, listed as a whole.
enum BaculaVolume {
    /// Bytes of a tape file that are looked at for its first labels.
    static let lookBytes = 128 << 10
    /// Sessions whose labels are told of in facts.
    static let maximumSessionFacts = 100
    /// Tape files of a cartridge; Bacula makes one every gigabyte.
    static let maximumTapeFiles: UInt64 = 1 << 20

    /// A tape file of blocks: the volume's label, or a part of its data.
    static func recognise(_ file: any TapeFileBytes) throws(FormatError) -> Recognition? {
        guard let first = BaculaBlock(try file.bytes(BaculaBlock.headerBytes)) else { return nil }
        var blocks = BaculaBlocks([file])
        var label: BaculaVolumeLabel?
        var sessions: [BaculaSessionLabel] = []
        var problems: [String] = []
        while blocks.next.offset < UInt64(lookBytes), let block = try blocks.read() {
            guard blocks.isIntact else {
                problems = ["block \(block.number) has a wrong sum"]
                break
            }
            var offset = BaculaBlock.headerBytes
            while let record = BaculaRecord(blocks.bytes, at: offset, end: block.sizeBytes) {
                offset = record.range.upperBound
                guard let kind = BaculaLabelKind(rawValue: record.fileIndex) else { continue }
                let bytes = Array(blocks.bytes[record.range])
                switch kind {
                case .preLabel, .volume: label = label ?? BaculaVolumeLabel(bytes)
                case .startOfSession:
                    if let session = BaculaSessionLabel(bytes, kind: kind), sessions.count < maximumSessionFacts {
                        sessions.append(session)
                    }
                case .endOfMedium, .endOfSession: break
                }
            }
        }
        let family = label?.family ?? sessions.first?.family ?? "Bacula"
        let name = family == "Bareos" ? "bareos" : "bacula"
        let starts = sessions.map { Recognition.Fact("session", $0.summary) }
        if let label {
            return Recognition(
                format: "\(name)-label",
                title: "\(family) volume \(label.volume), pool \(label.pool)",
                facts: label.facts + starts,
                problems: problems
            )
        }
        let facts: [Recognition.Fact] = [
            .init("first block", "\(first.number)"), .init("block size", "\(first.sizeBytes)"),
            .init("session number", "\(first.session.number)"),
            .init("session time", UTCText.text(seconds: Int64(first.session.time)) ?? "\(first.session.time)"),
        ]
        let title = sessions.first.map { "\(family) data, session \($0.summary)" } ?? "\(family) data"
        return Recognition(format: "\(name)-data", title: title, facts: facts + starts, problems: problems)
    }

    /// A cartridge whose first tape file of blocks begins with a volume's label.
    static func recogniseVolume(_ volume: any TapeVolume) throws(FormatError) -> Recognition? {
        // ANSI or IBM labels may stand in front, a tape file of their own.
        for number in 0..<min(volume.fileCount(partition: 0), 2) {
            guard let file = try volume.file(number, partition: 0), file.lengthBytes > 0 else { continue }
            guard var recognition = try recognise(file) else { continue }
            recognition.isBrowsable = true
            recognition.format = recognition.format.hasPrefix("bareos") ? "bareos" : "bacula"
            return recognition
        }
        return nil
    }

    static func contents(
        of volume: any TapeVolume,
        limits: ContentLimits
    ) throws(FormatError) -> any ArchiveContents {
        var files: [any TapeFileBytes] = []
        for number in 0..<min(volume.fileCount(partition: 0), maximumTapeFiles) {
            guard let file = try volume.file(number, partition: 0), file.lengthBytes > 0 else { continue }
            // Labels of ANSI, and whatever else was written behind: only blocks count.
            if BaculaBlock(try file.bytes(BaculaBlock.headerBytes)) != nil { files.append(file) }
        }
        return try BaculaListing.contents(of: files, limits: limits)
    }
}
