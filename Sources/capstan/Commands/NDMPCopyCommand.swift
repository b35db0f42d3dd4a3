// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import DMA
import Foundation
import ManagementAPI

struct NDMPCopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy",
        abstract: "Copy a tape to another one, mover to mover, byte for byte.",
        discussion: """
            SOURCE and DESTINATION are HOST:DRIVE, HOST:PORT:DRIVE, or a DRIVE of the local daemon, for example
            `capstan ndmp copy nst0 tapes.example:nst1 --load CAP001L8`. Every tape file is copied with its filemark and
            records of the same sizes. A destination that is not blank is refused without --overwrite.
            """
    )

    @Argument(help: "Drive to read from.")
    var source: String

    @Argument(help: "Drive to write to.")
    var destination: String

    @Option(help: ArgumentHelp("Cartridge to load into the source drive first.", valueName: "barcode"))
    var load: String?

    @Option(help: ArgumentHelp("Cartridge to load into the destination drive first.", valueName: "barcode"))
    var onto: String?

    @Flag(help: "Write the destination anew, whatever is on it.")
    var overwrite = false

    @Flag(help: "Show the servers' debugging messages too.")
    var verbose = false

    @OptionGroup var login: NDMPLoginOptions
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let from = try await side(source, load)
        let to = try await side(destination, onto)
        guard !(from.server.isSameServer(as: to.server) && from.drive == to.drive) else {
            throw ValidationError("source and destination are the same drive")
        }
        let overwrite = overwrite
        let started = ContinuousClock.now
        let result = try await JobRunner.run("copy", verbose: verbose) { control throws(DMAError) in
            try CopyJob(from: from, to: to, overwrite: overwrite, control: control).run()
        }
        try options.show(CopyReport(result, elapsed: ContinuousClock.now - started)) { $0.lines($1) }
    }

    private func side(_ text: String, _ barcode: String?) async throws -> CopySide {
        guard let colon = text.lastIndex(of: ":") else {
            return CopySide(server: try await login.localDaemon(options), drive: text, barcode: barcode)
        }
        let drive = String(text[text.index(after: colon)...])
        guard !drive.isEmpty else { throw ValidationError("\"\(text)\" names no drive; write HOST:DRIVE") }
        return CopySide(server: try login.endpoint(String(text[..<colon])), drive: drive, barcode: barcode)
    }
}

/// What `capstan ndmp copy --json` prints.
struct CopyReport: Codable {
    /// Filemarks copied.
    var tapeFiles: UInt64
    var records: UInt64
    var bytes: UInt64
    /// Of these the ones that went from mover to mover.
    var moverBytes: UInt64
    var milliseconds: UInt64

    init(_ result: CopyResult, elapsed: Duration) {
        tapeFiles = result.files
        records = result.records
        bytes = result.bytes
        moverBytes = result.moverBytes
        let (seconds, attoseconds) = elapsed.components
        milliseconds = UInt64(max(0, seconds)) * 1000 + UInt64(max(0, attoseconds / 1_000_000_000_000_000))
    }

    func lines(_ style: Style) -> [String] {
        [
            "copied \(Plural.of(tapeFiles, "tape file")), \(Plural.of(records, "record")), \(ByteSize.text(bytes)), "
                + Spans.text(seconds: milliseconds / 1000)
        ]
    }
}
