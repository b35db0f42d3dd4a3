// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Logging
import ManagementAPI
import NDMPServer
import TapeLibrary

/// What a daemon shall be, checked: every value has its type and every rule that needs no disk was applied.
struct ServeConfiguration: Sendable {
    /// Absolute path; nil: a temporary one that is removed at exit.
    var store: String?
    /// Absolute path; nil: the one that follows from the store.
    var socket: String?
    var http: Endpoint?
    var ndmp: NDMPConfiguration
    var layout: Layout
    var readyFile: String?
    var exitWithStdin: Bool
    var trace: String?
    var logLevel: Logger.Level
    /// For this user's sockets.
    var userDirectory: String

    /// What was said about the library; nil keeps what the store says.
    struct Layout: Sendable, Equatable {
        var drives: Int?
        var slots: Int?
        var mailSlots: Int?
        var library: LibraryPersonality?
        var driveModels: [DrivePersonality]?
        var cartridges: Int?
        var cartridgeCapacity: UInt64?

        var isEmpty: Bool { self == Layout() }

        /// Lays what was said over `base`.
        func applied(to base: LibraryConfiguration) -> LibraryConfiguration {
            var result = base
            result.drives = drives ?? base.drives
            result.slots = slots ?? base.slots
            result.mailSlots = mailSlots ?? base.mailSlots
            result.library = library ?? base.library
            if let driveModels, let first = driveModels.first {
                result.driveModels = driveModels
                result.cartridges.generation = first.generation
            }
            result.cartridges.count = cartridges ?? min(base.cartridges.count, result.slots)
            result.cartridges.capacityBytes = cartridgeCapacity ?? base.cartridges.capacityBytes
            return result
        }
    }

    static let defaultUser = "ndmp"
    static let defaultPassword = "ndmp"

    init(
        _ values: SettingValues,
        environment: [String: String],
        workingDirectory: String,
        programDirectory: String = "/usr/bin",
        user: UInt32
    ) throws(APIError) {
        func absolute(_ setting: Setting) -> String? {
            values.text(setting).map { SocketPath.absolute($0, from: workingDirectory) }
        }
        userDirectory = SocketPath.userDirectory(environment: environment, user: user)
        store = absolute(Settings.store) ?? SocketPath.absolute(SocketPath.defaultStore, from: workingDirectory)
        if try values.isOn(Settings.ephemeral) {
            if case .flag? = values[Settings.store]?.origin {
                throw APIError(.invalid, "--ephemeral and --store exclude each other")
            }
            store = nil
        }
        socket = absolute(Settings.socket)
        if let socket, let problem = SocketPath.problem(with: socket) { throw problem }
        http = try values.endpoint(Settings.http)
        if let http, !http.isLoopback {
            throw APIError(
                .refused,
                "the management API cannot be served on \(http.text): it has no log-in yet",
                hint: "use a loopback address such as 127.0.0.1:8080, and a tunnel to reach it from elsewhere"
            )
        }
        ndmp = try Self.ndmp(values)
        let models = PersonalityFiles(
            directory: absolute(Settings.personalities),
            workingDirectory: workingDirectory,
            programDirectory: programDirectory
        )
        layout = Layout(
            drives: try values.count(Settings.drives, in: 1...LibraryConfiguration.maximumDrives),
            slots: try values.count(Settings.slots, in: 1...LibraryConfiguration.maximumSlots),
            mailSlots: try values.count(Settings.mailSlots, in: 0...LibraryConfiguration.maximumMailSlots),
            library: try values.text(Settings.library).map { name throws(APIError) in
                try models.library(named: name)
            },
            driveModels: try values.list(Settings.driveModels)?.map { name throws(APIError) in
                try models.drive(named: name)
            },
            cartridges: try values.count(Settings.cartridges, in: 0...LibraryConfiguration.maximumSlots),
            cartridgeCapacity: try values.size(Settings.cartridgeCapacity)
        )
        readyFile = absolute(Settings.readyFile)
        exitWithStdin = try values.isOn(Settings.exitWithStdin)
        trace = absolute(Settings.trace)
        guard let level = Logger.Level(rawValue: values.text(Settings.logLevel) ?? "notice") else {
            throw values.wrong(Settings.logLevel, "is trace, debug, info, notice, warning, error or critical")
        }
        logLevel = level
    }

    private static func ndmp(_ values: SettingValues) throws(APIError) -> NDMPConfiguration {
        var ndmp = NDMPConfiguration()
        let listen = try values.endpoint(Settings.ndmp) ?? Endpoint(host: "127.0.0.1", port: 10000)
        ndmp.listen = [.init(host: listen.host, port: listen.port)]
        let user = NDMPUser(
            name: values.text(Settings.ndmpUser) ?? defaultUser,
            password: values.text(Settings.ndmpPassword) ?? defaultPassword
        )
        ndmp.users = [user]
        if !listen.isLoopback, user.password == defaultPassword {
            throw APIError(
                .refused,
                "NDMP cannot listen on \(listen.text) with the default password: anybody could overwrite your tapes",
                hint: "set another with CAPSTAN_NDMP_PASSWORD or ndmp.password in a configuration file"
            )
        }
        let accepted = values.list(Settings.ndmpAuthentication) ?? ["text", "md5"]
        guard !accepted.isEmpty, accepted.allSatisfy({ ["text", "md5", "none"].contains($0) }) else {
            throw values.wrong(Settings.ndmpAuthentication, "is any of text, md5 and none, with commas between")
        }
        ndmp.allowsTextAuthentication = accepted.contains("text")
        ndmp.allowsMD5Authentication = accepted.contains("md5")
        ndmp.allowsNoAuthentication = accepted.contains("none")
        ndmp.highestVersion = try values.count(Settings.ndmpVersion, in: 2...4) ?? 4
        ndmp.strict = try values.isOn(Settings.ndmpStrict)
        ndmp.maximumSessions =
            try values.count(Settings.ndmpSessions, in: 1...4096) ?? NDMPConfiguration.defaultMaximumSessions
        ndmp.aliases = try aliases(values)
        ndmp.revision = Version.text
        ndmp.settings.dataPorts = try values.portRange(Settings.ndmpDataPorts)
        ndmp.settings.advertisedAddresses = values.list(Settings.ndmpAdvertise) ?? []
        guard ndmp.settings.advertisedAddresses.allSatisfy(isIPv4) else {
            throw values.wrong(Settings.ndmpAdvertise, "is a list of IPv4 addresses")
        }
        ndmp.settings.acceptTimeoutSeconds = try values.count(Settings.ndmpAcceptTimeout, in: 0...86_400) ?? 300
        return ndmp
    }

    private static func aliases(_ values: SettingValues) throws(APIError) -> [String: String] {
        var aliases: [String: String] = [:]
        for pair in values.list(Settings.ndmpAliases) ?? [] {
            let parts = pair.split(separator: "=", omittingEmptySubsequences: false).map { String($0) }
            guard parts.count == 2, parts.allSatisfy({ (1...64).contains($0.utf8.count) }) else {
                throw values.wrong(Settings.ndmpAliases, "is a list such as nrst0a=nst0,mc0=sg0")
            }
            aliases[parts[0]] = parts[1]
        }
        return aliases
    }

    /// Four decimal numbers of at most 255.
    static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { $0.count <= 3 && UInt8($0) != nil }
    }
}
