// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Sockets
import Synchronization

/// Finds a free port for a data connection. Ports of a range are taken in turn, so that one which the system still
/// keeps for an old connection is not asked for at once again.
final class DataPorts: Sendable {
    private let turn = Mutex(0)

    /// - Parameter range: nil takes any free port.
    func listen(on address: SocketAddress, range: ClosedRange<UInt16>?) throws(NetworkError) -> Socket {
        guard let range else { return try Socket.listening(on: address.with(port: 0), backlog: 1) }
        let count = Int(range.upperBound) - Int(range.lowerBound) + 1
        for _ in 0..<count {
            let step = turn.withLock { turn in
                turn = (turn + 1) % count
                return turn
            }
            let port = range.lowerBound + UInt16(step)
            do throws(NetworkError) {
                return try Socket.listening(on: address.with(port: port), backlog: 1)
            } catch  where error.isAddressInUse {
                continue
            }
        }
        let name = "\(address.host) ports \(range.lowerBound)-\(range.upperBound)"
        throw NetworkError(operation: "listen on", address: name, code: EADDRINUSE)
    }
}
