// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What a record of negative file index is.
enum BaculaLabelKind: Int32 {
    case preLabel = -1
    case volume = -2
    case endOfMedium = -3
    case startOfSession = -4
    case endOfSession = -5
}

/// Reads a label's fields: numbers big-endian, texts closed by a zero.
private struct BaculaLabelFields {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func number32() -> UInt32? {
        guard let value = bytes.bigEndian32(at: offset) else { return nil }
        offset += 4
        return value
    }

    mutating func number64() -> UInt64? {
        guard let value = bytes.bigEndian64(at: offset) else { return nil }
        offset += 8
        return value
    }

    mutating func text() -> String? {
        guard offset < bytes.count, let end = bytes[offset...].firstIndex(of: 0) else { return nil }
        defer { offset = end + 1 }
        return FieldText.trimmed(bytes[offset..<end])
    }

    /// Microseconds since 1970 (from version 11 on), else a Julian day and its part, which nobody reads any more.
    mutating func time(version: UInt32) -> Int64?? {
        guard let value = number64() else { return nil }
        return .some(version >= 11 ? Int64(exactly: value).map { $0 / 1_000_000 } : nil)
    }
}

/// Identifies the label: the first text in it.
private func baculaFamily(_ id: String) -> String? {
    if id.hasPrefix("Bareos ") { return "Bareos" }
    return id.hasPrefix("Bacula ") ? "Bacula" : nil
}

/// The label at the beginning of a volume ("Volume Label Format").
struct BaculaVolumeLabel: Equatable {
    /// Which of the two wrote it.
    var family: String
    var version: UInt32
    /// Seconds since 1970.
    var labelled: Int64?
    var written: Int64?
    var volume: String
    var previousVolume: String
    var pool: String
    var poolType: String
    var mediaType: String
    var host: String
    var program: String
    var programVersion: String

    init?(_ bytes: [UInt8]) {
        var fields = BaculaLabelFields(bytes)
        guard let id = fields.text(), let family = baculaFamily(id), let version = fields.number32(),
            let labelled = fields.time(version: version), let written = fields.time(version: version),
            // A date and a time as floating point, zero from version 11 on.
            fields.number64() != nil, fields.number64() != nil,
            let volume = fields.text(), let previous = fields.text(), let pool = fields.text(),
            let poolType = fields.text(), let mediaType = fields.text(), let host = fields.text(),
            let program = fields.text(), let programVersion = fields.text()
        else { return nil }
        self.family = family
        self.version = version
        self.labelled = labelled
        self.written = written
        self.volume = volume
        previousVolume = previous
        self.pool = pool
        self.poolType = poolType
        self.mediaType = mediaType
        self.host = host
        self.program = program
        self.programVersion = programVersion
    }

    var facts: [Recognition.Fact] {
        var facts: [Recognition.Fact] = [
            .init("volume", volume), .init("pool", pool), .init("pool type", poolType), .init("media type", mediaType),
        ]
        if !previousVolume.isEmpty { facts.append(.init("previous volume", previousVolume)) }
        if let labelled, let text = UTCText.text(seconds: labelled) { facts.append(.init("labelled", text)) }
        if let written, written != 0, let text = UTCText.text(seconds: written) { facts.append(.init("written", text)) }
        facts += [
            .init("host", host), .init("written by", program), .init("program version", programVersion),
            .init("label version", "\(version)"),
        ]
        return facts.filter { !$0.value.isEmpty }
    }
}

/// The label at the beginning and at the end of a session ("Session Label").
struct BaculaSessionLabel: Equatable {
    /// Only in the one at the end.
    struct End: Equatable {
        var files: UInt32
        var bytes: UInt64
        var errors: UInt32
        /// `T` is a job that ended well.
        var status: Character?
    }

    var family: String
    var jobNumber: UInt32
    var written: Int64?
    var pool: String
    /// The job's name, and that of this run of it, which has its date in it.
    var jobName: String
    var job: String
    var client: String
    var fileSet: String
    var type: Character?
    var level: Character?
    var end: End?

    init?(_ bytes: [UInt8], kind: BaculaLabelKind) {
        var fields = BaculaLabelFields(bytes)
        guard let id = fields.text(), let family = baculaFamily(id), let version = fields.number32(),
            let jobNumber = fields.number32(), let written = fields.time(version: version), fields.number64() != nil,
            let pool = fields.text(), fields.text() != nil, let jobName = fields.text(), let client = fields.text()
        else { return nil }
        self.family = family
        self.jobNumber = jobNumber
        self.written = written
        self.pool = pool
        self.jobName = jobName
        self.client = client
        job = jobName
        fileSet = ""
        guard version >= 10 else { return }
        guard let job = fields.text(), let fileSet = fields.text(), let type = fields.number32(),
            let level = fields.number32()
        else { return nil }
        self.job = job
        self.fileSet = fileSet
        self.type = Self.letter(type)
        self.level = Self.letter(level)
        if version >= 11, fields.text() == nil { return nil }
        guard kind == .endOfSession, let files = fields.number32(), let bytes = fields.number64(),
            // First and last block, first and last file.
            fields.number64() != nil, fields.number64() != nil, let errors = fields.number32()
        else { return }
        end = End(files: files, bytes: bytes, errors: errors, status: fields.number32().flatMap(Self.letter))
    }

    private static func letter(_ value: UInt32) -> Character? {
        (0x21..<0x7F).contains(value) ? UnicodeScalar(value).map(Character.init) : nil
    }

    var levelText: String? {
        switch level {
        case "F": "full"
        case "D": "differential"
        case "I": "incremental"
        case "B": "base"
        case "f": "virtual full"
        case .some(let letter): "\(letter)"
        case nil: nil
        }
    }

    /// One line: what a person wants to know of a session.
    var summary: String {
        var words = "\(job), client \(client)"
        if let levelText { words += ", \(levelText)" }
        if let written, let date = UTCText.text(seconds: written) { words += ", \(date)" }
        if let end {
            words += ", \(end.files) files, \(end.bytes) bytes"
            if let status = end.status, status != "T" { words += ", ended with status \(status)" }
            if end.errors > 0 { words += ", \(end.errors) errors" }
        }
        return words
    }
}
