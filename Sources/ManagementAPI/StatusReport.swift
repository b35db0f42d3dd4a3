// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// `GET /v1/status`: everything one looks at first. All counts and sizes are of the moment of the call.
package struct StatusReport: Codable, Sendable, Equatable {
    package var version: String
    package var pid: Int32
    package var uptimeSeconds: UInt64
    /// Absolute path of the store.
    package var store: String
    package var storeFreeBytes: UInt64?
    package var library: LibraryReport
    package var doors: DoorsReport
    package var drives: [DriveReport]
    package var slots: SlotSummary
    package var mailSlots: [ElementReport]
    package var robot: RobotReport
    package var sessions: [SessionReport]

    package init(
        version: String,
        pid: Int32,
        uptimeSeconds: UInt64,
        store: String,
        storeFreeBytes: UInt64?,
        library: LibraryReport,
        doors: DoorsReport,
        drives: [DriveReport],
        slots: SlotSummary,
        mailSlots: [ElementReport],
        robot: RobotReport,
        sessions: [SessionReport]
    ) {
        self.version = version
        self.pid = pid
        self.uptimeSeconds = uptimeSeconds
        self.store = store
        self.storeFreeBytes = storeFreeBytes
        self.library = library
        self.doors = doors
        self.drives = drives
        self.slots = slots
        self.mailSlots = mailSlots
        self.robot = robot
        self.sessions = sessions
    }
}

/// Who the library says it is.
package struct LibraryReport: Codable, Sendable, Equatable {
    package var vendor: String
    package var product: String
    package var serial: String
    /// NDMP name of the changer, e.g. `sg0`.
    package var changer: String

    package init(vendor: String, product: String, serial: String, changer: String) {
        self.vendor = vendor
        self.product = product
        self.serial = serial
        self.changer = changer
    }
}

/// Where programs and people can reach the daemon. A door that is closed is nil.
package struct DoorsReport: Codable, Sendable, Equatable {
    package struct NDMP: Codable, Sendable, Equatable {
        package var host: String
        package var port: Int
        /// `A-B`, or `any`.
        package var dataPorts: String

        package init(host: String, port: Int, dataPorts: String) {
            self.host = host
            self.port = port
            self.dataPorts = dataPorts
        }
    }

    package struct HTTP: Codable, Sendable, Equatable {
        package var socket: String
        /// `http://HOST:PORT` when the API also listens on TCP.
        package var url: String?

        package init(socket: String, url: String?) {
            self.socket = socket
            self.url = url
        }
    }

    package var ndmp: NDMP?
    package var http: HTTP

    package init(ndmp: NDMP?, http: HTTP) {
        self.ndmp = ndmp
        self.http = http
    }
}

/// One drive as it stands.
package struct DriveReport: Codable, Sendable, Equatable {
    /// Where the tape stands; blocks and files count from 0.
    package struct Position: Codable, Sendable, Equatable {
        package var partition: Int
        package var block: UInt64
        package var file: UInt64
        package var blockInFile: UInt64

        package init(partition: Int, block: UInt64, file: UInt64, blockInFile: UInt64) {
            self.partition = partition
            self.block = block
            self.file = file
            self.blockInFile = blockInFile
        }
    }

    package var index: Int
    /// NDMP device name, e.g. `nst0`.
    package var name: String
    /// Element address in the changer.
    package var element: Int
    package var product: String
    package var serial: String
    /// `empty`, `idle`, `open` (a session has it), `transferring`, or what keeps a cartridge from being ready: `held`,
    /// `ejected`, `cleaning`, `cleaningExpired`, `unsupported`.
    package var activity: String
    /// Who holds the drive, e.g. `NDMP 127.0.0.1:41234`.
    package var owner: String?
    package var cartridge: CartridgeSummary?
    package var position: Position?
    /// Bytes moved since the cartridge was loaded.
    package var bytesRead: UInt64
    package var bytesWritten: UInt64

    package init(
        index: Int,
        name: String,
        element: Int,
        product: String,
        serial: String,
        activity: String,
        owner: String?,
        cartridge: CartridgeSummary?,
        position: Position?,
        bytesRead: UInt64,
        bytesWritten: UInt64
    ) {
        self.index = index
        self.name = name
        self.element = element
        self.product = product
        self.serial = serial
        self.activity = activity
        self.owner = owner
        self.cartridge = cartridge
        self.position = position
        self.bytesRead = bytesRead
        self.bytesWritten = bytesWritten
    }
}

/// How full the rack is.
package struct SlotSummary: Codable, Sendable, Equatable {
    package var total: Int
    package var used: Int
    /// Cartridges in the store that are in no element.
    package var shelf: Int

    package init(total: Int, used: Int, shelf: Int) {
        self.total = total
        self.used = used
        self.shelf = shelf
    }
}

/// The robot.
package struct RobotReport: Codable, Sendable, Equatable {
    /// SMC element address.
    package var element: Int
    /// Who holds the changer.
    package var owner: String?

    package init(element: Int, owner: String?) {
        self.element = element
        self.owner = owner
    }
}
