// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import Console
import Foundation
import ManagementAPI
import NDMPClient
import TapeLibrary

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check doors, data ports, addresses, exports and store of a daemon, in words.",
        discussion: """
            Without a daemon, what can be checked then. Nothing is changed. Exits with 2 when there is a problem.
            `capstan doctor ndmp HOST` looks at any NDMP server.
            """,
        subcommands: [DoctorNDMPCommand.self]
    )

    @OptionGroup var options: ClientOptions

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let named = environment["CAPSTAN_STORE"].flatMap { $0.isEmpty ? nil : $0 } ?? SocketPath.defaultStore
        let store = SocketPath.absolute(named, from: FileManager.default.currentDirectoryPath)
        let report = await Doctor(client: options.client, store: store).report()
        try options.show(report) { DoctorPage(report: $0, style: $1).lines() }
        if report.verdict == .problem { throw ExitCode(DoctorExit.problem) }
    }
}

struct DoctorNDMPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ndmp",
        abstract: "Look at any NDMP server as a client: what it offers, and whether data connections come about.",
        discussion: """
            Asks the server to listen and connects to it, and listens itself and asks the server to connect, over every port
            of a range or a sample of it. Tells per port open, refused or dropped, how long it took, and what a firewall has
            to accept. Everything is closed again; no tape is moved and no file is touched. Without a user, only what the
            server tells a stranger. Exits with 2 when there is a problem.
            """
    )

    @Argument(help: ArgumentHelp("Name or address, with port 10000 when none is given.", valueName: "host[:port]"))
    var server: String
    @Option(help: "NDMP user.") var user: String?
    @Option(help: "NDMP password; better given in CAPSTAN_DOCTOR_PASSWORD, since process lists show flags.")
    var password: String?
    @Option(help: ArgumentHelp("Log-in: best, md5, text or none.", valueName: "method")) var auth: String = "best"
    @Option(help: ArgumentHelp("Ports that data connections shall use, on both sides.", valueName: "A-B"))
    var ports: String?
    @Option(
        help: ArgumentHelp("Data connections per side; all ports of the range, or 8, when not given.", valueName: "N")
    )
    var sample: Int?
    @Option(help: ArgumentHelp("Silence for this long counts as dropped.", valueName: "seconds")) var timeout: Int = 5
    @Option(help: ArgumentHelp("Try the mover of this tape device too; the tape stands still.", valueName: "name"))
    var tape: String?
    @Flag(help: "Show every NDMP message on standard error.") var verbose = false
    @OptionGroup var output: OutputOptions

    func validate() throws {
        // Without a user nobody logs in, and a password would go unused without a word.
        guard password == nil || user != nil else { throw ValidationError("--password needs --user") }
    }

    func run() async throws {
        let options = try probeOptions()
        let thread = DeviceThread(name: "doctor")
        defer { thread.stop() }
        let report = await ThreadGate(thread).run { NDMPProbe(options).run() }
        try output.show(report) { ProbePage(report: $0, style: $1).lines() }
        if report.verdict == .problem { throw ExitCode(DoctorExit.problem) }
    }

    private func probeOptions() throws(APIError) -> ProbeOptions {
        let endpoint = try Self.endpoint(server)
        var options = ProbeOptions(host: endpoint.host, port: endpoint.port)
        guard let authentication = NDMPClientOptions.Authentication(rawValue: auth), authentication != .skip else {
            throw APIError(.invalid, "--auth is best, md5, text or none, not \"\(auth.prefix(60))\"")
        }
        options.authentication = authentication
        options.user = user
        options.password = password ?? ProcessInfo.processInfo.environment["CAPSTAN_DOCTOR_PASSWORD"] ?? ""
        if let ports {
            do { options.ports = try PortRange.parse(ports) } catch {
                throw APIError(.invalid, "--ports is a range such as 18600-18699, not \"\(ports.prefix(60))\"")
            }
        }
        if let sample {
            guard (1...ProbeLimits.maximumAttempts).contains(sample) else {
                throw APIError(.invalid, "--sample is 1 to \(ProbeLimits.maximumAttempts), not \(sample)")
            }
            options.sample = sample
        }
        guard (1...300).contains(timeout) else {
            throw APIError(.invalid, "--timeout is 1 to 300 seconds, not \(timeout)")
        }
        options.timeoutSeconds = timeout
        options.tape = tape
        if verbose { options.trace = { side, line in Output.standard.narrate("\(side.rawValue) \(line)") } }
        return options
    }

    /// `HOST`, `HOST:PORT`, `[V6]`, `[V6]:PORT` or a bare IPv6 address.
    static func endpoint(_ text: String) throws(APIError) -> Endpoint {
        let port = 10000 as UInt16
        if let endpoint = Endpoint(text), endpoint.port > 0, !endpoint.host.isEmpty { return endpoint }
        let isBare = text.filter { $0 == ":" }.count > 1 && !text.hasPrefix("[")
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        if isBare || bare != text { return Endpoint(host: bare, port: port) }
        guard let endpoint = Endpoint(text + ":\(port)"), !endpoint.host.isEmpty else {
            throw APIError(.invalid, "\"\(text.prefix(100))\" is no HOST[:PORT]")
        }
        return endpoint
    }
}
