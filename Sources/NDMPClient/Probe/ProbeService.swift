// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol

/// One end of data connections on the server: its data service, or the mover of a tape.
enum ProbeService: Sendable {
    case data
    case mover(tape: String)

    var listenMessage: String {
        switch self {
        case .data: "DATA_LISTEN"
        case .mover: "MOVER_LISTEN"
        }
    }

    var connectMessage: String {
        switch self {
        case .data: "DATA_CONNECT"
        case .mover: "MOVER_CONNECT"
        }
    }

    /// Sessions that can use it at once: a tape belongs to one.
    var sessionLimit: Int {
        switch self {
        case .data: ProbeLimits.sessions
        case .mover: 1
        }
    }

    private static let recordBytes: UInt32 = 65_536

    /// Once per session.
    func prepare(_ connection: NDMPConnection) throws(NDMPClientError) {
        guard case .mover(let tape) = self else { return }
        try connection.tapeOpen(tape, mode: .read)
        try connection.moverSetRecordSize(Self.recordBytes)
    }

    func listen(_ connection: NDMPConnection) throws(NDMPClientError) -> DataAddress {
        switch self {
        case .data: return try connection.dataListen(.tcp)
        case .mover:
            try connection.moverSetWindow(offset: 0, length: .max)
            // Towards the network, and never told to read: the tape stands still.
            return try connection.moverListen(.write, .tcp)
        }
    }

    func connect(_ connection: NDMPConnection, _ address: DataAddress) throws(NDMPClientError) {
        switch self {
        case .data: try connection.dataConnect(address)
        case .mover:
            try connection.moverSetWindow(offset: 0, length: .max)
            try connection.moverConnect(.write, address)
        }
    }

    /// Whether the server has a data connection now.
    func isConnected(_ connection: NDMPConnection) throws(NDMPClientError) -> Bool {
        switch self {
        case .data: return try connection.dataGetState().state != .listen
        case .mover: return try connection.moverGetState().state != .listen
        }
    }

    /// Back to idle, whatever the state is.
    func reset(_ connection: NDMPConnection) throws(NDMPClientError) {
        switch self {
        case .data:
            let state = try connection.dataGetState().state
            if state == .idle { return }
            if state != .halted { try? connection.dataAbort() }
            try connection.dataStop()
        case .mover:
            let state = try connection.moverGetState().state
            if state == .idle { return }
            if state != .halted { try? connection.moverAbort() }
            try connection.moverStop()
        }
    }
}
