// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import ArgumentParser
import DMA
import Foundation
import ManagementAPI

/// Where the catalogue lies.
struct CatalogueOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The catalogue. (environment: CAPSTAN_CATALOGUE; default: $XDG_STATE_HOME/capstan/catalogue.sqlite, else the same below ~/.local/state)",
            valueName: "file"
        )
    )
    var catalogue: String?

    func open() throws -> Catalogue {
        let environment = ProcessInfo.processInfo.environment
        let named = catalogue ?? environment["CAPSTAN_CATALOGUE"].flatMap { $0.isEmpty ? nil : $0 }
        let path = named ?? Catalogue.defaultPath(environment: environment, home: NSHomeDirectory())
        do { return try Catalogue(path: path) } catch { throw APIError(error) }
    }
}

/// Who a backup program says it is to NDMP servers.
struct NDMPLoginOptions: ParsableArguments {
    @Option(help: "NDMP user. (environment: CAPSTAN_NDMP_USER; default: the local daemon's)")
    var user: String?

    @Option(
        help:
            "NDMP password; better given in the environment, where other users do not see it. (environment: CAPSTAN_NDMP_PASSWORD; default: ndmp)"
    )
    var password: String?

    /// What a daemon uses that nothing was said to.
    private static let defaultCredential = "ndmp"

    /// An endpoint of `HOST[:PORT]`, with brackets around an IPv6 address.
    func endpoint(_ text: String) throws -> NDMPEndpoint {
        guard let (host, port) = Self.parse(text) else {
            throw ValidationError("\"\(text)\" is no server; write HOST or HOST:PORT")
        }
        return endpoint(host: host, port: port, user: nil)
    }

    private func endpoint(host: String, port: UInt16, user known: String?) -> NDMPEndpoint {
        let environment = ProcessInfo.processInfo.environment
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        return NDMPEndpoint(
            host: host,
            port: port,
            user: user ?? value("CAPSTAN_NDMP_USER") ?? known ?? Self.defaultCredential,
            password: password ?? value("CAPSTAN_NDMP_PASSWORD") ?? Self.defaultCredential
        )
    }

    /// The NDMP server of the running daemon, found by its management socket.
    func localDaemon(_ options: ClientOptions) async throws -> NDMPEndpoint {
        let settings: NDMPSettingsReport
        do {
            settings = try await options.client.get(APIPath.ndmpSettings, as: NDMPSettingsReport.self)
        } catch {
            guard error.code == .noDaemon else { throw error }
            var error = error
            error.hint = "start one with `capstan serve`, or name servers with --data and --tape-server"
            throw error
        }
        guard let port = UInt16(exactly: settings.port), port > 0 else {
            throw APIError(.refused, "the daemon has no NDMP server", hint: "start it with --ndmp HOST:PORT")
        }
        let isWildcard = ["", "*", "0.0.0.0", "::", "[::]"].contains(settings.host)
        let host = settings.host.hasPrefix("[") ? String(settings.host.dropFirst().dropLast()) : settings.host
        return endpoint(host: isWildcard ? "127.0.0.1" : host, port: port, user: settings.user)
    }

    /// Host and port of `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`.
    static func parse(_ text: String) -> (host: String, port: UInt16)? {
        let defaultPort: UInt16 = 10_000
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            if rest.isEmpty { return (host, defaultPort) }
            guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()) else { return nil }
            return (host, port)
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty else { return nil }
        switch parts.count {
        case 1: return (String(host), defaultPort)
        case 2: return UInt16(parts[1]).map { (String(host), $0) }
        // An IPv6 address without brackets has no port.
        default: return (text, defaultPort)
        }
    }
}

/// The servers of a backup or restore.
struct JobOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Data server: where the files are. (default: the local daemon)", valueName: "host[:port]")
    )
    var data: String?

    @Option(
        help: ArgumentHelp("Tape server: where the drives are. (default: the local daemon)", valueName: "host[:port]")
    )
    var tapeServer: String?

    @Option(help: ArgumentHelp("Drive by its NDMP name, such as nst0. (default: any free one)", valueName: "name"))
    var drive: String?

    @Option(help: ArgumentHelp("Changer by its NDMP name. (default: the tape server's first)", valueName: "name"))
    var changer: String?

    @Flag(help: "Show the servers' debugging messages too.")
    var verbose = false

    @OptionGroup var login: NDMPLoginOptions
    @OptionGroup var catalogue: CatalogueOptions
    @OptionGroup var options: ClientOptions

    func servers() async throws -> JobServers {
        var local: NDMPEndpoint?
        if data == nil || tapeServer == nil { local = try? await login.localDaemon(options) }
        func endpoint(_ text: String?) async throws -> NDMPEndpoint {
            if let text { return try login.endpoint(text) }
            if let local { return local }
            return try await login.localDaemon(options)
        }
        return JobServers(
            data: try await endpoint(data),
            tape: try await endpoint(tapeServer),
            drive: drive,
            changer: changer
        )
    }

    /// A path on the data server. One that is not absolute counts from here, if the data server is this machine's.
    func dataPath(_ path: String) throws -> String {
        if path.hasPrefix("/") { return SocketPath.absolute(path, from: "/") }
        guard data == nil else { throw ValidationError("\(path) is not absolute: it is a path of the data server") }
        return SocketPath.absolute(path, from: FileManager.default.currentDirectoryPath)
    }
}
