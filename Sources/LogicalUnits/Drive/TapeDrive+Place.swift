// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI

/// A place on one medium during one load. Two equal places are the same place of the same cartridge, and it has not
/// been out of the drive in between.
package struct MediumPlace: Sendable, Hashable {
    /// Counts the times that this drive threaded a medium.
    package var load: UInt64
    package var partition: Int
    /// The next object.
    package var block: BlockAddress
}

/// What a door that keeps a state of its own (as an operating system's tape driver does) asks beyond the operations.
extension TapeDrive {
    /// Where the tape stands, without a look at the index; nil unless a medium is ready.
    package var place: MediumPlace? {
        guard condition == .ready else { return nil }
        return MediumPlace(load: loadNumber, partition: partition, block: block)
    }

    /// The object before the position is a filemark. False also when the index cannot be read.
    package var isBehindFilemark: Bool {
        guard condition == .ready, let cartridge = loaded, block > .zero else { return false }
        do throws(CartridgeError) {
            return try cartridge.object(at: block - 1, partition: partition) == .filemark
        } catch {
            return false
        }
    }

    /// RESERVE of another nexus keeps this one's CDBs out; doors of the typed face ask before they begin.
    package func isReserved(againstUseBy nexus: Nexus) -> Bool {
        unit.reservedBy.map { $0 != nexus } ?? false
    }

    /// DENSITY CODE of the medium, as in the mode block descriptor; 0 unless one is ready.
    package var mediumDensityCode: UInt8 {
        condition == .ready ? medium?.format?.densityCode ?? 0 : 0
    }

    /// BUFFERED MODE of the mode header is not 0: a write ends before its record is on stable storage.
    package var isBuffered: Bool { bufferedMode != 0 }

    /// A flag is up that asks for a cleaning cartridge (TapeAlert 14h or 15h).
    package var wantsCleaning: Bool {
        alerts.raised.contains(0x14) || alerts.raised.contains(0x15)
    }
}
