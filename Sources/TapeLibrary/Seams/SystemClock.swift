// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import FoundationEssentials
import LogicalUnits

/// The clock of the machine.
package struct SystemClock: LibraryClock {
    package init() {}

    package func now() -> UInt64 {
        UInt64(max(0, Date().timeIntervalSince1970 * 1000))
    }
}
