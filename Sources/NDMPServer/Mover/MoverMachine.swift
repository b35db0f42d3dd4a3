// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol

/// A request of the MOVER interface that can change something.
enum MoverRequest: Equatable, Sendable {
    case listen(MoverMode, AddressType)
    case connect(MoverMode, DataAddress)
    case setRecordSize(UInt32)
    case setWindow(offset: UInt64, length: UInt64)
    case read(offset: UInt64, length: UInt64)
    case resume
    case close
    case abort
    case stop
}

/// What the mover thread found.
enum MoverEvent: Equatable, Sendable {
    case peerConnected
    case acceptFailed(String)
    /// `position` is the wanted stream position of a SEEK pause.
    case paused(MoverPauseReason, position: UInt64)
    /// The tape refused: a halt in v4, a pause before.
    case mediaError(String)
    case halted(MoverHaltReason, String)
}

/// What the session has to do for the mover.
enum MoverAction: Equatable, Sendable {
    /// Open a data port; then `listening(at:)`, or nothing when that fails.
    case openListener(MoverMode, AddressType)
    /// Connect: `connecting` first, then `connected` or `notConnected`.
    case dial(MoverMode, DataAddress)
    /// Take the connection of this session's data service, which listens.
    case joinData(MoverMode)
    case cancelDial
    case windowChanged(MoverWindow)
    case beginRead(offset: UInt64, length: UInt64)
    case resume
    /// Close the data connection and wait for the mover thread.
    case endConnection
    case postPaused(MoverPauseReason, seekPosition: UInt64)
    case postHalted(MoverHaltReason, String)
    /// Counters, window and address go back to zero.
    case clearCounters
}

/// What the machine must know of the tape and of the mover thread.
struct MoverSurroundings: Equatable, Sendable {
    var tapeIsOpen = false
    /// Opened in a mode that may write.
    var tapeIsWritable = false
    /// 0 in variable-block mode.
    var fixedBlockLength: UInt32 = 0
    /// Bytes of the last MOVER_READ are still to be sent.
    var readOutstanding = false
    var dataIsIdle = true
    /// The data service of this session waits for a local connection.
    var dataListensLocally = false
}

/// The part of the stream that is on the tape in the drive.
struct MoverWindow: Equatable, Sendable {
    var offset: UInt64
    /// All ones: no end.
    var length: UInt64

    static let unlimited = MoverWindow(offset: 0, length: .max)

    /// Its client wants it to reach to the end of the stream: all ones, or all ones less the offset.
    var hasNoEnd: Bool { end == .max }

    /// First stream position behind the window; all ones when there is no end.
    var end: UInt64 {
        let (sum, overflow) = offset.addingReportingOverflow(length)
        return overflow ? .max : sum
    }
}

/// The mover's states and rules: no sockets, no threads, no clock.
///
/// ```
///           LISTEN            peer connects          EOM EOF EOW SEEK
///   IDLE ───────────► LISTEN ───────────────► ACTIVE ────────────────► PAUSED
///    ▲ └───CONNECT───► connecting ──────────►    │ ◄─────CONTINUE─────────┤
///    │ STOP              │ ABORT, no peer        │ ABORT, peer closes     │ ABORT, CLOSE, peer closes
///    └──────── HALTED ◄──┴───────────────────────┴────────────────────────┘
/// ```
/// A refused request changes nothing. NDMP v4 draft, 3.6 and the mover state machine; the places where deployed
/// clients need something else are marked, and `strict` takes the draft's rule there.
struct MoverMachine: Equatable, Sendable {
    struct Connection: Equatable, Sendable {
        var mode: MoverMode
        var address: DataAddress
    }

    enum State: Equatable, Sendable {
        case idle
        /// Shown as IDLE.
        case connecting(Connection)
        case listen(Connection)
        case active(Connection)
        case paused(Connection, MoverPauseReason, windowRenewed: Bool)
        case halted(Connection, MoverHaltReason)
    }

    /// What a request gets: the error for the reply, and what is to be done after or before it.
    struct Outcome: Equatable, Sendable {
        var error: NDMPError
        var actions: [MoverAction]

        static func refused(_ error: NDMPError) -> Outcome { Outcome(error: error, actions: []) }
        static func accepted(_ actions: MoverAction...) -> Outcome { Outcome(error: .noError, actions: actions) }
    }

    private(set) var state: State = .idle
    private(set) var recordSize: UInt32 = 0
    /// The last SET_WINDOW; nil when there was none since the mover was idle or the record size changed.
    private(set) var window: MoverWindow?

    /// The protocol version of the session.
    var version: Int
    let strict: Bool
    /// Longest record in bytes that SET_RECORD_SIZE takes.
    let largestRecord: UInt32

