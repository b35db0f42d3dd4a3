// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import ManagementAPI

@testable import capstan

/// docs/reference/cli.md from the command tree that the parser itself describes.
enum CommandLineReference {
    /// The parts of the parser's description that a reader needs.
    private struct Tool: Decodable {
        var command: Command
    }

    private struct Command: Decodable {
        var commandName: String
        var abstract: String?
        var discussion: String?
        var subcommands: [Command]?
        var arguments: [Argument]?
    }

    private struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }

        var kind: String
        var shouldDisplay: Bool
        var isOptional: Bool
        var isRepeating: Bool
        var names: [Name]?
        var valueName: String?
        var abstract: String?

        /// `--socket <socket>`, `<barcode>`, `[<slot>]`.
        var synopsis: String {
            let value = valueName.map { "<\($0)>" } ?? ""
            switch kind {
            case "positional":
                let text = value + (isRepeating ? " …" : "")
                return isOptional ? "[\(text)]" : text
            default:
                let names = (names ?? []).map { ($0.kind == "short" ? "-" : "--") + $0.name }
                return names.joined(separator: ", ") + (kind == "option" ? " " + value : "")
            }
        }
    }

    static func markdown() throws -> String {
        let tool = try JSONDecoder().decode(Tool.self, from: Data(Capstan._dumpHelp().utf8))
        var text = """
            # Command line

            <!-- Made from the command tree in Sources/capstan; do not edit. -->

            Results go to standard output, narration and progress to standard error. `--json` prints JSON with stable,
            sorted keys; a failure then prints `{"error": {"code", "message", "hint"}}`. Colour is used on terminals
            only, and never when `NO_COLOR` is set.

            A command finds its daemon by `--socket`, else `CAPSTAN_SOCKET`, else `capstan.sock` in the store
            (`CAPSTAN_STORE`, else `./capstan-data`), else the daemon that this user started first.

            A place is `drive:0`, `slot:3` or `mail:1`; a bare number is a slot. Drives count from 0, slots and mail slots
            from 1. Sizes are `64MiB`, `1.5GiB`, `12TB`.

            """
        for command in tool.command.subcommands ?? [] { add(command, path: "capstan", to: &text) }
        text += "\n## Exit codes\n\n| Code | Meaning |\n|---|---|\n| 0 | done |\n"
        text += "| \(DoctorExit.problem) | `doctor` found a problem |\n"
        let codes = Dictionary(grouping: ErrorCode.allCases, by: \.exitCode).sorted { $0.key < $1.key }
        for (code, errors) in codes {
            let meanings = errors.filter { code != 1 || $0 == .failure }.map(\.meaning)
            text += "| \(code) | \(meanings.joined(separator: "; ")) |\n"
        }
        text += "| 130, 143 | `serve` was stopped at once by a second signal |\n"
        return text
    }

    private static func add(_ command: Command, path: String, to text: inout String) {
        guard command.commandName != "help" else { return }
        let name = path + " " + command.commandName
        let arguments = (command.arguments ?? []).filter { $0.shouldDisplay && !isHelp($0) }
        let positional = arguments.filter { $0.kind == "positional" }.map(\.synopsis)
        let hasOptions = arguments.contains { $0.kind != "positional" }
        let isGroup = !(command.subcommands ?? []).isEmpty && arguments.isEmpty
        text += "\n## `\(name)`\n\n"
        if let abstract = command.abstract { text += abstract + "\n" }
        if !isGroup {
            let parts = [name] + (hasOptions ? ["[options]"] : []) + positional
            text += "\n```\n\(parts.joined(separator: " "))\n```\n"
        }
        if let discussion = command.discussion, !discussion.isEmpty { text += "\n" + discussion + "\n" }
        if !arguments.isEmpty, !isGroup { text += "\n" }
        for argument in arguments where !isGroup {
            text += "- `\(argument.synopsis)`: \(argument.abstract ?? "")\n"
        }
        for inner in command.subcommands ?? [] { add(inner, path: name, to: &text) }
    }

    private static func isHelp(_ argument: Argument) -> Bool {
        (argument.names ?? []).contains { $0.name == "help" || $0.name == "version" }
    }
}
