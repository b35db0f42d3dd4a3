// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// Sends bytes to a socket. Returns how many it took: all on a blocking socket, fewer or 0 on a non-blocking one that
/// is full. Raises no SIGPIPE.
package func sendToSocket(_ bytes: Span<UInt8>, socket: Int32) throws(DiskError) -> Int {
    // The pointer is used within the closure only, and send reads at most the span.
    let (done, code) = unsafe bytes.withUnsafeBytes { buffer -> (Int, Int32) in
        var done = 0
        while done < buffer.count {
            let start = unsafe buffer.baseAddress.map { unsafe $0 + done }
            let sent = unsafe send(socket, start, buffer.count - done, Int32(MSG_NOSIGNAL))
            if sent >= 0 {
                done += sent
            } else if errno == EAGAIN {
                break
            } else if errno != EINTR {
                // What was taken counts; the error comes again with the next call.
                return done > 0 ? (done, 0) : (0, errno)
            }
        }
        return (done, 0)
    }
    guard code == 0 else { throw DiskError(operation: "send to", path: "socket \(socket)", code: code) }
    return done
}
