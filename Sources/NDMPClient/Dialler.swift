// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Sockets

/// Makes the TCP connection: every address of a name in turn.
enum Dialler {
    static func connect(
        host: String,
        port: UInt16,
        name: String,
        _ options: NDMPClientOptions
    ) throws(NDMPClientError) -> Socket {
        let addresses: [SocketAddress]
        let stop: WakeUp
        do throws(NetworkError) {
            addresses = try SocketAddress.resolve(host: host, port: port)
            if let interrupt = options.interrupt {
                stop = interrupt
            } else {
                stop = try WakeUp()
            }
        } catch {
            throw NDMPClientError(.unknownHost, server: name)
        }
        var last = NDMPClientError(.unknownHost, server: name)
        for address in addresses.prefix(NDMPClientLimits.hostAddresses) {
            do throws(NetworkError) {
                let seconds = options.connectTimeoutSeconds
                let socket = try Socket.connected(to: address, timeoutSeconds: seconds, wakeUp: stop)
                socket.setSendTimeout(seconds: max(1, options.replyTimeoutSeconds))
                return socket
            } catch {
                last = NDMPClientError(
                    kind(of: error, seconds: options.connectTimeoutSeconds),
                    server: addresses.count > 1 ? "\(name) (\(address))" : name
                )
                if last.kind == .cancelled { break }
            }
        }
        throw last
    }

    private static func kind(of error: NetworkError, seconds: Int) -> NDMPClientError.Kind {
        switch error.code {
        case ECONNREFUSED: .connectionRefused
        case ETIMEDOUT: .connectionSilent(seconds: seconds)
        case ECANCELED: .cancelled
        default: .unreachable(NetworkError.reason(error.code))
        }
    }
}