    init(version: Int, strict: Bool, largestRecord: UInt32) {
        self.version = version
        self.strict = strict
        self.largestRecord = largestRecord
    }

    /// The window in force: none asked for means the whole stream.
    var effectiveWindow: MoverWindow { window ?? .unlimited }

    // MARK: Requests

    mutating func handle(_ request: MoverRequest, _ surroundings: MoverSurroundings) -> Outcome {
        switch request {
        case .listen(let mode, let type): listen(mode, type, surroundings)
        case .connect(let mode, let address): connect(mode, address, surroundings)
        case .setRecordSize(let length): setRecordSize(length, surroundings)
        case .setWindow(let offset, let length): setWindow(MoverWindow(offset: offset, length: length))
        case .read(let offset, let length): read(offset, length, surroundings)
        case .resume: resume(surroundings)
        case .close: close()
        case .abort: abort()
        case .stop: stop()
        }
    }

    /// The order of the checks is what clients rely on: arguments, state, record size, tape, window.
    private func listen(_ mode: MoverMode, _ type: AddressType, _ surroundings: MoverSurroundings) -> Outcome {
        guard mode == .read || mode == .write, type == .local || type == .tcp else {
            return .refused(.illegalArguments)
        }
        if let error = refusalToOpen(mode, surroundings) { return .refused(error) }
        // The one data service that could connect is busy with something else.
        guard type == .tcp || surroundings.dataIsIdle else { return .refused(.illegalState) }
        return .accepted(.openListener(mode, type))
    }

    private func connect(_ mode: MoverMode, _ address: DataAddress, _ surroundings: MoverSurroundings) -> Outcome {
        guard mode == .read || mode == .write else { return .refused(.illegalArguments) }
        switch address {
        case .local, .tcp: break
        default: return .refused(.illegalArguments)
        }
        if let error = refusalToOpen(mode, surroundings) { return .refused(error) }
        guard case .local = address else { return .accepted(.dial(mode, address)) }
        return surroundings.dataListensLocally ? .accepted(.joinData(mode)) : .refused(.illegalState)
    }

    private func refusalToOpen(_ mode: MoverMode, _ surroundings: MoverSurroundings) -> NDMPError? {
        guard case .idle = state else { return .illegalState }
        guard recordSize > 0 else { return .precondition }
        if let error = tapeRefusal(mode, surroundings) { return error }
        return windowRefusal(mode)
    }

    private func tapeRefusal(_ mode: MoverMode, _ surroundings: MoverSurroundings) -> NDMPError? {
        guard surroundings.tapeIsOpen else { return .deviceNotOpen }
        guard mode == .write || surroundings.tapeIsWritable else { return .permission }
        return nil
    }

    /// Deviation: without `strict` no window is asked for; ndmjob and Amanda open movers without one or with an
    /// empty one.
    private func windowRefusal(_ mode: MoverMode) -> NDMPError? {
        guard strict, version >= 4 else { return nil }
        guard let window else { return .precondition }
        let record = UInt64(recordSize)
        switch mode {
        case .read: return window.length == .max || window.length % record == 0 ? nil : .precondition
        default: return window.offset % record == 0 ? nil : .precondition
        }
    }

    private mutating func setRecordSize(_ length: UInt32, _ surroundings: MoverSurroundings) -> Outcome {
        guard case .idle = state else { return .refused(.illegalState) }
        guard length > 0, length <= largestRecord else { return .refused(.illegalArguments) }
        let block = surroundings.fixedBlockLength
        guard block == 0 || length % block == 0 else { return .refused(.illegalArguments) }
        recordSize = length
        window = nil
        return .accepted(.windowChanged(.unlimited))
    }

    private mutating func setWindow(_ new: MoverWindow) -> Outcome {
        switch state {
        case .idle, .paused: break
        case .listen where version < 4: break
        default: return .refused(.illegalState)
        }
        let unlimited = new.length == .max
        guard unlimited || !new.offset.addingReportingOverflow(new.length).overflow else {
            return .refused(.illegalArguments)
        }
        // Deviation: an empty window pauses the mover at the first byte, an endless one may start anywhere, and
        // both may come before the record size: ndmjob and Amanda do all of it.
        if strict, let error = strictRefusal(of: new) { return .refused(error) }
        window = new
        if case .paused(let connection, let reason, _) = state {
            state = .paused(connection, reason, windowRenewed: true)
        }
        return .accepted(.windowChanged(new))
    }

    private func strictRefusal(of new: MoverWindow) -> NDMPError? {
        guard recordSize > 0 else { return .precondition }
        guard new.length > 0, new.length != .max || new.offset == 0 else { return .illegalArguments }
        guard case .paused(let connection, _, _) = state else { return nil }
        let record = UInt64(recordSize)
        let aligned =
            connection.mode == .read
            ? new.length == .max || new.length == .max - new.offset || new.length % record == 0
            : new.offset % record == 0
        return aligned ? nil : .illegalArguments
    }

