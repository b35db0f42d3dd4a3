// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// The addresses of this machine's network interfaces.
package enum InterfaceAddresses {
    package static func all() -> [(interface: String, address: SocketAddress)] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&list) == 0 else { return [] }
        defer { unsafe freeifaddrs(list) }
        var found: [(interface: String, address: SocketAddress)] = []
        var next = unsafe list
        // The list and everything it points to live until freeifaddrs.
        while let entry = unsafe next {
            if let address = unsafe SocketAddress(UnsafePointer(entry.pointee.ifa_addr)) {
                found.append((unsafe String(cString: entry.pointee.ifa_name), address))
            }
            unsafe next = entry.pointee.ifa_next
        }
        return found
    }
}
