// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Sockets
import TapeLibrary
import WireFormat

/// MOVER: requests go through the machine; what it decides is done here.
extension Session {
    func handleMover(_ request: Request) {
        switch request.code {
        case .moverGetState:
            // ndmjob asks ten times in a row after the data service has connected, and gives up at the tenth LISTEN.
            if case .listen = mover.state { letMoverCatchUp(attempts: Self.glanceAttempts) }
            reply(request, moverState())
        case .moverListen:
            guard let body = decode(request, as: MoverListenRequest.self) else { return }
            listen(request, body)
        case .moverConnect:
            guard let body = decode(request, as: MoverConnectRequest.self) else { return }
            connect(request, body)
        case .moverSetRecordSize:
            guard let body = decode(request, as: MoverSetRecordSizeRequest.self) else { return }
            change(request, .setRecordSize(body.length))
        case .moverSetWindow:
            guard let body = decode(request, as: MoverSetWindowRequest.self) else { return }
            change(request, .setWindow(offset: body.offset, length: body.length))
        case .moverRead:
            guard let body = decode(request, as: MoverReadRequest.self) else { return }
            letMoverCatchUp(attempts: catchUpAttempts)
            change(request, .read(offset: body.offset, length: body.length))
        case .moverContinue: change(request, .resume)
        case .moverClose: change(request, .close)
        case .moverAbort: change(request, .abort)
        case .moverStop: change(request, .stop)
        default: refuse(request.header, .notSupported)
        }
    }

    /// The reply goes first, then what it leads to: notifications follow their cause.
    private func change(_ request: Request, _ moverRequest: MoverRequest) {
        let outcome = mover.handle(moverRequest, surroundings)
        reply(request, error: outcome.error)
        perform(outcome.actions)
    }

    /// A client may ask for data when its connect has succeeded, or when it has received the last byte it asked for,
    /// and be ahead of the mover thread, which has still to accept the one or to count the other. Such a request is
    /// right, so it waits for what takes the thread microseconds.
    private func letMoverCatchUp(attempts: Int) {
        var left = attempts
        while moverMayBeBehind, left > 0, !handle.isEnding {
            left -= 1
            _ = Poll.wait(readable: handle.wakeUp.descriptor, -1, timeoutMilliseconds: 1)
            handle.wakeUp.clear()
            takeEvents()
        }
        // What woke the session is still to be looked at.
        if handle.isEnding { handle.wakeUp.signal() }
    }

    private var moverMayBeBehind: Bool {
        switch mover.state {
        case .listen: engine?.peerIsComing ?? false
        case .active: counters.current.bytesLeftToRead > 0
        default: false
        }
    }

    /// Of a millisecond each: long for a peer that has come, on a machine that is busy; short where the request may as
    /// well be a mistake of the client.
    private var catchUpAttempts: Int {
        if case .listen = mover.state { 2000 } else { 200 }
    }

    /// For GET_STATE, which is answered soon in any case. Without a peer at the door it does not wait at all.
    static let glanceAttempts = 250

    private var surroundings: MoverSurroundings {
        var surroundings = MoverSurroundings(readOutstanding: counters.current.bytesLeftToRead > 0)
        if case .tape(let tape) = device {
            surroundings.tapeIsOpen = true
            surroundings.tapeIsWritable = tape.mayWrite
            surroundings.fixedBlockLength = UInt32(clamping: tape.station.status.fixedBlockLength)
        }
        if case .idle = data.state {} else { surroundings.dataIsIdle = false }
        if case .listen(.local) = data.state { surroundings.dataListensLocally = true }
        return surroundings
    }

    private func moverState() -> MoverGetStateReply {
        let progress = counters.current
        return MoverGetStateReply(
            mode: mover.state.connection?.mode ?? .noAction,
            state: mover.state.wire,
            pauseReason: mover.state.pauseReason,
            haltReason: mover.state.haltReason,
            recordSize: mover.recordSize,
            recordNumber: UInt32(truncatingIfNeeded: progress.recordNumber),
            bytesMoved: progress.bytesMoved,
            seekPosition: progress.seekPosition,
            bytesLeftToRead: progress.bytesLeftToRead,
            windowOffset: mover.window?.offset ?? 0,
            windowLength: mover.window?.length ?? 0,
            dataConnectionAddress: mover.state.connection?.address.withoutEnvironment ?? .local
        )
    }

