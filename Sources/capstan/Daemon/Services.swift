// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Console
import Foundation
import Logging
import ManagementAPI
import NIOCore
import ServiceLifecycle
import TapeLibrary
import UnixSignals

/// The management API on one address as a service. What it cannot bind becomes a sentence.
struct ConsoleService: Service {
    let address: ConsoleServer.Address
    let backend: any ManagementBackend
    let logger: Logger
    let onRunning: @Sendable (Int?) async -> Void

    init(
        address: ConsoleServer.Address,
        backend: any ManagementBackend,
        logger: Logger,
        onRunning: @escaping @Sendable (Int?) async -> Void
    ) {
        self.address = address
        self.backend = backend
        self.logger = logger
        self.onRunning = onRunning
    }

    func run() async throws {
        do {
            try await ConsoleServer(address, backend: backend, logger: logger, onRunning: onRunning).run()
        } catch let error as IOError {
            switch address {
            case .socket(let path): throw SocketPlace.bindError(path, error)
            case .tcp(let host, let port):
                throw APIError(
                    .portInUse,
                    "the management API cannot listen on \(host):\(port): \(BindFailure.text(error))",
                    hint: "name another address with --http, port 0 for any"
                )
            }
        }
    }
}

/// Why an address could not be bound, in words.
enum BindFailure {
    static func text(_ error: any Error) -> String {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: "another program uses it"
        case EADDRNOTAVAIL: "this machine does not have that address"
        case EACCES, EPERM, EROFS: "permission denied"
        case ENOENT: "there is no such directory"
        default: "\(error)"
        }
    }
}

/// Work beside the doors, ended by a shutdown.
struct BackgroundService: Service {
    private let body: @Sendable () async throws -> Void

    init(_ body: @escaping @Sendable () async throws -> Void) { self.body = body }

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await body()
            // A service that returned would end the whole group.
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
        }
    }
}

/// Waits for what ends the daemon: a signal, or the end of standard input.
struct StopWatcher: Sendable {
    let exitWithStdin: Bool

    /// The first signal shuts `group` down in order, the second ends the process at once.
    ///
    /// - Parameter signals: trapped before anything tells that the daemon runs.
    func watch(_ group: ServiceGroup, _ signals: UnixSignalsSequence) async {
        if exitWithStdin {
            let input = DeviceThread(name: "standard input")
            Task {
                await ThreadGate(input).run {
                    while let data = try? FileHandle.standardInput.read(upToCount: 4096), !data.isEmpty {}
                }
                await group.triggerGracefulShutdown()
            }
        }
        var isStopping = false
        for await signal in signals {
            guard !isStopping else { exit(128 + (signal == .sigint ? SIGINT : SIGTERM)) }
            isStopping = true
            Output.standard.narrate("capstan: stopping; once more to stop at once")
            await group.triggerGracefulShutdown()
        }
    }
}
