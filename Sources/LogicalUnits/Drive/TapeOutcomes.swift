// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges

/// What happened to a record or to filemarks that were written.
package enum WriteOutcome: Sendable, Hashable {
    case written
    /// Written, and the programmable early warning was passed just now.
    case programmableEarlyWarning
    /// Written, and the position is behind early warning: end of medium comes soon.
    case earlyWarning
}

/// What a read found.
package enum ReadOutcome: Sendable, Hashable {
    /// A record of this length in bytes; as much as fitted was copied. The position is behind it.
    case record(length: Int)
    /// The position is behind it.
    case filemark
    /// The position stays there.
    case endOfData
}

/// What SPACE counts.
package enum SpaceKind: Sendable, Hashable {
    case blocks
    case filemarks
    /// So many filemarks in a row.
    case sequentialFilemarks
    /// The count does not matter.
    case endOfData
}

/// How far SPACE came.
package struct SpaceOutcome: Sendable, Hashable {
    package enum Stop: Sendable, Hashable {
        /// All of the count was done.
        case none
        case filemark
        case endOfData
        case beginningOfPartition
    }

    /// Blocks or filemarks passed, never negative.
    package var moved: Int64
    package var stop: Stop

    package init(moved: Int64, stop: Stop) {
        self.moved = moved
        self.stop = stop
    }
}

/// Where the tape stands: before an object.
package struct TapePosition: Sendable, Hashable {
    package var partition = 0
    /// Number of the next object, records and filemarks counted together.
    package var block = BlockAddress.zero
    /// Filemarks before the position.
    package var file: UInt64 = 0
    /// Records since the last filemark or the beginning of the partition.
    package var blockInFile: UInt64 = 0
    /// False when the index could not be read: then `file` and `blockInFile` mean nothing.
    package var isFileKnown = true
    package var atBeginning = true
    package var atEndOfData = true
    package var pastProgrammableEarlyWarning = false
    package var pastEarlyWarning = false
}

/// Where LOCATE goes.
package enum LocateTarget: Sendable, Hashable {
    case block(UInt64)
    case file(UInt64)
    case endOfData
}
