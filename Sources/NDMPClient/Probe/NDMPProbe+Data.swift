// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import NDMPProtocol
import Sockets

/// Data connections, both ways.
extension NDMPProbe {
    func tryDataConnections(_ report: inout ProbeReport, local: SocketAddress) {
        guard report.authentication?.succeeded ?? false else {
            report.notes.append("data connections were not tried: that needs a log-in (--user, --password)")
            return
        }
        guard let version = report.agreedVersion, version >= 3 || options.tape != nil else {
            report.notes.append(
                "data connections were not tried: NDMP version 2 has no DATA_LISTEN, and no tape was named (--tape)"
            )
            return
        }
        var services: [ProbeService] = []
        if version >= 3, hasDataService(&report) { services.append(.data) }
        if let tape = options.tape { services.append(.mover(tape: tape)) }
        if services.isEmpty {
            report.notes.append(
                "data connections were not tried: the server has no data service, and no tape was named (--tape)"
            )
        }
        for service in services {
            report.sides.append(serverListens(service))
            guard version >= 3 else { continue }
            guard let ip = local.ipv4 else {
                report.notes.append(
                    "\(service.connectMessage) was not tried: the control connection runs over IPv6, and standard NDMP "
                        + "can only name IPv4 addresses"
                )
                continue
            }
            report.sides.append(serverConnects(service, ip))
        }
    }

    /// Whether DATA_LISTEN is there at all.
    private func hasDataService(_ report: inout ProbeReport) -> Bool {
        do throws(NDMPClientError) {
            let connection = try session()
            defer { connection.close() }
            do throws(NDMPClientError) {
                _ = try connection.dataListen(.tcp)
            } catch {
                if error.refusal == .notSupported { return false }
                // Any other refusal is a result; the attempts will show it.
                guard error.refusal != nil else { throw error }
            }
            try? ProbeService.data.reset(connection)
            return true
        } catch {
            report.notes.append(error.description)
            return false
        }
    }

    private var attemptCount: Int {
        min(options.sample ?? options.ports?.count ?? ProbeLimits.attempts, ProbeLimits.maximumAttempts)
    }

    // MARK: The server listens

    private func serverListens(_ service: ProbeService) -> ProbeReport.Side {
        let results = ProbeResults()
        Parallel.run(count: attemptCount, limit: service.sessionLimit) { take in
            guard let connection = open(service, results) else { return }
            defer { connection.close() }
            while take() != nil, results.firstFailure == nil {
                do throws(NDMPClientError) {
                    results.add(try listenOnce(service, connection))
                } catch {
                    results.fail(error)
                }
            }
        }
        let seen = results.sorted
        for attempt in bareConnections(seen) { results.add(attempt) }
        return ProbeReport.Side(
            message: service.listenMessage,
            listener: options.host,
            attempts: results.sorted,
            problem: results.firstFailure?.description
        )
    }

    /// A session that is ready for the service; nil when it cannot be had.
    private func open(_ service: ProbeService, _ results: ProbeResults) -> NDMPConnection? {
        do throws(NDMPClientError) {
            let connection = try session()
            do throws(NDMPClientError) {
                try service.prepare(connection)
                return connection
            } catch {
                connection.close()
                throw error
            }
        } catch {
            // Too many sessions for this server: fewer do the work.
            if case .turnedAway = error.kind { return nil }
            results.fail(error)
            return nil
        }
    }

    /// One DATA_LISTEN or MOVER_LISTEN, and our connection to what it advertises.
    private func listenOnce(
        _ service: ProbeService,
        _ connection: NDMPConnection
    ) throws(NDMPClientError) -> PortAttempt {
        let start = MonotonicClock.milliseconds()
        let told: DataAddress
        do throws(NDMPClientError) {
            told = try service.listen(connection)
        } catch {
            guard let refusal = error.refusal else { throw error }
            let detail = ([refusal.text] + logs(connection)).joined(separator: ": ")
            return PortAttempt(outcome: .serverRefused, milliseconds: Self.elapsed(since: start), detail: detail)
        }
        guard case .tcp(let addresses) = told, let first = addresses.first else {
            try service.reset(connection)
            let detail = "it answered with a \(told.type.text) address"
            return PortAttempt(outcome: .serverRefused, milliseconds: Self.elapsed(since: start), detail: detail)
        }
        var attempt = dial(.ipv4(first.ip, port: first.port))
        if attempt.result.outcome != .open {
            for other in addresses.dropFirst().prefix(NDMPClientLimits.hostAddresses) {
                let next = dial(.ipv4(other.ip, port: other.port))
                guard next.result.outcome == .open else { continue }
                attempt = next
                attempt.result.detail = "after \(SocketAddress.dotted(first.ip)), which came first and failed"
                break
            }
        }
        if let socket = attempt.socket {
            if !(try noticed(service, connection)) { attempt.result.outcome = .intercepted }
            socket.shutdown()
        }
        try service.reset(connection)
        _ = logs(connection)
        return attempt.result
    }

    /// Whether the server has taken the connection.
    private func noticed(_ service: ProbeService, _ connection: NDMPConnection) throws(NDMPClientError) -> Bool {
        let deadline = MonotonicClock.milliseconds() + ProbeLimits.noticeMilliseconds
        while true {
            if try service.isConnected(connection) { return true }
            guard MonotonicClock.milliseconds() < deadline else { return false }
            _ = Poll.wait([], timeoutMilliseconds: 10)
        }
    }

