// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CFuse3
import Glibc

/// Memory of one serving thread: a request is received so that the payload of a FUSE_WRITE begins on a page, and the
/// same pages then take what a FUSE_READ answers with (by that time its request has been decoded).
@safe
struct RequestBuffer: ~Copyable {
    /// struct fuse_in_header (40 bytes) and struct fuse_write_in (40), which stand before the payload.
    static let headerBytes = 80
    private static let pageBytes = 4096

    private let memory: UnsafeMutableRawPointer

    init() {
        // Fresh pages of the system: only those that are used cost memory.
        unsafe memory = .allocate(
            byteCount: MountLimits.payloadBytes + 2 * Self.pageBytes,
            alignment: Self.pageBytes
        )
    }

    deinit { unsafe memory.deallocate() }

    /// Where a payload lies: `MountLimits.payloadBytes`, page-aligned.
    var payload: UnsafeMutableRawPointer { unsafe memory + Self.pageBytes }

    /// Where requests are received, `receivedBytes` at most.
    private var start: UnsafeMutableRawPointer { unsafe payload - Self.headerBytes }
    private static let receivedBytes = headerBytes + MountLimits.payloadBytes + pageBytes

    enum Received {
        case request(bytes: Int)
        /// Interrupted, or the caller gave up before we read: try again.
        case nothing
        /// ENODEV: unmounted; ECONNABORTED: cut off by the system; anything else is unexpected.
        case ended(code: Int32)
    }

    /// Waits for a request.
    func receive(from descriptor: Int32) -> Received {
        // `start` has this much room.
        let got = unsafe read(descriptor, start, Self.receivedBytes)
        guard got < 0 else {
            return got >= MemoryLayout<UInt32>.size * 10 ? .request(bytes: got) : .ended(code: EIO)
        }
        switch errno {
        case EINTR, EAGAIN, ENOENT: return .nothing
        default: return .ended(code: errno)
        }
    }

    /// Hands the request to libfuse, which decodes it and calls the operation.
    func process(bytes: Int, session: OpaquePointer) {
        var buffer = unsafe fuse_buf()
        unsafe buffer.size = bytes
        unsafe buffer.mem = start
        unsafe fuse_session_process_buf(session, &buffer)
    }
}
