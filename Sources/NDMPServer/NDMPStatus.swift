// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// One session as `status` shows it.
package struct NDMPSessionStatus: Sendable, Equatable {
    package var id: UInt64
    /// Address and port of the client.
    package var peer: String
    /// The protocol version agreed on; nil until then.
    package var version: Int?
    /// nil before authentication; empty for authentication NONE.
    package var user: String?
    /// Name of the device the session has open.
    package var device: String?
    /// `IDLE`, `LISTEN`, `ACTIVE`, `PAUSED`, `HALTED`.
    package var moverState = "IDLE"
    /// Bytes over the present or last data connection.
    package var moverBytes: UInt64 = 0
    /// `IDLE`, `LISTEN`, `CONNECTED`, `ACTIVE`, `HALTED`.
    package var dataState = "IDLE"
    /// `NOACTION`, `BACKUP`, `RECOVER`, `RECOVER_FILEHIST`.
    package var dataOperation = "NOACTION"
    /// Bytes of the stream that the data service has sent or received.
    package var dataBytes: UInt64 = 0
    /// Files it has told of so far, or in all when it is done.
    package var dataFiles: UInt64 = 0
    /// Seconds since 1970.
    package var connectedAt: UInt64
    package var messagesReceived: UInt64 = 0
    package var messagesSent: UInt64 = 0

    package init(id: UInt64, peer: String, connectedAt: UInt64) {
        self.id = id
        self.peer = peer
        self.connectedAt = connectedAt
    }

    /// Its mover or its data service is at work.
    package var isMovingData: Bool { moverState == "ACTIVE" || dataState == "ACTIVE" }
}

/// Takes the trace of the NDMP door: one decoded line per message, without user data.
package protocol NDMPTraceSink: Sendable {
    /// - Parameters:
    ///   - session: number of the session, from 1.
    ///   - line: the message in words.
    func message(session: UInt64, peer: String, direction: NDMPTraceDirection, line: String)
}

package enum NDMPTraceDirection: String, Sendable {
    case received = "<"
    case sent = ">"
}

/// Why the server did not start.
package enum NDMPServerError: Error, Sendable, Equatable, CustomStringConvertible {
    case cannotListen(String)
    case nothingToListenOn
    case noUsers
    case alreadyStarted

    package var description: String {
        switch self {
        case .cannotListen(let reason): "The NDMP service did not start: \(reason)."
        case .nothingToListenOn: "The NDMP service has no address to listen on. Give one with --ndmp HOST:PORT."
        case .noUsers:
            "The NDMP service has no user. Configure one, or allow authentication NONE for loopback clients."
        case .alreadyStarted: "The NDMP service has been started already."
        }
    }
}
