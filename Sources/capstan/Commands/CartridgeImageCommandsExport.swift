// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import Console
import DiskIO
import Foundation
import ManagementAPI
import Synchronization
import TapeImages

struct CartridgeExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a cartridge into a tape image: SIMH, AWSTAPE, HET, or a directory.",
        discussion: """
            The image keeps every record's length and every filemark. Formats: `tap` (SIMH), `aws` (AWSTAPE), `het` \
            (Hercules, compressed), `directory` (a file for each tape file, and an index; keeps partitions and \
            attributes too). The end of FILE says which (.tap, .aws, .het, a slash), or --format does. FILE `-` is \
            standard output. The cartridge must not be in a drive.

            A record that cannot be read is written as a damaged one, with what can be read of it, in the formats \
            that can say so (tap, directory).
            """
    )

    @Argument(help: "Barcode of the cartridge.")
    var barcode: String

    @Argument(help: "The image; must not exist.")
    var file: String

    @Option(help: "Format of the image: tap, aws, het or directory.", transform: Self.writableFormat)
    var format: ImageFormat?

    @Option(help: "The partition to write, in formats that hold one.")
    var partition: Int?

    @Option(help: "How a HET image is compressed: zlib, bzip2 or none.")
    var compression = ImageCompression.zlib

    @Flag(help: "Leave damaged records out of a format that cannot hold them.")
    var omitDamaged = false

    @Flag(help: "Replace the file when it exists.")
    var force = false

    @OptionGroup var source: ImageStoreOptions
    @OptionGroup var options: ClientOptions

    private static func writableFormat(_ name: String) throws -> ImageFormat {
        guard let format = ImageFormat(rawValue: name), ImageFormat.writable.contains(format) else {
            throw ValidationError("\"\(name)\" is no format that can be written: tap, aws, het, directory")
        }
        return format
    }

    func run() async throws {
        let format = try chosenFormat()
        let export = Mutex(makeExport(format))
        let progress = Mutex(ProgressLine("export \(barcode)"))
        let take = { @Sendable (piece: [UInt8]) throws(APIError) in
            let (done, total) = try export.withLock { (export) throws(APIError) in
                try APIError.translating { () throws(ImageError) in try export.take(piece) }
                return export.progress
            }
            progress.withLock { $0.show(done: done, total: total) }
        }
        let report: ExportedImage
        do {
            if let store = source.store {
                let barcode = barcode
                try await OfflineStore.withStore(store) { store throws(APIError) in
                    try store.readOut(barcode, take: take)
                }
            } else {
                try await options.client.download(APIPath.cartridge(barcode, "contents")) { try take($0) }
            }
            report = try export.withLock { (export) throws(APIError) in
                try APIError.translating { () throws(ImageError) in try export.finish() }
                return ExportedImage(export, barcode: barcode, file: file, format: format)
            }
        } catch {
            export.withLock { $0.discard() }
            throw error
        }
        progress.withLock { $0.finish(report.summary) }
        for note in report.notes { Output.standard.narrate("note: \(note)") }
        guard file != "-", options.output.json else { return }
        try Output.standard.json(report)
    }

    private func chosenFormat() throws(APIError) -> ImageFormat {
        if let format { return format }
        if file == "-" { return .tap }
        guard let found = ImageFormat(fileName: file) else {
            throw APIError(
                .invalid,
                "the name \(file) does not say what image it shall be",
                hint: "end it in .tap, .aws, .het or a slash, or add --format tap, aws, het or directory"
            )
        }
        guard ImageFormat.writable.contains(found) else {
            throw APIError(.invalid, "\(found.name)s are read only", hint: "--format tap writes nearly the same")
        }
        return found
    }

    private func makeExport(_ format: ImageFormat) -> ImageExport {
        var exportOptions = ImageExport.Options()
        exportOptions.partition = partition
        exportOptions.omitsDamaged = omitDamaged
        exportOptions.compression = compression
        exportOptions.replaces = force
        let (file, wanted) = (file, exportOptions)
        return ImageExport(format, options: wanted) { (tape) throws(ImageError) in
            try ImageFiles.writer(
                format,
                to: file,
                on: POSIXDisk(),
                tape: tape,
                options: wanted,
                standardOutput: file == "-" ? StandardOutput() : nil
            )
        }
    }
}

struct ImageStoreOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Use this store directly, without a daemon.", valueName: "dir"))
    var store: String?
}

/// What `cartridge export --json` prints.
struct ExportedImage: Codable {
    var barcode: String
    var file: String
    var format: String
    /// Of all records.
    var bytes: UInt64
    var records: UInt64
    var filemarks: UInt64
    /// Those of the records that could not be read; they are damaged in the image too.
    var damagedRecords: UInt64
    var omittedRecords: UInt64
    var notes: [String]

    init(_ export: ImageExport, barcode: String, file: String, format: ImageFormat) {
        self.barcode = barcode
        self.file = file
        self.format = format.rawValue
        bytes = export.tally.bytes
        records = export.tally.records
        filemarks = export.tally.filemarks
        damagedRecords = export.tally.damagedRecords
        omittedRecords = export.omittedRecords
        notes = export.notes
    }

    var summary: String {
        let damaged = damagedRecords > 0 ? " (\(damagedRecords) damaged)" : ""
        return "\(barcode): \(Plural.of(records, "record"))\(damaged) and \(Plural.of(filemarks, "filemark")), "
            + "\(ByteSize.text(bytes)), written to \(file)"
    }
}

extension ImageFormat: ExpressibleByArgument {}
extension ImageCompression: ExpressibleByArgument {}

/// An image that another program reads from us.
final class StandardOutput: ImageOutput {
    func write(_ bytes: [UInt8]) throws(ImageError) {
        do { try FileHandle.standardOutput.write(contentsOf: Data(bytes)) } catch {
            throw .disk(DiskError(operation: "write", path: "standard output", code: EPIPE))
        }
    }

    func finish() throws(ImageError) {}
    func discard() {}
}

extension APIError {
    /// Runs `body` and turns its failure into one that commands show.
    static func translating<Result>(_ body: () throws(ImageError) -> Result) throws(APIError) -> Result {
        do throws(ImageError) { return try body() } catch { throw APIError(error) }
    }

    init(_ error: ImageError) {
        let code: ErrorCode =
            switch error {
            case .malformed: .damaged
            case .unsupported, .cannotHold, .notRecognised: .invalid
            case .disk(let disk) where disk.isOutOfSpace: .outOfSpace
            case .disk(let disk) where disk.isNotFound: .notFound
            case .disk(let disk) where disk.code == EEXIST: .refused
            case .disk(let disk) where disk.code == EACCES: .permission
            case .disk: .failure
            }
        if case .disk(let disk) = error, disk.code == EEXIST {
            self.init(code, "\(disk.path) exists", hint: "take another name, or --force to replace it")
        } else {
            self.init(code, error.description, hint: error.hint)
        }
    }
}
