// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What both sides hash to prove that they know the password (NDMP v4 draft, 3.4.2).
package enum MD5Challenge {
    /// Bytes of the password that count.
    package static let passwordBytes = 32

    /// The 128 bytes to hash with MD5: the password at the front, the challenge behind the middle less the
    /// password's length, the password again at the end.
    ///
    /// - Parameter challenge: the 64 bytes that the server gave last.
    /// - Returns: nil when the password is empty or the challenge has another length: nobody is let in with it.
    package static func digestInput(password: [UInt8], challenge: [UInt8]) -> [UInt8]? {
        let password = password.prefix(passwordBytes)
        guard !password.isEmpty, challenge.count == NDMPLimits.challengeBytes else { return nil }
        let gap = 64 - password.count
        var block = Array(password)
        block += repeatElement(0, count: gap - password.count)
        block += challenge
        block += password
        return block
    }
}
