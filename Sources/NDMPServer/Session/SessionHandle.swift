// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Sockets
import Synchronization

/// What other threads report to a session's thread.
///
/// `run` numbers the data connections and attempts of a session, so that a late event of an earlier one is known as
/// such.
enum SessionEvent: Sendable {
    case mover(MoverEvent, run: Int)
    case data(DataEngine.Report, run: Int)
    case dialed(Dialer.Outcome, run: Int)
}

/// The part of a session that other threads may touch: its status, its wake-up, its end.
final class SessionHandle: Sendable {
    let id: UInt64
    let peer: String
    let socket: Socket
    let wakeUp: WakeUp
    let moverCounters = MoverCounters()
    let dataCounters = DataCounters()

    private let shared: Mutex<Shared>

    private struct Shared {
        var status: NDMPSessionStatus
        var events: [SessionEvent] = []
        var isEnding = false
        var hasEnded = false
    }

    init(id: UInt64, peer: String, socket: Socket, connectedAt: UInt64) throws(NetworkError) {
        self.id = id
        self.peer = peer
        self.socket = socket
        wakeUp = try WakeUp()
        shared = Mutex(Shared(status: NDMPSessionStatus(id: id, peer: peer, connectedAt: connectedAt)))
    }

    // MARK: Status

    /// With the counters of this moment.
    var status: NDMPSessionStatus {
        var status = shared.withLock { $0.status }
        status.moverBytes = moverCounters.current.bytesMoved
        let data = dataCounters.current
        status.dataBytes = data.bytes
        status.dataFiles = data.files
        return status
    }

    func updateStatus(_ body: (inout NDMPSessionStatus) -> Void) {
        shared.withLock { (value: inout sending Shared) in body(&value.status) }
    }

    // MARK: Events of the other threads

    func post(_ event: SessionEvent) {
        shared.withLock { $0.events.append(event) }
        wakeUp.signal()
    }

    func takeEvents() -> [SessionEvent] {
        shared.withLock { value in
            let events = value.events
            value.events = []
            return events
        }
    }

    // MARK: Ending

    /// Asks the session to say goodbye and end.
    func requestEnd() {
        shared.withLock { $0.isEnding = true }
        wakeUp.signal()
        socket.stopReceiving()
    }

    /// Ends the session even when it is blocked by its peer.
    func cut() {
        requestEnd()
        socket.shutdown()
    }

    var isEnding: Bool { shared.withLock { $0.isEnding } }

    /// The session has given back everything it held; only the end of its thread is left.
    func markEnded() {
        shared.withLock { $0.hasEnded = true }
    }

    var hasEnded: Bool { shared.withLock { $0.hasEnded } }
}
