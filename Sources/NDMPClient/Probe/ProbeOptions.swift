// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Sockets

/// What a probe of an NDMP server does, and how long it may take.
package struct ProbeOptions: Sendable {
    package var host: String
    package var port: UInt16
    package var user: String?
    package var password = ""
    package var authentication = NDMPClientOptions.Authentication.best
    /// Ports that data connections are expected on, on both sides; nil: whatever the server takes.
    package var ports: ClosedRange<UInt16>?
    /// Data connections tried per side; nil: every port of the range, or `ProbeLimits.attempts` without one.
    package var sample: Int?
    /// After this long without an answer a packet counts as dropped.
    package var timeoutSeconds = 5
    /// A tape device to try the mover with. Nothing is read from it or written to it.
    package var tape: String?
    /// Ends the probe early.
    package var interrupt: WakeUp?
    package var trace: (@Sendable (NDMPTraceSide, String) -> Void)?

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

/// How much a probe asks of a server.
package enum ProbeLimits {
    /// Data connections per side without a range.
    package static let attempts = 8
    /// Data connections per side at most: a range of this size is tried port by port.
    package static let maximumAttempts = 2048
    /// Control connections at once, so that a range which is dropped does not take a timeout per port.
    package static let sessions = 8
    /// TCP connections at once to ports that the server did not listen on.
    package static let bareConnections = 64
    /// Devices, file systems and the like that a report lists.
    package static let listed = 256
    /// A refusal that took longer was silence for a while: the server's own time limit.
    package static let promptMilliseconds = 1000
    /// How long the server may take to notice a data connection.
    package static let noticeMilliseconds: UInt64 = 2000
    /// How long log messages of a failure are waited for.
    package static let logMilliseconds = 50
}
