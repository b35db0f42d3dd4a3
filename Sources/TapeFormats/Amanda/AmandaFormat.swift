// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Tape files and volumes of Amanda: what a dump holds is listed by whoever knows its program's format.
enum AmandaFormat {
    static let row = FormatRow(
        "amanda",
        recognise: { (probe) throws(FormatError) in try recognise(probe) },
        open: { (request) throws(FormatError) in
            guard let place = request.place, let volume = request.volume else {
                return try contents([request.file], limits: request.limits, nesting: request.nesting)
            }
            let files = try parts(from: place, of: volume)
            return try contents(
                files.isEmpty ? [request.file] : files,
                limits: request.limits,
                nesting: request.nesting
            )
        }
    )
    static let volumeRow = VolumeRow(
        "amanda",
        recognise: { (volume) throws(FormatError) in try recogniseVolume(volume) },
        open: { (volume, _, limits) throws(FormatError) in try volumeContents(volume, limits) }
    )

    /// Tape files that are looked at for parts and dumps.
    static let maximumTapeFiles: UInt64 = 100_000

    private static func recognise(_ probe: FormatProbe) throws(FormatError) -> Recognition? {
        guard let header = AmandaHeader(probe.head) else { return nil }
        var recognition = Recognition(format: "amanda", title: header.title, facts: header.facts)
        switch header.kind {
        case .label, .end: break
        case .dump, .part: recognition.isBrowsable = (header.part ?? 1) == 1 && !header.isEncrypted
        case .continued: recognition.isBrowsable = false
        }
        if header.isPartial { recognition.problems.append("Amanda noted that this dump is not complete") }
        return recognition
    }

    // MARK: Payload

    /// Where what is behind the header begins: at the second record as a rule.
    static func payloadOffset(_ file: any TapeFileBytes) throws(FormatError) -> UInt64 {
        let header = UInt64(AmandaHeader.bytes)
        guard let first = try file.record(0), first.lengthBytes > AmandaHeader.bytes else { return header }
        // A header that fills a longer record is zeros to its end.
        let rest = try file.bytes(min(first.lengthBytes, 1 << 20) - AmandaHeader.bytes, at: header)
        return rest.allSatisfy { $0 == 0 } ? UInt64(first.lengthBytes) : header
    }

    /// What the parts of a dump hold, one behind the other.
    private static func payload(
        _ files: [any TapeFileBytes],
        header: AmandaHeader?
    ) throws(FormatError) -> OffsetBytes {
        var segments: [OffsetBytes.Segment] = []
        var left = header?.payloadBytes ?? .max
        for file in files {
            let offset = try payloadOffset(file)
            let bytes = file.lengthBytes > offset ? file.lengthBytes - offset : 0
            // The last record is filled up.
            segments.append(OffsetBytes.Segment(file, from: offset, lengthBytes: min(bytes, left)))
            left -= min(bytes, left)
        }
        return try OffsetBytes(segments)
    }

    private static func header(_ file: any TapeFileBytes) throws(FormatError) -> AmandaHeader? {
        AmandaHeader(try file.bytes(AmandaHeader.bytes))
    }

    /// The tape file at `place` and those behind it that go on with its dump.
    private static func parts(
        from place: TapePlace,
        of volume: any TapeVolume
    ) throws(FormatError) -> [any TapeFileBytes] {
        guard let first = try volume.file(place.file, partition: place.partition), let header = try header(first) else {
            return []
        }
        var files: [any TapeFileBytes] = [first]
        guard header.kind == .part, let part = header.part else { return files }
        let end = min(volume.fileCount(partition: place.partition), maximumTapeFiles)
        var number = place.file + 1
        while number < end, let file = try volume.file(number, partition: place.partition) {
            guard file.lengthBytes > 0, let next = try self.header(file), next.kind == .part,
                next.isSameDump(as: header), next.part == part + files.count
            else { break }
            files.append(file)
            number += 1
        }
        return files
    }

    private static func contents(
        _ files: [any TapeFileBytes],
        limits: ContentLimits,
        nesting: Int
    ) throws(FormatError) -> any ArchiveContents {
        let payload = try payload(
            files,
            header: try files.first.flatMap { file throws(FormatError) in try header(file) }
        )
        let inner = Recogniser.recognise(payload, nesting: nesting + 1)
        if let inner, inner.isBrowsable {
            return try ArchiveOpener.contents(of: payload, recognised: inner, limits: limits, nesting: nesting + 1)
        }
        // Of a program we do not know, or encrypted: as it is.
        let builder = ContentTableBuilder(limits: limits)
        builder.problem(
            inner.map { "its contents are not listed: \($0.title)" } ?? "its contents are of no format that we know"
        )
        builder.add(
            path: Array("payload".utf8),
            ContentEntry(kind: .regular, permissions: 0o444, lengthBytes: payload.lengthBytes)
        )
        return builder.finish { member throws(FormatError) in
            RangeReader(payload, offset: 0, lengthBytes: member.entry.lengthBytes)
        }
    }

