// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import Console
import Foundation
import ManagementAPI
import Synchronization

struct CartridgeVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Read cartridges from end to end and check every record.",
        discussion: "Ends with exit code 9 when something is damaged. Without barcodes all cartridges are checked."
    )

    @Argument(help: "Barcodes of the cartridges.")
    var barcodes: [String] = []

    @OptionGroup var source: StoreOptions
    @OptionGroup var options: ClientOptions

    func run() async throws {
        var reports: [VerificationReport] = []
        if let store = source.store {
            let wanted = barcodes
            reports = try await OfflineStore.withStore(store) { store throws(APIError) in
                let all = wanted.isEmpty ? try store.list().cartridges.map(\.barcode) : wanted
                var reports: [VerificationReport] = []
                for barcode in all {
                    let progress = ProgressLine("verify \(barcode)")
                    let report = try store.verify(barcode) { progress.show(done: $0, total: $1) }
                    progress.finish(Self.summary(report))
                    reports.append(report)
                }
                return reports
            }
        } else {
            let client = options.client
            let all =
                barcodes.isEmpty
                ? try await client.get(APIPath.cartridges, as: CartridgeList.self).cartridges.map(\.barcode) : barcodes
            for barcode in all { reports.append(try await verify(barcode, client)) }
        }
        try options.show(VerificationReports(cartridges: reports)) { list, style in
            list.cartridges.flatMap { report in report.problems.map { "\(style.red(report.barcode)): \($0)" } }
        }
        let damaged = reports.filter { !$0.problems.isEmpty }.map(\.barcode)
        guard damaged.isEmpty else { throw ExitCode(ErrorCode.damaged.exitCode) }
    }

    private func verify(_ barcode: String, _ client: ManagementClient) async throws -> VerificationReport {
        let progress = Mutex(ProgressLine("verify \(barcode)"))
        let result = Mutex<VerificationReport?>(nil)
        try await client.lines(.post, APIPath.cartridge(barcode, "verify"), as: VerifyLine.self) { line in
            progress.withLock { $0.show(done: line.bytesDone, total: line.bytesTotal) }
            if let found = line.result { result.withLock { $0 = found } }
        }
        guard let report = result.withLock({ $0 }) else {
            throw APIError(.failure, "the daemon ended the verification of \(barcode) without a result")
        }
        progress.withLock { $0.finish(Self.summary(report)) }
        return report
    }

    static func summary(_ report: VerificationReport) -> String {
        let contents =
            "\(Plural.of(report.records, "record")), \(Plural.of(report.filemarks, "filemark")), "
            + ByteSize.text(report.bytes)
        guard !report.problems.isEmpty else { return "\(report.barcode): sound, \(contents)" }
        let count = report.problemsCut ? "more than \(report.problems.count)" : "\(report.problems.count)"
        return "\(report.barcode): \(count) damaged places in \(contents)"
    }
}

/// What `cartridge verify --json` prints.
struct VerificationReports: Codable {
    var cartridges: [VerificationReport]
}

struct CartridgeExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a cartridge into a SIMH tape image (.tap).",
        discussion: """
            The image keeps every record's length and every filemark. FILE `-` is standard output. The cartridge
            must not be in a drive. Of a cartridge with several partitions the first one is written.
            """
    )

    @Argument(help: "Barcode of the cartridge.")
    var barcode: String

    @Argument(help: "The image file; must not exist.")
    var file: String

    @Flag(help: "Replace the file when it exists.")
    var force = false

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let sink = try ImageFile(creating: file, replace: force)
        let progress = Mutex(ProgressLine("export \(barcode)"))
        let done = Mutex<UInt64>(0)
        do {
            try await options.client.download(APIPath.cartridge(barcode, "image")) { piece, total in
                try sink.write(piece)
                let bytes = done.withLock { count in
                    count += UInt64(piece.count)
                    return count
                }
                progress.withLock { $0.show(done: bytes, total: total) }
            }
            try sink.close()
        } catch {
            sink.discard()
            throw error
        }
        let bytes = done.withLock { $0 }
        progress.withLock { $0.finish("\(barcode): \(ByteSize.text(bytes)) written to \(file)") }
        guard file != "-", options.output.json else { return }
        try Output.standard.json(ExportedImage(barcode: barcode, file: file, bytes: bytes))
    }
}

/// What `cartridge export --json` prints.
struct ExportedImage: Codable {
    var barcode: String
    var file: String
    var bytes: UInt64
}

struct CartridgeImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Fill a cartridge from a SIMH tape image (.tap).",
        discussion: "What was on the cartridge is lost. It must exist, be writable and not be in a drive."
    )

    @Argument(help: "Barcode of the cartridge.")
    var barcode: String

    @Argument(help: "The image file.")
    var file: String

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let source = try ImageFile(reading: file)
        let progress = Mutex(ProgressLine("import \(barcode)"))
        let done = Mutex<UInt64>(0)
        let report = try await options.client.upload(
            APIPath.cartridge(barcode, "image"),
            length: source.length,
            next: {
                guard let piece = try source.read(upTo: ManagementAPI.imageChunkBytes) else { return nil }
                let bytes = done.withLock { count in
                    count += UInt64(piece.count)
                    return count
                }
                progress.withLock { $0.show(done: bytes, total: source.length) }
                return piece
            },
            as: ImageReport.self
        )
        progress.withLock {
            $0.finish(
                "\(report.barcode): \(Plural.of(report.records, "record")) and "
                    + "\(Plural.of(report.filemarks, "filemark")), \(ByteSize.text(report.bytes))"
            )
        }
        if options.output.json { try Output.standard.json(report) }
    }
}

/// A file that an image is written to or read from.
final class ImageFile: Sendable {
    let length: UInt64
    private let handle: FileHandle
    private let path: String?

    init(creating path: String, replace: Bool) throws(APIError) {
        length = 0
        guard path != "-" else {
            handle = .standardOutput
            self.path = nil
            return
        }
        guard replace || !FileManager.default.fileExists(atPath: path) else {
            throw APIError(.refused, "\(path) exists", hint: "take another name, or --force to replace it")
        }
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw APIError(.permission, "\(path) cannot be written") }
        self.handle = handle
        self.path = path
    }

    init(reading path: String) throws(APIError) {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw APIError(.notFound, "\(path) cannot be read")
        }
        do {
            length = try handle.seekToEnd()
            try handle.seek(toOffset: 0)
        } catch {
            throw APIError(.invalid, "\(path) is no file of known length", hint: "images are read from files")
        }
        self.handle = handle
        self.path = path
    }

    func write(_ piece: [UInt8]) throws(APIError) {
        do { try handle.write(contentsOf: Data(piece)) } catch {
            throw APIError(.outOfSpace, "\(path ?? "standard output") cannot be written: \(error.localizedDescription)")
        }
    }

    /// Nil at the end.
    func read(upTo count: Int) throws -> [UInt8]? {
        guard let data = try handle.read(upToCount: count), !data.isEmpty else { return nil }
        return Array(data)
    }

    /// Makes what was written durable.
    func close() throws(APIError) {
        guard path != nil else { return }
        do {
            try handle.synchronize()
            try handle.close()
        } catch {
            throw APIError(.outOfSpace, "\(path ?? "") cannot be written: \(error.localizedDescription)")
        }
    }

    /// Removes a file that is not whole.
    func discard() {
        try? handle.close()
        if let path { try? FileManager.default.removeItem(atPath: path) }
    }
}
