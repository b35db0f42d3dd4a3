// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI

/// The one table that turns cartridge errors into sense data.
extension CartridgeError {
    /// - Parameter residual: blocks, filemarks or bytes not written.
    func whileWriting(residual: Int) -> CheckCondition {
        let sense: SenseData
        switch self {
        case .full:
            sense = .physicalEnd(residual: residual)
        case .disk(let error) where error.isOutOfSpace:
            // No more fits, whatever the capacity says: to an initiator that is the end of the medium.
            sense = .physicalEnd(residual: residual)
        case .readOnly:
            sense = SenseData(.dataProtect, .writeProtected)
        case .invalidArgument:
            sense = SenseData(.illegalRequest, .invalidFieldInCDB)
        case .corruptIndex, .foreign, .unsupportedFormat:
            sense = SenseData(.mediumError, .mediumFormatCorrupted)
        case .closed:
            sense = SenseData(.notReady, .mediumNotPresent)
        default:
            sense = SenseData(.mediumError, .writeError, information: Int64(residual))
        }
        return CheckCondition(sense)
    }

    /// - Parameter residual: blocks or bytes not read.
    func whileReading(residual: Int) -> CheckCondition {
        let sense: SenseData
        switch self {
        case .corruptIndex, .foreign, .unsupportedFormat:
            sense = SenseData(.mediumError, .mediumFormatCorrupted, information: Int64(residual))
        case .closed:
            sense = SenseData(.notReady, .mediumNotPresent)
        default:
            sense = SenseData(.mediumError, .unrecoveredReadError, information: Int64(residual))
        }
        return CheckCondition(sense)
    }

    /// Errors while moving: the index could not be read.
    var whilePositioning: CheckCondition {
        switch self {
        case .closed: CheckCondition(.notReady, .mediumNotPresent)
        default: CheckCondition(.mediumError, .sequentialPositioningError)
        }
    }
}

extension SenseData {
    /// D/00/02 with EOM: nothing more fits.
    static func physicalEnd(residual: Int) -> SenseData {
        SenseData(.volumeOverflow, .endOfPartition, information: Int64(residual), endOfMedium: true)
    }
}
