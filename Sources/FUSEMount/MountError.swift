// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// Why a directory could not be mounted on: what is wrong, and what the operator can do.
package struct MountError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Cause: Sendable, Equatable {
        /// The mount point is not what it must be.
        case mountPoint
        /// Somebody mounts there already.
        case taken
        /// This user may not mount, or not so.
        case permission
        /// The kernel or a program that is needed is missing.
        case missing
        /// Anything else the system refused.
        case system
    }

    package var cause: Cause
    /// Begins in lower case, without a full stop.
    package var message: String
    package var hint: String?

    init(_ cause: Cause, _ message: String, hint: String? = nil) {
        self.cause = cause
        self.message = message
        self.hint = hint
    }

    package var description: String { hint.map { "\(message); \($0)" } ?? message }

    /// The system's text for an errno.
    static func reason(_ code: Int32) -> String {
        // The C library keeps these texts for good or per thread; the String is a copy.
        unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}
