// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import DMA
import Foundation
import ManagementAPI

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Back up a directory to cartridges over NDMP.",
        discussion: """
            Data and tape server are the local daemon unless named; it backs up what its exports allow
            (`capstan ndmp set exports=/DIR,…`). Cartridges with room in the pool are appended to, then blank ones are
            labelled, then those whose images have all expired or were forgotten are used anew. When one is full the
            robot brings the next. Nothing else is ever overwritten, unless it is named with --cartridges and
            --overwrite.

            Exit codes: 0 complete; 3 no daemon; 4 every drive in use; 5 no such server, drive or cartridge; 6 no
            cartridge may be written, or the directory is not exported; 9 a tape error; 64 a wrong command line; 130
            ended by Ctrl-C, in order; 1 anything else.
            """
    )

    @Argument(help: "Directory on the data server.")
    var path: String

    @Option(help: ArgumentHelp("NDMP backup type: tar or dump.", valueName: "type"))
    var type = "tar"

    @Option(
        help: ArgumentHelp("0 for everything; N for what has changed since the last lower level.", valueName: "0-9")
    )
    var level = 0

    @Option(help: ArgumentHelp("File history: automatic, files, nodes or none.", valueName: "form"))
    var history = "automatic"

    @Option(help: ArgumentHelp("Leave out what matches this shell pattern; repeatable.", valueName: "pattern"))
    var exclude: [String] = []

    @Option(help: ArgumentHelp("Barcodes to write to, in this order, with commas between them.", valueName: "list"))
    var cartridges: String?

    @Option(help: ArgumentHelp("Pool that the cartridges belong to.", valueName: "name"))
    var pool = "default"

    @Option(help: ArgumentHelp("Size of the tape records, 512 bytes to 16 MiB.", valueName: "size"))
    var recordSize = "256KiB"

    @Option(help: ArgumentHelp("Days until the cartridges may be used anew. (default: for ever)", valueName: "days"))
    var keep: Int?

    @Flag(help: "Write the named cartridges anew, whatever is on them.")
    var overwrite = false

    @Flag(help: "Do not let the date of this backup count for later levels.")
    var noUpdate = false

    @OptionGroup var job: JobOptions

    func validate() throws {
        guard BackupRequest.levels.contains(level) else { throw ValidationError("--level is 0 to 9") }
        guard BackupRequest.History(rawValue: history) != nil else {
            throw ValidationError("--history is automatic, files, nodes or none")
        }
        guard !overwrite || !(cartridges ?? "").isEmpty else {
            throw ValidationError("--overwrite needs --cartridges: it must be said which")
        }
        guard VolumePool.isValid(pool) else {
            throw ValidationError("a pool's name has letters, digits, \"-\" and \"_\"")
        }
        if let keep, !(1...36_500).contains(keep) { throw ValidationError("--keep is 1 to 36500 days") }
        _ = try recordBytes()
    }

    func run() async throws {
        let servers = try await job.servers()
        var request = BackupRequest(path: try job.dataPath(path), servers: servers)
        request.type = type
        request.level = level
        request.history = BackupRequest.History(rawValue: history) ?? .automatic
        request.excludes = exclude
        request.recordBytes = try recordBytes()
        request.cartridges = (cartridges ?? "").split(separator: ",").map { String($0) }
        request.pool = pool
        request.overwrite = overwrite
        request.keepSeconds = keep.map { Int64($0) * 86_400 }
        request.updatesDates = !noUpdate
        let (catalogue, final) = (try job.catalogue.open(), request)
        let started = ContinuousClock.now
        let result = try await JobRunner.run("backup", verbose: job.verbose) { control throws(DMAError) in
            try BackupJob(final, catalogue: catalogue, control: control).run()
        }
        try job.options.show(BackupReport(result, elapsed: ContinuousClock.now - started)) { $0.lines($1) }
    }

    private func recordBytes() throws -> UInt32 {
        guard let bytes = ByteSize.parse(recordSize).flatMap({ UInt32(exactly: $0) }),
            BackupRequest.recordSizes.contains(bytes)
        else { throw ValidationError("\"\(recordSize)\" is no record size; write 64KiB, 256KiB or up to 16MiB") }
        return bytes
    }
}

enum VolumePool {
    private static let limit = 64

    static func isValid(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= limit
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
    }
}

/// What `capstan backup --json` prints.
struct BackupReport: Codable {
    var image: CatalogueImageReport
    var milliseconds: UInt64
    var bytesPerSecond: UInt64
    /// Warnings and errors that the servers sent.
    var complaints: Int

    init(_ result: BackupResult, elapsed: Duration) {
        image = CatalogueImageReport(result.image, segments: result.segments)
        let (seconds, attoseconds) = elapsed.components
        milliseconds = UInt64(max(0, seconds)) * 1000 + UInt64(max(0, attoseconds / 1_000_000_000_000_000))
        bytesPerSecond = UInt64(Double(result.image.bytes) / max(0.001, Double(milliseconds) / 1000))
        complaints = result.complaints
    }

    func lines(_ style: Style) -> [String] {
        var lines = [
            "\(style.bold("image \(image.id)")): \(ByteSize.text(image.bytes)), \(image.contents), "
                + "\(Spans.text(seconds: milliseconds / 1000)), \(ByteSize.text(bytesPerSecond))/s"
        ]
        lines += SegmentRows.lines(image.segments ?? [], style)
        if complaints > 0 { lines.append(style.yellow("\(complaints) warnings and errors of the servers are above")) }
        return lines
    }
}
