// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Logging
import NDMPProtocol
import Sockets

/// The data thread: accepts the peer, waits for the order to start, runs the job.
struct DataWorker {
    /// What the thread needs of its session.
    struct Surroundings: Sendable {
        var logger: Logger
        /// Names the session in log lines.
        var session: String
    }

    /// A walk through a deep tree and the archive library take more than a mover does; only touched pages cost.
    static let stackBytes = 2 << 20

    private let engine: DataEngine
    private let surroundings: Surroundings

    init(engine: DataEngine, _ surroundings: Surroundings) {
        self.engine = engine
        self.surroundings = surroundings
    }

    func run(_ origin: DataEngine.Origin) {
        guard let socket = connection(origin) else { return }
        defer { socket.shutdown() }
        guard let job = waitForJob(socket) else { return }
        // The session closes the connection and tells the client in one go. Closed here, the mover's halt could be told
        // long before ours on a busy machine, and ndmjob gives a data service ten looks to follow it.
        if let event = run(job, socket) { engine.send(event) }
    }

    // MARK: The connection

    private func connection(_ origin: DataEngine.Origin) -> Socket? {
        switch origin {
        case .connected(let socket): return socket
        case .listener(let listener, let name, let seconds):
            switch DataAccept.accept(listener, name: name, timeoutSeconds: seconds, engine.wakeUp, { engine.isEnded }) {
            case .ended: return nil
            case .failed(let text):
                engine.send(.acceptFailed(text))
                return nil
            case .peer(let socket):
                guard engine.adopt(socket) else { return nil }
                engine.send(.peerConnected)
                return socket
            }
        }
    }

    /// Watches the peer meanwhile: it may go away.
    private func waitForJob(_ socket: Socket) -> (any DataJob)? {
        var watches = true
        while true {
            if engine.isEnded { return nil }
            if let job = engine.takeJob() { return job }
            let ready = Poll.wait([
                Poll.Interest(engine.wakeUp.descriptor, .readable),
                Poll.Interest(watches ? socket.descriptor : -1, .readable),
            ])
            if ready[0] { engine.wakeUp.clear() }
            guard watches, ready[1] else { continue }
            switch socket.peek() {
            case .end, .failed:
                // An order that came with the close is the job's to fail.
                if let job = engine.takeJob() { return job }
                let peer = DataConnection.name(ofPeer: socket)
                engine.send(.connectionLost("\(peer) closed the data connection before anything was started"))
                return nil
            case .bytes: watches = false
            case nil: break
            }
        }
    }

    // MARK: The job

    /// - Returns: nil when the session wanted the end, and knows.
    private func run(_ job: any DataJob, _ socket: Socket) -> DataEvent? {
        let observer = DataObserver(
            engine: engine,
            version: engine.version,
            names: job.names,
            logger: surroundings.logger,
            session: surroundings.session
        )
        let connection = DataConnection(socket, engine, observer)
        do throws(StreamError) {
            let outcome = try job.run(connection, observer)
            try connection.flush()
            observer.flushHistory()
            engine.counters.update { $0.files = outcome.files }
            observer.note(outcome.isIncomplete ? .warning : .normal, outcome.sentence)
            engine.send(outcome)
            return .finished(.successful, outcome.sentence)
        } catch {
            observer.flushHistory()
            if engine.isEnded { return nil }
            // The session tells the client and the log, with the reason of the halt.
            let text = "\(job.title) failed: \(error.description)"
            switch error {
            case .connection: return .finished(.connectError, text)
            case .cancelled, .truncated, .malformed, .impossible: return .finished(.internalError, text)
            }
        }
    }
}
