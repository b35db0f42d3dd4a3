// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Sockets

/// An attempt to connect, and the request that waits for it.
struct PendingDial {
    enum Purpose {
        case mover(MoverMode)
        case data
        /// v2: the connection is part of the start.
        case start(any DataJob, DataOperation)
    }

    let dialer: Dialer
    let run: Int
    let request: Session.Request
    let purpose: Purpose
}

/// Data connections of mover and data service: ports, attempts to connect, and pairs inside the session.
extension Session {
    /// A data port that waits for its peer.
    struct OpenPort {
        var socket: Socket
        /// As the peer is told it.
        var address: DataAddress
        var name: String
    }

    func openDataPort() -> Result<OpenPort, DataPorts.Unavailable> {
        let settings = context.currentSettings
        do throws(DataPorts.Unavailable) {
            let plan: DataAddressPlan
            do throws(NetworkError) {
                plan = try DataAddressPlan(settings: settings, controlAddress: handle.socket.localAddress)
            } catch {
                throw DataPorts.Unavailable(description: error.description)
            }
            let socket = try context.dataPorts.listen(
                on: plan.bind,
                range: settings.dataPorts,
                policy: settings.portPolicy
            )
            let port = socket.localAddress?.port ?? 0
            let names = plan.addresses.map { "\(SocketAddress.dotted($0)):\(port)" }.joined(separator: ", ")
            return .success(OpenPort(socket: socket, address: plan.advertised(port: port), name: names))
        } catch {
            return .failure(error)
        }
    }

    // MARK: Connecting

    /// Begins the attempt; the request gets its reply when the outcome is known.
    func dial(_ addresses: [TCPAddress], for purpose: PendingDial.Purpose, _ request: Request) {
        let settings = context.currentSettings
        let parameters = Dialer.Parameters(
            targets: addresses,
            sourceAddress: settings.dataInterface.flatMap { DataAddressPlan.interfaceAddress($0) },
            sourcePorts: settings.connectPorts,
            policy: settings.portPolicy,
            timeoutSeconds: settings.connectTimeoutSeconds
        )
        lastRun += 1
        let run = lastRun
        let handle = handle
        do throws(NetworkError) {
            let dialer = try Dialer(parameters, ports: context.dataPorts)
            try dialer.start { handle.post(.dialed($0, run: run)) }
            let pending = PendingDial(dialer: dialer, run: run, request: request, purpose: purpose)
            if case .mover = purpose { moverDial = pending } else { dataDial = pending }
        } catch {
            finish(purpose, request, Dialer.Outcome(connection: nil, failures: [error.description]))
        }
    }

    /// The attempt has an outcome.
    func take(_ outcome: Dialer.Outcome, run: Int) {
        if let pending = moverDial, pending.run == run {
            moverDial = nil
            finish(pending.purpose, pending.request, outcome)
        } else if let pending = dataDial, pending.run == run {
            dataDial = nil
            finish(pending.purpose, pending.request, outcome)
        }
    }

    /// Calls an attempt off; its request fails.
    func cancelMoverDial() {
        guard let pending = moverDial else { return }
        moverDial = nil
        pending.dialer.cancel()
        reply(pending.request, error: .connect)
    }

    func cancelDataDial() {
        guard let pending = dataDial else { return }
        dataDial = nil
        pending.dialer.cancel()
        reply(pending.request, error: .connect)
    }

    private func finish(_ purpose: PendingDial.Purpose, _ request: Request, _ outcome: Dialer.Outcome) {
        let name = NDMPCatalogue.row(request.code, version: version)?.name ?? "CONNECT"
        for failure in outcome.failures {
            report(outcome.connection == nil ? .error : .warning, "\(name): \(failure)")
        }
        let error: NDMPError
        switch purpose {
        case .mover(let mode): error = moverConnected(mode, outcome)
        case .data: error = dataConnected(outcome)
        case .start(let job, let operation):
            error = dataConnected(outcome)
            // The reply comes first: what the job tells follows its cause.
            reply(request, error: error)
            if error == .noError { begin(job, operation) }
            return
        }
        reply(request, error: error)
    }

    private func moverConnected(_ mode: MoverMode, _ outcome: Dialer.Outcome) -> NDMPError {
        defer { publishMoverState() }
        guard let (socket, address) = outcome.connection else {
            mover.notConnected()
            return .connect
        }
        do throws(NetworkError) {
            try start(.connected(socket), mode)
            mover.connected(MoverMachine.Connection(mode: mode, address: .tcp([address])))
            return .noError
        } catch {
            mover.notConnected()
            report(.error, "MOVER_CONNECT: \(error.description)")
            return .connect
        }
    }

    private func dataConnected(_ outcome: Dialer.Outcome) -> NDMPError {
        defer { publishDataState() }
        guard let (socket, address) = outcome.connection else {
            data.notConnected()
            return .connect
        }
        do throws(NetworkError) {
            try startData(.connected(socket))
            return data.connected(to: .tcp([address])) ? .noError : .connect
        } catch {
            data.notConnected()
            report(.error, "data connection: \(error.description)")
            return .connect
        }
    }

    // MARK: Inside the session

    /// Connects mover and data service of this session, one of which listens. False when the system refused.
    func joinLocally(_ mode: MoverMode) -> Bool {
        do throws(NetworkError) {
            let (moverSide, dataSide) = try Socket.pair()
            try start(.connected(moverSide), mode)
            try startData(.connected(dataSide))
        } catch {
            engine?.end()
            engine = nil
            report(.error, "local data connection: \(error.description)")
            return false
        }
        if case .listen = mover.state {
            perform(mover.receive(.peerConnected))
        } else {
            mover.connected(MoverMachine.Connection(mode: mode, address: .local))
        }
        if case .listen = data.state {
            perform(data.receive(.peerConnected))
        } else {
            _ = data.connected(to: .local)
        }
        publishMoverState()
        publishDataState()
        return true
    }
}
