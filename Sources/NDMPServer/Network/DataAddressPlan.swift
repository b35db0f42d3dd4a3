// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import NDMPProtocol
import Sockets

/// Where a data port is opened, and which addresses its peer is told. Standard NDMP can only tell IPv4.
struct DataAddressPlan: Equatable {
    /// Without a port.
    var bind: SocketAddress
    var addresses: [UInt32]

    init(settings: NDMPSettings, controlAddress: SocketAddress?) throws(NetworkError) {
        let configured = settings.advertisedAddresses.compactMap { SocketAddress.parseIPv4($0) }
        if let interface = settings.dataInterface {
            guard let ip = Self.interfaceAddress(interface) else {
                throw NetworkError(operation: "open data ports on", address: interface, code: EADDRNOTAVAIL)
            }
            bind = .ipv4(ip, port: 0)
            addresses = configured.isEmpty ? [ip] : configured
            return
        }
        guard configured.isEmpty else {
            // What is advertised may be an address of a router in between: listen everywhere.
            bind = .ipv4(0, port: 0)
            addresses = configured
            return
        }
        guard let ip = Self.reachableIPv4(controlAddress) else {
            let name = controlAddress.map { $0.host } ?? "an unknown address"
            throw NetworkError(
                operation: "find an IPv4 address to advertise beside",
                address: name,
                code: EADDRNOTAVAIL
            )
        }
        bind = .ipv4(ip, port: 0)
        addresses = [ip]
    }

    /// The IPv4 address of an interface that is given by its address or its name.
    static func interfaceAddress(_ interface: String) -> UInt32? {
        if let ip = SocketAddress.parseIPv4(interface) { return ip }
        return InterfaceAddresses.all().lazy.filter { $0.interface == interface }.compactMap { $0.address.ipv4 }.first
    }

    func advertised(port: UInt16) -> DataAddress {
        .tcp(addresses.map { TCPAddress(ip: $0, port: port) })
    }

    /// The address the client reached us on; on IPv6, the IPv4 address of the same interface.
    private static func reachableIPv4(_ control: SocketAddress?) -> UInt32? {
        guard let control else { return nil }
        if let ip = control.ipv4, ip != 0 { return ip }
        if control.isLoopback { return SocketAddress.loopbackIPv4 }
        let all = InterfaceAddresses.all()
        guard let interface = all.first(where: { $0.address.with(port: 0).host == control.host })?.interface else {
            return nil
        }
        return all.lazy.filter { $0.interface == interface }.compactMap { $0.address.ipv4 }.first
    }
}
