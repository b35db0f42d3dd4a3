// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Console
import ManagementAPI
import NDMPServer
import Synchronization

/// The NDMP server as the management API sees it, with the rates of its sessions.
final class NDMPDoorAdapter: NDMPDoor {
    /// How often transfer rates are taken.
    static let sampleInterval = Duration.seconds(1)

    private struct Sample {
        var moverBytes: UInt64
        var dataBytes: UInt64
        var bytesPerSecond: UInt64
    }

    private let server: NDMPServer
    private let configuration: NDMPConfiguration
    private let drives: Int
    private let samples = Mutex<[UInt64: Sample]>([:])
    /// Set when the API is served on TCP.
    private let httpPort = Mutex<Int?>(nil)

    /// - Parameter drives: of the library, for warnings.
    init(server: NDMPServer, configuration: NDMPConfiguration, drives: Int) {
        self.server = server
        self.configuration = configuration
        self.drives = drives
    }

    func httpIsServed(onPort port: Int) { httpPort.withLock { $0 = port } }

    /// What is likely to make trouble as things are now.
    var warnings: [String] {
        var listeners = [PortWarnings.Listener(name: "NDMP", port: Int(server.boundPort ?? 0))]
        if let port = httpPort.withLock({ $0 }) { listeners.append(.init(name: "HTTP", port: port)) }
        return PortWarnings(
            settings: server.settings,
            surroundings: .current(listeners: listeners, drives: drives)
        ).sentences()
    }

    func sessions() -> [SessionReport] {
        let samples = samples.withLock { $0 }
        return server.sessions.map { session in
            SessionReport(
                id: session.id,
                peer: session.peer,
                protocolVersion: session.version,
                user: session.user,
                devices: session.device.map { [$0] } ?? [],
                mover: session.moverState,
                bytesMoved: session.moverBytes,
                data: session.dataState,
                dataOperation: session.dataOperation == "NOACTION" ? nil : session.dataOperation,
                dataBytes: session.dataBytes,
                dataFiles: session.dataFiles,
                bytesPerSecond: samples[session.id]?.bytesPerSecond ?? 0,
                ageSeconds: Self.seconds(since: session.connectedAt)
            )
        }
    }

    func settings() -> NDMPSettingsReport {
        let settings = server.settings
        var authentication: [String] = []
        if configuration.allowsNoAuthentication { authentication.append("none") }
        if configuration.allowsTextAuthentication { authentication.append("text") }
        if configuration.allowsMD5Authentication { authentication.append("md5") }
        return NDMPSettingsReport(
            host: configuration.listen.first?.host ?? "",
            port: Int(server.boundPort ?? 0),
            dataPorts: PortRange.text(settings.dataPorts),
            connectPorts: PortRange.text(settings.connectPorts),
            portPolicy: settings.portPolicy.rawValue,
            advertisedAddresses: settings.advertisedAddresses,
            interface: settings.dataInterface,
            acceptTimeoutSeconds: settings.acceptTimeoutSeconds,
            connectTimeoutSeconds: settings.connectTimeoutSeconds,
            authentication: authentication,
            user: configuration.users.first?.name ?? "",
            maximumSessions: settings.maximumSessions,
            strict: configuration.strict,
            exports: settings.exports.list.map { ExportReport(path: $0.path, writable: $0.isWritable) },
            warnings: warnings
        )
    }

    func change(_ request: ChangeNDMPSettingsRequest) throws(APIError) {
        var settings = server.settings
        try changePorts(request, &settings)
        if let addresses = request.advertisedAddresses {
            guard addresses.count <= ServeConfiguration.maximumAddresses,
                addresses.allSatisfy(ServeConfiguration.isIPv4)
            else { throw APIError(.invalid, "advertisedAddresses is a list of at most 16 IPv4 addresses") }
            settings.advertisedAddresses = addresses
        }
        if let name = request.interface {
            guard name.isEmpty || ServeConfiguration.isInterface(name) else {
                throw APIError(.invalid, "interface is an IPv4 address or the name of a network interface")
            }
            settings.dataInterface = name.isEmpty ? nil : name
        }
        try Self.change(
            &settings.acceptTimeoutSeconds,
            request.acceptTimeoutSeconds,
            "acceptTimeoutSeconds",
            in: ServeConfiguration.acceptSeconds
        )
        try Self.change(
            &settings.connectTimeoutSeconds,
            request.connectTimeoutSeconds,
            "connectTimeoutSeconds",
            in: ServeConfiguration.connectSeconds
        )
        try Self.change(
            &settings.maximumSessions,
            request.maximumSessions,
            "maximumSessions",
            in: ServeConfiguration.sessionCounts
        )
        if let exports = request.exports { settings.exports = try ServeConfiguration.exports(exports) }
        server.settings = settings
    }

    private func changePorts(
        _ request: ChangeNDMPSettingsRequest,
        _ settings: inout NDMPSettings
    ) throws(APIError) {
        for (text, name, path) in [
            (request.dataPorts, "dataPorts", \NDMPSettings.dataPorts),
            (request.connectPorts, "connectPorts", \NDMPSettings.connectPorts),
        ] {
            guard let text else { continue }
            do { settings[keyPath: path] = try PortRange.parse(text) } catch {
                throw APIError(.invalid, "\(name) is a range such as 18600-18699, or any, not \"\(text.prefix(60))\"")
            }
        }
        if let text = request.portPolicy {
            guard let policy = DataPortPolicy(rawValue: text) else {
                throw APIError(.invalid, "portPolicy is next or fail, not \"\(text.prefix(60))\"")
            }
            settings.portPolicy = policy
        }
    }

    private static func change(
        _ value: inout Int,
        _ wanted: Int?,
        _ name: String,
        in range: ClosedRange<Int>
    ) throws(APIError) {
        guard let wanted else { return }
        guard range.contains(wanted) else {
            throw APIError(.invalid, "\(name) is \(range.lowerBound) to \(range.upperBound), not \(wanted)")
        }
        value = wanted
    }

    /// Takes the rates until the task is cancelled.
    func measureRates() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.sampleInterval)
            let sessions = server.sessions
            samples.withLock { samples in
                let before = samples
                samples = [:]
                for session in sessions {
                    let last = before[session.id]
                    let moved = Self.growth(session.moverBytes, since: last?.moverBytes)
                    let streamed = Self.growth(session.dataBytes, since: last?.dataBytes)
                    samples[session.id] = Sample(
                        moverBytes: session.moverBytes,
                        dataBytes: session.dataBytes,
                        bytesPerSecond: max(moved, streamed)
                    )
                }
            }
        }
    }

    /// A new data connection counts from nothing again.
    private static func growth(_ bytes: UInt64, since last: UInt64?) -> UInt64 {
        guard let last else { return 0 }
        return bytes >= last ? bytes - last : bytes
    }

    private static func seconds(since start: UInt64) -> UInt64 {
        let now = UInt64(max(0, SystemTime.secondsSince1970()))
        return now > start ? now - start : 0
    }
}
