// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import SCSI
import TapeLibrary

/// A drive that a session has open.
final class OpenTape: Sendable, MoverTapeSource {
    let station: DriveStation
    let nexus: Nexus
    /// As the client gave it.
    let name: String
    let mode: TapeMode
    let rewindsOnClose: Bool
    let notes = TapeNotes()

    init(station: DriveStation, nexus: Nexus, name: String, mode: TapeMode, rewindsOnClose: Bool) {
        self.station = station
        self.nexus = nexus
        self.name = name
        self.mode = mode
        self.rewindsOnClose = rewindsOnClose
    }

    var mayWrite: Bool { mode != .read }

    func take() throws(DeviceBusy) -> any MoverTape {
        LeasedTape(try station.lease(as: nexus, purpose: "a data connection"))
    }
}
