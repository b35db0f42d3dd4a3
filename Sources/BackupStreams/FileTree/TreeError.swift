// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// What a caller wants to do with a tree.
package enum TreeAccess: Sendable, Equatable {
    case reading
    case writing
}

/// An access to a file tree failed: what was tried, on what, and why.
package struct TreeError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Reason: Sendable, Equatable {
        /// The kernel's `errno`.
        case system(Int32)
        /// No export holds the path.
        case notExported
        /// The export is for reading only.
        case readOnly
        /// The path has "..", or leads through a symbolic link.
        case escapes
        /// The list of exports or a name cannot be used; the text says why.
        case invalid(String)
    }

    /// The call in plain words, for example `open` or `make directory`.
    package let operation: String
    package let path: [UInt8]
    package let reason: Reason

    package init(_ operation: String, _ path: [UInt8], _ reason: Reason) {
        self.operation = operation
        self.path = path
        self.reason = reason
    }

    /// The kernel's `errno`; nil when another reason stopped it.
    package var code: Int32? {
        if case .system(let code) = reason { code } else { nil }
    }

    package var isNotFound: Bool { code == ENOENT || code == ENOTDIR }
    package var isPermissionDenied: Bool { code == EACCES || code == EPERM || code == EROFS || reason == .readOnly }
    /// The disk or the user's quota is full.
    package var isOutOfSpace: Bool { code == ENOSPC || code == EDQUOT }

    /// Kinds that a recovery tells apart.
    enum RecoveryCode {
        case permission
        case noDirectory
        case exists
        case memory
        case other
    }

    var recoveryCode: RecoveryCode {
        if isPermissionDenied { return .permission }
        switch code {
        case ENOTDIR, ENOENT: return .noDirectory
        case EEXIST, EISDIR, ENOTEMPTY: return .exists
        case ENOMEM: return .memory
        default: return reason == .escapes ? .noDirectory : .other
        }
    }

    package var isAlreadyThere: Bool { code == EEXIST }
    /// The file system, or the process' rights, do not allow this attribute.
    var isUnsupported: Bool { code == ENOTSUP || code == EPERM || code == EACCES }

    package var description: String {
        let shown = displayed(path)
        switch reason {
        case .system(let code): return "cannot \(operation) \(shown): \(Self.sentence(of: code))"
        case .notExported: return "cannot \(operation) \(shown): no export holds it"
        case .readOnly: return "cannot \(operation) \(shown): the export is read-only"
        case .escapes: return "cannot \(operation) \(shown): it leads through a symbolic link or \"..\""
        case .invalid(let text): return "cannot \(operation) \(shown): \(text)"
        }
    }

    /// The system's own sentence for an `errno`.
    private static func sentence(of code: Int32) -> String {
        // strerror's buffer is valid until the next call on this thread, and is copied at once.
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}

/// A path or name for people: what is not printable UTF-8 is shown in octal.
package func displayed(_ bytes: [UInt8]) -> String {
    if let text = String(validating: bytes, as: UTF8.self), !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
        return text.isEmpty ? "/" : text
    }
    return bytes.map { byte -> String in
        if (0x20..<0x7F).contains(byte) { return String(UnicodeScalar(byte)) }
        let digits = String(byte, radix: 8)
        return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
    }.joined()
}
