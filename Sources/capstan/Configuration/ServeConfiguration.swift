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
    /// Nil: not mounted.
    var mount: MountSettings?
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
        mount = try absolute(Settings.mount).map { path throws(APIError) in
            guard let others = MountSettings.others(values.text(Settings.mountAccess) ?? "auto") else {
                throw values.wrong(Settings.mountAccess, "is auto, everyone or owner")
            }
            return MountSettings(path: path, others: others)
        }
        if let problem = mount?.problem(store: store) { throw problem }
        ndmp = try Self.ndmp(values, workingDirectory: workingDirectory)
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
}
