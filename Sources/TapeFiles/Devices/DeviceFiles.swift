// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Logging
import SCSI
import TapeLibrary

/// The device files of a library: `nst`, `st` and `sg` of each drive, and the changer's `sg`.
///
/// All of them together are one initiator, like the devices behind one host bus adapter. Tape devices are exclusive
/// among all doors; generic ones are shared, as in the kernel.
package final class DeviceFiles: Sendable {
    private let library: Library
    private let nexus: Nexus
    private let units: [TapeUnit]
    private let logger: Logger

    /// - Parameters:
    ///   - name: of the initiator, for messages and traces: `fuse /dev/vtl`.
    ///   - logger: gets what a close that nobody waits for could not do.
    package init(library: Library, name: String = "fuse", logger: Logger) {
        let nexus = Nexus(id: UInt64.random(in: 1...(.max - 1)), name: name)
        self.library = library
        self.nexus = nexus
        self.logger = logger
        self.units = library.drives.map { TapeUnit(station: $0, nexus: nexus, logger: logger) }
        introduce()
    }

    /// As a host that has looked for devices.
    private func introduce() {
        library.drives.forEach { $0.introduce(nexus) }
        library.changer.introduce(nexus)
    }

    /// Opens a drive as tape device. Waits a little for a close that is on its way.
    ///
    /// - Parameter rewinds: the last close rewinds: `st`.
    /// - Throws: EBUSY; without O_NONBLOCK ENOMEDIUM, EIO (no usable medium), EROFS; ENXIO (no such drive).
    package func openTape(drive: Int, rewinds: Bool, _ request: OpenRequest) throws(FileError) -> any OpenFile {
        guard units.indices.contains(drive) else { throw FileError(ENXIO, "there is no drive \(drive)") }
        let unit = units[drive]
        let generic = GenericControl(
            target: .drive(unit.station),
            nexus: nexus,
            mayChange: request.writes,
            identifier: drive + 1
        )
        return try TapeDeviceFile(unit: unit, rewinds: rewinds, generic: generic, request)
    }

    /// Opens a drive, or the changer (nil), as generic SCSI device.
    ///
    /// - Throws: ENXIO (no such drive).
    package func openGeneric(drive: Int?, _ request: OpenRequest) throws(FileError) -> any OpenFile {
        let target: GenericControl.Target
        if let drive {
            guard library.drives.indices.contains(drive) else { throw FileError(ENXIO, "there is no drive \(drive)") }
            // Again: at the first time a mover may have had it.
            library.drives[drive].introduce(nexus)
            target = .drive(library.drives[drive])
        } else {
            target = .changer(library.changer)
        }
        return SCSIGenericFile(
            GenericControl(
                target: target,
                nexus: nexus,
                mayChange: request.writes,
                identifier: drive.map { $0 + 1 } ?? 0
            )
        )
    }

    /// Waits, for some seconds at most, until a close of the drive's tape file that is on its way is done.
    package func settle(drive: Int) {
        guard units.indices.contains(drive) else { return }
        units[drive].settle()
    }

    /// The mount is gone: what its initiator held (opens, reservations, locks) is released.
    package func close() {
        library.nexusLost(nexus)
    }
}
