// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Logging
import Sockets
import Synchronization
import TapeLibrary

/// The NDMP service of a library: listens, and runs one session per connection.
///
/// Owns the listening sockets, one accept thread and one thread per session. All methods may be called from any
/// thread; `stop` blocks.
package final class NDMPServer: Sendable {
    private struct State {
        var listeners: [Socket] = []
        var acceptThread: DedicatedThread?
        var sessions: [UInt64: (handle: SessionHandle, thread: DedicatedThread?)] = [:]
        var nextID: UInt64 = 1
        var isStopping = false
        var boundAddresses: [SocketAddress] = []
    }

    private let context: ServerContext
    private let state = Mutex(State())
    /// Wakes the accept thread: to stop, or to forget a session that has ended.
    private let acceptSignal: Mutex<WakeUp?> = Mutex(nil)

    /// Nexus identifiers of this door start here, so that no two doors ever use the same.
    private static let firstNexus: UInt64 = 0x4e44_0000_0000_0000
    private static let backlog: Int32 = 128

    package init(
        configuration: NDMPConfiguration,
        library: Library,
        logger: Logger,
        trace: (any NDMPTraceSink)? = nil
    ) {
        context = ServerContext(configuration: configuration, library: library, logger: logger, trace: trace)
    }

    /// Exports, data ports, addresses, time limits, number of sessions; a change holds for what is opened after it.
    package var settings: NDMPSettings {
        get { context.currentSettings }
        set { context.currentSettings = newValue }
    }

    /// The port of the first address, once started.
    package var boundPort: UInt16? { state.withLock { $0.boundAddresses.first?.port } }

    /// Every address that the server listens on, as `host:port`.
    package var boundAddresses: [String] { state.withLock { $0.boundAddresses.map(\.description) } }

    /// The sessions of this moment, in the order of their numbers.
    package var sessions: [NDMPSessionStatus] {
        state.withLock { $0.sessions.values.map(\.handle).filter { !$0.hasEnded } }
            .map(\.status)
            .sorted { $0.id < $1.id }
    }

    // MARK: Start and stop

    /// Listens on every configured address; all of them or none.
    package func start() throws(NDMPServerError) {
        let configuration = context.configuration
        guard !configuration.users.isEmpty || configuration.allowsNoAuthentication else { throw .noUsers }
        guard state.withLock({ $0.listeners.isEmpty }) else { throw .alreadyStarted }
        guard !configuration.listen.isEmpty else { throw .nothingToListenOn }
        do throws(NetworkError) {
            let listeners = try openListeners(configuration.listen)
            let signal = try WakeUp()
            acceptSignal.withLock { $0 = signal }
            state.withLock {
                $0.listeners = listeners
                $0.boundAddresses = listeners.compactMap(\.localAddress)
            }
            let thread = try DedicatedThread(name: "ndmp accept") { [self] in acceptLoop(listeners, signal) }
            state.withLock { $0.acceptThread = thread }
        } catch {
            throw .cannotListen(error.description)
        }
    }

    private func openListeners(_ endpoints: [NDMPConfiguration.Endpoint]) throws(NetworkError) -> [Socket] {
        var listeners: [Socket] = []
        for endpoint in endpoints {
            let addresses =
                endpoint.host.isEmpty
                ? [SocketAddress.everywhere, .ipv4(0, port: 0)]
                : try SocketAddress.resolve(host: endpoint.host, port: endpoint.port)
            listeners += try openListeners(addresses, port: endpoint.port, allOf: !endpoint.host.isEmpty)
        }
        return listeners
    }

    /// The addresses of one name. An address that this machine does not have is passed over when it has another one.
    ///
    /// - Parameter allOf: false: the first that works is enough.
    private func openListeners(
        _ addresses: [SocketAddress],
        port: UInt16,
        allOf: Bool
    ) throws(NetworkError) -> [Socket] {
        var listeners: [Socket] = []
        var missing: NetworkError?
        for address in addresses where allOf || listeners.isEmpty {
            // With port 0 the addresses of one name share the port that the first got.
            let wanted = port == 0 ? listeners.first?.localAddress?.port ?? 0 : port
            do throws(NetworkError) {
                listeners.append(try Socket.listening(on: address.with(port: wanted), backlog: Self.backlog))
            } catch  where error.isAddressMissing {
                missing = error
            }
        }
        if listeners.isEmpty, let missing { throw missing }
        return listeners
    }

    /// Ends the service. Clients are told; sessions that are moving data get `drainSeconds` to finish first.
    package func stop(drainSeconds: Int = 0) {
        let (thread, handles) = state.withLock { state in
            state.isStopping = true
            state.listeners = []
            let thread = state.acceptThread
            state.acceptThread = nil
            return (thread, state.sessions.values.map(\.handle))
        }
        acceptSignal.withLock { $0 }?.signal()
        thread?.join()
        let deadline = MonotonicClock.milliseconds() + UInt64(max(0, drainSeconds)) * 1000
        while handles.contains(where: { $0.status.isMovingData }), MonotonicClock.milliseconds() < deadline {
            _ = Poll.wait([], timeoutMilliseconds: 50)
        }
        handles.forEach { $0.requestEnd() }
        let patience = MonotonicClock.milliseconds() + Self.goodbyeMilliseconds
        while !state.withLock({ $0.sessions.isEmpty }), MonotonicClock.milliseconds() < patience {
            _ = Poll.wait([], timeoutMilliseconds: 10)
            reap()
        }
        // What is still there is blocked by its client.
        state.withLock { $0.sessions.values.map { $0 } }.forEach { handle, thread in
            handle.cut()
            thread?.join()
        }
        reap()
    }

    /// How long a session may take to say goodbye.
    private static let goodbyeMilliseconds: UInt64 = 1000

    // MARK: Accepting

    private func acceptLoop(_ listeners: [Socket], _ signal: WakeUp) {
        let interests = listeners.map { Poll.Interest($0.descriptor, .readable) }
        while true {
            let ready = Poll.wait([Poll.Interest(signal.descriptor, .readable)] + interests)
            if ready[0] {
                signal.clear()
                if state.withLock({ $0.isStopping }) { return }
            }
            for (index, listener) in listeners.enumerated() where ready[index + 1] {
                do throws(NetworkError) {
                    if let socket = try listener.accept() { admit(socket) }
                } catch {
                    context.logger.error("NDMP: \(error.description)")
                    // Out of descriptors or memory: let sessions end before trying again.
                    _ = Poll.wait([Poll.Interest(signal.descriptor, .readable)], timeoutMilliseconds: 200)
                }
            }
            reap()
        }
    }

    private func admit(_ socket: Socket) {
        let peer = socket.peerAddress.map { "\($0)" } ?? "unknown"
        let limit = context.currentSettings.maximumSessions
        reap()
        guard state.withLock({ $0.sessions.count }) < limit else {
            context.logger.warning("NDMP: \(peer) refused: \(limit) sessions are open")
            Refusal.send(to: socket, version: context.configuration.highestVersion, limit: limit)
            return
        }
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
        do throws(NetworkError) {
            let seconds = UInt64(MonotonicClock.wallSeconds())
            let handle = try SessionHandle(id: id, peer: peer, socket: socket, connectedAt: seconds)
            state.withLock { $0.sessions[id] = (handle, nil) }
            let context = context
            let ended = acceptSignal.withLock { $0 }
            let thread = try DedicatedThread(name: "ndmp \(id)") { [self] in
                Session(handle: handle, context: context, nexusID: Self.firstNexus + id).runToEnd()
                handle.markEnded()
                ended?.signal()
                // The socket is given back now, not when the next client comes.
                _ = state.withLock { $0.sessions.removeValue(forKey: id) }
            }
            state.withLock { $0.sessions[id]?.thread = thread }
        } catch {
            context.logger.error("NDMP: a session for \(peer) could not start: \(error.description)")
            state.withLock { _ = $0.sessions.removeValue(forKey: id) }
        }
    }

    /// Forgets sessions that have ended, and waits for the last steps of their threads.
    private func reap() {
        let ended = state.withLock { state in
            let ended = state.sessions.filter { $0.value.handle.hasEnded && $0.value.thread != nil }
            for id in ended.keys { state.sessions.removeValue(forKey: id) }
            return ended.values.compactMap(\.thread)
        }
        ended.forEach { $0.join() }
    }
}
