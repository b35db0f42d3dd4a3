// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// A system call on a file or directory failed: which one, on what, and why.
package struct DiskError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The call in plain words, for example `write` or `synchronize`.
    package let operation: String
    package let path: String
    /// The kernel's `errno`.
    package let code: Int32
    /// The process that holds a lock, where the operation was `lock` and it is known.
    package let holderProcess: Int32?

    package init(operation: String, path: String, code: Int32, holderProcess: Int32? = nil) {
        self.operation = operation
        self.path = path
        self.code = code
        self.holderProcess = holderProcess
    }

    /// The disk or the user's quota is full; freeing space helps.
    package var isOutOfSpace: Bool { code == ENOSPC || code == EDQUOT }
    package var isNotFound: Bool { code == ENOENT }
    /// Longer than the limit the caller gave.
    package var isTooLarge: Bool { code == EFBIG }
    /// This process or the system has no descriptors or memory left: it says nothing about the file.
    package var isOutOfResources: Bool { code == EMFILE || code == ENFILE || code == ENOMEM }

    package var description: String {
        if let holderProcess {
            return "cannot \(operation) \(path): process \(holderProcess) holds it"
        }
        return "cannot \(operation) \(path): \(Self.reason(of: code))"
    }

    /// The system's own sentence for an `errno`.
    private static func reason(of code: Int32) -> String {
        // strerror's buffer is valid until the next call on this thread, and is copied at once.
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}
