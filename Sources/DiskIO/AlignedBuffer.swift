// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// Page-aligned memory for bulk data. One thread uses it at a time; handing it over is the owner's business.
@safe package final class AlignedBuffer: @unchecked Sendable {
    /// Size in bytes, a multiple of the page size.
    package let count: Int
    private let memory: UnsafeMutableRawBufferPointer

    private static let alignment = 4096

    /// `count` is rounded up to whole pages, at least one.
    package init(count: Int) {
        let pages = max(1, (count + Self.alignment - 1) / Self.alignment)
        self.count = pages * Self.alignment
        unsafe memory = .allocate(byteCount: pages * Self.alignment, alignment: Self.alignment)
        // Zero once: what is read before it is written is then defined.
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { unsafe memory.deallocate() }

    /// The whole buffer, for reading, during `body`.
    package func withBytes<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        // Bytes are trivially UInt8 and stay allocated while `self` is in use.
        try body(unsafe Span(_unsafeElements: memory.assumingMemoryBound(to: UInt8.self)))
    }

    /// The whole buffer, for writing, during `body`.
    package func withMutableBytes<R, E: Error>(_ body: (inout MutableSpan<UInt8>) throws(E) -> R) throws(E) -> R {
        // As above; the owner promises that nobody else uses the buffer meanwhile.
        var span = unsafe MutableSpan(_unsafeElements: memory.assumingMemoryBound(to: UInt8.self))
        return try body(&span)
    }
}
