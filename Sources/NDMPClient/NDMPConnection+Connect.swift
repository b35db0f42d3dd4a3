// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Crypto
import NDMPProtocol
import WireFormat

/// The first words: greeting, version, authentication.
extension NDMPConnection {
    /// Agrees on the highest version that both sides know; a refusal is followed by the next lower one.
    ///
    /// - Returns: the versions that were refused, highest first.
    @discardableResult
    func negotiate(highest: Int) throws(NDMPClientError) -> [Int] {
        let known = NDMPCatalogue.versions
        let first = min(highest, announcedVersion, known.upperBound)
        var refused: [Int] = []
        guard first >= known.lowerBound else {
            throw failure(.noCommonVersion(announced: announcedVersion, highest: highest))
        }
        for wanted in (known.lowerBound...first).reversed() {
            // The same bytes in every version.
            let request = ConnectOpenRequest(protocolVersion: UInt16(wanted))
            let reply = try exchange(.connectOpen, request, as: ErrorReply.self)
            switch reply.error {
            case .noError:
                version = wanted
                return refused
            case .illegalArguments, .notSupported: refused.append(wanted)
            default: throw failure(.refused(message: "CONNECT_OPEN of version \(wanted)", error: reply.error))
            }
        }
        throw failure(.noCommonVersion(announced: announcedVersion, highest: highest))
    }

    /// Proves who we are, as the options say.
    func authenticate() throws(NDMPClientError) { try authenticate(as: options.authentication) }

    func authenticate(as way: NDMPClientOptions.Authentication) throws(NDMPClientError) {
        switch way {
        case .skip: return
        case .none: try authenticate(.none)
        case .text: try authenticate(.text)
        case .md5: try authenticate(.md5)
        case .best: try authenticateAtBest()
        }
    }

    private func authenticateAtBest() throws(NDMPClientError) {
        let offered = try offeredAuthentication()
        guard options.user != nil else {
            guard offered.isEmpty || offered.contains(.none) else {
                throw failure(.noCommonAuthentication(offered: offered))
            }
            return try authenticate(.none)
        }
        // A server that names no method is asked for both.
        let methods = [AuthType.md5, .text].filter { offered.isEmpty || offered.contains($0) }
        for (index, method) in methods.enumerated() {
            do throws(NDMPClientError) {
                return try authenticate(method)
            } catch {
                // Only a method that the server does not have leads to the next: a wrong password stays wrong, and need
                // not be sent in the clear.
                guard index + 1 < methods.count, Self.isUnknownMethod(error.refusal) else { throw error }
            }
        }
        if offered.contains(.none) { return try authenticate(.none) }
        throw failure(.noCommonAuthentication(offered: offered))
    }

    private static func isUnknownMethod(_ error: NDMPError?) -> Bool {
        error == .illegalArguments || error == .notSupported
    }

    /// The methods that the server names; empty when it does not say.
    package func offeredAuthentication() throws(NDMPClientError) -> [AuthType] {
        if version == 2 {
            return try exchange(.configGetHostInfo, EmptyBody(), as: ConfigGetHostInfoReply.self).authTypes
        }
        return try exchange(.configGetServerInfo, EmptyBody(), as: ConfigGetServerInfoReply.self).authTypes
    }

    private func authenticate(_ method: AuthType) throws(NDMPClientError) {
        let user = options.user ?? ""
        let proof: AuthData
        switch method {
        case .none: proof = .none
        case .text: proof = .text(user: XDRString(user), password: XDRString(options.password))
        default: proof = try md5Proof(user: user)
        }
        let reply = try exchange(.connectClientAuth, ConnectClientAuthRequest(auth: proof), as: ErrorReply.self)
        guard reply.error == .noError else {
            throw failure(.authenticationRefused(method: method, user: user, error: reply.error))
        }
        isAuthenticated = true
    }

    private func md5Proof(user: String) throws(NDMPClientError) -> AuthData {
        let request = ConfigGetAuthAttributesRequest(authType: .md5)
        let reply = try exchange(.configGetAuthAttributes, request, as: ConfigGetAuthAttributesReply.self)
        guard reply.error == .noError else {
            throw failure(.authenticationRefused(method: .md5, user: user, error: reply.error))
        }
        guard case .md5(let challenge) = reply.challenge else {
            throw failure(.violation("it was asked for an MD5 challenge and gave another one"))
        }
        // An empty password has no digest: the zeros sent then are what the server will refuse.
        let input = MD5Challenge.digestInput(password: Array(options.password.utf8), challenge: challenge)
        let digest = input.map { Array(Insecure.MD5.hash(data: $0)) } ?? []
        return .md5(user: XDRString(user), digest: digest)
    }

    /// Takes the version from the first message.
    func readGreeting(_ range: Range<Int>) throws(NDMPClientError) -> Int {
        var reader = XDRReader(buffer.bytes, in: range, version: version)
        guard let header: NDMPHeader = try? reader.decode(), header.messageType == .request,
            header.code == NDMPMessageCode.notifyConnected.rawValue,
            let greeting: NotifyConnectedPost = try? reader.decode()
        else { throw failure(.notNDMP("its first message is not NOTIFY_CONNECTED")) }
        options.trace?(.server, NDMPTrace.describe(buffer.bytes, in: range, version: version))
        let text = greeting.text.text
        switch greeting.reason {
        case .connected: return Int(greeting.protocolVersion)
        case .refused: throw failure(.turnedAway(text.isEmpty ? "it gave no reason" : text))
        default: throw failure(.turnedAway(text.isEmpty ? "it is shutting down" : text))
        }
    }
}
