// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Tapes of NetBackup: a media header of 1 KiB, then for each backup a header of 1 KiB and an image in a form of tar.
///
/// The layout behind the media header is not published; what is not tar there is not listed.
enum NetBackupFormat {
    static let row = FormatRow(
        "netbackup",
        recognise: { (probe) throws(FormatError) in try recognise(probe) },
        open: { (request) throws(FormatError) in try open(request) }
    )
    static let headerBytes = 1024
    private static let signature = "ThIs Is A BP tApE hEaDer"

    static func isMediaHeader(_ head: [UInt8]) -> Bool {
        head.begins(with: "VOL1") && head.begins(with: signature, at: 112)
    }

    private static func recognise(_ probe: FormatProbe) throws(FormatError) -> Recognition? {
        if isMediaHeader(probe.head) {
            let name = FieldText.trimmed(probe.head.field(at: 4, width: 6))
            return Recognition(
                format: "netbackup",
                title: "NetBackup media header of \(name)",
                facts: [.init("media", name)]
            )
        }
        guard let volume = probe.volume, let place = probe.place, place.file > 0,
            try probe.firstRecordBytes() == headerBytes, probe.file.recordCount > 1,
            let first = try volume.file(0, partition: place.partition), isMediaHeader(try first.bytes(headerBytes))
        else { return nil }
        let image = try image(probe.file)
        let inner = Recogniser.recognise(image, nesting: probe.nesting + 1)
        return Recognition(
            format: "netbackup",
            title: "NetBackup image" + (inner.map { ": \($0.title)" } ?? ""),
            facts: texts(Array(probe.head.prefix(headerBytes))).map { .init("header text", $0) },
            isBrowsable: inner?.isBrowsable ?? false
        )
    }

    private static func image(_ file: any TapeFileBytes) throws(FormatError) -> OffsetBytes {
        try OffsetBytes(file, from: UInt64(headerBytes))
    }

    /// Runs of at least six characters in a header whose fields nobody has told.
    private static func texts(_ header: [UInt8]) -> [String] {
        header.split { $0 < 0x20 || $0 > 0x7E }.filter { $0.count >= 6 }.prefix(16).map { FieldText.trimmed($0) }
    }

    private static func open(_ request: ContentRequest) throws(FormatError) -> any ArchiveContents {
        let image = try image(request.file)
        guard let inner = Recogniser.recognise(image, nesting: request.nesting + 1), inner.isBrowsable else {
            throw .opaque("the image is in no form of tar that we know")
        }
        return try ArchiveOpener.contents(
            of: image,
            recognised: inner,
            limits: request.limits,
            nesting: request.nesting + 1
        )
    }
}
