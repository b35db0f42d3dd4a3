// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// A reply. Operation errors travel in it; all fields are encoded also when `error` is set.
package protocol NDMPReplyBody: XDRStruct {
    var error: NDMPError { get set }
}

extension NDMPReplyBody {
    /// A reply that only refuses: every other field zero or empty.
    package init(refusing error: NDMPError) {
        self.init()
        self.error = error
    }
}

/// A message without a body.
package struct EmptyBody: XDRStruct, Equatable {

    package init() {}

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {}
}

/// The reply that most requests get: how it went, nothing more.
package struct ErrorReply: NDMPReplyBody, Equatable {
    package var error: NDMPError = .noError

    package init() {}

    package init(error: NDMPError) {
        self.error = error
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&error, "error")
    }
}

/// A name and a value: environment variables and device capabilities.
package struct NDMPVariable: XDRStruct, Equatable {
    package var name: XDRString = XDRString()
    package var value: XDRString = XDRString()

    package init() {}

    package init(name: XDRString = XDRString(), value: XDRString = XDRString()) {
        self.name = name
        self.value = value
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&name, limit: NDMPLimits.variableNameBytes, "name")
        try pass.string(&value, limit: NDMPLimits.variableValueBytes, "value")
    }
}
