// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What a medium is for.
package enum MediumKind: String, Codable, Sendable, CaseIterable {
    case data
    /// Written once; the drive refuses to overwrite.
    case worm
    case cleaning
}

/// What a new cartridge shall be.
package struct CartridgeSpecification: Sendable {
    package var barcode: String
    /// LTO generation 5 to 9, or 78 for type M (an LTO-7 medium with LTO-8 density).
    package var generation: Int
    package var kind: MediumKind
    /// nil: what the generation holds.
    package var capacity: ByteCount?

    package init(barcode: String, generation: Int = 8, kind: MediumKind = .data, capacity: ByteCount? = nil) {
        self.barcode = barcode
        self.generation = generation
        self.kind = kind
        self.capacity = capacity
    }
}

/// One generation of media: its density code (SSC density support report) and native capacity.
package struct MediumGeneration: Sendable, Equatable {
    package let generation: Int
    package let name: String
    package let densityCode: UInt8
    package let capacity: ByteCount

    package static let all: [MediumGeneration] = [
        .init(generation: 5, name: "LTO-5", densityCode: 0x58, capacity: .gigabytes(1500)),
        .init(generation: 6, name: "LTO-6", densityCode: 0x5A, capacity: .gigabytes(2500)),
        .init(generation: 7, name: "LTO-7", densityCode: 0x5C, capacity: .gigabytes(6000)),
        .init(generation: 78, name: "LTO-7 type M", densityCode: 0x5D, capacity: .gigabytes(9000)),
        .init(generation: 8, name: "LTO-8", densityCode: 0x5E, capacity: .gigabytes(12000)),
        .init(generation: 9, name: "LTO-9", densityCode: 0x60, capacity: .gigabytes(18000)),
    ]

    package static func named(_ generation: Int) -> MediumGeneration? { all.first { $0.generation == generation } }
}

/// A partition's share of the medium.
package struct PartitionMetadata: Codable, Sendable, Equatable {
    package var capacity: ByteCount

    package init(capacity: ByteCount) { self.capacity = capacity }
}

/// One MAM attribute as the drive stored it (SPC, medium auxiliary memory).
package struct MediumAttribute: Sendable, Equatable {
    package var partition: Int
    package var identifier: UInt16
    /// 0 binary, 1 ASCII, 2 text.
    package var format: UInt8
    package var readOnly: Bool
    package var value: [UInt8]

    package init(partition: Int, identifier: UInt16, format: UInt8, readOnly: Bool, value: [UInt8]) {
        self.partition = partition
        self.identifier = identifier
        self.format = format
        self.readOnly = readOnly
        self.value = value
    }
}

/// What the cartridge has been through; the drive counts and stores it when it unloads.
package struct CartridgeCounters: Codable, Sendable, Equatable {
    package var loadCount: UInt64 = 0
    package var bytesWritten: UInt64 = 0
    package var bytesRead: UInt64 = 0
    package var recordsWritten: UInt64 = 0
    package var recordsRead: UInt64 = 0
    package var filemarksWritten: UInt64 = 0
    package var writeErrors: UInt64 = 0
    package var readErrors: UInt64 = 0

    package init() {}

    var all: [UInt64] {
        [loadCount, bytesWritten, bytesRead, recordsWritten, recordsRead, filemarksWritten, writeErrors, readErrors]
    }
}

/// The contents of `cartridge.json`: the cartridge describes itself.
package struct CartridgeMetadata: Codable, Sendable, Equatable {
    /// Version of the whole cartridge's format, ``currentFormatVersion`` when written by this program.
    package internal(set) var formatVersion: Int
    package internal(set) var barcode: String
    /// Ties the index files to this cartridge; 16 hexadecimal digits, never changes.
    package internal(set) var identity: String
    package internal(set) var generation: Int
    package internal(set) var densityCode: UInt8
    package var kind: MediumKind
    /// The operator's write-protect tab.
    package var writeProtected: Bool
    /// Of the whole medium.
    package internal(set) var capacity: ByteCount
    package internal(set) var partitions: [PartitionMetadata]
    package var attributes: [MediumAttribute]
    package var counters: CartridgeCounters
    /// Changes whenever the medium's contents do (MAM attribute 0009h).
    package var volumeChangeReference: UInt32
    /// Only for cleaning cartridges.
    package var cleaningsLeft: Int

    package static let currentFormatVersion = 1
    /// A new cleaning cartridge's uses, as printed on real ones.
    package static let newCleanings = 50
}
