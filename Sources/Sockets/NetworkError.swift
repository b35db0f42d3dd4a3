// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// A socket call that failed: which one, for which address, and the system's reason.
package struct NetworkError: Error, Sendable, Equatable, CustomStringConvertible {
    package var operation: String
    package var address: String
    /// errno of the call.
    package var code: Int32

    package init(operation: String, address: String, code: Int32) {
        self.operation = operation
        self.address = address
        self.code = code
    }

    /// The error of the call that has just failed on this thread.
    package static func last(_ operation: String, _ address: String) -> NetworkError {
        NetworkError(operation: operation, address: address, code: errno)
    }

    package var isAddressInUse: Bool { code == EADDRINUSE }
    /// This machine does not have the address, or not its kind.
    package var isAddressMissing: Bool { code == EADDRNOTAVAIL || code == EAFNOSUPPORT }

    package var description: String {
        switch code {
        case EADDRINUSE: "cannot \(operation) \(address): the port is already in use by another program"
        case EACCES, EPERM:
            "cannot \(operation) \(address): permission denied; ports below 1024 need a privilege"
        case EADDRNOTAVAIL: "cannot \(operation) \(address): this machine has no such address"
        default: "cannot \(operation) \(address): \(Self.reason(code))"
        }
    }

    /// The system's text for an errno.
    package static func reason(_ code: Int32) -> String {
        // The C library keeps these texts for good or per thread; the String is a copy.
        unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}
