// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Console
import Foundation
import ManagementAPI
import NDMPClient
import NDMPServer
import Sockets
import TapeLibrary

/// `capstan doctor`: looks at a daemon and its machine from outside, and says in words what is wrong. Changes nothing.
struct Doctor: Sendable {
    typealias Check = DoctorReport.Check

    /// Less free space than this ends in a full store soon.
    static let scarceBytes: UInt64 = 5 << 30
    static let exhaustedBytes: UInt64 = 512 << 20
    /// How long a door of this machine may take to answer.
    static let answerSeconds = 5
    /// Ports of a range that are named one by one.
    static let namedPorts = 16

    let client: ManagementClient
    /// Absolute path of the store to look at when no daemon answers.
    let store: String

    func report() async -> DoctorReport {
        do throws(APIError) {
            let status = try await client.get(APIPath.status, as: StatusReport.self)
            let settings = try await client.get(APIPath.ndmpSettings, as: NDMPSettingsReport.self)
            let inventory = try await client.get(APIPath.inventory, as: InventoryReport.self)
            let checks = await withDaemon(status, settings, inventory)
            return DoctorReport(daemon: true, checks: checks)
        } catch {
            let checks = await withoutDaemon(error)
            return DoctorReport(daemon: false, checks: checks)
        }
    }

    // MARK: With a daemon

    private func withDaemon(
        _ status: StatusReport,
        _ settings: NDMPSettingsReport,
        _ inventory: InventoryReport
    ) async -> [Check] {
        let uptime = Spans.text(seconds: status.uptimeSeconds)
        var checks = [
            Check(
                "daemon",
                .ok,
                "Capstan \(status.version) runs as process \(status.pid), up \(uptime), at \(client.socket)."
            )
        ]
        checks += await doors(status, settings)
        checks += dataPorts(settings, daemon: status.pid)
        checks += addresses(settings)
        checks += settings.warnings.filter { !isAddress($0) && !$0.hasPrefix("the export ") }.map {
            Check("ports", .warning, Self.sentence($0), remedy: nil)
        }
        checks += exports(settings)
        checks += library(status, inventory)
        return checks + MountChecks(.current()).checks()
    }

    private func doors(_ status: StatusReport, _ settings: NDMPSettingsReport) async -> [Check] {
        let host = Self.reachable(settings.host)
        let port = UInt16(clamping: settings.port)
        let thread = DeviceThread(name: "doctor")
        defer { thread.stop() }
        let gate = ThreadGate(thread)
        let ndmp = await gate.run { Self.ndmpDoor(host: host, port: port) }
        guard let url = status.doors.http.url, let endpoint = Endpoint(String(url.dropFirst("http://".count))) else {
            return [ndmp]
        }
        let http = await gate.run { Self.httpDoor(endpoint) }
        return [ndmp, http]
    }

    /// Connects and takes the greeting.
    private static func ndmpDoor(host: String, port: UInt16) -> Check {
        var options = NDMPClientOptions()
        options.authentication = .skip
        options.connectTimeoutSeconds = answerSeconds
        options.greetingTimeoutSeconds = answerSeconds
        options.replyTimeoutSeconds = answerSeconds
        let start = MonotonicClock.milliseconds()
        do throws(NDMPClientError) {
            let connection = try NDMPConnection.open(host: host, port: port, options)
            let milliseconds = MonotonicClock.milliseconds() - start
            connection.close()
            let version = connection.announcedVersion
            return Check("NDMP", .ok, "\(host):\(port) answers, NDMP version \(version), in \(milliseconds) ms.")
        } catch {
            return Check(
                "NDMP",
                .problem,
                error.description,
                remedy: "Look at the daemon's log, and for a firewall rule on the loopback interface."
            )
        }
    }

    private static func httpDoor(_ endpoint: Endpoint) -> Check {
        do throws(NetworkError) {
            let addresses = try SocketAddress.resolve(host: endpoint.host, port: endpoint.port)
            guard let address = addresses.first else {
                throw NetworkError(operation: "find", address: "", code: ENOENT)
            }
            let stop = try WakeUp()
            let socket = try Socket.connected(to: address, timeoutSeconds: answerSeconds, wakeUp: stop)
            socket.shutdown()
            return Check("HTTP", .ok, "\(endpoint.text) accepts connections.")
        } catch {
            return Check("HTTP", .problem, sentence(error.description), remedy: "Look at the daemon's log.")
        }
    }

    /// Which ports of the range nobody could listen on now.
    private func dataPorts(_ settings: NDMPSettingsReport, daemon: Int32) -> [Check] {
        guard let range = (try? PortRange.parse(settings.dataPorts)) ?? nil else {
            return [
                Check(
                    "data ports",
                    .ok,
                    "The system chooses a free port for each data connection. With a firewall in between, set a range "
                        + "(`capstan ndmp set data-ports=A-B`)."
                )
            ]
        }
        let table = PortTable()
        let used = table.inUse(range)
        let owners = table.owners(of: Set(used.map(\.inode)))
        let own = used.filter { owners[$0.inode]?.pid == daemon }
        let foreign = used.filter { owners[$0.inode]?.pid != daemon }
        let free = range.count - used.count
        var text = "\(free) of the \(range.count) data ports \(PortRange.text(range)) are free"
        if !own.isEmpty { text += ", \(own.count) used by data connections of the daemon" }
        guard !foreign.isEmpty else { return [Check("data ports", .ok, text + ".")] }
        let named = foreign.prefix(Self.namedPorts).map { entry in
            "\(entry.port) by "
                + (owners[entry.inode].map { "\($0.name) (process \($0.pid))" } ?? "a program of another user")
        }
        text += "; taken: " + named.joined(separator: ", ")
        if foreign.count > named.count { text += " and \(foreign.count - named.count) more" }
        let fails = settings.portPolicy == DataPortPolicy.fail.rawValue
        let verdict: DoctorReport.Verdict = free == 0 || fails ? .problem : .warning
        return [
            Check(
                "data ports",
                verdict,
                text + ".",
                remedy: fails
                    ? "With port-policy fail the turn of a taken port ends a job: set port-policy=next, or another range."
                    : "Choose another range (`capstan ndmp set data-ports=A-B`), or stop those programs."
            )
        ]
    }

