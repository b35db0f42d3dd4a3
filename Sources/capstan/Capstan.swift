// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import Foundation
import ManagementAPI

/// The command line: one program for the daemon and everything that talks to it.
@main
struct Capstan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capstan",
        abstract: "A tape library in software: drives, robot and cartridges that backup programs use over NDMP.",
        discussion: """
            Start with `capstan serve`, then look with `capstan status` from another terminal.
            Results go to standard output, narration to standard error; all but serve take --json.
            """,
        version: Version.text,
        subcommands: [
            ServeCommand.self, MountCommand.self, StatusCommand.self, InventoryCommand.self, MoveCommand.self,
            LoadCommand.self,
            UnloadCommand.self, ImportCommand.self, ExportCommand.self, CartridgeCommand.self, NDMPCommand.self,
            DoctorCommand.self,
            BackupCommand.self, RestoreCommand.self, CatalogueCommand.self,
        ]
    )

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as APIError {
            fail(error)
        } catch {
            exit(withError: error)
        }
    }

    /// Says what went wrong and what to do, and ends with the documented exit code.
    private static func fail(_ error: APIError) -> Never {
        let output = Output.standard
        if CommandLine.arguments.contains("--json") { try? output.json(ErrorEnvelope(error)) }
        output.narrate("capstan: \(error.message)")
        if let hint = error.hint { output.narrate("         \(hint)") }
        Foundation.exit(error.code.exitCode)
    }
}

/// What the program calls itself.
enum Version {
    static let text = "0.1.0"
}
