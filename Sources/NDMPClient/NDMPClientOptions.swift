// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Sockets

/// How a client opens and uses its control connection.
package struct NDMPClientOptions: Sendable {
    /// How the client proves who it is.
    package enum Authentication: String, Sendable, CaseIterable {
        /// The safest method that the server offers: MD5, else TEXT. Without a user: NONE.
        case best
        case md5
        case text
        case none
        /// Not at all: only what a server tells a stranger can be asked.
        case skip
    }

    /// 2, 3 or 4. The server's version is taken when it is lower.
    package var highestVersion = 4
    package var user: String?
    package var password = ""
    package var authentication = Authentication.best
    /// For one address of the host.
    package var connectTimeoutSeconds = 10
    /// From a request to the end of its reply. Long: an unload takes minutes on real drives.
    package var replyTimeoutSeconds = 300
    /// From the connection to the server's first message.
    package var greetingTimeoutSeconds = 30
    /// Once signalled, every wait ends with `.cancelled`; it is not cleared here.
    package var interrupt: WakeUp?
    /// Gets one line per message, without passwords and payloads.
    package var trace: (@Sendable (NDMPTraceSide, String) -> Void)?

    package init(user: String? = nil, password: String = "") {
        self.user = user
        self.password = password
    }
}

/// Who sent a traced message.
package enum NDMPTraceSide: String, Sendable {
    case client = ">"
    case server = "<"
}

/// How much a server can make a client keep.
package enum NDMPClientLimits {
    /// Posts that came while a reply was awaited. A server that streams file history has at most what the sockets
    /// between hold on its way, a few MiB.
    package static let queuedPosts = 65_536
    /// The same in bytes on the wire.
    package static let queuedPostBytes = 64 << 20
    /// How long a close waits for the server to end the connection too, so that it has let go of its devices.
    package static let closeMilliseconds = 2000
    /// Addresses of one host that are tried.
    package static let hostAddresses = 16
}
