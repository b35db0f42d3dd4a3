// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import Console
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
