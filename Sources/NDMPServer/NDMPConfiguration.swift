// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams

/// Somebody who may use the NDMP service.
package struct NDMPUser: Sendable, Equatable {
    package var name: String
    /// MD5 authentication needs it as it is; only its first 32 bytes count there.
    package var password: String

    package init(name: String, password: String) {
        self.name = name
        self.password = password
    }
}

/// Where the NDMP service listens and whom it lets in. Fixed while the server runs.
package struct NDMPConfiguration: Sendable {
    /// An address to listen on. An empty host is every IPv4 and IPv6 interface; port 0 takes a free port.
    package struct Endpoint: Sendable, Equatable {
        package var host: String
        package var port: UInt16

        package init(host: String, port: UInt16) {
            self.host = host
            self.port = port
        }
    }

    package var listen: [Endpoint] = [Endpoint(host: "127.0.0.1", port: NDMPConfiguration.wellKnownPort)]
    package var users: [NDMPUser] = [NDMPUser(name: "ndmp", password: "ndmp")]
    /// CONNECT_CLIENT_AUTH with NONE. Taken from loopback peers only, whatever is set here.
    package var allowsNoAuthentication = false
    package var allowsTextAuthentication = true
    package var allowsMD5Authentication = true
    /// 2, 3 or 4: what is announced. Clients may always ask for less, down to 2.
    package var highestVersion = 4
    /// The draft's rule wherever deployed clients need another: see `MoverMachine` and `TapeRules`.
    package var strict = false
    /// The limit at the start; it can be changed while the server runs.
    package var maximumSessions: Int {
        get { settings.maximumSessions }
        set { settings.maximumSessions = newValue }
    }
    /// Where the data service keeps what it must remember: dump dates, the state of recoveries.
    package var stateDirectory = ""
    /// Who has not said who he is after this long is sent away. A client needs a second.
    package var authenticationSeconds = NDMPConfiguration.defaultAuthenticationSeconds
    /// Further device names: `["nrst0a": "nst0", "mc0": "sg0"]`.
    package var aliases: [String: String] = [:]
    /// What CONFIG_GET_SERVER_INFO and CONFIG_GET_HOST_INFO tell.
    package var vendor = "Capstan"
    package var product = "Capstan virtual tape library"
    package var revision = "0.1"
    package var settings = NDMPSettings()

    package static let wellKnownPort: UInt16 = 10000
    package static let defaultAuthenticationSeconds = 60
    /// A session costs a thread and at most 256 KiB while idle.
    package static let defaultMaximumSessions = 256

    package init() {}
}

/// What becomes of a request for a data port when the port whose turn it is is taken.
package enum DataPortPolicy: String, Sendable, CaseIterable {
    /// The next one of the range is tried, until all have been.
    case next
    /// The request is refused, and the client told which port it is.
    case fail
}

/// What can be changed while the server runs; holds for sessions and data connections opened after the change.
package struct NDMPSettings: Sendable, Equatable {
    /// Directories that may be backed up and restored to.
    package var exports: Exports
    /// Ports that data connections are accepted on; nil: any free port.
    package var dataPorts: ClosedRange<UInt16>?
    /// Ports that outgoing data connections come from; nil: any free port.
    package var connectPorts: ClosedRange<UInt16>?
    package var portPolicy: DataPortPolicy
    /// IPv4 addresses told to the peers of data connections, best first; empty: the address that the control
    /// connection came in on.
    package var advertisedAddresses: [String]
    /// Local address, or name of the interface, that data ports are opened on and data connections come from; nil: the
    /// one the control connection came in on, or every interface when other addresses are advertised.
    package var dataInterface: String?
    /// How long MOVER_LISTEN and DATA_LISTEN wait for their peer; 0: for ever.
    package var acceptTimeoutSeconds: Int
    /// How long MOVER_CONNECT and DATA_CONNECT try, all addresses together.
    package var connectTimeoutSeconds: Int
    /// A change leaves open sessions alone.
    package var maximumSessions: Int

    package init(
        exports: Exports = Exports(),
        dataPorts: ClosedRange<UInt16>? = nil,
        connectPorts: ClosedRange<UInt16>? = nil,
        portPolicy: DataPortPolicy = .next,
        advertisedAddresses: [String] = [],
        dataInterface: String? = nil,
        acceptTimeoutSeconds: Int = 300,
        connectTimeoutSeconds: Int = 20,
        maximumSessions: Int = NDMPConfiguration.defaultMaximumSessions
    ) {
        self.exports = exports
        self.dataPorts = dataPorts
        self.connectPorts = connectPorts
        self.portPolicy = portPolicy
        self.advertisedAddresses = advertisedAddresses
        self.dataInterface = dataInterface
        self.acceptTimeoutSeconds = acceptTimeoutSeconds
        self.connectTimeoutSeconds = connectTimeoutSeconds
        self.maximumSessions = maximumSessions
    }
}
