// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Crypto
import NDMPProtocol
import WireFormat

/// Decides whether credentials are good. Pure: challenges and passwords come in from outside.
struct Authenticator: Sendable {
    /// By user name.
    let passwords: [[UInt8]: [UInt8]]
    let allowsNone: Bool
    let allowsText: Bool
    let allowsMD5: Bool

    init(_ configuration: NDMPConfiguration, peerIsLoopback: Bool) {
        passwords = Dictionary(
            configuration.users.map { (Array($0.name.utf8), Array($0.password.utf8)) },
            uniquingKeysWith: { _, last in last }
        )
        allowsNone = configuration.allowsNoAuthentication && peerIsLoopback
        allowsText = configuration.allowsTextAuthentication
        allowsMD5 = configuration.allowsMD5Authentication
    }

    /// The methods to announce, in the order of their numbers.
    var methods: [AuthType] {
        (allowsNone ? [.none] : []) + (allowsText ? [.text] : []) + (allowsMD5 ? [.md5] : [])
    }

    /// NO_ERR, NOT_AUTHORIZED for bad credentials, ILLEGAL_ARGS for a method that is not offered.
    func verdict(_ auth: AuthData, challenge: [UInt8]?) -> NDMPError {
        switch auth {
        case .none where allowsNone: .noError
        case .text(let user, let password) where allowsText: textVerdict(user.bytes, password.bytes)
        case .md5(let user, let digest) where allowsMD5: md5Verdict(user.bytes, digest, challenge)
        default: .illegalArguments
        }
    }

    private func textVerdict(_ user: [UInt8], _ password: [UInt8]) -> NDMPError {
        guard let known = passwords[user], !known.isEmpty else { return .notAuthorized }
        return Self.equalInConstantTime(password, known) ? .noError : .notAuthorized
    }

    private func md5Verdict(_ user: [UInt8], _ digest: [UInt8], _ challenge: [UInt8]?) -> NDMPError {
        guard let challenge, let known = passwords[user],
            let expected = Self.digest(password: known, challenge: challenge)
        else { return .notAuthorized }
        return Self.equalInConstantTime(digest, expected) ? .noError : .notAuthorized
    }

    /// nil when the password is empty: nobody is let in with it.
    static func digest(password: [UInt8], challenge: [UInt8]) -> [UInt8]? {
        guard let input = MD5Challenge.digestInput(password: password, challenge: challenge) else { return nil }
        return Array(Insecure.MD5.hash(data: input))
    }

    /// Takes the same time wherever the first difference is, so that nobody learns it by measuring.
    static func equalInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        var difference: UInt8 = left.count == right.count ? 0 : 1
        for index in left.indices {
            difference |= left[index] ^ (right.isEmpty ? 0 : right[index % right.count])
        }
        return difference == 0
    }
}
