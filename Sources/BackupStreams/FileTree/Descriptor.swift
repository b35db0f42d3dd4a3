// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Glibc

/// An open descriptor, closed with its last owner.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) {
        self.number = number
    }

    deinit { _ = Glibc.close(number) }
}

/// Repeats a call that a signal interrupts; the result is the call's, which is negative on failure.
func checked<R: BinaryInteger>(
    _ operation: String,
    _ path: @autoclosure () -> [UInt8],
    _ call: () -> R
) throws(TreeError) -> R {
    while true {
        let result = call()
        if result >= 0 { return result }
        let code = errno
        if code == EINTR { continue }
        throw TreeError(operation, path(), code == ELOOP || code == EXDEV ? .escapes : .system(code))
    }
}

/// A name as the kernel wants it: bytes and a 0.
struct KernelName {
    private let bytes: [CChar]

    init(_ name: [UInt8]) {
        var bytes: [CChar] = []
        bytes.reserveCapacity(name.count + 1)
        for byte in name { bytes.append(CChar(bitPattern: byte)) }
        bytes.append(0)
        self.bytes = bytes
    }

    /// The pointer is good during `body`.
    func callAsFunction<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
        // The array always holds at least its closing 0.
        unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return unsafe withUnsafePointer(to: 0) { unsafe body($0) } }
            return unsafe body(base)
        }
    }
}

/// How paths are opened below a directory.
enum Confinement: Sendable {
    /// One openat2 for many components.
    case openat2
    /// One openat with O_NOFOLLOW for each component: for kernels before 5.6, and containers that filter openat2.
    case steps
}
