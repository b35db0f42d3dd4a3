// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Glibc

/// A disk that can let two names change places at once.
package protocol ExchangingDisk: Disk {
    /// Both exist before and after; nobody sees a moment at which one is missing. Not durable before both
    /// directories are synchronised. EINVAL or ENOSYS where the filesystem cannot.
    func exchange(_ one: String, _ other: String) throws(DiskError)
}

extension POSIXDisk: ExchangingDisk {
    package func exchange(_ one: String, _ other: String) throws(DiskError) {
        // Both strings live as long as the call.
        guard unsafe capstan_rename_exchange(one, other) != 0 else { return }
        throw DiskError(operation: "exchange", path: one, code: errno)
    }
}
