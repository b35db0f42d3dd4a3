// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ManagementAPI

/// What the management API may ask of the NDMP server. The program hands it over, so that this target need not know
/// that protocol.
package protocol NDMPDoor: Sendable {
    /// Never waits.
    func sessions() -> [SessionReport]
    func settings() -> NDMPSettingsReport
    /// - Throws: `.invalid` for a setting that makes no sense; nothing is changed then.
    func change(_ request: ChangeNDMPSettingsRequest) throws(APIError)
}

/// What the daemon knows about itself.
package struct DaemonFacts: Sendable {
    package var version: String
    package var pid: Int32
    package var started: ContinuousClock.Instant

    package init(version: String, pid: Int32, started: ContinuousClock.Instant) {
        self.version = version
        self.pid = pid
        self.started = started
    }
}
