// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import ManagementAPI
import Synchronization
import TapeLibrary

/// Long work on one cartridge, each on a thread of its own.
extension LibraryBackend {
    /// Progress lines kept for a slow reader; only the newest matter.
    private static let pendingLines = 16
    /// Progress is told at most this often.
    private static let lineInterval = Duration.milliseconds(100)

    package func verify(_ barcode: String) async throws(APIError) -> AsyncThrowingStream<VerifyLine, any Error> {
        let library = library
        return AsyncThrowingStream(bufferingPolicy: .bufferingNewest(Self.pendingLines)) { continuation in
            let isWanted = Mutex(true)
            continuation.onTermination = { _ in isWanted.withLock { $0 = false } }
            let thread = DeviceThread(name: "verify \(barcode)")
            let gate = ThreadGate(thread)
            Task {
                await gate.run {
                    do throws(LibraryError) {
                        var last: ContinuousClock.Instant?
                        var tally = VerifyTally()
                        let report = try library.verifyCartridge(barcode: barcode) { progress in
                            tally.add(progress)
                            let now = ContinuousClock.now
                            if last.map({ now - $0 >= Self.lineInterval }) ?? true {
                                last = now
                                continuation.yield(tally.line(barcode))
                            }
                            return isWanted.withLock { $0 }
                        }
                        var line = tally.line(barcode)
                        line.result = VerificationReport(report, barcode: barcode)
                        continuation.yield(line)
                        continuation.finish()
                    } catch { continuation.finish(throwing: APIError(error)) }
                }
                thread.stop()
            }
        }
    }

    package func imageSource(_ barcode: String) async throws(APIError) -> any ImageSource {
        let source = CartridgeImageSource(try await imageCartridge(barcode))
        do throws(APIError) {
            try await source.begin()
        } catch {
            await source.close()
            throw error
        }
        return source
    }

    package func imageSink(_ barcode: String) async throws(APIError) -> any ImageSink {
        let place = try await imageCartridge(barcode)
        let sink = CartridgeImageSink(place)
        do throws(APIError) {
            try await sink.begin()
        } catch {
            await sink.abandon()
            throw error
        }
        return sink
    }

    private func imageCartridge(_ barcode: String) async throws(APIError) -> ImageCartridge {
        let loan = try await readers.run { () throws(APIError) in try self.borrow(barcode) }
        return ImageCartridge(
            barcode: barcode,
            directory: loan.directory,
            disk: disk,
            thread: DeviceThread(name: "image of \(barcode)"),
            noteChange: { loan.noteChange() },
            release: { loan.end() }
        )
    }
}

/// Adds the partitions of a verification up, whose progress counts each from nothing.
struct VerifyTally {
    private var partition = 0
    private var finished: UInt64 = 0
    private var finishedObjects: UInt64 = 0
    private var current: VerifyProgress?

    mutating func add(_ progress: VerifyProgress) {
        if let current, progress.partition != current.partition {
            finished += current.bytesTotal
            finishedObjects += current.objectsTotal
        }
        current = progress
    }

    func line(_ barcode: String) -> VerifyLine {
        VerifyLine(
            barcode: barcode,
            bytesDone: finished + (current?.bytesDone ?? 0),
            bytesTotal: finished + (current?.bytesTotal ?? 0),
            recordsDone: finishedObjects + (current?.objectsDone ?? 0)
        )
    }
}

extension VerificationReport {
    init(_ report: VerifyReport, barcode: String) {
        var problems = report.problems.map { problem in
            "partition \(problem.partition), block \(problem.address): \(problem.reason)"
        }
        if report.wasStopped { problems.append("the verification was stopped before its end") }
        self.init(
            barcode: barcode,
            records: report.records,
            filemarks: report.filemarks,
            bytes: report.payloadBytes,
            problems: problems,
            problemsCut: report.problemCount > UInt64(report.problems.count)
        )
    }
}
