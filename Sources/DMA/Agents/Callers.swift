// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import Sockets

/// An NDMP server, and who we are there.
package struct NDMPEndpoint: Hashable, Sendable {
    package var host: String
    package var port: UInt16
    package var user: String?
    package var password: String

    package init(host: String, port: UInt16 = 10_000, user: String? = nil, password: String = "") {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
    }

    /// `host:port`, as the catalogue keeps it.
    package var name: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// True when both are one server: a session can be data and tape server in one then.
    package func isSameServer(as other: NDMPEndpoint) -> Bool { host == other.host && port == other.port }
}

/// How jobs get at servers: over the network, or a script in a test.
package struct Callers: Sendable {
    package var open: @Sendable (NDMPEndpoint) throws(NDMPClientError) -> any NDMPCaller
    /// Waits until one of them has something to say, or for the time in milliseconds.
    package var wait: @Sendable ([any NDMPCaller], Int) -> Void

    package init(
        open: @escaping @Sendable (NDMPEndpoint) throws(NDMPClientError) -> any NDMPCaller,
        wait: @escaping @Sendable ([any NDMPCaller], Int) -> Void
    ) {
        self.open = open
        self.wait = wait
    }

    package static let network = Callers(
        open: { (endpoint) throws(NDMPClientError) in
            let options = NDMPClientOptions(user: endpoint.user, password: endpoint.password)
            return try NDMPConnection.open(host: endpoint.host, port: endpoint.port, options)
        },
        wait: { callers, milliseconds in
            let connections = callers.compactMap { $0 as? NDMPConnection }
            _ = NDMPConnection.wait(for: connections, timeoutMilliseconds: milliseconds)
        }
    )
}

/// What a job tells while it runs.
package enum JobEvent: Sendable, Equatable {
    package enum Severity: Sendable, Equatable { case normal, debug, warning, error }

    /// What the job does now: one sentence.
    case step(String)
    /// A message of a server's log; `source` is its `host:port`.
    case log(source: String, Severity, String)
    case progress(JobProgress)
}

/// Where a job stands.
package struct JobProgress: Sendable, Equatable {
    /// Bytes of the stream that have gone over the data connection.
    package var bytes: UInt64 = 0
    /// All there will be; nil when nobody knows.
    package var totalBytes: UInt64?
    /// History entries so far.
    package var files: UInt64 = 0
    /// What the data service says is left, in seconds; nil when it does not say.
    package var secondsLeft: UInt32?

    package init(bytes: UInt64 = 0, totalBytes: UInt64? = nil, files: UInt64 = 0, secondsLeft: UInt32? = nil) {
        self.bytes = bytes
        self.totalBytes = totalBytes
        self.files = files
        self.secondsLeft = secondsLeft
    }
}

/// What a job needs of the program around it.
package struct JobControl: Sendable {
    package var tell: @Sendable (JobEvent) -> Void
    /// Looked at at least four times a second; a true one ends the job in order.
    package var isCancelled: @Sendable () -> Bool
    /// Seconds since 1970.
    package var now: @Sendable () -> Int64

    package init(
        tell: @escaping @Sendable (JobEvent) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false },
        now: @escaping @Sendable () -> Int64 = { Int64(MonotonicClock.wallSeconds()) }
    ) {
        self.tell = tell
        self.isCancelled = isCancelled
        self.now = now
    }

    func checkCancelled() throws(DMAError) {
        if isCancelled() { throw DMAError(.aborted, "aborted as asked") }
    }
}
