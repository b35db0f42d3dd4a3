// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// What the drive remembers of the records written last, for a door with NDMP's rules: it is about this medium and
/// this place, so it ends when the tape moves, the medium changes or another session opens the drive.
struct TapeTail: Equatable {
    /// The write that enters the zone succeeds, the next one is refused once, later ones succeed.
    enum EarlyWarning: Equatable {
        case none
        case pending
        case reported
    }

    /// Records were written and no filemark after them.
    var lacksFilemark = false
    var earlyWarning = EarlyWarning.none
    /// The filemark that is missing is to be written before anybody moves the tape.
    var isClosing = false
}

extension TapeDrive {
    /// Records were written by the typed operations, and no filemark after them, since the tape last moved. CDBs do
    /// not count: their hosts write their own marks.
    package var lacksFilemark: Bool { tail.lacksFilemark }

    /// Writes the filemark that is missing behind the records written last; does nothing when none is.
    ///
    /// - Throws: as ``writeFilemarks(_:immediate:)``.
    package func endRecords() throws(CheckCondition) {
        guard tail.lacksFilemark else { return }
        _ = try writeFilemarks(1, immediate: false)
    }

    /// True once behind early warning: for the write after the one that entered the zone.
    package func takeEarlyWarning() -> Bool {
        guard tail.earlyWarning == .pending else { return false }
        tail.earlyWarning = .reported
        return true
    }

    /// The door that wrote the last records is about to close, and will write the filemark that they lack (true); or it
    /// goes on after all (false). Until then nobody finds the tape without it: whoever moves or unloads the tape, or
    /// writes by CDB, has it written first, and again when that fails.
    package func expectClose(_ isExpected: Bool) {
        tail.isClosing = isExpected
    }

    /// The filemark that was promised, before something else happens to the tape. One that does not fit is left out.
    func keepPromiseOfFilemark() throws(CheckCondition) {
        guard tail.isClosing else { return }
        // Not pending while it is kept: what writes the filemark comes through here again.
        tail.isClosing = false
        do throws(CheckCondition) {
            try endRecords()
        } catch {
            guard error.sense.key != .volumeOverflow else { return }
            tail.isClosing = true
            throw error
        }
    }

    /// A session opens the drive: what others wrote is not its business.
    package func forgetTail() {
        tail = TapeTail()
    }

    /// Records have been written.
    func noteRecords(_ outcome: WriteOutcome) {
        guard !isExecutingCDB else { return }
        tail.lacksFilemark = true
        tail.isClosing = false
        if outcome == .earlyWarning, tail.earlyWarning == .none { tail.earlyWarning = .pending }
    }
}