    private func addresses(_ settings: NDMPSettingsReport) -> [Check] {
        let warnings = settings.warnings.filter(isAddress)
        guard warnings.isEmpty else { return warnings.map { Check("addresses", .warning, Self.sentence($0)) } }
        let told =
            settings.advertisedAddresses.isEmpty
            ? settings.interface.map { "that of \($0)" } ?? "the one that the control connection came in on"
            : settings.advertisedAddresses.joined(separator: ", ")
        var text = "The address told for data connections is \(told)."
        if Self.isLoopback(settings.host) { text += " NDMP listens on loopback only: other machines cannot reach it." }
        return [Check("addresses", .ok, text)]
    }

    private func isAddress(_ warning: String) -> Bool {
        warning.contains("advertised address") || warning.contains("no interface")
    }

    private func exports(_ settings: NDMPSettingsReport) -> [Check] {
        guard !settings.exports.isEmpty else {
            return [
                Check(
                    "exports",
                    .ok,
                    "Nothing is exported: NDMP clients can use tapes, and no files (`capstan ndmp set exports=PATH`)."
                )
            ]
        }
        return settings.exports.map { export in
            if let warning = settings.warnings.first(where: { $0.hasPrefix("the export \(export.path) ") }) {
                return Check(
                    "exports",
                    export.writable && warning.contains(":ro") ? .warning : .problem,
                    Self.sentence(warning)
                )
            }
            return Check("exports", .ok, "\(export.path) can be read\(export.writable ? " and written" : "").")
        }
    }

    private func library(_ status: StatusReport, _ inventory: InventoryReport) -> [Check] {
        var checks: [Check] = []
        if let free = status.storeFreeBytes { checks.append(space(free, in: status.store)) }
        checks.append(cartridges(inventory.cartridges, in: status.store))
        return checks
    }

    // MARK: Without

    private func withoutDaemon(_ error: APIError) async -> [Check] {
        let isAbsent = error.code == .noDaemon
        var checks = [
            Check(
                "daemon",
                isAbsent ? .warning : .problem,
                Self.sentence(error.message),
                remedy: error.hint.map(Self.sentence)
            )
        ]
        checks += await storeAtRest()
        let table = PortTable()
        let port = NDMPConfiguration.wellKnownPort
        if let entry = table.inUse(port...port).first(where: \.isListening) {
            let owner = table.owners(of: [entry.inode])[entry.inode]
            let name = owner.map { "\($0.name) (process \($0.pid))" } ?? "a program of another user"
            checks.append(
                Check(
                    "NDMP",
                    .warning,
                    "Port \(port) is taken by \(name).",
                    remedy: "Name another with --ndmp HOST:PORT."
                )
            )
        } else {
            checks.append(Check("NDMP", .ok, "Port \(port) is free."))
        }
        return checks + MountChecks(.current()).checks()
    }

    private func storeAtRest() async -> [Check] {
        do throws(APIError) {
            let list = try await OfflineStore.withStore(store) { store throws(APIError) in try store.list() }
            var checks = [cartridges(list.cartridges, in: store)]
            let attributes = try? FileManager.default.attributesOfFileSystem(forPath: store)
            if let free = attributes?[.systemFreeSize] as? NSNumber {
                checks.insert(space(free.uint64Value, in: store), at: 0)
            }
            return checks
        } catch {
            let verdict: DoctorReport.Verdict = error.code == .notFound ? .warning : .problem
            return [Check("store", verdict, Self.sentence(error.message), remedy: error.hint.map(Self.sentence))]
        }
    }

    // MARK: Parts

    private func space(_ free: UInt64, in store: String) -> Check {
        let text = "\(ByteSize.text(free)) are free for \(store)."
        if free < Self.exhaustedBytes {
            return Check("store", .problem, text, remedy: "Free some space: writes to tape fail when it is used up.")
        }
        return Check("store", free < Self.scarceBytes ? .warning : .ok, text)
    }

    private func cartridges(_ all: [CartridgeSummary], in store: String) -> Check {
        let bad = all.filter { $0.problem != nil }
        guard !bad.isEmpty else {
            return Check(
                "library",
                .ok,
                "The library of \(store) can be read; \(Plural.of(UInt64(all.count), "cartridge")), all sound by their metadata."
            )
        }
        let names = bad.prefix(Self.namedPorts).map { "\($0.barcode) (\($0.problem ?? ""))" }
        return Check(
            "library",
            .problem,
            "\(bad.count) of \(all.count) cartridges cannot be used: \(names.joined(separator: ", ")).",
            remedy: "`capstan cartridge verify BARCODE` tells what is damaged."
        )
    }

    // MARK: Words

    private static func isLoopback(_ host: String) -> Bool { Endpoint(host: host, port: 0).isLoopback }

    /// Where this machine reaches a door that listens everywhere.
    private static func reachable(_ host: String) -> String {
        switch host {
        case "", "0.0.0.0": "127.0.0.1"
        case "::": "::1"
        default: host
        }
    }

    static func sentence(_ text: String) -> String {
        let first = text.first.map { $0.isLowercase ? $0.uppercased() : String($0) } ?? ""
        let full = first + text.dropFirst()
        return full.hasSuffix(".") ? full : full + "."
    }
}
