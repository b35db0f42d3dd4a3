// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import WireFormat

/// What one connection may ask for, and when: version, authentication, order. No sockets, no clock.
///
/// ```
///   announced ──CONNECT_OPEN or any other request──► open ──CLIENT_AUTH──► open, with a user
/// ```
/// NDMP v4 draft, 3.2 (CONNECT interface).
struct SessionMachine: Sendable {
    /// What is to become of a message.
    enum Admission: Equatable, Sendable {
        case handle(NDMPMessageRow)
        /// A reply with this error in its header and no body.
        case refuse(NDMPError)
        /// No reply; the connection ends.
        case close
        /// Replies from a client mean nothing to us.
        case ignore

        static func == (left: Admission, right: Admission) -> Bool {
            switch (left, right) {
            case (.handle(let one), .handle(let other)): one.code == other.code
            case (.refuse(let one), .refuse(let other)): one == other
            case (.close, .close), (.ignore, .ignore): true
            default: false
            }
        }
    }

    let announcedVersion: Int
    let authenticator: Authenticator
    /// The agreed version; nil while CONNECT_OPEN is still possible.
    private(set) var agreedVersion: Int?
    /// nil before authentication; empty after NONE.
    private(set) var user: XDRString?
    /// Of the most recent CONFIG_GET_AUTH_ATTR for MD5.
    private(set) var challenge: [UInt8]?
    private(set) var failedAttempts = 0

    /// A client that guesses passwords is sent away after this many.
    static let maximumFailedAttempts = 16

    init(announcedVersion: Int, authenticator: Authenticator) {
        self.announcedVersion = announcedVersion
        self.authenticator = authenticator
    }

    /// The version that bodies are encoded in now.
    var version: Int { agreedVersion ?? announcedVersion }

    mutating func admit(_ header: NDMPHeader) -> Admission {
        guard header.messageType == .request else { return .ignore }
        guard let row = NDMPCatalogue.row(header.code, version: version) else { return .refuse(.notSupported) }
        switch row.kind {
        case .closing: return .close
        case .post: return .refuse(.notSupported)
        case .request: break
        }
        if row.acceptsAnnouncedVersion, agreedVersion == nil { agreedVersion = announcedVersion }
        if row.needsAuthentication(version: version), user == nil { return .refuse(.notAuthorized) }
        return .handle(row)
    }

    /// CONNECT_OPEN: any version from 2 up to the announced one, once, as the first request.
    mutating func open(version: UInt16) -> NDMPError {
        guard agreedVersion == nil else { return .illegalState }
        guard NDMPCatalogue.versions.contains(Int(version)), Int(version) <= announcedVersion else {
            return .illegalArguments
        }
        agreedVersion = Int(version)
        return .noError
    }

    /// CONFIG_GET_AUTH_ATTR. `fresh` is 64 unpredictable bytes; it replaces an earlier challenge.
    mutating func attributes(of type: AuthType, fresh: [UInt8]) -> ConfigGetAuthAttributesReply {
        guard authenticator.methods.contains(type) else {
            return ConfigGetAuthAttributesReply(error: .illegalArguments)
        }
        switch type {
        case .md5:
            challenge = fresh
            return ConfigGetAuthAttributesReply(challenge: .md5(challenge: fresh))
        case .text:
            return ConfigGetAuthAttributesReply(challenge: .text)
        default:
            return ConfigGetAuthAttributesReply(challenge: .none)
        }
    }

    /// CONNECT_CLIENT_AUTH. A second one replaces the user; a failed one leaves an earlier success alone.
    mutating func authenticate(_ auth: AuthData) -> NDMPError {
        let verdict = authenticator.verdict(auth, challenge: challenge)
        guard verdict == .noError else {
            failedAttempts += 1
            return verdict
        }
        switch auth {
        case .text(let name, _), .md5(let name, _): user = name
        default: user = XDRString()
        }
        return .noError
    }

    var isWornOut: Bool { failedAttempts >= Self.maximumFailedAttempts }
}
