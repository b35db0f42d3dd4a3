// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import Console
import DiskIO
import ManagementAPI
import Synchronization
import TapeImages

struct CartridgeImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Fill a cartridge from a tape image.",
        discussion: """
            SIMH (.tap) and E11 images, AWSTAPE (.aws), HET, directories that `export` wrote, and cartridges of mhvtl \
            are told apart by their contents; --format is for what could be several. What was on the cartridge is \
            lost, but only once the whole image was read and fits. The cartridge must exist, be writable and not be \
            in a drive.

            A record that the image marks as bad becomes one that every read reports as a medium error.
            """
    )

    @Argument(help: "Barcode of the cartridge.")
    var barcode: String

    @Argument(help: "The image.")
    var file: String

    @Option(help: "Format of the image.")
    var format: ImageFormat?

    @OptionGroup var source: ImageStoreOptions
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let reader = try APIError.translating { () throws(ImageError) in
            try ImageFiles.reader(file, format: format, on: POSIXDisk())
        }
        let image = Mutex(ImageImport(reader))
        let progress = Mutex(ProgressLine("import \(barcode)"))
        let next = { @Sendable () throws(APIError) -> [UInt8]? in
            let (piece, position) = try image.withLock { (image) throws(APIError) in
                let piece = try APIError.translating { () throws(ImageError) in
                    try image.next(about: ManagementAPI.imageChunkBytes)
                }
                return (piece, image.reader.position)
            }
            progress.withLock { $0.show(done: position.done, total: position.total) }
            return piece
        }
        let answer: ImageReport
        if let store = source.store {
            let barcode = barcode
            answer = try await OfflineStore.withStore(store) { store throws(APIError) in
                try store.fill(barcode, next: next)
            }
        } else {
            answer = try await options.client.upload(
                APIPath.cartridge(barcode, "contents"),
                next: { try next() },
                as: ImageReport.self
            )
        }
        let report = image.withLock { ImportedImage(answer, $0, file: file) }
        progress.withLock { $0.finish(report.summary) }
        for note in report.notes { Output.standard.narrate("note: \(note)") }
        if options.output.json { try Output.standard.json(report) }
    }
}

/// What `cartridge import --json` prints.
struct ImportedImage: Codable {
    var barcode: String
    var file: String
    var format: String
    var records: UInt64
    var filemarks: UInt64
    var bytes: UInt64
    /// Those of the records that every read will report as damaged.
    var damagedRecords: UInt64
    /// Erased stretches of the image, which a cartridge does not have.
    var gaps: UInt64
    var gapBytes: UInt64
    var partitions: Int
    var notes: [String]

    init(_ answer: ImageReport, _ image: ImageImport, file: String) {
        barcode = answer.barcode
        self.file = file
        format = image.reader.format.rawValue
        records = answer.records
        filemarks = answer.filemarks
        bytes = answer.bytes
        damagedRecords = answer.damagedRecords
        gaps = image.tally.gaps
        gapBytes = image.tally.gapBytes
        partitions = image.reader.tape.partitions.count
        notes = image.notes
        if answer.emptyDamagedRecords > 0 {
            notes.append(Plural.of(answer.emptyDamagedRecords, "damaged record") + " of no bytes, with one byte now")
        }
        if gaps > 0 { notes.append("\(Plural.of(gaps, "erase gap")) of \(ByteSize.text(gapBytes)) left out") }
    }

    var summary: String {
        let damaged = damagedRecords > 0 ? " (\(damagedRecords) damaged)" : ""
        return "\(barcode): \(Plural.of(records, "record"))\(damaged) and \(Plural.of(filemarks, "filemark")), "
            + ByteSize.text(bytes)
    }
}
