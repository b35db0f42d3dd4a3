// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol

/// A request of the DATA interface that can change something.
enum DataRequest: Equatable, Sendable {
    case listen(AddressType)
    case connect(DataAddress)
    /// `mover` is the address that a v2 request carries; nil since v3.
    case start(DataOperation, mover: DataAddress?)
    case abort
    case stop
}

/// What the worker thread found.
enum DataEvent: Equatable, Sendable {
    case peerConnected
    case acceptFailed(String)
    /// The peer has gone before anything was started.
    case connectionLost(String)
    case finished(DataHaltReason, String)
}

/// What the session has to do for the data service.
enum DataAction: Equatable, Sendable {
    /// Open a data port, or wait for this session's mover; then `listening(at:)`, or nothing when that fails.
    case openListener(AddressType)
    /// Connect: `connecting(to:)` first, then `connected()` or `notConnected()`.
    case dial(DataAddress)
    /// Take the connection of this session's mover, which listens.
    case joinMover
    /// Check the arguments and begin; then `started`, or nothing when they are wrong.
    case begin(DataOperation)
    case cancelDial
    /// Close the data connection and wait for the worker thread.
    case endConnection
    case postHalted(DataHaltReason, String)
    /// Counters, environment and address go back to nothing.
    case clear
}

/// What the machine must know of the mover of the same session.
struct DataSurroundings: Equatable, Sendable {
    var moverIsIdle = true
    /// It is in LISTEN for a local connection.
    var moverListensLocally = false
    /// The mode of a mover with a local address; nil when it has none.
    var localMover: MoverMode?
}

/// The data service's states and rules: no sockets, no threads, no clock.
///
/// ```
///            LISTEN           peer connects             START_*          job ends
///    IDLE ───────────► LISTEN ─────────────► CONNECTED ────────► ACTIVE ─────────► HALTED
///     ▲ └───CONNECT───────► connecting ────────► │                                  │
///     │                 ABORT, or trouble, from all of them: HALTED                 │
///     └──────────────────────────────────STOP───────────────────────────────────────┘
/// ```
/// While it connects the state shown is IDLE. In v2 there is neither LISTEN nor CONNECT: START_* carries the mover's
/// address, and leads from IDLE over connecting to ACTIVE. A refused request changes nothing. NDMP v4 draft, 3.5 and
/// its data state machine.
struct DataMachine: Equatable, Sendable {
    enum State: Equatable, Sendable {
        case idle
        case connecting(DataAddress)
        case listen(DataAddress)
        case connected(DataAddress)
        case active(DataAddress, DataOperation)
        case halted(DataAddress, DataOperation, DataHaltReason)
    }

    /// What a request gets: the error for the reply, and what is to be done.
    struct Outcome: Equatable, Sendable {
        var error: NDMPError
        var actions: [DataAction]

        static func refused(_ error: NDMPError) -> Outcome { Outcome(error: error, actions: []) }
        static func accepted(_ actions: DataAction...) -> Outcome { Outcome(error: .noError, actions: actions) }
    }

    private(set) var state: State = .idle
    /// The protocol version of the session.
    var version: Int

    init(version: Int) {
        self.version = version
    }

    // MARK: Requests

    mutating func handle(_ request: DataRequest, _ surroundings: DataSurroundings = DataSurroundings()) -> Outcome {
        switch request {
        case .listen(let type): listen(type, surroundings)
        case .connect(let address): connect(address, surroundings)
        case .start(let operation, let mover): start(operation, mover, surroundings)
        case .abort: abort()
        case .stop: stop()
        }
    }

    /// Arguments are looked at before the state: clients rely on it.
    private func listen(_ type: AddressType, _ surroundings: DataSurroundings) -> Outcome {
        guard type == .local || type == .tcp else { return .refused(.illegalArguments) }
        guard case .idle = state else { return .refused(.illegalState) }
        // The one mover that could connect is busy with something else.
        guard type == .tcp || surroundings.moverIsIdle else { return .refused(.illegalState) }
        return .accepted(.openListener(type))
    }

    private func connect(_ address: DataAddress, _ surroundings: DataSurroundings) -> Outcome {
        guard case .idle = state else {
            return .refused(Self.isUsable(address) ? .illegalState : .illegalArguments)
        }
        return reach(address, surroundings)
    }

