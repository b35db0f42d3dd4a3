// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import DiskIO
import Foundation
import Logging
import ManagementAPI

struct MountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount",
        abstract: "Show a store as files, read-only and without a daemon, until told to stop.",
        discussion: """
            The same tree as `capstan serve --mount`, without devices: every cartridge with its tape files, what is recognised
            in them, and the archives inside as directories. A daemon may work on the store meanwhile. READY is printed when
            the mount is there; SIGTERM, Ctrl-C and `umount` end it.
            """
    )

    @Argument(
        help: ArgumentHelp(
            "Empty directory to mount on; made when only the last part of its path is missing.",
            valueName: "mountpoint"
        )
    )
    var mountpoint: String
    @Option(
        help: ArgumentHelp("Store to show. (environment: CAPSTAN_STORE; default: ./capstan-data)", valueName: "dir")
    )
    var store: String?
    @Option(help: ArgumentHelp(stringLiteral: Settings.mountAccess.help)) var mountAccess = "auto"
    @Option(help: ArgumentHelp("Write a JSON description there when the mount is there.", valueName: "file"))
    var readyFile: String?
    @Flag(help: "End when standard input closes.") var exitWithStdin = false
    @Option(help: ArgumentHelp(stringLiteral: Settings.logLevel.help)) var logLevel = "notice"

    func run() async throws {
        let directory = FileManager.default.currentDirectoryPath
        let environment = ProcessInfo.processInfo.environment["CAPSTAN_STORE"].flatMap { $0.isEmpty ? nil : $0 }
        let store = SocketPath.absolute(store ?? environment ?? SocketPath.defaultStore, from: directory)
        guard let others = MountSettings.others(mountAccess) else {
            throw APIError(.invalid, "--mount-access is auto, everyone or owner, not \"\(mountAccess.prefix(60))\"")
        }
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw APIError(.invalid, "--log-level is trace, debug, info, notice, warning, error or critical")
        }
        let settings = MountSettings(path: SocketPath.absolute(mountpoint, from: directory), others: others)
        if let problem = settings.problem(store: store) { throw problem }
        OpenFilesLimit.raise()
        try await OfflineMount(
            store: store,
            settings: settings,
            readyFile: readyFile.map { SocketPath.absolute($0, from: directory) },
            exitWithStdin: exitWithStdin,
            logLevel: level
        ).run()
    }
}