    // MARK: Data connections

    private func listen(_ request: Request, _ body: MoverListenRequest) {
        let outcome = mover.handle(.listen(body.mode, body.addressType), surroundings)
        guard outcome.error == .noError else { return reply(request, MoverListenReply(refusing: outcome.error)) }
        guard body.addressType == .tcp else {
            // The other end is a data service in this session; until there is one the mover waits for it.
            mover.listening(at: MoverMachine.Connection(mode: body.mode, address: .local))
            return reply(request, MoverListenReply(address: .local))
        }
        switch openDataPort() {
        case .failure(let trouble):
            report(.error, "MOVER_LISTEN: \(trouble.description)")
            reply(request, MoverListenReply(refusing: .connect))
        case .success(let port):
            do throws(NetworkError) {
                try start(.listener(port.socket), body.mode, portName: port.name)
                mover.listening(at: MoverMachine.Connection(mode: body.mode, address: port.address))
                reply(request, MoverListenReply(address: port.address))
            } catch {
                report(.error, "MOVER_LISTEN: \(error.description)")
                reply(request, MoverListenReply(refusing: .connect))
            }
        }
        publishMoverState()
    }

    private func connect(_ request: Request, _ body: MoverConnectRequest) {
        let outcome = mover.handle(.connect(body.mode, body.address), surroundings)
        guard outcome.error == .noError else { return reply(request, error: outcome.error) }
        for action in outcome.actions {
            switch action {
            case .dial(let mode, .tcp(let addresses)):
                mover.connecting(MoverMachine.Connection(mode: mode, address: body.address))
                dial(addresses, for: .mover(mode), request)
            case .joinData(let mode):
                reply(request, error: joinLocally(mode) ? .noError : .connect)
            default: break
            }
        }
        publishMoverState()
    }

    func start(_ origin: MoverEngine.Origin, _ mode: MoverMode, portName: String = "") throws(NetworkError) {
        guard case .tape(let tape) = device else { preconditionFailure("the machine has checked that a tape is open") }
        lastRun += 1
        moverRun = lastRun
        let number = moverRun
        let handle = handle
        let parameters = MoverEngine.Parameters(
            mode: mode,
            recordSize: Int(mover.recordSize),
            window: mover.effectiveWindow,
            acceptTimeoutSeconds: context.currentSettings.acceptTimeoutSeconds,
            portName: portName,
            strict: context.configuration.strict
        )
        let engine = try MoverEngine(parameters, counters: counters) { handle.post(.mover($0, run: number)) }
        try engine.start(origin, tape: tape)
        self.engine = engine
    }

    // MARK: Events and actions

    func perform(_ actions: [MoverAction]) {
        for action in actions { perform(action) }
        publishMoverState()
    }

    private func perform(_ action: MoverAction) {
        switch action {
        case .openListener, .dial, .joinData: break
        case .cancelDial: cancelMoverDial()
        case .windowChanged(let window):
            engine?.setWindow(window)
            let record = UInt64(max(1, mover.recordSize))
            counters.update { $0.recordNumber = window.offset / record }
        case .beginRead(let offset, let length):
            engine?.read(offset: offset, length: length)
        case .resume:
            if case .tape(let tape) = device { engine?.resume(with: tape) }
        case .endConnection:
            engine?.end()
            engine = nil
        case .postPaused(let reason, let position):
            post(.notifyMoverPaused, NotifyMoverPausedPost(reason: reason, seekPosition: position))
        case .postHalted(let reason, let text):
            if [.connectError, .internalError, .mediaError].contains(reason) {
                report(.error, "mover halted: \(text)")
            }
            post(.notifyMoverHalted, NotifyMoverHaltedPost(reason: reason, text: XDRString(text)))
        case .clearCounters:
            counters.update { $0 = MoverProgress() }
        }
    }

    func publishMoverState() {
        handle.updateStatus { $0.moverState = mover.state.wire.text }
    }
}

extension DataAddress {
    /// The form of GET_STATE: exactly one address.
    var withoutEnvironment: DataAddress {
        guard case .tcp(let addresses) = self, let first = addresses.first else { return self }
        return .tcp(ip: first.ip, port: first.port)
    }
}