    private func reach(_ address: DataAddress, _ surroundings: DataSurroundings) -> Outcome {
        guard Self.isUsable(address) else { return .refused(.illegalArguments) }
        guard case .local = address else { return .accepted(.dial(address)) }
        return surroundings.moverListensLocally ? .accepted(.joinMover) : .refused(.illegalState)
    }

    private static func isUsable(_ address: DataAddress) -> Bool {
        switch address {
        case .local: true
        case .tcp(let addresses): !addresses.isEmpty
        default: false
        }
    }

    private func start(_ operation: DataOperation, _ mover: DataAddress?, _ surroundings: DataSurroundings) -> Outcome {
        if version == 2 {
            guard case .idle = state else { return .refused(.illegalState) }
            let address = mover ?? .local
            if case .local = address, surroundings.localMover != Self.moverMode(for: operation) {
                return .refused(.illegalState)
            }
            var outcome = reach(address, surroundings)
            if outcome.error == .noError { outcome.actions.append(.begin(operation)) }
            return outcome
        }
        guard case .connected(let address) = state else { return .refused(.illegalState) }
        // A local mover that goes the other way would wait for ever, and so would the job.
        if case .local = address, surroundings.localMover != Self.moverMode(for: operation) {
            return .refused(.illegalState)
        }
        return .accepted(.begin(operation))
    }

    /// The mode of the mover that an operation goes with.
    static func moverMode(for operation: DataOperation) -> MoverMode {
        operation == .backup ? .read : .write
    }

    private mutating func abort() -> Outcome {
        let text = "the client aborted the data service"
        switch state {
        case .idle, .halted:
            return .refused(.illegalState)
        case .connecting(let address):
            state = .halted(address, .noAction, .aborted)
            return .accepted(.cancelDial, .postHalted(.aborted, text))
        case .listen(let address), .connected(let address):
            state = .halted(address, .noAction, .aborted)
            return .accepted(.endConnection, .postHalted(.aborted, text))
        case .active(let address, let operation):
            state = .halted(address, operation, .aborted)
            return .accepted(.endConnection, .postHalted(.aborted, text))
        }
    }

    private mutating func stop() -> Outcome {
        guard case .halted = state else { return .refused(.illegalState) }
        state = .idle
        return .accepted(.clear)
    }

    // MARK: What came of the actions

    /// The data port of `openListener` is open.
    mutating func listening(at address: DataAddress) {
        precondition(state == .idle, "only an idle data service opens a port")
        state = .listen(address)
    }

    /// The attempt of `dial` has begun.
    mutating func connecting(to address: DataAddress) {
        precondition(state == .idle, "only an idle data service connects")
        state = .connecting(address)
    }

    /// The connection of `dial` or `joinMover` stands. False when it is not wanted any more.
    mutating func connected(to address: DataAddress) -> Bool {
        switch state {
        case .idle, .connecting:
            state = .connected(address)
            return true
        default: return false
        }
    }

    /// The attempt of `dial` has failed.
    mutating func notConnected() {
        if case .connecting = state { state = .idle }
    }

    /// The job of `begin` runs.
    mutating func started(_ operation: DataOperation) {
        guard case .connected(let address) = state else { preconditionFailure("a job needs a connection") }
        state = .active(address, operation)
    }

    // MARK: Events

    /// An event that no longer fits, such as the end of a job that crossed an ABORT, changes nothing.
    mutating func receive(_ event: DataEvent) -> [DataAction] {
        switch (event, state) {
        case (.peerConnected, .listen(let address)):
            state = .connected(address)
            return []
        case (.acceptFailed(let text), .listen(let address)), (.connectionLost(let text), .connected(let address)):
            state = .halted(address, .noAction, .connectError)
            return [.endConnection, .postHalted(.connectError, text)]
        case (.connectionLost(let text), .active(let address, let operation)):
            // The peer went while the order to start was on its way to the thread, which is gone too.
            state = .halted(address, operation, .connectError)
            return [.endConnection, .postHalted(.connectError, text)]
        case (.finished(let reason, let text), .active(let address, let operation)):
            state = .halted(address, operation, reason)
            return [.endConnection, .postHalted(reason, text)]
        default:
            return []
        }
    }

    /// The session is over.
    mutating func sessionEnded() -> [DataAction] {
        switch state {
        case .idle, .halted: return []
        case .connecting(let address):
            state = .halted(address, .noAction, .aborted)
            return [.cancelDial]
        case .listen(let address), .connected(let address), .active(let address, _):
            state = .halted(address, .noAction, .aborted)
            return [.endConnection]
        }
    }
}
