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
        var bytes: UInt64
        var bytesPerSecond: UInt64
    }

    private let server: NDMPServer
    private let configuration: NDMPConfiguration
    private let samples = Mutex<[UInt64: Sample]>([:])

    init(server: NDMPServer, configuration: NDMPConfiguration) {
        self.server = server
        self.configuration = configuration
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
            advertisedAddresses: settings.advertisedAddresses,
            acceptTimeoutSeconds: settings.acceptTimeoutSeconds,
            connectTimeoutSeconds: settings.connectTimeoutSeconds,
            authentication: authentication,
            user: configuration.users.first?.name ?? "",
            maximumSessions: configuration.maximumSessions,
            strict: configuration.strict
        )
    }

    func change(_ request: ChangeNDMPSettingsRequest) throws(APIError) {
        var settings = server.settings
        if let text = request.dataPorts {
            do { settings.dataPorts = try PortRange.parse(text) } catch {
                throw APIError(.invalid, "dataPorts is a range such as 18600-18699, or any, not \"\(text.prefix(60))\"")
            }
        }
        if let addresses = request.advertisedAddresses {
            guard addresses.count <= 16, addresses.allSatisfy(ServeConfiguration.isIPv4) else {
                throw APIError(.invalid, "advertisedAddresses is a list of at most 16 IPv4 addresses")
            }
            settings.advertisedAddresses = addresses
        }
        for (seconds, path) in [
            (request.acceptTimeoutSeconds, \NDMPSettings.acceptTimeoutSeconds),
            (request.connectTimeoutSeconds, \NDMPSettings.connectTimeoutSeconds),
        ] {
            guard let seconds else { continue }
            guard (0...86_400).contains(seconds) else {
                throw APIError(.invalid, "a timeout is 0 to 86400 seconds, not \(seconds)")
            }
            settings[keyPath: path] = seconds
        }
        server.settings = settings
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
                    let last = before[session.id]?.bytes ?? session.moverBytes
                    // A new data connection counts from nothing again.
                    let moved = session.moverBytes >= last ? session.moverBytes - last : session.moverBytes
                    samples[session.id] = Sample(bytes: session.moverBytes, bytesPerSecond: moved)
                }
            }
        }
    }

    private static func seconds(since start: UInt64) -> UInt64 {
        let now = UInt64(max(0, SystemTime.secondsSince1970()))
        return now > start ? now - start : 0
    }
}
