// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Glibc

/// Wakes a thread that waits in `poll`: an event descriptor. Many signals before the wake-up count as one.
package final class WakeUp: Sendable {
    package let descriptor: Int32

    package init() throws(NetworkError) {
        descriptor = capstan_eventfd_create()
        guard descriptor >= 0 else { throw .last("open", "an event descriptor") }
    }

    deinit {
        _ = close(descriptor)
    }

    package func signal() {
        // It fails only when the wake-up is already on its way.
        _ = capstan_eventfd_signal(descriptor)
    }

    /// Takes back all signals given so far.
    package func clear() {
        _ = capstan_eventfd_drain(descriptor)
    }
}
