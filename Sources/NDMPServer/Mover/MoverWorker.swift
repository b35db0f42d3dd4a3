// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import NDMPProtocol
import SCSI
import Sockets
import TapeLibrary

/// The mover thread: accepts the peer, moves data while the mover is active, waits while it is paused.
///
/// Everything here is used by one thread. The fast path allocates nothing per record and waits for nobody but the
/// socket and the disk.
final class MoverWorker {
    /// Why data stopped moving.
    enum Stop: Equatable {
        case paused(MoverPauseReason, position: UInt64)
        case mediaError(String)
        case halted(MoverHaltReason, String)
        /// The session wants the end and knows why.
        case ended

        var event: MoverEvent? {
            switch self {
            case .paused(let reason, let position): .paused(reason, position: position)
            case .mediaError(let text): .mediaError(text)
            case .halted(let reason, let text): .halted(reason, text)
            case .ended: nil
            }
        }

        var isEndOfTape: Bool {
            switch self {
            case .paused(.endOfFile, _), .paused(.endOfMedium, _): true
            default: false
            }
        }

        var isFinal: Bool {
            switch self {
            case .halted, .ended: true
            case .paused, .mediaError: false
            }
        }
    }

    /// Bytes received ahead of the tape: room for several records, so that a fast sender never waits for one write.
    static let bufferBytes = 1 << 20

    let engine: MoverEngine
    let recordSize: Int
    let mode: MoverMode
    var window: MoverWindow

    // Mode READ: bytes between `head` and `fill` are received and not on tape. Records lie at multiples of the record
    // size, and the capacity is one too, so that no record ever has to move.
    var buffer: AlignedMemory?
    var head = 0
    var fill = 0
    /// Zeros at the end of `fill` that the peer did not send.
    var padding = 0
    var peerHasClosed = false
    /// errno of the failure that ended the connection instead of a close.
    var peerError: Int32?
    /// Address of the peer; asked for early, because a broken connection does not know it.
    private var peerName = "its peer"
    /// Stream position of the record at `head`, or of the record the tape stands before in mode WRITE.
    var streamPosition: UInt64 = 0

    // Mode WRITE: what is still to be sent, and the record that lies in the buffer.
    var readPosition: UInt64 = 0
    var readRemaining: UInt64 = 0
    var held: Range<UInt64> = 0..<0

    /// The last pause was for the end of a file or of the data.
    var hasRunOut = false

    var bytesUntilPublish = MoverWorker.publishBytes
    /// The drive's position is shown to others each time this many bytes have moved.
    static let publishBytes = 32 << 20

    init(engine: MoverEngine) {
        self.engine = engine
        recordSize = engine.parameters.recordSize
        mode = engine.parameters.mode
        window = engine.parameters.window
    }

    var bufferCapacity: Int {
        mode == .read ? max(2, Self.bufferBytes / recordSize) * recordSize : recordSize
    }

    // MARK: The thread

    func run(_ origin: MoverEngine.Origin, tape first: any MoverTapeSource) {
        guard let socket = connection(origin) else { return }
        // Frees a peer that is blocked on us as soon as the mover halts, before anyone is told.
        defer { socket.shutdown() }
        peerName = socket.peerAddress.map { "\($0)" } ?? "the data service"
        do throws(NetworkError) {
            buffer = try AlignedMemory(count: bufferCapacity)
        } catch {
            socket.shutdown()
            engine.send(.halted(.internalError, error.description))
            return
        }
        var tape = first
        while true {
            let stop = moveData(socket, tape)
            if stop.isFinal { socket.shutdown() }
            if let event = stop.event { engine.send(event) }
            if stop.isFinal { return }
            hasRunOut = stop.isEndOfTape
            switch waitWhilePaused(socket) {
            case .resume(let next): tape = next
            case .stop(let stop):
                socket.shutdown()
                if let event = stop.event { engine.send(event) }
                return
            }
        }
    }

