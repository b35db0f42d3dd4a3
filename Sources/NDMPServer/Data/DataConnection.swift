// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Glibc
import NDMPProtocol
import Sockets

/// The data connection as a job sees it: where a backup writes its stream, or where a recovery reads it. One thread
/// uses it.
///
/// A stalled peer is waited for without a limit, because a change of tapes may take hours. The end of the engine shuts
/// the socket down, and every call here returns.
final class DataConnection {
    /// Small writes are put together up to this size.
    static let bufferBytes = 256 << 10
    /// What is asked for when more is read than was announced.
    static let extraBytes: UInt64 = 16 << 10

    private let socket: Socket
    private let engine: DataEngine
    private let observer: DataObserver
    /// For people: who is at the other end.
    private let peer: String
    private var buffer: AlignedMemory?
    private var fill = 0

    // Reading: stream position of the next byte, what of the last request is still to come, and what will be asked
    // for after it.
    private var position: UInt64 = 0
    private var outstanding: UInt64 = 0
    private var announced: UInt64 = 0
    private var readsToEnd = false
    private var hasPosition = false
    private var hasEnded = false

    init(_ socket: Socket, _ engine: DataEngine, _ observer: DataObserver) {
        self.socket = socket
        self.engine = engine
        self.observer = observer
        peer = Self.name(ofPeer: socket)
    }

    static func name(ofPeer socket: Socket) -> String {
        socket.peerAddress.map { "the mover at \($0)" } ?? "the mover of this session"
    }

    private func broken(_ code: Int32) -> StreamError {
        if engine.isEnded { return .cancelled }
        switch code {
        case EPIPE: return .connection("\(peer) closed the data connection")
        case ECONNRESET:
            return .connection("the data connection to \(peer) was reset: it was closed there, or a firewall cut it")
        default: return .connection("the data connection to \(peer) failed: \(NetworkError.reason(code))")
        }
    }
}

// MARK: Backup

extension DataConnection: StreamSink {
    func write(_ bytes: Span<UInt8>) throws(StreamError) {
        engine.counters.update { $0.bytes &+= UInt64(bytes.count) }
        let room = try prepared()
        if fill + bytes.count <= room.count {
            room.copy(bytes, to: fill)
            fill += bytes.count
        } else {
            try flush()
            if bytes.count < Self.bufferBytes / 2 {
                room.copy(bytes, to: 0)
                fill = bytes.count
            } else {
                try send(bytes)
            }
        }
        observer.flushOldHistory()
    }

    private func prepared() throws(StreamError) -> AlignedMemory {
        if let buffer { return buffer }
        do throws(NetworkError) {
            let made = try AlignedMemory(count: Self.bufferBytes)
            buffer = made
            return made
        } catch {
            throw .impossible(error.description)
        }
    }

    /// Sends what has been put together.
    func flush() throws(StreamError) {
        guard let buffer, fill > 0 else { return }
        let count = fill
        fill = 0
        try buffer.withSpan(0..<count) { (bytes) throws(StreamError) in try send(bytes) }
    }

    private func send(_ bytes: Span<UInt8>) throws(StreamError) {
        guard !engine.isEnded else { throw .cancelled }
        do throws(NetworkError) {
            try socket.send(bytes)
        } catch {
            throw broken(error.code)
        }
    }
}

// MARK: Recovery

extension DataConnection: StreamSource {
    func position(at offset: UInt64, expecting count: UInt64?) throws(StreamError) {
        try leaveRequest(for: offset)
        guard !hasEnded else { return }
        readsToEnd = readsToEnd || count == nil
        hasPosition = true
        guard let count else {
            announced = 0
            // All ones go with offset 0 alone; behind it, all that is left of the largest stream.
            if outstanding == 0 { try ask(offset, offset == 0 ? .max : .max - offset) }
            return
        }
        guard !readsToEnd else { return }
        // The offset may come from a client's list and lie anywhere.
        announced = min(count > outstanding ? count - outstanding : 0, .max - offset)
        if outstanding == 0, announced > 0 { try ask(offset, announced) }
    }

    /// What was asked for comes, wanted or not: the rest of it is received and dropped. A place inside it is not asked
    /// for again.
    private func leaveRequest(for offset: UInt64) throws(StreamError) {
        guard hasPosition, !hasEnded else {
            position = offset
            return
        }
        if outstanding > 0, offset >= position, offset - position < outstanding {
            try drop(offset - position)
            return
        }
        guard !readsToEnd else {
            throw .impossible("the stream is read to its end and cannot go back from \(position) to \(offset)")
        }
        try drop(outstanding)
        position = offset
    }

    private func drop(_ count: UInt64) throws(StreamError) {
        guard count > 0 else { return }
        let room = try prepared()
        var left = count
        while left > 0 {
            let part = Int(min(left, UInt64(room.count)))
            let got = try room.withMutableSpan(0..<part) { (span) throws(StreamError) in try receive(&span) }
            guard got > 0 else { return }
            left -= UInt64(got)
        }
    }

    func expect(_ count: UInt64) {
        guard !readsToEnd else { return }
        announced = count > outstanding ? count - outstanding : 0
    }

    func read(into room: inout MutableSpan<UInt8>) throws(StreamError) -> Int {
        guard room.count > 0 else { return 0 }
        guard hasPosition else { throw .impossible("a stream is read before its position is set") }
        if hasEnded { return 0 }
        if outstanding == 0 {
            let most = UInt64.max - position
            let wanted = min(max(announced, min(UInt64(room.count), Self.extraBytes)), most)
            guard wanted > 0 else { return 0 }
            try ask(position, wanted)
        }
        if UInt64(room.count) <= outstanding { return try receive(&room) }
        var part = room._mutatingExtracting(0..<Int(outstanding))
        return try receive(&part)
    }

    /// At most what is outstanding; 0 at the end of the stream.
    private func receive(_ room: inout MutableSpan<UInt8>) throws(StreamError) -> Int {
        switch socket.receive(into: &room) {
        case .bytes(let count):
            let bytes = UInt64(count)
            position &+= bytes
            if !(readsToEnd && outstanding == .max) { outstanding -= bytes }
            engine.counters.update { $0.bytes &+= bytes }
            observer.flushOldHistory()
            return count
        case .end:
            if engine.isEnded { throw .cancelled }
            hasEnded = true
            outstanding = 0
            return 0
        case .failed(let code):
            throw broken(code)
        }
    }

    private func ask(_ offset: UInt64, _ length: UInt64) throws(StreamError) {
        guard !engine.isEnded else { throw .cancelled }
        // Nothing may come before it is asked for: it would be taken for something else.
        if case .bytes = socket.peek() {
            throw .connection("\(peer) sent more than the \(engine.counters.current.readLength) bytes asked for")
        }
        position = offset
        outstanding = length
        announced = announced > length ? announced - length : 0
        engine.counters.update {
            $0.readOffset = offset
            $0.readLength = length
        }
        engine.post(.read(offset: offset, length: length))
    }
}
