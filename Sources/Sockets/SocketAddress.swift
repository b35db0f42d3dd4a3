// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// An IPv4 or IPv6 address with a port.
package enum SocketAddress: Sendable, Hashable, CustomStringConvertible {
    case ipv4(UInt32, port: UInt16)
    /// `bytes` has 16 elements; `scope` is the interface index of a link-local address.
    case ipv6(bytes: [UInt8], port: UInt16, scope: UInt32)

    package static let loopbackIPv4: UInt32 = 0x7f00_0001
    /// Every interface, for IPv6 and IPv4 clients.
    package static let everywhere = SocketAddress.ipv6(bytes: [UInt8](repeating: 0, count: 16), port: 0, scope: 0)

    package var port: UInt16 {
        switch self {
        case .ipv4(_, let port), .ipv6(_, let port, _): port
        }
    }

    package func with(port: UInt16) -> SocketAddress {
        switch self {
        case .ipv4(let ip, _): .ipv4(ip, port: port)
        case .ipv6(let bytes, _, let scope): .ipv6(bytes: bytes, port: port, scope: scope)
        }
    }

    /// The IPv4 address, also when it came as an IPv4-mapped IPv6 address.
    package var ipv4: UInt32? {
        switch self {
        case .ipv4(let ip, _): return ip
        case .ipv6(let bytes, _, _):
            let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
            guard Array(bytes.prefix(12)) == mapped else { return nil }
            return bytes.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    package var isWildcard: Bool {
        switch self {
        case .ipv4(let ip, _): ip == 0
        case .ipv6(let bytes, _, _): bytes.allSatisfy { $0 == 0 }
        }
    }

    package var isLoopback: Bool {
        if let ipv4 { return ipv4 >> 24 == 127 }
        guard case .ipv6(let bytes, _, _) = self else { return false }
        return bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
    }

    package static func dotted(_ ip: UInt32) -> String {
        "\(ip >> 24).\(ip >> 16 & 255).\(ip >> 8 & 255).\(ip & 255)"
    }

    /// Four decimal numbers with dots; nil for anything else.
    package static func parseIPv4(_ text: String) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var ip: UInt32 = 0
        for part in parts {
            guard part.count <= 3, part.allSatisfy(\.isNumber), let byte = UInt8(part) else { return nil }
            ip = ip << 8 | UInt32(byte)
        }
        return ip
    }

    package var host: String {
        if let ipv4 { return Self.dotted(ipv4) }
        guard case .ipv6(let bytes, _, _) = self else { return "" }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        // inet_ntop reads 16 bytes, which the case guarantees, and writes at most the array's length.
        let known = unsafe bytes.withUnsafeBytes { source in
            unsafe text.withUnsafeMutableBufferPointer { target in
                unsafe inet_ntop(AF_INET6, source.baseAddress, target.baseAddress, socklen_t(target.count)) != nil
            }
        }
        guard known else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package var description: String {
        if case .ipv6 = self, ipv4 == nil { return "[\(host)]:\(port)" }
        return "\(host):\(port)"
    }
}

// The system's view of an address. Every conversion copies; no pointer outlives its call.
extension SocketAddress {
    /// All addresses of `host`, which is a number or a name. An empty host is every interface.
    package static func resolve(host: String, port: UInt16) throws(NetworkError) -> [SocketAddress] {
        if let ip = parseIPv4(host) { return [.ipv4(ip, port: port)] }
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = host.isEmpty ? AI_PASSIVE : 0
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        let status = unsafe getaddrinfo(bare.isEmpty ? nil : bare, "\(port)", &hints, &list)
        guard status == 0 else { throw NetworkError(operation: "find", address: host, code: EADDRNOTAVAIL) }
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe SocketAddress(entry.pointee.ai_addr), !found.contains(address) {
                found.append(address)
            }
            unsafe next = entry.pointee.ai_next
        }
        return found
    }

    /// nil for a family that is not IP. `pointer` must lead to a whole address of its family.
    init?(_ pointer: UnsafePointer<sockaddr>?) {
        guard let pointer = unsafe pointer else { return nil }
        switch unsafe Int32(pointer.pointee.sa_family) {
        case AF_INET:
            let address = unsafe UnsafeRawPointer(pointer).loadUnaligned(as: sockaddr_in.self)
            self = .ipv4(UInt32(bigEndian: address.sin_addr.s_addr), port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            let address = unsafe UnsafeRawPointer(pointer).loadUnaligned(as: sockaddr_in6.self)
            let bytes = unsafe withUnsafeBytes(of: address.sin6_addr) { unsafe Array($0) }
            self = .ipv6(bytes: bytes, port: UInt16(bigEndian: address.sin6_port), scope: address.sin6_scope_id)
        default: return nil
        }
    }

    var family: Int32 {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        }
    }

    /// Lends the system's form of the address to a socket call.
    func withSystemAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        switch self {
        case .ipv4(let ip, let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = ip.bigEndian
            let size = socklen_t(MemoryLayout<sockaddr_in>.size)
            return unsafe withUnsafePointer(to: address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, size) }
            }
        case .ipv6(let bytes, let port, let scope):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_scope_id = scope
            unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { unsafe $0.copyBytes(from: bytes.prefix(16)) }
            let size = socklen_t(MemoryLayout<sockaddr_in6>.size)
            return unsafe withUnsafePointer(to: address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, size) }
            }
        }
    }

    /// What getsockname or getpeername says about a socket; nil when it is not connected.
    static func of(
        descriptor: Int32,
        _ query: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> SocketAddress? in
                guard unsafe query(descriptor, pointer, &size) == 0 else { return nil }
                return unsafe SocketAddress(UnsafePointer(pointer))
            }
        }
    }
}
