// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// Tells what an image is from its contents, and from its name only where the contents may be several things.
enum ImageRecogniser {
    /// Bytes of an image that are looked at.
    private static let lookBytes: UInt64 = 4 << 20

    static func format(of path: String, on disk: any Disk) throws(ImageError) -> ImageFormat {
        if (try? disk.list(path)) != nil { return try folder(path, on: disk) }
        let named = ImageFormat(fileName: path)
        let candidates = [ImageFormat.aws, .tap].filter { fits(path, $0, on: disk) }
        switch candidates {
        case []:
            // Its own reader says best what is wrong with a damaged one.
            if let named, !named.isFolder, try ImageInput(path, on: disk).length > 0 { return named }
            throw try stranger(path, on: disk)
        case [.aws]: return .aws
        case [.tap]: return named == .e11 ? .e11 : .tap
        default:
            if let named, !named.isFolder { return named }
            throw .notRecognised(file: path, hint: "it may be several things: say which with --format")
        }
    }

    private static func folder(_ path: String, on disk: any Disk) throws(ImageError) -> ImageFormat {
        if disk.exists(path + "/" + TapeFolder.descriptionName) { return .directory }
        if MHVTLReader.recognises(path, on: disk) { return .mhvtl }
        throw .notRecognised(
            file: path,
            hint: "a directory has to have a \(TapeFolder.descriptionName), or be a cartridge of mhvtl (data, indx)"
        )
    }

    /// Whether the beginning of a file is an image of this format.
    private static func fits(_ path: String, _ format: ImageFormat, on disk: any Disk) -> Bool {
        guard let reader = try? ImageFiles.reader(path, format: format, on: disk) else { return false }
        var record: [UInt8] = []
        for _ in 0..<ImageLimits.recognisedObjects {
            guard let object = try? reader.next(into: &record) else { return false }
            if object == .endOfMedium || reader.position.done > lookBytes { break }
        }
        return true
    }

    private static let signatures: [([UInt8], String)] = [
        ([0x1F, 0x8B], "it is compressed: unpack it with gunzip first"),
        (Array("BZh".utf8), "it is compressed: unpack it with bunzip2 first"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "it is compressed: unpack it with unxz first"),
        ([0x28, 0xB5, 0x2F, 0xFD], "it is compressed: unpack it with unzstd first"),
        (Array("PK\u{3}\u{4}".utf8), "it is a ZIP archive: unpack it first"),
        (Array("@TDF".utf8), "it is a Hercules OMA description; Hercules' tapecopy or hetupd makes an AWS image of it"),
        (Array("0000".utf8), "it may be a FLEX-ES FakeTape; Hercules reads those and can write an AWS image"),
    ]

    private static func stranger(_ path: String, on disk: any Disk) throws(ImageError) -> ImageError {
        let input = try ImageInput(path, on: disk)
        var begin: [UInt8] = []
        try input.append(Int(min(input.length, 16)), to: &begin, of: "the file", from: 0)
        let known = signatures.first { begin.starts(with: $0.0) }
        let hint = known?.1 ?? "known are SIMH, E11, AWSTAPE and HET images, tape directories and cartridges of mhvtl"
        return .notRecognised(
            file: path,
            hint: begin.isEmpty ? "it is empty; --format says what it is meant to be" : hint
        )
    }
}