    /// The data connection: waits for it when it is to be accepted.
    private func connection(_ origin: MoverEngine.Origin) -> Socket? {
        switch origin {
        case .connected(let socket): return socket
        case .listener(let listener): return accept(listener)
        }
    }

    private func accept(_ listener: Socket) -> Socket? {
        let outcome = DataAccept.accept(
            listener,
            name: engine.parameters.portName,
            timeoutSeconds: engine.parameters.acceptTimeoutSeconds,
            engine.wakeUp
        ) { engine.isEnded }
        switch outcome {
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

    /// Has the drive from here to the return, and gives it back on every way out.
    private func moveData(_ socket: Socket, _ source: any MoverTapeSource) -> Stop {
        let tape: any MoverTape
        do throws(DeviceBusy) {
            tape = try source.take()
        } catch {
            return .halted(.internalError, error.sentence)
        }
        defer { tape.finish() }
        let (window, isFresh) = engine.takeWindow()
        self.window = window
        if isFresh { adoptWindow() }
        switch mode {
        case .read: return moveToTape(tape, source.notes, socket)
        default: return moveFromTape(tape, socket)
        }
    }

    /// The client has put the tape where the window begins. A window without limits says nothing about the place:
    /// the stream goes on where it was.
    private func adoptWindow() {
        held = 0..<0
        streamPosition = window.offset
        guard mode == .write, readRemaining > 0 else { return }
        if window == .unlimited || isAheadOfItself {
            window.offset = min(window.offset, readPosition)
            streamPosition = readPosition
        }
    }

    /// Deviation: Amanda 3.5.1 counts the bytes of all tapes again when it goes on with the second drive of a restore,
    /// and then asks for a window, without an end, that begins behind the byte it needs next. It has put the tape at
    /// that byte. Any other answer than going on there makes it try for ever.
    private var isAheadOfItself: Bool {
        !engine.parameters.strict && hasRunOut && window.hasNoEnd && window.offset > readPosition
    }

    // MARK: Pauses

    private enum AfterPause {
        case resume(any MoverTapeSource)
        case stop(Stop)
    }

    /// The peer's close counts only when nothing it sent is still to be written; else the tail of a backup would be
    /// lost at a change of tapes.
    private func waitWhilePaused(_ socket: Socket) -> AfterPause {
        var watches = mode == .write || (fill == head && !peerHasClosed)
        while true {
            switch engine.nextOrder(takingRead: false) {
            case .end: return .stop(.ended)
            case .resume(let tape): return .resume(tape)
            case .read, nil: break
            }
            let ready = Poll.wait([
                Poll.Interest(engine.wakeUp.descriptor, .readable),
                Poll.Interest(watches ? socket.descriptor : -1, .readable),
            ])
            if ready[0] { engine.wakeUp.clear() }
            guard watches, ready[1] else { continue }
            switch socket.peek() {
            case .end: return .stop(peerClosed())
            case .failed(let code): return .stop(peerFailed(code))
            case .bytes: watches = false
            case nil: break
            }
        }
    }

    func peerClosed() -> Stop {
        engine.isEnded ? .ended : .halted(.connectClosed, "the data connection was closed by \(peerName)")
    }

    func peerFailed(_ code: Int32) -> Stop {
        if engine.isEnded { return .ended }
        let bytes = engine.counters.current.bytesMoved
        switch code {
        case EPIPE, ECONNRESET:
            let text = "the data connection was reset by \(peerName) after \(bytes) bytes"
            // A reader that has what it wants may close with bytes on their way; a writer that does so has failed.
            return .halted(mode == .write ? .connectClosed : .connectError, text)
        default:
            let reason = NetworkError.reason(code)
            return .halted(.connectError, "the data connection to \(peerName) failed after \(bytes) bytes: \(reason)")
        }
    }

    func moved(_ bytes: Int, on tape: any MoverTape) {
        bytesUntilPublish -= bytes
        if bytesUntilPublish <= 0 {
            bytesUntilPublish = Self.publishBytes
            tape.publish()
        }
    }
}
