// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import Foundation
import ManagementAPI

extension Setting {
    var name: NameSpecification { .customLong(flag) }

    /// Help with everything that the table knows.
    var argumentHelp: ArgumentHelp {
        let text = "\(help) (environment: \(environment); default: \(defaultText))"
        return kind == .flag ? ArgumentHelp(stringLiteral: text) : ArgumentHelp(text, valueName: placeholder)
    }
}

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the library and its doors until told to stop.",
        discussion: """
            With nothing configured this makes a library of 4 LTO-8 drives, 24 slots, 2 mail slots and 16 cartridges in
            ./capstan-data. SIGTERM and Ctrl-C let running transfers finish, write everything back and exit with 0; a
            second one exits at once. When every door is open, READY is printed on standard output.
            """
    )

    @Option(help: ArgumentHelp("YAML file with settings. (environment: CAPSTAN_CONFIG)", valueName: "file"))
    var config: String?

    @Option(name: Settings.store.name, help: Settings.store.argumentHelp) var store: String?
    @Flag(name: Settings.ephemeral.name, help: Settings.ephemeral.argumentHelp) var ephemeral = false
    @Option(name: Settings.socket.name, help: Settings.socket.argumentHelp) var socket: String?
    @Option(name: Settings.http.name, help: Settings.http.argumentHelp) var http: String?
    @Option(name: Settings.mount.name, help: Settings.mount.argumentHelp) var mount: String?
    @Option(name: Settings.mountAccess.name, help: Settings.mountAccess.argumentHelp) var mountAccess: String?
    @Option(name: Settings.ndmp.name, help: Settings.ndmp.argumentHelp) var ndmp: String?
    @Option(name: Settings.ndmpDataPorts.name, help: Settings.ndmpDataPorts.argumentHelp) var ndmpDataPorts: String?
    @Option(name: Settings.ndmpExports.name, help: Settings.ndmpExports.argumentHelp) var export: [String] = []
    @Option(name: Settings.ndmpConnectPorts.name, help: Settings.ndmpConnectPorts.argumentHelp)
    var ndmpDataConnectPorts: String?
    @Option(name: Settings.ndmpPortPolicy.name, help: Settings.ndmpPortPolicy.argumentHelp)
    var ndmpDataPortPolicy: String?
    @Option(name: Settings.ndmpInterface.name, help: Settings.ndmpInterface.argumentHelp)
    var ndmpDataInterface: String?
    @Option(name: Settings.ndmpConnectTimeout.name, help: Settings.ndmpConnectTimeout.argumentHelp)
    var ndmpConnectTimeout: String?
    @Option(name: Settings.ndmpAdvertise.name, help: Settings.ndmpAdvertise.argumentHelp) var ndmpAdvertise: String?
    @Option(name: Settings.ndmpAuthentication.name, help: Settings.ndmpAuthentication.argumentHelp)
    var ndmpAuth: String?
    @Option(name: Settings.ndmpUser.name, help: Settings.ndmpUser.argumentHelp) var ndmpUser: String?
    @Option(name: Settings.ndmpPassword.name, help: Settings.ndmpPassword.argumentHelp) var ndmpPassword: String?
    @Option(name: Settings.ndmpVersion.name, help: Settings.ndmpVersion.argumentHelp) var ndmpVersion: String?
    @Flag(name: Settings.ndmpStrict.name, help: Settings.ndmpStrict.argumentHelp) var ndmpStrict = false
    @Option(name: Settings.ndmpSessions.name, help: Settings.ndmpSessions.argumentHelp) var ndmpSessions: String?
    @Option(name: Settings.ndmpAliases.name, help: Settings.ndmpAliases.argumentHelp) var ndmpAliases: String?
    @Option(name: Settings.ndmpAcceptTimeout.name, help: Settings.ndmpAcceptTimeout.argumentHelp)
    var ndmpAcceptTimeout: String?
    @Option(name: Settings.drives.name, help: Settings.drives.argumentHelp) var drives: String?
    @Option(name: Settings.slots.name, help: Settings.slots.argumentHelp) var slots: String?
    @Option(name: Settings.mailSlots.name, help: Settings.mailSlots.argumentHelp) var mailSlots: String?
    @Option(name: Settings.library.name, help: Settings.library.argumentHelp) var library: String?
    @Option(name: Settings.driveModels.name, help: Settings.driveModels.argumentHelp) var driveModels: String?
    @Option(name: Settings.personalities.name, help: Settings.personalities.argumentHelp) var personalities: String?
    @Option(name: Settings.cartridges.name, help: Settings.cartridges.argumentHelp) var cartridges: String?
    @Option(name: Settings.cartridgeCapacity.name, help: Settings.cartridgeCapacity.argumentHelp)
    var cartridgeCapacity: String?
    @Option(name: Settings.readyFile.name, help: Settings.readyFile.argumentHelp) var readyFile: String?
    @Flag(name: Settings.exitWithStdin.name, help: Settings.exitWithStdin.argumentHelp) var exitWithStdin = false
    @Option(name: Settings.trace.name, help: Settings.trace.argumentHelp) var trace: String?
    @Option(name: Settings.logLevel.name, help: Settings.logLevel.argumentHelp) var logLevel: String?

    /// What was given on the command line, by flag.
    var flags: [String: String] {
        let options: [(Setting, String?)] = [
            (Settings.store, store), (Settings.socket, socket), (Settings.http, http), (Settings.ndmp, ndmp),
            (Settings.mount, mount), (Settings.mountAccess, mountAccess),
            (Settings.ndmpDataPorts, ndmpDataPorts), (Settings.ndmpAdvertise, ndmpAdvertise),
            (Settings.ndmpExports, export.isEmpty ? nil : export.joined(separator: ",")),
            (Settings.ndmpConnectPorts, ndmpDataConnectPorts), (Settings.ndmpPortPolicy, ndmpDataPortPolicy),
            (Settings.ndmpInterface, ndmpDataInterface), (Settings.ndmpConnectTimeout, ndmpConnectTimeout),
            (Settings.ndmpAuthentication, ndmpAuth), (Settings.ndmpUser, ndmpUser),
            (Settings.ndmpPassword, ndmpPassword), (Settings.ndmpVersion, ndmpVersion),
            (Settings.ndmpSessions, ndmpSessions), (Settings.ndmpAliases, ndmpAliases),
            (Settings.ndmpAcceptTimeout, ndmpAcceptTimeout), (Settings.drives, drives), (Settings.slots, slots),
            (Settings.mailSlots, mailSlots), (Settings.library, library), (Settings.driveModels, driveModels),
            (Settings.personalities, personalities), (Settings.cartridges, cartridges),
            (Settings.cartridgeCapacity, cartridgeCapacity), (Settings.readyFile, readyFile),
            (Settings.trace, trace), (Settings.logLevel, logLevel),
            (Settings.ephemeral, ephemeral ? "true" : nil), (Settings.ndmpStrict, ndmpStrict ? "true" : nil),
            (Settings.exitWithStdin, exitWithStdin ? "true" : nil),
        ]
        return Dictionary(options.compactMap { setting, text in text.map { (setting.flag, $0) } }) { $1 }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let named = config ?? environment["CAPSTAN_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        let file = try named.map { path throws(APIError) in try ConfigurationFile.read(path) } ?? [:]
        let values = SettingValues(flags: flags, environment: environment, file: file)
        let configuration = try ServeConfiguration(
            values,
            environment: environment,
            workingDirectory: FileManager.default.currentDirectoryPath,
            programDirectory: PersonalityFiles.programDirectory,
            user: geteuid()
        )
        try await Daemon(configuration).run()
    }
}
