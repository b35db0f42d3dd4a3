// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A directory that NDMP clients may back up.
package struct ExportReport: Codable, Sendable, Equatable {
    /// Absolute.
    package var path: String
    /// Whether it may be restored to.
    package var writable: Bool

    package init(path: String, writable: Bool) {
        self.path = path
        self.writable = writable
    }

    /// `PATH`, or `PATH:ro`.
    package var text: String { writable ? path : path + ":ro" }

    /// Reads `PATH`, `PATH:ro` or `PATH:rw`.
    package init(_ text: String) {
        let isReadOnly = text.hasSuffix(":ro")
        path = isReadOnly || text.hasSuffix(":rw") ? String(text.dropLast(3)) : text
        writable = !isReadOnly
    }
}

/// `GET /v1/ndmp/settings`. Passwords are never shown.
package struct NDMPSettingsReport: Codable, Sendable, Equatable {
    package var host: String
    package var port: Int
    /// Ports that data connections are accepted on: `A-B`, or `any`.
    package var dataPorts: String
    /// Ports that outgoing data connections come from: `A-B`, or `any`.
    package var connectPorts: String
    /// What happens when the port whose turn it is is taken: `next` or `fail`.
    package var portPolicy: String
    /// Addresses told to peers for data connections; empty: the one the session came in on.
    package var advertisedAddresses: [String]
    /// Local address, or name of the interface, of data connections; nil: the one the session came in on.
    package var interface: String?
    /// How long a listening mover or data service waits for its peer; 0: for ever.
    package var acceptTimeoutSeconds: Int
    package var connectTimeoutSeconds: Int
    /// Any of `none`, `text`, `md5`.
    package var authentication: [String]
    package var user: String
    package var maximumSessions: Int
    /// The draft's rule where real peers disagree with it.
    package var strict: Bool
    package var exports: [ExportReport]
    /// One sentence for each thing that is likely to make trouble.
    package var warnings: [String]

    package init(
        host: String,
        port: Int,
        dataPorts: String,
        connectPorts: String = "any",
        portPolicy: String = "next",
        advertisedAddresses: [String],
        interface: String? = nil,
        acceptTimeoutSeconds: Int,
        connectTimeoutSeconds: Int,
        authentication: [String],
        user: String,
        maximumSessions: Int,
        strict: Bool,
        exports: [ExportReport] = [],
        warnings: [String] = []
    ) {
        self.host = host
        self.port = port
        self.dataPorts = dataPorts
        self.connectPorts = connectPorts
        self.portPolicy = portPolicy
        self.advertisedAddresses = advertisedAddresses
        self.interface = interface
        self.acceptTimeoutSeconds = acceptTimeoutSeconds
        self.connectTimeoutSeconds = connectTimeoutSeconds
        self.authentication = authentication
        self.user = user
        self.maximumSessions = maximumSessions
        self.strict = strict
        self.exports = exports
        self.warnings = warnings
    }
}

/// `PATCH /v1/ndmp/settings`: what is nil stays. All of it is done or nothing; it holds for sessions and data
/// connections opened after it.
package struct ChangeNDMPSettingsRequest: Codable, Sendable, Equatable {
    /// `A-B`, or `any`.
    package var dataPorts: String?
    /// `A-B`, or `any`.
    package var connectPorts: String?
    /// `next` or `fail`.
    package var portPolicy: String?
    /// An empty list returns to the address of the session.
    package var advertisedAddresses: [String]?
    /// An empty text returns to the address of the session.
    package var interface: String?
    package var acceptTimeoutSeconds: Int?
    package var connectTimeoutSeconds: Int?
    package var maximumSessions: Int?
    /// The whole list, with absolute paths.
    package var exports: [ExportReport]?

    package init(
        dataPorts: String? = nil,
        connectPorts: String? = nil,
        portPolicy: String? = nil,
        advertisedAddresses: [String]? = nil,
        interface: String? = nil,
        acceptTimeoutSeconds: Int? = nil,
        connectTimeoutSeconds: Int? = nil,
        maximumSessions: Int? = nil,
        exports: [ExportReport]? = nil
    ) {
        self.dataPorts = dataPorts
        self.connectPorts = connectPorts
        self.portPolicy = portPolicy
        self.advertisedAddresses = advertisedAddresses
        self.interface = interface
        self.acceptTimeoutSeconds = acceptTimeoutSeconds
        self.connectTimeoutSeconds = connectTimeoutSeconds
        self.maximumSessions = maximumSessions
        self.exports = exports
    }
}
