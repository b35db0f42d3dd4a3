// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Sockets
import Synchronization

/// Finds a port for a data connection. Ports of a range are taken in turn, so that one which the system still keeps for
/// an old connection is not asked for at once again.
final class DataPorts: Sendable {
    /// Why there is no port. A sentence for the client's log.
    struct Unavailable: Error, Equatable, CustomStringConvertible {
        var description: String
    }

    private let listenTurn = Mutex(0)
    private let connectTurn = Mutex(0)

    /// - Parameter range: nil takes any free port.
    func listen(
        on address: SocketAddress,
        range: ClosedRange<UInt16>?,
        policy: DataPortPolicy
    ) throws(Unavailable) -> Socket {
        guard let range else {
            do throws(NetworkError) {
                return try Socket.listening(on: address.with(port: 0), backlog: 1)
            } catch {
                throw Unavailable(description: error.description)
            }
        }
        for _ in 0..<range.count {
            let port = Self.next(in: range, listenTurn)
            do throws(NetworkError) {
                return try Socket.listening(on: address.with(port: port), backlog: 1)
            } catch {
                guard error.isAddressInUse else { throw Unavailable(description: error.description) }
                guard policy == .next else {
                    throw Unavailable(description: ConnectionTrouble.portTaken(port, of: range))
                }
            }
        }
        throw Unavailable(description: ConnectionTrouble.allPortsTaken(range))
    }

    /// The source port to try next for an outgoing connection.
    func nextConnectPort(in range: ClosedRange<UInt16>) -> UInt16 {
        Self.next(in: range, connectTurn)
    }

    private static func next(in range: ClosedRange<UInt16>, _ turn: borrowing Mutex<Int>) -> UInt16 {
        let step = turn.withLock { turn in
            turn = (turn + 1) % range.count
            return turn
        }
        return range.lowerBound + UInt16(step)
    }
}
