// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A device that another door holds: an answer at once, never a wait.
package struct DeviceBusy: Error, Sendable, Equatable {
    /// For example `drive 0`.
    package var device: String
    /// Name of the nexus that holds it.
    package var holder: String
    /// What it is held for, in a few words; empty for a plain open.
    package var purpose: String

    package init(device: String, holder: String, purpose: String = "") {
        self.device = device
        self.holder = holder
        self.purpose = purpose
    }

    /// A sentence for the operator.
    package var sentence: String {
        let reason = purpose.isEmpty ? "" : " for \(purpose)"
        return "The \(device) is in use by \(holder)\(reason)."
    }
}
