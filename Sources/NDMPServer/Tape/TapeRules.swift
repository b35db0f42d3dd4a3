// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import NDMPProtocol

/// The rules of the TAPE interface that are plain decisions. NDMP v4 draft, 3.4.
enum TapeRules {
    /// Longest record in bytes; also the longest for the mover.
    static let largestRecord = UInt32(TapeDrive.maximumBlockLength)
    /// TAPE_READ takes counts up to here: a round number just above the longest record.
    static let largestReadCount: UInt32 = 16 << 20
    /// Filemarks of one MTIO.
    static let maximumFilemarks: UInt32 = 65_535

    /// v2 and v3 have one word for everything that comes too early; v4 says that the mover has the drive.
    static func busyWithMover(version: Int) -> NDMPError {
        version >= 4 ? .deviceBusy : .illegalState
    }

    /// The modes of a version; the raw modes of v3 are unofficial, and meant alike.
    static func mode(_ given: TapeMode, version: Int) -> TapeMode? {
        switch given {
        case .read, .readWrite: given
        case .raw where version >= 3: .raw
        case .rawUnofficial where version == 3: .raw
        default: nil
        }
    }

    static func isKnown(_ operation: TapeOperation, version: Int) -> Bool {
        switch operation {
        case .testUnitReady: version >= 4
        default: operation.name != nil
        }
    }

    /// A filemark is written first when records were written after the last one.
    ///
    /// Deviation: the draft writes it before FSF, FSR and BSR too; ndmjob's conformance test expects that it is not,
    /// and clients write their own marks. `strict` takes the draft's rule.
    static func writesImplicitFilemark(before operation: TapeOperation, strict: Bool) -> Bool {
        switch operation {
        case .rewind, .unload, .backwardFilemarks: true
        case .forwardFilemarks, .forwardRecords, .backwardRecords: strict
        default: false
        }
    }
}
