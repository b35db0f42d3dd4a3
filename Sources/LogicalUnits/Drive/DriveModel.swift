// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What a generation of media looks like to an initiator: the density descriptor of REPORT DENSITY SUPPORT, the medium
/// type of the mode header and the limits of the format.
package struct MediumFormat: Sendable, Hashable {
    /// As in the cartridge's metadata: 5 to 9, 78 for type M.
    package let generation: Int
    package let name: String
    package let densityCode: UInt8
    package let mediumType: UInt8
    /// nil: there is no WORM medium of this kind.
    package let wormMediumType: UInt8?
    /// Units of 10^6 bytes.
    package let capacityMegabytes: UInt32
    package let tracks: UInt16
    package let lengthMetres: UInt16
    package let bitsPerMillimetre: UInt32
    package let maximumPartitions: Int
    /// Medium auxiliary memory, in bytes.
    package let memoryBytes: UInt64
    /// DENSITY NAME, up to 8 characters.
    package let densityName: String
    /// DESCRIPTION, up to 20 characters.
    package let description: String

    /// One row per generation.
    package static let all: [MediumFormat] = [
        MediumFormat(
            generation: 5,
            name: "LTO-5",
            densityCode: 0x58,
            mediumType: 0x58,
            wormMediumType: 0x5C,
            capacityMegabytes: 1_500_000,
            tracks: 1280,
            lengthMetres: 846,
            bitsPerMillimetre: 15142,
            maximumPartitions: 2,
            memoryBytes: 8160,
            densityName: "U-516",
            description: "Ultrium 5/16T"
        ),
        MediumFormat(
            generation: 6,
            name: "LTO-6",
            densityCode: 0x5A,
            mediumType: 0x68,
            wormMediumType: 0x6C,
            capacityMegabytes: 2_500_000,
            tracks: 2176,
            lengthMetres: 846,
            bitsPerMillimetre: 15143,
            maximumPartitions: 4,
            memoryBytes: 16352,
            densityName: "U-616",
            description: "Ultrium 6/16T"
        ),
        MediumFormat(
            generation: 7,
            name: "LTO-7",
            densityCode: 0x5C,
            mediumType: 0x78,
            wormMediumType: 0x7C,
            capacityMegabytes: 6_000_000,
            tracks: 3584,
            lengthMetres: 960,
            bitsPerMillimetre: 19107,
            maximumPartitions: 4,
            memoryBytes: 16352,
            densityName: "U-732",
            description: "Ultrium 7/32T"
        ),
        MediumFormat(
            generation: 78,
            name: "LTO-M8",
            densityCode: 0x5D,
            mediumType: 0x78,
            wormMediumType: nil,
            capacityMegabytes: 9_000_000,
            tracks: 5376,
            lengthMetres: 960,
            bitsPerMillimetre: 19107,
            maximumPartitions: 4,
            memoryBytes: 16352,
            densityName: "U-M832",
            description: "Ultrium M8/32T"
        ),
        MediumFormat(
            generation: 8,
            name: "LTO-8",
            densityCode: 0x5E,
            mediumType: 0x88,
            wormMediumType: 0x8C,
            capacityMegabytes: 12_000_000,
            tracks: 6656,
            lengthMetres: 960,
            bitsPerMillimetre: 20669,
            maximumPartitions: 4,
            memoryBytes: 16352,
            densityName: "U-832",
            description: "Ultrium 8/32T"
        ),
        MediumFormat(
            generation: 9,
            name: "LTO-9",
            densityCode: 0x60,
            mediumType: 0x98,
            wormMediumType: 0x9C,
            capacityMegabytes: 18_000_000,
            tracks: 8960,
            lengthMetres: 1035,
            bitsPerMillimetre: 23031,
            maximumPartitions: 4,
            memoryBytes: 32640,
            densityName: "U-932",
            description: "Ultrium 9/32T"
        ),
    ]

    package static func of(generation: Int) -> MediumFormat? {
        all.first { $0.generation == generation }
    }
}

/// A drive generation as data: what it reads and what it writes.
package struct DriveModel: Sendable, Hashable {
    package let name: String
    package let generation: Int
    /// Media generations that can be read, ascending by density code.
    package let reads: [Int]
    /// Media generations that can also be written.
    package let writes: [Int]

    package init(name: String, generation: Int, reads: [Int], writes: [Int]) {
        self.name = name
        self.generation = generation
        self.reads = reads
        self.writes = writes
    }

    /// One row per generation. Media older than LTO-5 cannot be made, so they are not listed.
    package static let all: [DriveModel] = [
        DriveModel(name: "LTO-5", generation: 5, reads: [5], writes: [5]),
        DriveModel(name: "LTO-6", generation: 6, reads: [5, 6], writes: [5, 6]),
        DriveModel(name: "LTO-7", generation: 7, reads: [5, 6, 7], writes: [6, 7]),
        DriveModel(name: "LTO-8", generation: 8, reads: [7, 78, 8], writes: [7, 78, 8]),
        DriveModel(name: "LTO-9", generation: 9, reads: [8, 9], writes: [8, 9]),
    ]

    package static let lto8 = DriveModel(name: "LTO-8", generation: 8, reads: [7, 78, 8], writes: [7, 78, 8])

    package static func of(generation: Int) -> DriveModel? {
        all.first { $0.generation == generation }
    }

    package func canRead(generation: Int) -> Bool { reads.contains(generation) }

    package func canWrite(generation: Int) -> Bool { writes.contains(generation) }

    /// The formats it reads, in the order of REPORT DENSITY SUPPORT.
    package var formats: [MediumFormat] { reads.compactMap(MediumFormat.of) }

    /// What it writes on an empty medium of its own generation.
    package var nativeFormat: MediumFormat? { .of(generation: generation) }
}
