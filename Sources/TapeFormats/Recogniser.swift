// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Tells what a tape file is, from its beginning.
package enum Recogniser {
    /// All formats, the first that says yes wins. Formats with a checksum in their header come first, then those with
    /// a long signature, then short signatures, and last the old tar that has nothing but its checksum.
    package static let rows: [FormatRow] =
        ArchiveFormats.checked + LabelFormats.rows + ArchiveFormats.signed + ArchiveFormats.guessed
    /// Formats that span tape files.
    package static let volumeRows: [VolumeRow] = LabelFormats.volumeRows

    /// Archives within one another that are looked into.
    package static let maximumNesting = 4

    /// What a tape file is; nil when no format fits, or it has no bytes. Reads its first MiB at most.
    ///
    /// What cannot be read becomes a problem of the recognition, never an error.
    ///
    /// - Parameters:
    ///   - place, volume: where it lies, for formats that look at their neighbours; nil for an archive within another.
    ///   - nesting: archives around it.
    package static func recognise(
        _ file: any TapeFileBytes,
        place: TapePlace? = nil,
        volume: (any TapeVolume)? = nil,
        nesting: Int = 0
    ) -> Recognition? {
        guard nesting <= maximumNesting, file.lengthBytes > 0 else { return nil }
        let head: [UInt8]
        do {
            head = try Self.head(of: file)
        } catch {
            return Recognition(format: "unreadable", title: "Unreadable", problems: [error.description])
        }
        let probe = FormatProbe(file: file, head: head, place: place, volume: volume, nesting: nesting)
        for row in rows {
            do {
                guard var recognition = try row.recognise(probe) else { continue }
                recognition.bound()
                if row.open == nil { recognition.isBrowsable = false }
                return recognition
            } catch {
                return Recognition(format: row.format, title: row.format, problems: [error.description])
            }
        }
        return nil
    }

    /// The first bytes; those of the first record alone when one behind it cannot be read.
    private static func head(of file: any TapeFileBytes) throws(FormatError) -> [UInt8] {
        do {
            return try file.bytes(FormatProbe.headBytes)
        } catch {
            guard let first = try file.record(0)?.lengthBytes, first < FormatProbe.headBytes else { throw error }
            return try file.bytes(first)
        }
    }

    /// What a cartridge is as a whole; nil unless a format spans its tape files.
    package static func recogniseVolume(_ volume: any TapeVolume) -> Recognition? {
        for row in volumeRows {
            do {
                guard var recognition = try row.recognise(volume) else { continue }
                recognition.bound()
                if row.open == nil { recognition.isBrowsable = false }
                return recognition
            } catch {
                return Recognition(format: row.format, title: row.format, problems: [error.description])
            }
        }
        return nil
    }
}

/// Lists what was recognised.
package enum ArchiveOpener {
    /// The contents of a tape file, or of an archive within another one.
    ///
    /// - Throws: `.opaque` for a format that is only recognised; otherwise why not even its first entry can be told.
    package static func contents(
        of file: any TapeFileBytes,
        recognised recognition: Recognition,
        limits: ContentLimits,
        place: TapePlace? = nil,
        volume: (any TapeVolume)? = nil,
        nesting: Int = 0
    ) throws(FormatError) -> any ArchiveContents {
        guard nesting <= Recogniser.maximumNesting else {
            throw .limit("archives within archives are not read deeper than \(Recogniser.maximumNesting)")
        }
        guard let open = Recogniser.rows.first(where: { $0.format == recognition.format && $0.open != nil })?.open
        else { throw .opaque("the contents of \(recognition.title) cannot be listed") }
        return try open(
            ContentRequest(
                file: file,
                recognition: recognition,
                limits: limits,
                place: place,
                volume: volume,
                nesting: nesting
            )
        )
    }

    /// The contents of a cartridge as a whole.
    package static func volumeContents(
        of volume: any TapeVolume,
        recognised recognition: Recognition,
        limits: ContentLimits
    ) throws(FormatError) -> any ArchiveContents {
        let row = Recogniser.volumeRows.first { $0.format == recognition.format && $0.open != nil }
        guard let open = row?.open else { throw .opaque("the contents of \(recognition.title) cannot be listed") }
        return try open(volume, recognition, limits)
    }
}

extension Recognition {
    /// Facts of one header.
    package static let maximumFacts = 64
    /// Bytes of a title or of a fact's value, so that a damaged header does not fill a screen.
    package static let maximumTextBytes = 1024

    /// Cuts what a hostile header made too long.
    mutating func bound() {
        func cut(_ text: String) -> String {
            text.utf8.count <= Self.maximumTextBytes ? text : String(text.prefix(Self.maximumTextBytes / 4)) + "…"
        }
        title = cut(title)
        facts = facts.prefix(Self.maximumFacts).map { Fact(cut($0.name), cut($0.value)) }
        problems = problems.prefix(Self.maximumProblems).map { cut($0) }
    }
}
