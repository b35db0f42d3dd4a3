// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux

/// How many files this process may have open. The customary soft limit of 1024 is one for programs that `select`; each
/// loaded cartridge, connection and open file of a mount needs its own.
package enum OpenFilesLimit {
    /// Raises it to the most that is allowed. Returns the limit then; nil, with nothing changed, when the system refuses.
    @discardableResult
    package static func raise() -> Int? {
        let limit = capstan_raise_open_files()
        return limit >= 0 ? Int(limit) : nil
    }
}
