// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Sockets

/// Page-aligned memory of a fixed size, given back to the system at once when it goes. One thread uses it at a time.
@safe final class AlignedMemory {
    let count: Int
    private let base: UnsafeMutableRawPointer

    init(count: Int) throws(NetworkError) {
        precondition(count > 0, "a buffer has a size")
        let flags = Int32(MAP_PRIVATE) | Int32(MAP_ANONYMOUS)
        let memory = unsafe mmap(nil, count, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
            throw .last("reserve", "\(count) bytes of memory")
        }
        self.count = count
        unsafe base = memory
    }

    deinit {
        _ = unsafe munmap(base, count)
    }

    /// Lends the bytes of `range`, which lies inside the memory.
    func withSpan<R, E: Error>(_ range: Range<Int>, _ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "the range lies in the memory")
        // The memory lives as long as self, and self outlives the call.
        let bytes = unsafe UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
        return try unsafe body(Span<UInt8>(_unsafeBytes: bytes))
    }

    /// Lends the bytes of `range` for filling.
    func withMutableSpan<R, E: Error>(
        _ range: Range<Int>,
        _ body: (inout MutableSpan<UInt8>) throws(E) -> R
    ) throws(E) -> R {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "the range lies in the memory")
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: base + range.lowerBound, count: range.count)
        var span = unsafe MutableSpan<UInt8>(_unsafeBytes: bytes)
        return try body(&span)
    }

    /// Copies `bytes` to `offset`; there is room for them.
    func copy(_ bytes: Span<UInt8>, to offset: Int) {
        precondition(offset >= 0 && bytes.count <= count - offset, "the bytes fit into the memory")
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe memcpy(base + offset, start, source.count)
        }
    }

    /// Zeros over `range`.
    func clear(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "the range lies in the memory")
        unsafe memset(base + range.lowerBound, 0, range.count)
    }
}
