// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Foundation
import Logging
import ManagementAPI
import TapeLibrary
import UnixSignals

/// `capstan mount`: shows a store as files, read-only, until it is told to stop or the mount is taken away.
struct OfflineMount: Sendable {
    let store: String
    let settings: MountSettings
    let readyFile: String?
    let exitWithStdin: Bool
    let logLevel: Logger.Level

    /// What `--ready-file` of `capstan mount` tells.
    struct Ready: Codable, Sendable, Equatable {
        var pid: Int32
        var version: String
        var store: String
        var mount: String
    }

    func run() async throws(APIError) {
        let level = logLevel
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        // Trapped before anything tells that the mount is there.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let thread = DeviceThread(name: "mount")
        defer { thread.stop() }
        let gate = ThreadGate(thread)
        let door = try await gate.run { () throws(APIError) in
            try MountDoor(
                store: self.store,
                disk: POSIXDisk(),
                settings: self.settings,
                logger: Logger(label: "capstan"),
                onLost: { _ in end.yield() }
            )
        }
        Output.standard.narrate(
            "Capstan \(Version.text): \(store) is shown on \(door.path), read-only. Ctrl-C ends it."
        )
        let watchers = [
            Task { for await _ in signals { end.yield() } },
            Task { if self.exitWithStdin { await Self.waitForEndOfInput(then: end) } },
        ]
        var failure: APIError?
        do throws(APIError) { try announce(door.path) } catch { failure = error }
        if failure == nil { for await _ in ends { break } }
        for watcher in watchers { watcher.cancel() }
        await gate.run { door.stop(drainSeconds: 0) }
        if let readyFile { try? FileManager.default.removeItem(atPath: readyFile) }
        if let failure { throw failure }
    }

    private func announce(_ path: String) throws(APIError) {
        if let readyFile {
            let ready = Ready(pid: getpid(), version: Version.text, store: store, mount: path)
            try ReadyFile.write(ready, to: readyFile)
        }
        Output.standard.announce("READY")
    }

    private static func waitForEndOfInput(then end: AsyncStream<Void>.Continuation) async {
        let input = DeviceThread(name: "standard input")
        await ThreadGate(input).run {
            while let data = try? FileHandle.standardInput.read(upToCount: 4096), !data.isEmpty {}
        }
        end.yield()
    }
}
