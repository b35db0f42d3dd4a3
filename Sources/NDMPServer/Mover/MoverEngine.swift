// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Sockets
import Synchronization

/// One data connection and the thread that moves its bytes, as the session sees it.
///
/// Owns the thread and the data socket. The session tells it about windows, reads and the end; it reports what happens
/// through `report`, on its own thread. It has the drive only while data may move: before a pause or a halt is
/// reported, the drive has been given back.
final class MoverEngine: Sendable {
    struct Parameters: Sendable {
        var mode: MoverMode
        var recordSize: Int
        var window: MoverWindow
        /// 0 waits for ever.
        var acceptTimeoutSeconds = 0
        /// The address of the data port as the peer was told it.
        var portName = "the data port"
        var strict = false
    }

    /// What the thread is to do next, in the order of importance.
    enum Order: Sendable {
        case end
        case resume(any MoverTapeSource)
        case read(offset: UInt64, length: UInt64)
    }

    private struct Control {
        var isEnded = false
        var listener: Socket?
        var socket: Socket?
        var resumeWith: (any MoverTapeSource)?
        var read: (offset: UInt64, length: UInt64)?
        var window: MoverWindow
        /// The window was set since it was last used.
        var isWindowFresh = true
    }

    let parameters: Parameters
    let counters: MoverCounters
    let wakeUp: WakeUp
    private let control: Mutex<Control>
    private let report: @Sendable (MoverEvent) -> Void
    private let thread = Mutex<DedicatedThread?>(nil)

    init(
        _ parameters: Parameters,
        counters: MoverCounters,
        report: @escaping @Sendable (MoverEvent) -> Void
    ) throws(NetworkError) {
        self.parameters = parameters
        self.counters = counters
        self.report = report
        wakeUp = try WakeUp()
        control = Mutex(Control(window: parameters.window))
    }

    // MARK: For the session

    /// Where the data connection comes from.
    enum Origin: Sendable {
        case listener(Socket)
        case connected(Socket)
    }

    func start(_ origin: Origin, tape: any MoverTapeSource) throws(NetworkError) {
        control.withLock { control in
            switch origin {
            case .connected(let socket): control.socket = socket
            case .listener(let listener): control.listener = listener
            }
        }
        let started = try DedicatedThread(name: "ndmp mover") {
            MoverWorker(engine: self).run(origin, tape: tape)
        }
        thread.withLock { $0 = started }
    }

    /// A peer has connected, whether the thread has taken it already or not.
    var peerIsComing: Bool {
        control.withLock { $0.listener }?.hasPeer ?? false
    }

    func setWindow(_ window: MoverWindow) {
        control.withLock {
            $0.window = window
            $0.isWindowFresh = true
        }
    }

    func resume(with tape: any MoverTapeSource) {
        control.withLock { $0.resumeWith = tape }
        wakeUp.signal()
    }

    func read(offset: UInt64, length: UInt64) {
        counters.update {
            $0.seekPosition = offset
            $0.bytesLeftToRead = length
        }
        control.withLock { $0.read = (offset, length) }
        wakeUp.signal()
    }

    /// Closes the data connection and returns when the thread has let go of the drive: after the disk write that may
    /// be under way, at most.
    func end() {
        let socket = control.withLock { control in
            control.isEnded = true
            return control.socket
        }
        socket?.shutdown()
        wakeUp.signal()
        thread.withLock { $0 }?.join()
        control.withLock { control in
            control.socket = nil
            control.listener = nil
        }
    }

    // MARK: For the thread

    func send(_ event: MoverEvent) {
        report(event)
    }

    var isEnded: Bool { control.withLock { $0.isEnded } }

    /// False when the connection is not wanted any more.
    func adopt(_ socket: Socket) -> Bool {
        control.withLock { control in
            guard !control.isEnded else { return false }
            control.socket = socket
            return true
        }
    }

    /// - Parameter takingRead: a paused mover leaves a read for when it is active again.
    func nextOrder(takingRead: Bool) -> Order? {
        control.withLock { control -> Order? in
            if control.isEnded { return .end }
            if let tape = control.resumeWith {
                control.resumeWith = nil
                return .resume(tape)
            }
            if takingRead, let read = control.read {
                control.read = nil
                return .read(offset: read.offset, length: read.length)
            }
            return nil
        }
    }

    /// The window in force, and whether it was set since the last call.
    func takeWindow() -> (window: MoverWindow, isFresh: Bool) {
        control.withLock { control in
            let fresh = control.isWindowFresh
            control.isWindowFresh = false
            return (control.window, fresh)
        }
    }
}
