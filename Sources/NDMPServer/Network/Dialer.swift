// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import NDMPProtocol
import Sockets
import Synchronization

/// Opens a data connection on a thread of its own, so that the session goes on answering meanwhile.
///
/// A few of the peer's addresses are tried, best first, all within one time limit. `report` is called once, on that
/// thread, unless the attempt is called off.
final class Dialer: Sendable {
    struct Parameters: Sendable {
        var targets: [TCPAddress]
        /// The address to connect from; nil lets the system choose.
        var sourceAddress: UInt32?
        /// The ports to connect from; nil lets the system choose.
        var sourcePorts: ClosedRange<UInt16>?
        var policy: DataPortPolicy
        /// For all targets together.
        var timeoutSeconds: Int
    }

    /// What came of it: the connection, and a sentence for each address that failed.
    struct Outcome: Sendable {
        var connection: (socket: Socket, address: TCPAddress)?
        var failures: [String]
    }

    /// Addresses that are tried. A list of v4 may name many, and each that drops packets costs its share of the time.
    static let maximumTargets = 4

    private let parameters: Parameters
    private let ports: DataPorts
    private let wakeUp: WakeUp
    private let isCancelled = Atomic<Bool>(false)
    private let thread = Mutex<DedicatedThread?>(nil)

    init(_ parameters: Parameters, ports: DataPorts) throws(NetworkError) {
        self.parameters = parameters
        self.ports = ports
        wakeUp = try WakeUp()
    }

    func start(report: @escaping @Sendable (Outcome) -> Void) throws(NetworkError) {
        let started = try DedicatedThread(name: "ndmp dial") { [self] in
            let outcome = dial()
            if !isCancelled.load(ordering: .acquiring) { report(outcome) }
        }
        thread.withLock { $0 = started }
    }

    /// Ends the attempt and waits for its thread, which ends at once.
    func cancel() {
        isCancelled.store(true, ordering: .releasing)
        wakeUp.signal()
        thread.withLock { $0 }?.join()
    }

    // MARK: The thread

    private func dial() -> Outcome {
        var outcome = Outcome(connection: nil, failures: [])
        let deadline = MonotonicClock.milliseconds() + UInt64(max(1, parameters.timeoutSeconds)) * 1000
        let targets = parameters.targets.prefix(Self.maximumTargets)
        for (index, target) in targets.enumerated() where !isCancelled.load(ordering: .acquiring) {
            let now = MonotonicClock.milliseconds()
            let left = deadline > now ? Int(deadline - now) : 0
            // An equal share of what is left: a silent address does not take the time of those behind it.
            let share = max(1, left / (targets.count - index))
            switch connect(to: target, timeoutMilliseconds: share) {
            case .success(let socket):
                outcome.connection = (socket, target)
                return outcome
            case .failure(let failure):
                outcome.failures.append(failure.description)
            }
        }
        if outcome.failures.isEmpty { outcome.failures.append("no address was given for the data connection") }
        return outcome
    }

    private func connect(to target: TCPAddress, timeoutMilliseconds: Int) -> Result<Socket, DataPorts.Unavailable> {
        let address = SocketAddress.ipv4(target.ip, port: target.port)
        let range = parameters.sourcePorts
        for _ in 0..<(range?.count ?? 1) {
            let port = range.map { ports.nextConnectPort(in: $0) }
            do throws(NetworkError) {
                let socket = try Socket.connected(
                    to: address,
                    from: source(port: port),
                    timeoutMilliseconds: timeoutMilliseconds,
                    wakeUp: wakeUp
                )
                return .success(socket)
            } catch {
                guard let range, let port, error.isAddressInUse else {
                    return .failure(.init(description: sentence(for: error, address, timeoutMilliseconds)))
                }
                guard parameters.policy == .next else {
                    return .failure(.init(description: ConnectionTrouble.portTaken(port, of: range)))
                }
                if isCancelled.load(ordering: .acquiring) { break }
            }
        }
        return .failure(.init(description: range.map { ConnectionTrouble.allPortsTaken($0) } ?? "called off"))
    }

    private func source(port: UInt16?) -> SocketAddress? {
        guard parameters.sourceAddress != nil || port != nil else { return nil }
        return .ipv4(parameters.sourceAddress ?? 0, port: port ?? 0)
    }

    private func sentence(for error: NetworkError, _ address: SocketAddress, _ milliseconds: Int) -> String {
        guard error.operation == "connect to" else { return error.description }
        let seconds = (milliseconds + 999) / 1000
        return ConnectionTrouble.cannotConnect(to: "\(address)", code: error.code, seconds: seconds)
    }
}
