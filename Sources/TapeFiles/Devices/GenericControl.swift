// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import SCSI
import TapeLibrary

/// The ioctls of generic SCSI devices.
struct GenericControl: Sendable {
    enum Target: Sendable {
        case drive(DriveStation)
        case changer(ChangerStation)
    }

    /// As hosts number devices: the library is host 0, channel 0; the changer is id 0, the drives follow.
    struct Address: Sendable {
        var identifier: Int
    }

    let target: Target
    let nexus: Nexus
    /// Opened for writing.
    let mayChange: Bool
    let address: Address

    func control(_ request: ControlRequest) throws(FileError) -> ControlReply {
        throw FileError(ENOTTY)
    }
}
