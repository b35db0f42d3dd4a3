// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// CONNECT_OPEN: the version the client wants to speak. The same in every version.
package struct ConnectOpenRequest: XDRStruct, Equatable {
    package var protocolVersion: UInt16 = 0

    package init() {}

    package init(protocolVersion: UInt16) {
        self.protocolVersion = protocolVersion
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.u16(&protocolVersion, "protocol_version")
    }
}

/// CONNECT_CLIENT_AUTH.
package struct ConnectClientAuthRequest: XDRStruct, Equatable {
    package var auth: AuthData = .none

    package init() {}

    package init(auth: AuthData) {
        self.auth = auth
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try auth.fields(&pass)
    }
}

/// CONNECT_SERVER_AUTH: the client challenges the server.
package struct ConnectServerAuthRequest: XDRStruct, Equatable {
    package var challenge: AuthChallenge = .none

    package init() {}

    package init(challenge: AuthChallenge) {
        self.challenge = challenge
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try challenge.fields(&pass)
    }
}

package struct ConnectServerAuthReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError
    package var auth: AuthData = .none

    package init() {}

    package init(error: NDMPError = .noError, auth: AuthData = .none) {
        self.error = error
        self.auth = auth
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
        try auth.fields(&pass)
    }
}
