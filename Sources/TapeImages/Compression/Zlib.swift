// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CCompression

/// Whole records with zlib (RFC 1950).
enum Zlib {
    /// What Hercules uses for its tapes: most of the gain at a third of the time of the best.
    static let level: Int32 = 4

    /// nil when the library fails, which it does only without memory.
    static func compress(_ bytes: [UInt8]) -> [UInt8]? {
        var length = compressBound(uLong(bytes.count))
        var result = [UInt8](repeating: 0, count: Int(length))
        // Both buffers are valid for the call, which gets their lengths.
        let status = unsafe result.withUnsafeMutableBufferPointer { to in
            unsafe bytes.withUnsafeBufferPointer { from in
                unsafe compress2(to.baseAddress, &length, from.baseAddress, uLong(from.count), level)
            }
        }
        guard status == Z_OK else { return nil }
        result.removeLast(result.count - Int(length))
        return result
    }

    /// Nil when it is no zlib stream, or more than `limit` bytes come out.
    static func decompress(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
        unsafe Growing.decompress(limit: limit) { room in
            var length = uLong(room.count)
            // As above.
            let status = unsafe bytes.withUnsafeBufferPointer { from in
                unsafe uncompress(room.baseAddress, &length, from.baseAddress, uLong(from.count))
            }
            return switch status {
            case Z_OK: .done(Int(length))
            case Z_BUF_ERROR: .tooSmall
            default: .failed
            }
        }
    }
}

/// Whole records with bzip2.
enum Bzip2 {
    static func compress(_ bytes: [UInt8]) -> [UInt8]? {
        // The library's own bound: one percent and 600 bytes more.
        var length = UInt32(bytes.count + bytes.count / 100 + 600)
        var result = [UInt8](repeating: 0, count: Int(length))
        // Blocks of the least size that holds the record in one.
        let blocks = Int32(min(9, 1 + bytes.count / 100_000))
        // The library does not write to its source, though it does not say so.
        var source = bytes
        let status = unsafe result.withUnsafeMutableBytes { to in
            unsafe source.withUnsafeMutableBytes { from in
                unsafe BZ2_bzBuffToBuffCompress(
                    to.baseAddress?.assumingMemoryBound(to: CChar.self),
                    &length,
                    from.baseAddress?.assumingMemoryBound(to: CChar.self),
                    UInt32(from.count),
                    blocks,
                    0,
                    0
                )
            }
        }
        guard status == BZ_OK else { return nil }
        result.removeLast(result.count - Int(length))
        return result
    }

    static func decompress(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
        var source = bytes
        return unsafe Growing.decompress(limit: limit) { room in
            var length = UInt32(room.count)
            // As above.
            let status = unsafe source.withUnsafeMutableBytes { from in
                unsafe BZ2_bzBuffToBuffDecompress(
                    UnsafeMutableRawPointer(room.baseAddress)?.assumingMemoryBound(to: CChar.self),
                    &length,
                    from.baseAddress?.assumingMemoryBound(to: CChar.self),
                    UInt32(from.count),
                    0,
                    0
                )
            }
            return switch status {
            case BZ_OK: .done(Int(length))
            case BZ_OUTBUFF_FULL: .tooSmall
            default: .failed
            }
        }
    }
}

/// Decompression into a buffer that grows as needed, never beyond a limit.
enum Growing {
    enum Outcome {
        case done(Int)
        case tooSmall
        case failed
    }

    private static let firstBytes = 64 << 10

    static func decompress(limit: Int, _ body: (UnsafeMutableBufferPointer<UInt8>) -> Outcome) -> [UInt8]? {
        var size = min(firstBytes, limit)
        while true {
            var result = [UInt8](repeating: 0, count: size)
            // Used only while the array is.
            let outcome = unsafe result.withUnsafeMutableBufferPointer { unsafe body($0) }
            switch outcome {
            case .done(let count):
                result.removeLast(size - count)
                return result
            case .tooSmall:
                guard size < limit else { return nil }
                size = min(size * 8, limit)
            case .failed: return nil
            }
        }
    }
}
