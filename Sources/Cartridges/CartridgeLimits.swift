// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Every limit of a cartridge, with its reason.
package enum CartridgeLimits {
    /// SSC: a transfer length is 24 bits wide.
    package static let recordBytes = 0xFF_FFFF
    /// The format numbers partitions with one digit; LTO has at most four.
    package static let partitions = 4
    /// LTO barcodes have 8 characters; volume tags of a changer have room for 32.
    package static let barcodeCharacters = 32
    /// Far above what four partitions of MAM attributes take; a larger file is not ours.
    package static let metadataBytes = 1 << 20
    /// MAM attributes of a whole cartridge: the medium auxiliary memory of LTO holds 16 KiB.
    package static let attributes = 1024
    package static let attributeValueBytes = 16384
    /// No tape gets that far in its life; a description that says more is damaged, and adding to it must not overflow.
    package static let largestCounter: UInt64 = 1 << 60
    /// Smaller partitions could not hold one large record and the early-warning zone.
    package static let smallestPartitionBytes: UInt64 = 1 << 20
    /// Offsets in the index have 48 bits.
    package static let largestPartitionBytes: UInt64 = 1 << 47
    /// Charged against the capacity for each record and filemark, as it costs that much on disk.
    package static let objectOverheadBytes: UInt64 = 32
}
