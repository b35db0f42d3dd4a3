// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import DMA
import Foundation
import ManagementAPI
import Sockets
import Synchronization
import UnixSignals

/// Runs a job on a thread of its own, tells how it goes, and ends it in order on Ctrl-C.
enum JobRunner {
    /// What a shell expects of a program that Ctrl-C has ended.
    static let interruptedExitCode: Int32 = 130
    private static let stackBytes = 4 << 20

    static func run<Value: Sendable>(
        _ what: String,
        verbose: Bool,
        _ body: @escaping @Sendable (JobControl) throws(DMAError) -> Value
    ) async throws -> Value {
        let cancelled = Mutex(false)
        let narrator = JobNarrator(what, verbose: verbose)
        let signals = Task {
            for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
                let isSecond = cancelled.withLock { flag in
                    defer { flag = true }
                    return flag
                }
                guard !isSecond else { exit(interruptedExitCode) }
                narrator.say("aborting; the cartridge goes back to its slot (once more to end at once)")
            }
        }
        defer { signals.cancel() }
        let control = JobControl(
            tell: { narrator.tell($0) },
            isCancelled: { cancelled.withLock { $0 } }
        )
        do {
            let result = try await onThread { () throws(DMAError) in try body(control) }
            narrator.finish()
            return result
        } catch let error as DMAError {
            narrator.finish()
            if error.kind == .aborted {
                Output.standard.narrate("capstan: \(what) aborted")
                throw ExitCode(interruptedExitCode)
            }
            throw APIError(error)
        }
    }

    private static func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws(DMAError) -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            do {
                _ = try DedicatedThread(name: "job", stackBytes: stackBytes) {
                    do throws(DMAError) {
                        continuation.resume(returning: try body())
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
            } catch {
                continuation.resume(throwing: APIError(.failure, "the job could not be started: \(error)"))
            }
        }
    }
}

extension APIError {
    /// A job's failure with its exit code.
    init(_ error: DMAError) {
        let code: ErrorCode =
            switch error.kind {
            case .invalid: .invalid
            case .notFound: .notFound
            case .busy: .busy
            case .refused, .outOfMedia: .refused
            case .damaged: .damaged
            case .aborted, .incomplete, .failure: .failure
            }
        self.init(code, error.message, hint: error.hint)
    }
}

/// Tells people what a job does: steps and server messages as lines, progress as one line that is rewritten, or a line
/// every few seconds where nothing can be rewritten.
final class JobNarrator: Sendable {
    private struct State {
        let started = ContinuousClock.now
        var lastShown: ContinuousClock.Instant?
        var lineIsOpen = false
    }

    private let what: String
    private let verbose: Bool
    private let output: Output
    private let rewrites: Bool
    private let state = Mutex(State())

    init(_ what: String, verbose: Bool, output: Output = .standard) {
        self.what = what
        self.verbose = verbose
        self.output = output
        rewrites = output.narratesToTerminal
    }

    func tell(_ event: JobEvent) {
        switch event {
        case .step(let text): say(text)
        case .log(_, .debug, _) where !verbose: break
        case .log(let source, let severity, let text): say("\(source): \(Self.word(severity))\(text)")
        case .progress(let progress): show(progress)
        }
    }

    func say(_ text: String) {
        state.withLock { state in
            close(&state)
            output.narrate(text)
        }
    }

    func finish() { state.withLock { close(&$0) } }

    private func close(_ state: inout State) {
        if state.lineIsOpen { output.narrateInPlace("") }
        state.lineIsOpen = false
    }

    private func show(_ progress: JobProgress) {
        state.withLock { state in
            let now = ContinuousClock.now
            let interval: Duration = rewrites ? .milliseconds(200) : .seconds(5)
            guard now - (state.lastShown ?? state.started) >= interval else { return }
            state.lastShown = now
            let text = Self.text(what, progress, elapsed: now - state.started)
            if rewrites { output.narrateInPlace(text) } else { output.narrate(text) }
            state.lineIsOpen = rewrites
        }
    }

    /// `backup: 1.2 GiB of 4.0 GiB (30 %), 410.2 MiB/s, 7 s left, 3400 files`
    static func text(_ what: String, _ progress: JobProgress, elapsed: Duration) -> String {
        var text = ProgressLine.text(what, done: progress.bytes, total: progress.totalBytes, elapsed: elapsed)
        if progress.totalBytes == nil, let seconds = progress.secondsLeft {
            text += ", \(Spans.text(seconds: UInt64(seconds))) left"
        }
        if progress.files > 0 { text += ", \(Plural.of(progress.files, "file"))" }
        return text
    }

    private static func word(_ severity: JobEvent.Severity) -> String {
        switch severity {
        case .normal: ""
        case .debug: "debug: "
        case .warning: "warning: "
        case .error: "error: "
        }
    }
}
