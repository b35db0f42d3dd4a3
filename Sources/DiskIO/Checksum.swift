// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux

/// CRC32C of the bytes. Pass the result for the bytes before them as `seed` to continue; 0 starts.
package func crc32c(_ bytes: Span<UInt8>, seed: UInt32 = 0) -> UInt32 {
    // The span's memory outlives the call, which only reads it.
    unsafe bytes.withUnsafeBufferPointer { unsafe capstan_crc32c(seed, $0.baseAddress, $0.count) }
}