    /// Ports of the range that the server did not come to listen on, as long as others are: silence is told from a
    /// reset there too.
    private func bareConnections(_ seen: [PortAttempt]) -> [PortAttempt] {
        guard let range = options.ports, options.sample == nil else { return [] }
        let known = Set(seen.compactMap(\.port))
        let missing = range.lazy.map { Int($0) }.filter { !known.contains($0) }.prefix(ProbeLimits.maximumAttempts)
        let ports = Array(missing)
        let host = seen.lazy.compactMap(\.address).first ?? options.host
        guard let address = try? SocketAddress.resolve(host: host, port: 0).first else { return [] }
        let results = ProbeResults()
        Parallel.run(count: ports.count, limit: ProbeLimits.bareConnections) { take in
            while let index = take() {
                var attempt = dial(address.with(port: UInt16(clamping: ports[index])))
                attempt.socket?.shutdown()
                if attempt.result.outcome == .refused { attempt.result.outcome = .closed }
                if attempt.result.outcome == .open { attempt.result.detail = "another program listens there" }
                results.add(attempt.result)
            }
        }
        return results.sorted
    }

    private func dial(_ address: SocketAddress) -> (result: PortAttempt, socket: Socket?) {
        let start = MonotonicClock.milliseconds()
        var result = PortAttempt(
            port: Int(address.port),
            address: address.host,
            outcome: .open,
            milliseconds: 0
        )
        var socket: Socket?
        do throws(NetworkError) {
            let stop: WakeUp
            if let interrupt = options.interrupt { stop = interrupt } else { stop = try WakeUp() }
            socket = try Socket.connected(to: address, timeoutSeconds: options.timeoutSeconds, wakeUp: stop)
        } catch {
            switch error.code {
            case ECONNREFUSED: result.outcome = .refused
            case ETIMEDOUT: result.outcome = .dropped
            default:
                result.outcome = .unreachable
                result.detail = NetworkError.reason(error.code)
            }
        }
        result.milliseconds = Self.elapsed(since: start)
        return (result, socket)
    }

    // MARK: The server connects

    private func serverConnects(
        _ service: ProbeService,
        _ ip: UInt32
    ) -> ProbeReport.Side {
        let results = ProbeResults()
        Parallel.run(count: attemptCount, limit: service.sessionLimit) { take in
            var connection: NDMPConnection?
            defer { connection?.close() }
            while let index = take(), results.firstFailure == nil {
                connection = connection ?? openForConnecting(service, results)
                guard let current = connection else { return }
                do throws(NDMPClientError) {
                    let attempt = try connectOnce(service, current, .ipv4(ip, port: port(index)))
                    results.add(attempt)
                    guard attempt.outcome == .dropped else { continue }
                } catch {
                    results.fail(error)
                }
                // The server may still be trying: the next attempt gets a session of its own.
                current.close()
                connection = nil
            }
        }
        return ProbeReport.Side(
            message: service.connectMessage,
            listener: SocketAddress.dotted(ip),
            attempts: results.sorted,
            problem: results.firstFailure?.description
        )
    }

    /// The port of ours for an attempt, spread over the range; 0: any.
    private func port(_ index: Int) -> UInt16 {
        guard let range = options.ports else { return 0 }
        return range.lowerBound + UInt16(index * range.count / attemptCount % range.count)
    }

    private func openForConnecting(_ service: ProbeService, _ results: ProbeResults) -> NDMPConnection? {
        do throws(NDMPClientError) {
            // Silence shows in the reply that does not come.
            let connection = try session { $0.replyTimeoutSeconds = options.timeoutSeconds }
            do throws(NDMPClientError) {
                try service.prepare(connection)
                return connection
            } catch {
                connection.close()
                throw error
            }
        } catch {
            if case .turnedAway = error.kind { return nil }
            results.fail(error)
            return nil
        }
    }

    /// One DATA_CONNECT or MOVER_CONNECT to a port of ours.
    private func connectOnce(
        _ service: ProbeService,
        _ connection: NDMPConnection,
        _ address: SocketAddress
    ) throws(NDMPClientError) -> PortAttempt {
        let listener: Socket
        do throws(NetworkError) {
            listener = try Socket.listening(on: address, backlog: 1)
        } catch {
            let detail = NetworkError.reason(error.code)
            return PortAttempt(port: Int(address.port), outcome: .taken, milliseconds: 0, detail: detail)
        }
        let port = listener.localAddress?.port ?? address.port
        var attempt = PortAttempt(port: Int(port), address: address.host, outcome: .open, milliseconds: 0)
        let start = MonotonicClock.milliseconds()
        do throws(NDMPClientError) {
            try service.connect(connection, .tcp(ip: address.ipv4 ?? 0, port: port))
            attempt.milliseconds = Self.elapsed(since: start)
            if !Poll.wait([Poll.Interest(listener.descriptor, .readable)], timeoutMilliseconds: 1000)[0] {
                attempt.outcome = .intercepted
            }
        } catch {
            attempt.milliseconds = Self.elapsed(since: start)
            if case .replyTimedOut = error.kind {
                attempt.outcome = .dropped
                return attempt
            }
            guard let refusal = error.refusal else { throw error }
            let isNetwork = refusal == .connect || refusal == .io || refusal == .timeout
            let isPrompt = attempt.milliseconds < ProbeLimits.promptMilliseconds
            attempt.outcome = !isNetwork ? .serverRefused : isPrompt ? .refused : .dropped
            attempt.detail = ([refusal.text] + logs(connection)).joined(separator: ": ")
        }
        try service.reset(connection)
        _ = logs(connection)
        return attempt
    }

    /// Log messages of the server that have come.
    private func logs(_ connection: NDMPConnection) -> [String] {
        var texts: [String] = []
        while let post = try? connection.nextPost(timeoutMilliseconds: ProbeLimits.logMilliseconds) {
            guard case .log(_, let text) = post, let clean = Self.text(.init(text)) else { continue }
            if texts.count < 4 { texts.append(clean) }
        }
        return texts
    }
}
