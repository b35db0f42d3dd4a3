// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// One thing of a tape image, in the order of the tape.
package enum ImageObject: Sendable, Equatable {
    /// A record of this many bytes; the bytes are in the caller's buffer.
    case record(lengthBytes: Int)
    /// A record that could not be read when the image was made: as much of it as there is, in the caller's buffer.
    case damagedRecord(lengthBytes: Int)
    case filemark
    /// An erased stretch of this many bytes; without meaning for a cartridge.
    case gap(lengthBytes: UInt64)
    /// What follows is on this partition, from its beginning. Images that know no partitions have number 0 only.
    case partition(Int)
    case endOfMedium
}
