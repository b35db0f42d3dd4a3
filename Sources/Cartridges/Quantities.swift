// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The number of an object (record or filemark) in its partition, counted from 0 at the beginning of the partition.
package struct BlockAddress: RawRepresentable, Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    package var rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static let zero = BlockAddress(0)
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    package static func + (left: Self, right: UInt64) -> Self { Self(left.rawValue + right) }
    package static func - (left: Self, right: UInt64) -> Self { Self(left.rawValue - right) }
    /// Objects between two addresses; the right one must not be the greater.
    package static func - (left: Self, right: Self) -> UInt64 { left.rawValue - right.rawValue }
    package static func += (left: inout Self, right: UInt64) { left.rawValue += right }
    package var description: String { "\(rawValue)" }
}

/// A number of bytes.
package struct ByteCount: RawRepresentable, Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    package var rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static let zero = ByteCount(0)
    package static func kibibytes(_ count: UInt64) -> Self { Self(count << 10) }
    package static func mebibytes(_ count: UInt64) -> Self { Self(count << 20) }
    package static func gibibytes(_ count: UInt64) -> Self { Self(count << 30) }
    /// Decimal, as tape vendors count.
    package static func gigabytes(_ count: UInt64) -> Self { Self(count * 1_000_000_000) }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    package static func + (left: Self, right: Self) -> Self { Self(left.rawValue + right.rawValue) }
    package static func - (left: Self, right: Self) -> Self { Self(left.rawValue - right.rawValue) }
    package static func += (left: inout Self, right: Self) { left.rawValue += right.rawValue }
    package var description: String { "\(rawValue) bytes" }
}
