// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import ManagementAPI

struct MoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Move a cartridge with the robot.",
        discussion: """
            A place is drive:0, slot:3 or mail:1; a bare number is a slot. FROM may also be a barcode.
            """
    )

    @Argument(help: "Where the cartridge is: a place or its barcode.")
    var from: String

    @Argument(help: "Where it shall go: a place.")
    var to: String

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let request = MoveRequest(from: from, to: to)
        let report = try await options.client.send(.post, APIPath.moves, body: request, as: MoveReport.self)
        try options.show(report, MoveLines.lines)
    }
}

struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Put a cartridge into a drive.",
        discussion: "For example `capstan load CAP001L8 0`, or `capstan load 1 0` for the cartridge in slot 1."
    )

    @Argument(help: "Barcode, or the number of a slot.")
    var cartridge: String

    @Argument(help: "Number of the drive, from 0.")
    var drive: Int

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let request = LoadRequest(cartridge: cartridge, drive: drive)
        let report = try await options.client.send(.post, APIPath.loads, body: request, as: MoveReport.self)
        try options.show(report, MoveLines.lines)
    }
}

struct UnloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unload",
        abstract: "Take the cartridge out of a drive.",
        discussion: "Without SLOT it goes back to where it came from, or to the first free slot."
    )

    @Argument(help: "Number of the drive, from 0.")
    var drive: Int

    @Argument(help: "Number of the slot, from 1.")
    var slot: Int?

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let request = UnloadRequest(drive: drive, slot: slot)
        let report = try await options.client.send(.post, APIPath.unloads, body: request, as: MoveReport.self)
        try options.show(report, MoveLines.lines)
    }
}

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Bring a cartridge from the shelf into the library.",
        discussion: "Without --to it is put into a free mail slot, as an operator would."
    )

    @Argument(help: "Barcode of a cartridge on the shelf.")
    var barcode: String

    @Option(help: ArgumentHelp("Slot or mail slot to put it into.", valueName: "place"))
    var to: String?

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let request = ImportRequest(barcode: barcode, to: to)
        let report = try await options.client.send(.post, APIPath.imports, body: request, as: MoveReport.self)
        try options.show(report, MoveLines.lines)
    }
}

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Take a cartridge out of the library and lay it on the shelf.",
        discussion: "It travels through a mail slot and stays in the store; `capstan import` brings it back."
    )

    @Argument(help: "Barcode or place of the cartridge.")
    var cartridge: String

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let request = ExportRequest(cartridge: cartridge)
        let report = try await options.client.send(.post, APIPath.exports, body: request, as: MoveReport.self)
        try options.show(report, MoveLines.lines)
    }
}

/// What moves print for people.
enum MoveLines {
    static func lines(_ report: MoveReport, _ style: Style) -> [String] {
        ["\(style.bold(report.barcode)): \(report.from) \(style.unicode ? "→" : "->") \(report.to)"]
    }
}
