// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI

/// TapeAlert flags (SSC-4 annex A), those that this drive raises. The raw value is the flag number.
package enum TapeAlert: UInt8, Sendable, CaseIterable {
    case hardError = 0x03
    case media = 0x04
    case readFailure = 0x05
    case writeFailure = 0x06
    case writeProtected = 0x09
    case noRemoval = 0x0A
    case cleaningMedia = 0x0B
    case unsupportedFormat = 0x0C
    case memoryChipFailure = 0x0F
    case readOnlyFormat = 0x11
    case expiredCleaningMedia = 0x16
    case invalidCleaningTape = 0x17
    case diminishedCapacity = 0x31
    case wormIntegrity = 0x3B
    case wormOverwrite = 0x3C
}

/// The flags that are up, and who has read them: LOG SENSE of page 2Eh clears a nexus's own view.
package struct TapeAlerts: Sendable {
    static let flagCount = 64

    package private(set) var raised: Set<UInt8> = []
    private var seen: [Nexus: Set<UInt8>] = [:]

    package init() {}

    package mutating func raise(_ alert: TapeAlert) {
        raise(number: alert.rawValue)
    }

    mutating func raise(number: UInt8) {
        raised.insert(number)
        for nexus in Array(seen.keys) {
            seen[nexus]?.remove(number)
        }
    }

    mutating func lower(number: UInt8) {
        raised.remove(number)
    }

    package mutating func clearAll() {
        raised = []
        seen = [:]
    }

    mutating func forget(_ nexus: Nexus) {
        seen[nexus] = nil
    }

    /// The flags that are up and that this nexus has not read yet.
    func visible(to nexus: Nexus) -> Set<UInt8> {
        raised.subtracting(seen[nexus] ?? [])
    }

    mutating func markRead(by nexus: Nexus) {
        seen[nexus] = raised
    }

    /// Flags 1 to 64, flag 1 in the most significant bit (MAM attribute 0002h, log page 12h).
    package var bitmap: UInt64 {
        raised.reduce(0) { $0 | (1 << UInt64(64 - Int($1))) }
    }
}
