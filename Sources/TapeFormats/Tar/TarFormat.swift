// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams

/// The rows of tar: with the magic of POSIX or GNU, and old ones that have a checksum alone.
enum TarFormat {
    static let name = "tar"
    static let row = FormatRow(name, recognise: { recognise($0, old: false) }, open: open)
    static let oldRow = FormatRow(name, recognise: { recognise($0, old: true) }, open: open)

    private static func open(_ request: ContentRequest) throws(FormatError) -> any ArchiveContents {
        let file = request.file
        return try TarContents.open(file, request.limits) { file }
    }

    private static func recognise(_ probe: FormatProbe, old: Bool) -> Recognition? {
        guard probe.head.count >= 512, let check = TarHeaderCheck(Array(probe.head.prefix(512))),
            (check == .old) == old
        else { return nil }
        var recognition = Recognition(format: name, title: title(probe.head, check), isBrowsable: true)
        if let listing = try? firstMember(probe.file) {
            switch listing.content {
            case .label: recognition.facts.append(.init("volume label", ContentNames.shown(listing.path)))
            default: recognition.facts.append(.init("first member", ContentNames.shown(listing.path)))
            }
            if listing.missingBytes > 0 {
                recognition.facts.append(.init("continues at byte", "\(listing.missingBytes) of its first file"))
            }
        }
        return recognition
    }

    private static func title(_ head: [UInt8], _ check: TarHeaderCheck) -> String {
        switch check {
        case .old: "tar archive (before POSIX)"
        case .gnu: "tar archive (GNU)"
        case .posix:
            head[156] == UInt8(ascii: "x") || head[156] == UInt8(ascii: "g")
                ? "tar archive (pax)" : "tar archive (ustar)"
        }
    }

    private static func firstMember(_ file: any TapeFileBytes) throws -> TarMember? {
        var listing = try TarListing(
            TapeFileSource(OffsetBytes([.init(file, lengthBytes: UInt64(FormatProbe.maximumBytes))]))
        )
        return try listing.member(at: 0)
    }
}
