// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// Why a request to the tree of files was refused: an errno for the caller, a sentence for the log.
package struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// errno, positive.
    package var code: Int32
    /// A sentence for the operator; empty where the code says all (ENOENT of a name that nobody has).
    package var reason: String

    package init(_ code: Int32, _ reason: String = "") {
        self.code = code
        self.reason = reason
    }

    package var description: String {
        let name = Self.names[code] ?? "errno \(code)"
        return reason.isEmpty ? name : "\(reason) (\(name))"
    }

    /// EBADF: the file is not open for that.
    static let notWritable = EBADF
    /// ENOTTY: the file has no such ioctl.
    static let noSuchControl = ENOTTY

    private static let names: [Int32: String] = [
        EACCES: "EACCES", EBADF: "EBADF", EBUSY: "EBUSY", EEXIST: "EEXIST", EFAULT: "EFAULT", EFBIG: "EFBIG",
        EINTR: "EINTR", EINVAL: "EINVAL", EIO: "EIO", EISDIR: "EISDIR", ELOOP: "ELOOP", EMFILE: "EMFILE",
        ENAMETOOLONG: "ENAMETOOLONG", ENODEV: "ENODEV", ENOENT: "ENOENT", ENOMEDIUM: "ENOMEDIUM", ENOMEM: "ENOMEM",
        ENOSPC: "ENOSPC", ENOSYS: "ENOSYS", ENOTDIR: "ENOTDIR", ENOTEMPTY: "ENOTEMPTY", ENOTTY: "ENOTTY",
        ENXIO: "ENXIO", EPERM: "EPERM", EROFS: "EROFS", ESPIPE: "ESPIPE", ESTALE: "ESTALE", EXDEV: "EXDEV",
    ]
}
