// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits
import SCSI

/// Everything that the library takes from outside and that a test or a later feature may replace.
package struct LibrarySeams: Sendable {
    package var clock: any LibraryClock
    package var faults: any FaultPoints
    package var journal: any EventJournal
    /// Nil: commands are not traced.
    package var trace: (any CommandTrace)?

    package init(
        clock: any LibraryClock = SystemClock(),
        faults: any FaultPoints = NoFaults(),
        journal: any EventJournal = NoJournal(),
        trace: (any CommandTrace)? = nil
    ) {
        self.clock = clock
        self.faults = faults
        self.journal = journal
        self.trace = trace
    }
}

/// Places where a fault can be asked for.
package enum FaultPoint: Sendable, Equatable {
    case robotMove(from: ElementPlace, to: ElementPlace)
    case driveLoad(drive: Int, barcode: String)
    case driveUnload(drive: Int)
}

/// Decides whether something goes wrong here and now.
package protocol FaultPoints: Sendable {
    /// The condition to report instead of doing the work; nil for the usual course.
    func fault(at point: FaultPoint) -> CheckCondition?
}

/// Nothing ever goes wrong by itself.
package struct NoFaults: FaultPoints {
    package init() {}

    package func fault(at point: FaultPoint) -> CheckCondition? { nil }
}

/// Keeps events beyond the life of the daemon. Called in order of sequence numbers, never by two threads at a time.
package protocol EventJournal: Sendable {
    func append(_ event: LibraryEvent)
}

/// Keeps nothing.
package struct NoJournal: EventJournal {
    package init() {}

    package func append(_ event: LibraryEvent) {}
}

/// Sees every CDB after it was executed; never the data.
package protocol CommandTrace: Sendable {
    /// - Parameters:
    ///   - door: first word of the nexus's name, for example `ndmp`.
    ///   - unit: `drive 0`, `changer`.
    ///   - description: the command in words.
    func command(
        door: String,
        nexus: Nexus,
        unit: String,
        cdb: [UInt8],
        description: String,
        result: CommandResult,
        duration: Duration
    )
}
