// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import NDMPProtocol
import Sockets
import WireFormat

/// DATA: requests go through the machine; what it decides is done here.
extension Session {
    func handleData(_ request: Request) {
        switch request.code {
        case .dataGetState:
            // Without a peer at the door this does not wait.
            letDataCatchUp(attempts: Self.glanceAttempts)
            reply(request, dataState())
        case .dataGetEnvironment: replyEnvironment(request)
        case .dataListen:
            guard let body = decode(request, as: DataListenRequest.self) else { return }
            listenForData(request, body.addressType)
        case .dataConnect:
            guard let body = decode(request, as: DataConnectRequest.self) else { return }
            connectData(request, body.address)
        case .dataStartBackup:
            guard let body = decode(request, as: DataStartBackupRequest.self) else { return }
            startBackup(request, body)
        case .dataStartRecover, .dataStartRecoverFileHistory:
            guard let body = decode(request, as: DataStartRecoverRequest.self) else { return }
            startRecover(request, body, historyOnly: request.code == .dataStartRecoverFileHistory)
        case .dataAbort: changeData(request, .abort)
        case .dataStop: changeData(request, .stop)
        default: refuse(request.header, .notSupported)
        }
    }

    /// The reply goes first, then what it leads to: notifications follow their cause.
    private func changeData(_ request: Request, _ dataRequest: DataRequest) {
        let outcome = data.handle(dataRequest, dataSurroundings)
        reply(request, error: outcome.error)
        perform(outcome.actions)
    }

    private var dataSurroundings: DataSurroundings {
        var surroundings = DataSurroundings()
        if case .idle = mover.state {} else { surroundings.moverIsIdle = false }
        if let connection = mover.state.connection, case .local = connection.address {
            surroundings.localMover = connection.mode
            if case .listen = mover.state { surroundings.moverListensLocally = true }
        }
        return surroundings
    }

    // MARK: State

    private func dataState() -> DataGetStateReply {
        let progress = handle.dataCounters.current
        var reply = DataGetStateReply(
            operation: data.state.operation,
            state: data.state.wire,
            haltReason: data.state.haltReason,
            bytesProcessed: progress.bytes,
            dataConnectionAddress: data.state.address?.withoutEnvironment ?? .local,
            readOffset: progress.readOffset,
            readLength: progress.readLength
        )
        if let rest = progress.estimatedBytesRemaining {
            reply.estimatedBytesRemaining = rest
        } else {
            reply.unsupported.insert(.estimatedBytesRemaining)
            reply.estimatedBytesRemaining = .max
        }
        if let seconds = progress.estimatedSecondsRemaining(now: MonotonicClock.milliseconds()) {
            reply.estimatedTimeRemaining = seconds
        } else {
            reply.unsupported.insert(.estimatedTimeRemaining)
            reply.estimatedTimeRemaining = .max
        }
        return reply
    }

    private func replyEnvironment(_ request: Request) {
        guard data.state.hasEnvironment else {
            return reply(request, DataGetEnvironmentReply(refusing: .illegalState))
        }
        reply(request, DataGetEnvironmentReply(environment: environment.variables))
    }

    func publishDataState() {
        handle.updateStatus {
            $0.dataState = data.state.wire.text
            $0.dataOperation = data.state.operation.text
        }
    }

    // MARK: Connections

    private func listenForData(_ request: Request, _ type: AddressType) {
        let outcome = data.handle(.listen(type), dataSurroundings)
        guard outcome.error == .noError else { return reply(request, DataListenReply(refusing: outcome.error)) }
        guard type == .tcp else {
            // The mover of this session will come.
            data.listening(at: .local)
            publishDataState()
            return reply(request, DataListenReply(address: .local))
        }
        switch openDataPort() {
        case .failure(let trouble):
            report(.error, "DATA_LISTEN: \(trouble.description)")
            reply(request, DataListenReply(refusing: .connect))
        case .success(let port):
            do throws(NetworkError) {
                let seconds = context.currentSettings.acceptTimeoutSeconds
                try startData(.listener(port.socket, name: port.name, timeoutSeconds: seconds))
                data.listening(at: port.address)
                reply(request, DataListenReply(address: port.address))
            } catch {
                report(.error, "DATA_LISTEN: \(error.description)")
                reply(request, DataListenReply(refusing: .connect))
            }
        }
        publishDataState()
    }

