// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The row of dump.
enum DumpTapeFormat {
    static let row = FormatRow("dump", recognise: recognise, open: open)

    static let compressedSentence =
        "its data is compressed (dump -z, -j or -y): use restore to look inside, it cannot be listed here"

    private static func recognise(_ probe: FormatProbe) -> Recognition? {
        guard probe.head.count >= DumpTapeHeader.recordBytes,
            let header = DumpTapeHeader(Array(probe.head.prefix(DumpTapeHeader.recordBytes))), header.kind == .tape
        else { return nil }
        let origin = header.isBigEndian ? "big-endian" : "little-endian"
        var facts: [Recognition.Fact] = []
        var title = "dump"
        if header.variant != .old {
            title = "dump of \(header.fileSystem) on host \(header.host), level \(header.level)"
            facts = [
                .init("host", header.host), .init("file system", header.fileSystem), .init("device", header.device),
                .init("label", header.label), .init("level", "\(header.level)"),
            ].filter { !$0.value.isEmpty }
        }
        facts.append(.init("date", UTCTime.text(header.dateSeconds)))
        if header.baseDateSeconds != 0 { facts.append(.init("changes since", UTCTime.text(header.baseDateSeconds))) }
        if header.volume > 1 { facts.append(.init("volume", "\(header.volume)")) }
        switch header.variant {
        case .new: facts.append(.init("variant", "60012, \(origin)"))
        case .old: facts.append(.init("variant", "60011 (4.2BSD), \(origin)"))
        case .second: facts.append(.init("variant", "UFS2, \(origin)"))
        }
        return Recognition(
            format: "dump",
            title: title,
            facts: facts,
            isBrowsable: !header.isCompressed,
            problems: header.isCompressed ? [compressedSentence] : []
        )
    }

    private static func open(_ request: ContentRequest) throws(FormatError) -> any ArchiveContents {
        try DumpListing.open(request.file, request.limits)
    }
}
