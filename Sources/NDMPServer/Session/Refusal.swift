// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Sockets
import WireFormat

/// What a client gets instead of a session when there are too many.
enum Refusal {
    static func send(to socket: Socket, version: Int, limit: Int) {
        var output = NDMPSendBuffer()
        let header = NDMPHeader(request: .notifyConnected, sequence: 1, timeStamp: MonotonicClock.wallSeconds())
        let body = NotifyConnectedPost(
            reason: .refused,
            protocolVersion: UInt16(version),
            text: XDRString("the limit of \(limit) sessions is reached; try again later")
        )
        // A short message of ours always encodes, and a client that is gone already needs none.
        try? output.append(header, body, version: version)
        socket.setSendTimeout(seconds: 1)
        try? socket.send(output.bytes.span.extracting(output.pending))
    }
}
