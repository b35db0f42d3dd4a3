// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import Foundation
import ManagementAPI

/// Options of every command that talks to a daemon.
struct ClientOptions: ParsableArguments {
    @Option(
        help:
            "Socket of the daemon. (environment: CAPSTAN_SOCKET; default: the daemon of ./capstan-data, else the one that this user started first)"
    )
    var socket: String?

    @OptionGroup var output: OutputOptions

    var client: ManagementClient {
        ManagementClient(
            socket: SocketPath.find(explicit: socket, environment: ProcessInfo.processInfo.environment)
        )
    }

    /// Prints `value` as JSON when asked to, else the lines that `text` makes of it.
    func show<Value: Encodable>(_ value: Value, _ text: (Value, Style) -> [String]) throws {
        try output.show(value, text)
    }
}

/// Options of every command that prints something.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON with stable, sorted keys.")
    var json = false

    func show<Value: Encodable>(_ value: Value, _ text: (Value, Style) -> [String]) throws {
        let standard = Output.standard
        guard !json else { return try standard.json(value) }
        for line in text(value, standard.style) { standard.line(line) }
    }
}

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show drives, robot, slots, doors and sessions of a running daemon."
    )

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let report = try await options.client.get(APIPath.status, as: StatusReport.self)
        try options.show(report) { StatusPage(report: $0, style: $1).lines() }
    }
}

struct InventoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inventory",
        abstract: "List every drive, slot and mail slot, and what is in it."
    )

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let report = try await options.client.get(APIPath.inventory, as: InventoryReport.self)
        try options.show(report) { InventoryPage(report: $0, style: $1).lines() }
    }
}
