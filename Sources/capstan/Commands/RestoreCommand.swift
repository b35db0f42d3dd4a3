// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import DMA
import Foundation
import ManagementAPI

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Restore files from cartridges over NDMP, or list what there is.",
        discussion: """
            A PATH is absolute, or relative to the root of a backup; where neither is found it counts from here. With
            --to DIR a file lands where `tar -C DIR` puts it: `dir/file` of the backup becomes DIR/dir/file. Without
            PATH all of an image is restored into DIR.

            Files come by direct access where the file history allows it, so that only their own records are read;
            --no-direct reads the stream. A whole restore from an incremental image takes the full one and the levels
            between first, and removes what was removed; --level single takes the one image alone. A directory is put
            together from the images of the chain that hold a part of it.

            --list shows what the catalogue knows; nothing is loaded.

            Exit codes: as of `capstan backup`; 1 when some files could not be restored, which are named.
            """
    )

    @Argument(help: "What to restore.")
    var paths: [String] = []

    @Option(
        help: ArgumentHelp("Directory on the data server to restore into; below a writable export.", valueName: "dir")
    )
    var to: String?

    @Flag(help: "List instead of restoring.")
    var list = false

    @Option(help: ArgumentHelp("Number of the image to restore from.", valueName: "id"))
    var image: Int64?

    @Flag(help: "From the newest image that holds the path. (the default)")
    var latest = false

    @Option(help: ArgumentHelp("chain: with the lower levels; single: this image alone.", valueName: "chain|single"))
    var level = "chain"

    @Flag(inversion: .prefixedNo, help: "Read only the records of the wanted files.")
    var direct = true

    @OptionGroup var job: JobOptions

    func validate() throws {
        guard image == nil || !latest else { throw ValidationError("give either --image or --latest") }
        guard ["chain", "single"].contains(level) else { throw ValidationError("--level is chain or single") }
        guard list || to != nil else {
            throw ValidationError("say where to restore to with --to DIR, or --list to look only")
        }
    }

    func run() async throws {
        let catalogue = try job.catalogue.open()
        guard !list else {
            do throws(DMAError) {
                let found = try RestoreListing(catalogue, image: image, paths: paths).trees()
                let report = RestoreListReport(trees: found)
                do { try job.options.show(report) { $0.lines($1) } } catch { throw DMAError(error) }
            } catch {
                throw APIError(error)
            }
            return
        }
        var request = RestoreRequest(
            paths: paths.map { Array($0.utf8) },
            destination: try job.dataPath(to ?? "")
        )
        request.choice = image.map { .image($0) } ?? .latest
        request.workingDirectory = job.data == nil ? FileManager.default.currentDirectoryPath : nil
        request.direct = direct
        request.wholeChain = level == "chain"
        // What cannot be planned needs no server.
        do throws(DMAError) { _ = try RestorePlan(request, catalogue: catalogue) } catch { throw APIError(error) }
        let (servers, final) = (try await job.servers(), request)
        let started = ContinuousClock.now
        let result = try await JobRunner.run("restore", verbose: job.verbose) { control throws(DMAError) in
            try RestoreJob(final, servers: servers, catalogue: catalogue, control: control).run()
        }
        let report = RestoreReport(result, destination: final.destination, elapsed: ContinuousClock.now - started)
        try job.options.show(report) { $0.lines($1) }
        guard result.failures.isEmpty else { throw ExitCode(ErrorCode.failure.exitCode) }
    }
}

/// What `capstan restore --json` prints.
struct RestoreReport: Codable {
    struct Failure: Codable {
        var path: String
        /// The protocol's word, e.g. `PERMISSION`.
        var reason: String
    }

    var destination: String
    var images: [Int64]
    var cartridges: [String]
    /// Bytes of the stream that were read from tape.
    var bytes: UInt64
    /// Entries of the list of what to recover; a whole image is one.
    var restored: Int
    var failed: [Failure]
    /// Whether anything was read by direct access.
    var direct: Bool
    var milliseconds: UInt64
    var complaints: Int

    init(_ result: RestoreResult, destination: String, elapsed: Duration) {
        self.destination = destination
        images = result.images
        cartridges = result.cartridges
        bytes = result.bytes
        restored = result.restored
        failed = result.failures.map { Failure(path: $0.path, reason: $0.reason) }
        direct = result.direct
        let (seconds, attoseconds) = elapsed.components
        milliseconds = UInt64(max(0, seconds)) * 1000 + UInt64(max(0, attoseconds / 1_000_000_000_000_000))
        complaints = result.complaints
    }

    func lines(_ style: Style) -> [String] {
        let source = images.map { "image \($0)" }.joined(separator: ", ")
        let tapes = cartridges.joined(separator: ", ")
        var lines = [
            "\(style.bold(destination)): restored from \(source) on \(tapes), \(ByteSize.text(bytes)) read"
                + (direct ? " by direct access" : "") + ", \(Spans.text(seconds: milliseconds / 1000))"
        ]
        lines += failed.map { "  \(style.red(RestoreListReport.printable($0.path))): \($0.reason)" }
        if !failed.isEmpty {
            lines.append(style.red("\(failed.count) of \(failed.count + restored) could not be restored"))
        }
        return lines
    }
}