    // MARK: Volumes

    private static func recogniseVolume(_ volume: any TapeVolume) throws(FormatError) -> Recognition? {
        guard let file = try volume.file(0, partition: 0), file.lengthBytes > 0, let header = try header(file),
            header.kind == .label
        else { return nil }
        return Recognition(format: "amanda", title: header.title, facts: header.facts, isBrowsable: true)
    }

    /// A dump on this volume.
    private struct Dump {
        var header: AmandaHeader
        var files: [any TapeFileBytes]
        var firstFile: UInt64
        var lastPart: Int
    }

    /// One directory for each dump: host, disk with `_` for `/`, date and level.
    private static func volumeContents(
        _ volume: any TapeVolume,
        _ limits: ContentLimits
    ) throws(FormatError) -> any ArchiveContents {
        let builder = ContentTableBuilder(limits: limits)
        var parts: [ComposedContents.Part] = []
        for dump in try dumps(volume, builder) {
            guard parts.count < ComposedContents.maximumParts else {
                builder.problem("only the first \(ComposedContents.maximumParts) dumps are listed")
                break
            }
            let path = path(dump.header)
            var name = path
            if builder.find(Array(name.utf8)) != nil { name += ".file-\(dump.firstFile)" }
            let entry = ContentEntry(kind: .directory, permissions: 0o755, modifiedNanoseconds: time(dump.header))
            guard let directory = builder.add(path: Array(name.utf8), entry) else { continue }
            let files = dump.files
            parts.append(
                ComposedContents.Part(directory: directory, name: name) { () throws(FormatError) in
                    try contents(files, limits: limits, nesting: 0)
                }
            )
        }
        let frame = builder.finish { _ throws(FormatError) in throw .stale }
        return ComposedContents(frame: frame, parts: parts, limits: limits)
    }

    private static func path(_ header: AmandaHeader) -> String {
        func name(_ text: String) -> String {
            let safe = text.replacing("/", with: "_")
            return safe.isEmpty || safe == "." || safe == ".." ? "_\(safe)" : safe
        }
        return "\(name(header.host))/\(name(header.disk))/\(name(header.date))-\(header.level ?? 0)"
    }

    private static func time(_ header: AmandaHeader) -> Int64 {
        let digits = header.date.utf8.map { Int($0) - 0x30 }
        guard digits.count == 8 || digits.count == 14, digits.allSatisfy({ (0...9).contains($0) }) else { return 0 }
        func number(_ range: Range<Int>) -> Int {
            range.upperBound <= digits.count ? digits[range].reduce(0) { $0 * 10 + $1 } : 0
        }
        let seconds = UTCText.seconds(
            year: number(0..<4),
            month: number(4..<6),
            day: number(6..<8),
            hour: number(8..<10),
            minute: number(10..<12),
            second: number(12..<14)
        )
        return seconds.map { ContentEntry.nanoseconds($0) } ?? 0
    }

    private static func dumps(
        _ volume: any TapeVolume,
        _ builder: ContentTableBuilder
    ) throws(FormatError) -> [Dump] {
        var dumps: [Dump] = []
        for number in 0..<min(volume.fileCount(partition: 0), maximumTapeFiles) {
            guard let file = try volume.file(number, partition: 0), file.lengthBytes > 0 else { continue }
            let header: AmandaHeader?
            do {
                header = try self.header(file)
            } catch {
                builder.problem("tape file \(number + 1) cannot be read: \(error)")
                continue
            }
            guard let header else { continue }
            switch header.kind {
            case .label, .end: continue
            case .dump, .part, .continued: break
            }
            if header.kind == .part, let part = header.part, part > 1, let last = dumps.indices.last,
                dumps[last].header.isSameDump(as: header), dumps[last].lastPart == part - 1
            {
                dumps[last].files.append(file)
                dumps[last].lastPart = part
                continue
            }
            let part = header.part ?? 1
            if part > 1 || header.kind == .continued {
                builder.problem("\(header.title): what comes before it is not on this volume")
            }
            dumps.append(Dump(header: header, files: [file], firstFile: number, lastPart: part))
        }
        for dump in dumps { try sayWhatIsMissing(dump, builder) }
        return dumps
    }

    private static func sayWhatIsMissing(_ dump: Dump, _ builder: ContentTableBuilder) throws(FormatError) {
        if dump.header.isPartial { builder.problem("\(dump.header.title): Amanda noted that it is not complete") }
        guard dump.header.kind == .part, dump.header.part == 1 else { return }
        if let parts = dump.header.parts, parts > dump.lastPart {
            builder.problem("\(dump.header.title): \(parts - dump.lastPart) of its parts are not on this volume")
        } else if let bytes = dump.header.payloadBytes {
            var here: UInt64 = 0
            for file in dump.files {
                let offset = try payloadOffset(file)
                here += file.lengthBytes > offset ? file.lengthBytes - offset : 0
            }
            if here < bytes {
                builder.problem("\(dump.header.title): its last \(bytes - here) bytes are not on this volume")
            }
        }
    }
}
