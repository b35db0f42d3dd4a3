// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import Foundation
import ManagementAPI

struct NDMPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ndmp",
        abstract: "Show and change how a running daemon does NDMP, and copy tapes.",
        subcommands: [NDMPShowCommand.self, NDMPSetCommand.self, NDMPSessionsCommand.self, NDMPCopyCommand.self]
    )
}

struct NDMPShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show ports, addresses, timeouts and exports, with warnings."
    )

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let report = try await options.client.get(APIPath.ndmpSettings, as: NDMPSettingsReport.self)
        try options.show(report) { NDMPSettingsPage(report: $0, style: $1).lines() }
    }
}

struct NDMPSetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Change settings of a running daemon, all of them or none.",
        discussion: """
            Keys and values: \(NDMPChange.keys.map { "\($0.name)=\($0.values)" }.joined(separator: "; ")).
            A change holds for sessions and data connections opened after it, until the daemon ends.
            """
    )

    @OptionGroup var options: ClientOptions
    @Argument(help: ArgumentHelp("For example data-ports=18600-18699.", valueName: "key=value"))
    var changes: [String]

    func run() async throws {
        let directory = FileManager.default.currentDirectoryPath
        let request = try NDMPChange.request(changes, workingDirectory: directory)
        let report = try await options.client.send(
            .patch,
            APIPath.ndmpSettings,
            body: request,
            as: NDMPSettingsReport.self
        )
        try options.show(report) { NDMPSettingsPage(report: $0, style: $1).lines() }
    }
}

struct NDMPSessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "List the NDMP sessions of this moment."
    )

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let report = try await options.client.get(APIPath.sessions, as: SessionList.self)
        try options.show(report) { SessionRows.lines($0.sessions, $1) }
    }
}

/// `KEY=VALUE` words as a request. The daemon checks what only it can know.
enum NDMPChange {
    /// The keys, in the order of `ndmp show`.
    static let keys: [(name: String, values: String)] = [
        ("data-ports", "A-B or any"), ("connect-ports", "A-B or any"), ("port-policy", "next or fail"),
        ("advertise", "ADDRESS,… or auto"), ("interface", "ADDRESS, NAME or auto"), ("accept-timeout", "SECONDS"),
        ("connect-timeout", "SECONDS"), ("sessions", "N"), ("exports", "PATH[:ro],… or none"),
    ]

    static func request(_ words: [String], workingDirectory: String) throws(APIError) -> ChangeNDMPSettingsRequest {
        var request = ChangeNDMPSettingsRequest()
        var seen: Set<String> = []
        for word in words {
            guard let equals = word.firstIndex(of: "=") else {
                throw APIError(.invalid, "\"\(word.prefix(60))\" is not KEY=VALUE", hint: hint)
            }
            let key = String(word[..<equals])
            guard seen.insert(key).inserted else { throw APIError(.invalid, "\(key.prefix(60)) is given twice") }
            try add(key, String(word[word.index(after: equals)...]), workingDirectory, to: &request)
        }
        guard !seen.isEmpty else { throw APIError(.invalid, "nothing to change", hint: hint) }
        return request
    }

    private static func add(
        _ key: String,
        _ value: String,
        _ workingDirectory: String,
        to request: inout ChangeNDMPSettingsRequest
    ) throws(APIError) {
        switch key {
        case "data-ports": request.dataPorts = try ports(value, key)
        case "connect-ports": request.connectPorts = try ports(value, key)
        case "port-policy":
            guard ["next", "fail"].contains(value) else { throw wrong(key, value) }
            request.portPolicy = value
        case "advertise":
            let addresses = value == "auto" ? [] : parts(value)
            guard addresses.allSatisfy(ServeConfiguration.isIPv4) else { throw wrong(key, value) }
            request.advertisedAddresses = addresses
        case "interface":
            guard value.isEmpty || ServeConfiguration.isInterface(value) else { throw wrong(key, value) }
            request.interface = value == "auto" ? "" : value
        case "accept-timeout": request.acceptTimeoutSeconds = try number(value, key)
        case "connect-timeout": request.connectTimeoutSeconds = try number(value, key)
        case "sessions": request.maximumSessions = try number(value, key)
        case "exports":
            request.exports = (value == "none" ? [] : parts(value)).map { text in
                let export = ExportReport(text)
                let path = SocketPath.absolute(export.path, from: workingDirectory)
                return ExportReport(path: path, writable: export.writable)
            }
        default: throw APIError(.invalid, "there is no NDMP setting \"\(key.prefix(60))\"", hint: hint)
        }
    }

    private static let hint = "the keys are " + keys.map(\.name).joined(separator: ", ")

    private static func parts(_ text: String) -> [String] {
        text.split(separator: ",").map { String($0.trimmingBlanks()) }.filter { !$0.isEmpty }
    }

    private static func ports(_ text: String, _ key: String) throws(APIError) -> String {
        do { return PortRange.text(try PortRange.parse(text)) } catch { throw wrong(key, text) }
    }

    private static func number(_ text: String, _ key: String) throws(APIError) -> Int {
        guard let number = Int(text) else { throw wrong(key, text) }
        return number
    }

    private static func wrong(_ key: String, _ value: String) -> APIError {
        let values = keys.first { $0.name == key }?.values ?? ""
        return APIError(.invalid, "\(key) is \(values), not \"\(value.prefix(60))\"")
    }
}
