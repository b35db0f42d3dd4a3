// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Foundation
import NDMPServer
import Sockets

/// What about the ports and addresses of data connections is likely to make trouble. Pure: what the machine is like
/// comes in as `Surroundings`.
struct PortWarnings: Sendable {
    /// A port that this daemon listens on.
    struct Listener: Sendable, Equatable {
        var name: String
        var port: Int
    }

    /// The machine, and the rest of the daemon.
    struct Surroundings: Sendable {
        var listeners: [Listener]
        var drives: Int
        /// IPv4 addresses of the interfaces, by name; an interface may come more than once.
        var interfaces: [(name: String, address: String)]
        /// Ports that the system gives to outgoing connections of all programs.
        var ephemeral: ClosedRange<UInt16>?
        /// Ports that it leaves out of them.
        var reserved: [ClosedRange<UInt16>]
        /// Whether a path is a directory that this process may list.
        var canRead: @Sendable (String) -> Bool
        var canWrite: @Sendable (String) -> Bool

        /// As this machine is now.
        static func current(listeners: [Listener], drives: Int) -> Surroundings {
            Surroundings(
                listeners: listeners,
                drives: drives,
                interfaces: InterfaceAddresses.all().compactMap { entry in
                    entry.address.ipv4.map { (entry.interface, SocketAddress.dotted($0)) }
                },
                ephemeral: SystemPorts.ephemeral(),
                reserved: SystemPorts.reserved(),
                // "/." is there in directories only.
                canRead: { FileManager.default.isReadableFile(atPath: $0 + "/.") },
                canWrite: { FileManager.default.isWritableFile(atPath: $0) }
            )
        }
    }

    /// Ports that belong to backup products, and to which.
    static let knownPorts: [(port: UInt16, owner: String)] = [
        (1556, "NetBackup (PBX)"), (10000, "NDMP servers and agents"), (10082, "Backup Exec"), (10102, "Backup Exec"),
        (13724, "NetBackup (vnetd)"), (13782, "NetBackup (bpcd)"),
    ]
    /// Ports below need a privilege.
    private static let firstUnprivileged: UInt16 = 1024

    let settings: NDMPSettings
    let surroundings: Surroundings

    /// One sentence each, the likeliest trouble first.
    func sentences() -> [String] {
        var all: [String] = []
        if let range = settings.dataPorts {
            all += size(range) + overlaps(range, "data ports") + known(range, "data ports")
            all += ephemeral(range)
        }
        if let range = settings.connectPorts {
            all += overlaps(range, "connect ports") + known(range, "connect ports")
            if let listening = settings.dataPorts, range.overlaps(listening) {
                all.append(
                    "connect ports \(PortRange.text(range)) overlap the data ports \(PortRange.text(listening)): a data "
                        + "port that an outgoing connection comes from cannot be listened on"
                )
            }
        }
        return all + addresses() + exports()
    }

    private func size(_ range: ClosedRange<UInt16>) -> [String] {
        let sessions = settings.maximumSessions
        let ports = range.count == 1 ? "1 port" : "\(range.count) ports"
        if range.count < surroundings.drives {
            return [
                "data ports \(PortRange.text(range)) are \(ports), fewer than the \(surroundings.drives) drives: not all "
                    + "drives can have a data connection at once"
            ]
        }
        guard range.count < sessions else { return [] }
        return [
            "data ports \(PortRange.text(range)) are \(ports) for up to \(sessions) sessions: a data connection that "
                + "finds none free is refused; widen the range, or lower the limit of sessions (ndmp.sessions)"
        ]
    }

    private func overlaps(_ range: ClosedRange<UInt16>, _ name: String) -> [String] {
        surroundings.listeners.filter { UInt16(exactly: $0.port).map(range.contains) ?? false }.map {
            "\(name) \(PortRange.text(range)) contain port \($0.port), which \($0.name) of this daemon listens on"
        }
    }

    private func known(_ range: ClosedRange<UInt16>, _ name: String) -> [String] {
        Self.knownPorts.filter { known in
            range.contains(known.port) && !surroundings.listeners.contains { $0.port == Int(known.port) }
        }.map {
            "\(name) \(PortRange.text(range)) contain port \($0.port), which belongs to \($0.owner)"
        }
    }

    private func ephemeral(_ range: ClosedRange<UInt16>) -> [String] {
        var all: [String] = []
        if let ephemeral = surroundings.ephemeral, range.overlaps(ephemeral),
            !isReserved(range.clamped(to: ephemeral))
        {
            all.append(
                "data ports \(PortRange.text(range)) overlap the ports that the system gives to outgoing connections "
                    + "(\(PortRange.text(ephemeral))): any program may hold one of them; choose others, or reserve them "
                    + "with `sysctl net.ipv4.ip_local_reserved_ports=\(PortRange.text(range))`"
            )
        }
        if range.lowerBound < Self.firstUnprivileged, geteuid() != 0 {
            all.append("data ports \(PortRange.text(range)) begin below 1024, where listening needs a privilege")
        }
        return all
    }

    private func isReserved(_ range: ClosedRange<UInt16>) -> Bool {
        range.allSatisfy { port in surroundings.reserved.contains { $0.contains(port) } }
    }

    private func addresses() -> [String] {
        let own = Set(surroundings.interfaces.map(\.address))
        var all = settings.advertisedAddresses.filter { !own.contains($0) && !$0.hasPrefix("127.") }.map {
            "no interface of this machine has the advertised address \($0): right when a router or a container host "
                + "in between has it and passes the data ports on, wrong otherwise"
        }
        if let name = settings.dataInterface, !own.contains(name),
            !surroundings.interfaces.contains(where: { $0.name == name })
        {
            all.append("this machine has no interface \(name) with an IPv4 address: data connections will fail")
        }
        return all
    }

    private func exports() -> [String] {
        settings.exports.list.compactMap { export in
            if !surroundings.canRead(export.path) {
                return "the export \(export.path) is no directory that this user can read: its backup will fail"
            }
            if export.isWritable, !surroundings.canWrite(export.path) {
                return "the export \(export.path) cannot be written by this user: export it as \(export.path):ro"
            }
            return nil
        }
    }
}

/// The kernel's ranges of ports.
enum SystemPorts {
    /// The ports of outgoing connections.
    static func ephemeral() -> ClosedRange<UInt16>? {
        guard let text = read("ip_local_port_range") else { return nil }
        let parts = text.split(whereSeparator: \.isWhitespace).compactMap { UInt16($0) }
        return parts.count == 2 && parts[0] <= parts[1] ? parts[0]...parts[1] : nil
    }

    /// `8080,9000-9100`: left out of them.
    static func reserved() -> [ClosedRange<UInt16>] {
        (read("ip_local_reserved_ports") ?? "").split(separator: ",").compactMap { part in
            (try? PortRange.parse(String(part.trimmingBlanks()))) ?? nil
        }
    }

    private static func read(_ name: String) -> String? {
        FileManager.default.contents(atPath: "/proc/sys/net/ipv4/" + name).map { String(decoding: $0, as: UTF8.self) }
    }
}