    private func read(_ offset: UInt64, _ length: UInt64, _ surroundings: MoverSurroundings) -> Outcome {
        guard case .active(let connection) = state, connection.mode == .write else { return .refused(.illegalState) }
        // There the data service itself asks for what it wants.
        if case .local = connection.address { return .refused(.illegalState) }
        guard !surroundings.readOutstanding else { return .refused(.readInProgress) }
        guard length > 0 else { return .refused(.illegalArguments) }
        // Deviation: an endless read may start anywhere, as it may at offset 0: clients that go on with a stream say
        // all ones and not all ones less the offset.
        if length == .max {
            guard offset == 0 || !strict else { return .refused(.illegalArguments) }
        } else if offset.addingReportingOverflow(length).overflow {
            return .refused(.illegalArguments)
        }
        return .accepted(.beginRead(offset: offset, length: length))
    }

    private mutating func resume(_ surroundings: MoverSurroundings) -> Outcome {
        guard case .paused(let connection, _, let renewed) = state else { return .refused(.illegalState) }
        guard renewed || version < 4 else { return .refused(.precondition) }
        if let error = tapeRefusal(connection.mode, surroundings) { return .refused(error) }
        state = .active(connection)
        return .accepted(.resume)
    }

    private mutating func close() -> Outcome {
        guard case .paused(let connection, _, _) = state else { return .refused(.illegalState) }
        state = .halted(connection, .connectClosed)
        return .accepted(.endConnection, .postHalted(.connectClosed, "the client closed the mover"))
    }

    private mutating func abort() -> Outcome {
        switch state {
        case .connecting(let connection):
            state = .halted(connection, .aborted)
            return .accepted(.cancelDial, .postHalted(.aborted, "the client aborted the mover"))
        case .listen(let connection), .active(let connection), .paused(let connection, _, _):
            state = .halted(connection, .aborted)
            return .accepted(.endConnection, .postHalted(.aborted, "the client aborted the mover"))
        case .idle, .halted:
            return .refused(.illegalState)
        }
    }

    private mutating func stop() -> Outcome {
        guard case .halted = state else { return .refused(.illegalState) }
        state = .idle
        window = nil
        return .accepted(.clearCounters)
    }

    // MARK: What came of the actions

    /// The data port of `openListener` is open.
    mutating func listening(at connection: Connection) {
        precondition(state == .idle, "only an idle mover opens a port")
        state = .listen(connection)
    }

    /// The attempt of `dial` has begun.
    mutating func connecting(_ connection: Connection) {
        precondition(state == .idle, "only an idle mover connects")
        state = .connecting(connection)
    }

    /// The connection of `dial` or `joinData` stands.
    mutating func connected(_ connection: Connection) {
        switch state {
        case .idle, .connecting: state = .active(connection)
        default: preconditionFailure("only an idle mover connects")
        }
    }

    /// The attempt of `dial` has failed.
    mutating func notConnected() {
        if case .connecting = state { state = .idle }
    }

    // MARK: Events

    /// An event that no longer fits, such as a peer's close that crossed an ABORT, changes nothing.
    mutating func receive(_ event: MoverEvent) -> [MoverAction] {
        switch (event, state) {
        case (.peerConnected, .listen(let connection)):
            state = .active(connection)
            return []
        case (.acceptFailed(let text), .listen(let connection)):
            return halt(connection, .connectError, text)
        case (.paused(let reason, let position), .active(let connection)):
            state = .paused(connection, reason, windowRenewed: false)
            return [.postPaused(reason, seekPosition: position)]
        case (.mediaError(let text), .active(let connection)):
            guard version < 4 else { return halt(connection, .mediaError, text) }
            state = .paused(connection, .mediaError, windowRenewed: false)
            return [.postPaused(.mediaError, seekPosition: 0)]
        case (.halted(let reason, let text), .active(let connection)),
            (.halted(let reason, let text), .paused(let connection, _, _)):
            return halt(connection, reason, text)
        default:
            return []
        }
    }

    private mutating func halt(_ connection: Connection, _ reason: MoverHaltReason, _ text: String) -> [MoverAction] {
        state = .halted(connection, reason)
        return [.endConnection, .postHalted(reason, text)]
    }

    /// The session is over.
    mutating func sessionEnded() -> [MoverAction] {
        switch state {
        case .idle, .halted: return []
        case .connecting(let connection):
            state = .halted(connection, .aborted)
            return [.cancelDial]
        case .listen(let connection), .active(let connection), .paused(let connection, _, _):
            state = .halted(connection, .aborted)
            return [.endConnection]
        }
    }
}