    private func connectData(_ request: Request, _ address: DataAddress) {
        let outcome = data.handle(.connect(address), dataSurroundings)
        guard outcome.error == .noError else { return reply(request, error: outcome.error) }
        for action in outcome.actions {
            switch action {
            case .dial(.tcp(let addresses)):
                data.connecting(to: address)
                dial(addresses, for: .data, request)
            case .joinMover:
                reply(request, error: joinListeningMover() ? .noError : .connect)
            default: break
            }
        }
    }

    private func joinListeningMover() -> Bool {
        guard let mode = mover.state.connection?.mode else { return false }
        return joinLocally(mode)
    }

    func startData(_ origin: DataEngine.Origin) throws(NetworkError) {
        lastRun += 1
        dataRun = lastRun
        let number = dataRun
        let handle = handle
        let engine = try DataEngine(version: version, counters: handle.dataCounters) {
            handle.post(.data($0, run: number))
        }
        try engine.start(origin, DataWorker.Surroundings(logger: context.logger, session: nexus.name))
        dataEngine = engine
    }

    // MARK: Start

    private func startBackup(_ request: Request, _ body: DataStartBackupRequest) {
        start(request, .backup, body.moverAddress, body.environment) { (environment) throws(DataEnvironment.Refusal) in
            try DataJobs(context).backup(body.backupType, environment)
        }
    }

    private func startRecover(_ request: Request, _ body: DataStartRecoverRequest, historyOnly: Bool) {
        let operation: DataOperation = historyOnly ? .recoverFileHistory : .recover
        let version = version
        start(request, operation, body.moverAddress, body.environment) {
            (environment) throws(DataEnvironment.Refusal) in
            let jobs = DataJobs(context)
            return try jobs.recover(body.backupType, environment, body.names, version, historyOnly: historyOnly)
        }
    }

    /// State first, then arguments, then the connection that v2 makes with the start.
    private func start(
        _ request: Request,
        _ operation: DataOperation,
        _ mover: DataAddress,
        _ variables: [NDMPVariable],
        _ prepare: (DataEnvironment) throws(DataEnvironment.Refusal) -> any DataJob
    ) {
        letDataCatchUp(attempts: Self.dataCatchUpAttempts)
        let outcome = data.handle(.start(operation, mover: version == 2 ? mover : nil), dataSurroundings)
        guard outcome.error == .noError else { return reply(request, error: outcome.error) }
        var environment = DataEnvironment(variables)
        let job: any DataJob
        do throws(DataEnvironment.Refusal) {
            job = try prepare(environment)
        } catch {
            report(.error, error.description)
            return reply(request, error: .illegalArguments)
        }
        environment.setDefault("PATHNAME_SEPARATOR", "/")
        self.environment = environment
        perform(outcome.actions, request, job, operation, mover)
    }

    private func perform(
        _ actions: [DataAction],
        _ request: Request,
        _ job: any DataJob,
        _ operation: DataOperation,
        _ mover: DataAddress
    ) {
        switch actions.first {
        case .dial(.tcp(let addresses)):
            data.connecting(to: mover)
            // The rest follows when the connection stands.
            dial(addresses, for: .start(job, operation), request)
        case .joinMover:
            guard joinListeningMover() else { return reply(request, error: .connect) }
            reply(request, error: .noError)
            begin(job, operation)
        default:
            reply(request, error: .noError)
            begin(job, operation)
        }
    }

    /// The connection stands, and the client has its reply.
    func begin(_ job: any DataJob, _ operation: DataOperation) {
        handle.dataCounters.update {
            $0 = DataProgress()
            $0.startedMilliseconds = MonotonicClock.milliseconds()
        }
        data.started(operation)
        publishDataState()
        dataEngine?.run(job)
    }

    /// A client may start when its peer's connect has succeeded, and be ahead of the thread that has still to accept
    /// it. Such a request is right, so it waits for what takes the thread microseconds, or longer on a busy machine.
    private func letDataCatchUp(attempts: Int) {
        var left = attempts
        while case .listen(.tcp) = data.state, left > 0, !handle.isEnding, dataEngine?.peerIsComing ?? false {
            left -= 1
            _ = Poll.wait(readable: handle.wakeUp.descriptor, -1, timeoutMilliseconds: 1)
            handle.wakeUp.clear()
            takeEvents()
        }
        // What woke the session is still to be looked at.
        if handle.isEnding { handle.wakeUp.signal() }
    }

    /// Of a millisecond each.
    private static let dataCatchUpAttempts = 2000
}
