// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Every file and directory of the mounted tree, by what it is; no paths.
package enum FileNode: Hashable, Sendable {
    case root
    /// `library.json`
    case libraryDescription
    /// `changer/` and `changer/sg`, `changer/status`
    case changer, changerDevice, changerStatus
    /// `drives/`, `drives/N/` and what is in it
    case drives, drive(Int), driveDevice(Int, DriveDevice), driveStatus(Int)
    /// `slots/` and `slots/N/`
    case slots, slot(Int)
    /// `mail/` and `mail/N/`
    case mail, mailSlot(Int)
    /// `shelf/`: cartridges of the store that lie outside of the library.
    case shelf
    /// The symbolic link to `cartridges/BARCODE` in `drives/N`, `slots/N`, `mail/N` (place) or `shelf` (nil).
    case placed(Place?, barcode: String)
    /// The directory that `mkdir slots/N/BARCODE` (`shelf/BARCODE`: nil) answers with; looked up again it is the link.
    case justMade(Place?, barcode: String)
    /// `cartridges/`
    case cartridges
    /// `cartridges/BARCODE` and all below.
    case cartridge(barcode: String, CartridgeNode)

    /// An element of the library as the tree names it.
    package enum Place: Hashable, Sendable {
        case slot(Int)
        case mailSlot(Int)
        case drive(Int)
    }

    package enum DriveDevice: String, Hashable, Sendable, CaseIterable {
        /// Tape, no rewind on close.
        case nst
        /// Tape, rewound on close.
        case st
        /// SCSI generic.
        case sg
    }
}

/// What is in `cartridges/BARCODE`.
package enum CartridgeNode: Hashable, Sendable {
    /// `cartridges/BARCODE` itself.
    case directory
    /// `label.json`
    case label
    /// `attributes/` and a file each
    case attributes, attribute(partition: Int, identifier: UInt16)
    /// `blocks.csv` (partition 0), `blocks-p1.csv`
    case blocks(partition: Int)
    /// `files/` (partition 0), `files-p1/`
    case files(partition: Int)
    /// `files/NNNN/`
    case file(TapeFileNumber)
    /// `files/NNNN/data`
    case fileData(TapeFileNumber)
    /// `files/NNNN/info.json`
    case fileInformation(TapeFileNumber)
    /// `files/NNNN/contents` (entry 0) and everything below it. `generation` tells one state of the tape file from
    /// the next, so that an entry number is never used on another archive.
    case fileContents(TapeFileNumber, generation: UInt32, entry: UInt32)
    /// `contents` (entry 0) of a format that spans tape files (LTFS, Bacula, ANSI labels), and everything below it.
    case contents(generation: UInt32, entry: UInt32)
}

/// One tape file: what lies between two filemarks. `number` counts from 0, as `mt` does; its directory is named
/// number + 1, with at least four digits: `files/0001` is what a drive reads first.
package struct TapeFileNumber: Hashable, Sendable, Comparable {
    package var partition: Int
    package var number: UInt64

    package init(partition: Int = 0, number: UInt64) {
        self.partition = partition
        self.number = number
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.partition, left.number) < (right.partition, right.number)
    }
}
