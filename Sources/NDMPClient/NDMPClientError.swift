// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol

/// What went wrong between this client and a server, as a sentence that names the server.
package struct NDMPClientError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// The name leads to no address.
        case unknownHost
        /// A reset came at once: nothing listens there, or a firewall rejects.
        case connectionRefused
        /// No answer at all within this many seconds: the host is down, or a firewall drops.
        case connectionSilent(seconds: Int)
        /// Another failure of the connection attempt.
        case unreachable(String)
        /// Connected, but the server said nothing: it is no NDMP server, or it is stuck.
        case noGreeting(seconds: Int)
        /// The server's first message was something else.
        case notNDMP(String)
        /// The server takes no session now; its reason.
        case turnedAway(String)
        /// No version up to the highest wanted one was accepted.
        case noCommonVersion(announced: Int, highest: Int)
        /// The server offers none of the methods that were allowed.
        case noCommonAuthentication(offered: [AuthType])
        case authenticationRefused(method: AuthType, user: String, error: NDMPError)
        /// The server answered a request with an error.
        case refused(message: String, error: NDMPError)
        /// No reply within the limit.
        case replyTimedOut(message: String, seconds: Int)
        /// The server has ended the connection; its reason when it gave one.
        case closed(reason: String?)
        /// The connection broke.
        case broken(String)
        /// The server does not keep to the protocol: nothing more can be done on this connection.
        case violation(String)
        /// More posts than a client keeps came before the reply.
        case tooManyPosts(message: String)
        /// The request does not fit into a message; nothing was sent.
        case unsendable(String)
        /// The caller asked to stop.
        case cancelled
        /// `close` was called before.
        case alreadyClosed
    }

    package var kind: Kind
    /// Host and port of the server as far as known.
    package var server: String

    package init(_ kind: Kind, server: String) {
        self.kind = kind
        self.server = server
    }

    /// What the server answered, when it was an answer.
    package var refusal: NDMPError? {
        switch kind {
        case .refused(_, let error), .authenticationRefused(_, _, let error): error
        default: nil
        }
    }

    /// True when the connection is of no use any more.
    package var isFatal: Bool {
        switch kind {
        case .refused, .unsendable: false
        default: true
        }
    }

    package var description: String {
        switch kind {
        case .unknownHost: "\(server) is not known: the name leads to no address."
        case .connectionRefused:
            "\(server) refused the connection at once: nothing listens there, or a firewall rejects it."
        case .connectionSilent(let seconds):
            "\(server) did not answer within \(seconds) s: the host is down, or a firewall drops the packets."
        case .unreachable(let reason): "\(server) cannot be reached: \(reason)."
        case .noGreeting(let seconds):
            "\(server) accepted the connection but said nothing for \(seconds) s: it is no NDMP server, or it hangs."
        case .notNDMP(let reason): "\(server) does not speak NDMP: \(reason)."
        case .turnedAway(let reason): "\(server) takes no session now: \(reason)."
        case .noCommonVersion(let announced, let highest):
            "\(server) announces NDMP version \(announced) and accepted none from \(highest) down to 2."
        case .noCommonAuthentication(let offered):
            "\(server) offers no authentication that was allowed here; it offers \(Self.list(offered))."
        case .authenticationRefused(let method, let user, .notAuthorized):
            "\(server) does not accept this user and password (\(method.text), user \(user))."
        case .authenticationRefused(let method, let user, let error):
            "\(server) refused \(method.text) authentication of user \(user): \(error.text)."
        case .refused(let message, let error): "\(server) refused \(message): \(error.text)."
        case .replyTimedOut(let message, let seconds): "\(server) did not answer \(message) within \(seconds) s."
        case .closed(nil): "\(server) ended the connection without a word."
        case .closed(let reason?): "\(server) ended the connection: \(reason)."
        case .broken(let reason): "The connection to \(server) broke: \(reason)."
        case .violation(let reason): "\(server) does not keep to the protocol: \(reason)."
        case .tooManyPosts(let message): "\(server) sent notifications without end instead of the reply to \(message)."
        case .unsendable(let reason): "A request to \(server) could not be made: \(reason)."
        case .cancelled: "The work with \(server) was cancelled."
        case .alreadyClosed: "The connection to \(server) is closed already."
        }
    }

    private static func list(_ types: [AuthType]) -> String {
        types.isEmpty ? "none" : types.map(\.text).joined(separator: ", ")
    }
}
