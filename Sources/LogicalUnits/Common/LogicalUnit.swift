// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// A device that answers CDBs: synchronous, without locks, owned by one thread at a time.
package protocol LogicalUnit: AnyObject {
    /// Executes one command for one initiator.
    ///
    /// - Parameters:
    ///   - dataOut: what the initiator sends; may be longer than the command needs.
    ///   - dataInLimit: bytes the initiator takes at most; the answer is cut there.
    func execute(cdb: [UInt8], dataOut: Span<UInt8>, dataInLimit: Int, nexus: Nexus) -> CommandResult

    /// The initiator is gone: its reservation, prevention and unit attentions go with it.
    func nexusLost(_ nexus: Nexus)

    /// The command in words for a trace; never user data.
    func describe(cdb: [UInt8]) -> String
}

/// Wall-clock time, passed in so that tests own it.
package protocol LibraryClock: Sendable {
    /// Milliseconds since 1970-01-01 00:00 UTC.
    func now() -> UInt64
}
