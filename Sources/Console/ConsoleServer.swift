// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Hummingbird
import HummingbirdCore
import Logging
import ManagementAPI
import NIOCore

/// The HTTP server of the management API on one address. Several may serve the same backend.
package struct ConsoleServer: Sendable {
    package enum Address: Sendable, Equatable {
        case socket(path: String)
        /// Loopback only; port 0 binds a free one.
        case tcp(host: String, port: Int)
    }

    /// Connections that have sent nothing for this long are closed.
    static let idleSeconds: Int64 = 60
    /// Connections at once; a command uses one, a watcher one.
    static let connectionLimit = 256

    private let application: Application<RouterResponder<BasicRequestContext>>

    /// - Parameter onRunning: called once with the bound port (nil for a socket) when requests are accepted.
    package init(
        _ address: Address,
        backend: any ManagementBackend,
        logger: Logger,
        onRunning: @escaping @Sendable (Int?) async -> Void
    ) {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: ErrorEnvelopes())
        let bind: BindAddress
        switch address {
        case .socket(let path): bind = .unixDomainSocket(path: path)
        case .tcp(let host, let port):
            bind = .hostname(host, port: port)
            router.add(middleware: LoopbackOnly())
        }
        ConsoleRoutes(backend: backend).add(to: router)
        // The framework reports clients that went away and shutdowns as errors; ours are answers or thrown.
        var logger = logger
        if logger.logLevel > .debug { logger.logLevel = .critical }
        application = Application(
            router: router,
            server: .http1(configuration: .init(idleTimeout: .seconds(Self.idleSeconds))),
            configuration: ApplicationConfiguration(
                address: bind,
                serverName: "capstan",
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionLimit)
            ),
            onServerRunning: { channel in await onRunning(channel.localAddress?.port) },
            logger: logger
        )
    }

    /// Serves until the task is cancelled or the surrounding service group shuts down. Throws when it cannot bind.
    package func run() async throws { try await application.run() }
}
