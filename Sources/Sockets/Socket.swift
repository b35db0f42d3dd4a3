// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Glibc
import Synchronization

/// A TCP socket. The descriptor closes with the last reference; `shutdown` may be called from any thread and wakes
/// whoever is blocked in a call on it.
package final class Socket: Sendable {
    package let descriptor: Int32

    /// The system forgets it when the peer resets the connection, and that is when people want to know.
    private let knownPeer: SocketAddress?
    /// Held while the one peer of a listener is taken.
    private let taking = Mutex(())

    private init(descriptor: Int32, peer: SocketAddress? = nil) {
        self.descriptor = descriptor
        knownPeer = peer
    }

    deinit {
        _ = close(descriptor)
    }

    private static func make(
        _ family: Int32,
        for address: SocketAddress,
        peer: SocketAddress? = nil
    ) throws(NetworkError) -> Socket {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .last("open a socket for", "\(address)") }
        return Socket(descriptor: descriptor, peer: peer)
    }

    // MARK: Opening

    /// A socket that waits for connections. Port 0 takes a free one; `localAddress` tells which.
    package static func listening(on address: SocketAddress, backlog: Int32) throws(NetworkError) -> Socket {
        let socket = try make(address.family, for: address)
        socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
        // The IPv6 wildcard takes IPv4 clients too; every other address is what it says.
        if address.family == AF_INET6 { socket.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, address.isWildcard ? 0 : 1) }
        let bound = unsafe address.withSystemAddress { unsafe bind(socket.descriptor, $0, $1) }
        guard bound == 0 else { throw .last("listen on", "\(address)") }
        guard listen(socket.descriptor, backlog) == 0 else { throw .last("listen on", "\(address)") }
        _ = fcntl(socket.descriptor, F_SETFL, O_NONBLOCK)
        return socket
    }

    /// Two connected stream sockets inside this machine: what is sent into one comes out of the other.
    package static func pair() throws(NetworkError) -> (Socket, Socket) {
        var descriptors: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        // The call writes two descriptors, and the array has room for two.
        let status = unsafe descriptors.withUnsafeMutableBufferPointer { room in
            unsafe socketpair(AF_UNIX, type, 0, room.baseAddress)
        }
        guard status == 0 else { throw .last("open", "a pair of local sockets") }
        return (Socket(descriptor: descriptors[0]), Socket(descriptor: descriptors[1]))
    }

    /// The next waiting connection, or nil when there is none after all.
    package func accept() throws(NetworkError) -> Socket? {
        let descriptor = capstan_accept(self.descriptor, 0)
        guard descriptor >= 0 else {
            switch errno {
            case EAGAIN, ECONNABORTED, EINTR: return nil
            default: throw .last("accept on", localAddress.map { "\($0)" } ?? "a closed socket")
            }
        }
        let peer = unsafe SocketAddress.of(descriptor: descriptor) { unsafe getpeername($0, $1, $2) }
        let socket = Socket(descriptor: descriptor, peer: peer)
        socket.setConnectionOptions()
        return socket
    }

    /// Like `accept`, for a listener that takes exactly one peer: whoever else came, or comes, is turned away.
    package func acceptOnly() throws(NetworkError) -> Socket? {
        try taking.withLock { (_) throws(NetworkError) -> Socket? in
            guard let socket = try accept() else { return nil }
            shutdown()
            return socket
        }
    }

    /// Of a listener with `acceptOnly`: its peer is at the door or has been let in, or nobody is waited for any more.
    /// Never waits.
    package var hasPeer: Bool {
        taking.withLock { _ in Poll.wait([Poll.Interest(descriptor, .readable)], timeoutMilliseconds: 0)[0] }
    }

    /// Connects within the time limit; `wakeUp` ends the attempt early.
    package static func connected(
        to address: SocketAddress,
        timeoutSeconds: Int,
        wakeUp: WakeUp
    ) throws(NetworkError) -> Socket {
        try connected(to: address, from: nil, timeoutMilliseconds: timeoutSeconds * 1000, wakeUp: wakeUp)
    }

    /// Connects within the time limit; `wakeUp` ends the attempt early, with ECANCELED.
    ///
    /// - Parameter source: the address and port to connect from; port 0 and the wildcard address leave the choice to
    ///   the system. A port that another connection to the same peer still has fails with EADDRINUSE.
    package static func connected(
        to address: SocketAddress,
        from source: SocketAddress?,
        timeoutMilliseconds: Int,
        wakeUp: WakeUp
    ) throws(NetworkError) -> Socket {
        let socket = try make(address.family, for: address, peer: address)
        if let source { try socket.bindSource(source) }
        socket.setBlocking(false)
        let status = unsafe address.withSystemAddress { unsafe Glibc.connect(socket.descriptor, $0, $1) }
        if status != 0 {
            // The port is bound, but the pair of both ends is in use.
            if errno == EADDRNOTAVAIL, let source, source.port != 0 {
                throw NetworkError(operation: "connect from", address: "\(source)", code: EADDRINUSE)
            }
            guard errno == EINPROGRESS || errno == EINTR else { throw .last("connect to", "\(address)") }
            let ready = Poll.wait(
                [Poll.Interest(socket.descriptor, .writable), Poll.Interest(wakeUp.descriptor, .readable)],
                timeoutMilliseconds: timeoutMilliseconds
            )
            guard !ready[1] else {
                throw NetworkError(operation: "connect to", address: "\(address)", code: ECANCELED)
            }
            guard ready[0] else {
                throw NetworkError(operation: "connect to", address: "\(address)", code: ETIMEDOUT)
            }
            let failure = socket.pendingError
            guard failure == 0 else {
                throw NetworkError(operation: "connect to", address: "\(address)", code: failure)
            }
        }
        socket.setBlocking(true)
        socket.setConnectionOptions()
        return socket
    }

    private func bindSource(_ source: SocketAddress) throws(NetworkError) {
        // A port that an old connection still lingers on may be used for another peer.
        set(SOL_SOCKET, SO_REUSEADDR, 1)
        let bound = unsafe source.withSystemAddress { unsafe bind(descriptor, $0, $1) }
        guard bound == 0 else { throw .last("connect from", "\(source)") }
    }

    // MARK: Options and names

    private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        // An option the system refuses costs speed at most.
        _ = unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private func setBlocking(_ blocking: Bool) {
        _ = fcntl(descriptor, F_SETFL, blocking ? 0 : O_NONBLOCK)
    }

    private func setConnectionOptions() {
        set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        set(SOL_SOCKET, SO_KEEPALIVE, 1)
    }

    /// A peer that takes nothing for this long makes `send` fail with EAGAIN.
    package func setSendTimeout(seconds: Int) {
        var value = timeval(tv_sec: seconds, tv_usec: 0)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &value, socklen_t(MemoryLayout<timeval>.size))
    }

    /// A receive that has waited for this long fails with EAGAIN; 0 waits for ever.
    package func setReceiveTimeout(milliseconds: Int32) {
        var value = timeval(tv_sec: Int(milliseconds) / 1000, tv_usec: Int(milliseconds) % 1000 * 1000)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &value, socklen_t(MemoryLayout<timeval>.size))
    }

    private var pendingError: Int32 {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &value, &size) == 0 else { return errno }
        return value
    }

    package var localAddress: SocketAddress? {
        unsafe SocketAddress.of(descriptor: descriptor) { unsafe getsockname($0, $1, $2) }
    }

    /// Whom the socket is connected to; nil for a listener and for a local pair. Known also after a reset.
    package var peerAddress: SocketAddress? { knownPeer }

    // MARK: Moving bytes

    /// What a receive call brought.
    package enum Received: Equatable {
        case bytes(Int)
        /// The peer has closed its side.
        case end
        case failed(Int32)
    }

    /// Receives into a part of a buffer: at least one byte, at most `room.count`. Blocks, after having looked
    /// `looks` times without.
    package func receive(into room: inout MutableSpan<UInt8>, looks: Int = 0) -> Received {
        // The span is valid memory of its own count for the length of the call.
        unsafe room.withUnsafeMutableBytes { memory in
            for _ in 0..<looks {
                let received = unsafe recv(descriptor, memory.baseAddress, memory.count, Int32(MSG_DONTWAIT))
                if received > 0 { return .bytes(received) }
                if received == 0 || errno != EAGAIN { break }
            }
            return unsafe receive(memory.baseAddress, memory.count)
        }
    }

    /// Receives into `buffer` from `offset`, at most `count` bytes. Blocks.
    package func receive(into buffer: inout [UInt8], at offset: Int, count: Int) -> Received {
        precondition(offset >= 0 && count > 0 && offset + count <= buffer.count, "the room lies in the buffer")
        return unsafe buffer.withUnsafeMutableBytes { memory in
            unsafe receive(memory.baseAddress.map { unsafe $0 + offset }, count)
        }
    }

    private func receive(_ pointer: UnsafeMutableRawPointer?, _ count: Int) -> Received {
        while true {
            let received = unsafe recv(descriptor, pointer, count, 0)
            if received > 0 { return .bytes(received) }
            if received == 0 { return .end }
            if errno != EINTR { return .failed(errno) }
        }
    }

    /// What waits on the socket, without taking it: nil when nothing does.
    package func peek() -> Received? {
        var byte: UInt8 = 0
        while true {
            let received = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
            if received > 0 { return .bytes(received) }
            if received == 0 { return .end }
            if errno == EAGAIN { return nil }
            if errno != EINTR { return .failed(errno) }
        }
    }

    /// Sends every byte of the span. Blocks. The error says how far the peer was from taking it all.
    package func send(_ bytes: Span<UInt8>) throws(NetworkError) {
        let failure: Int32 = unsafe bytes.withUnsafeBytes { memory in
            var sent = 0
            while sent < memory.count {
                let rest = unsafe memory.baseAddress.map { unsafe $0 + sent }
                let count = unsafe Glibc.send(descriptor, rest, memory.count - sent, Int32(MSG_NOSIGNAL))
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { return errno }
                sent += count
            }
            return 0
        }
        guard failure == 0 else {
            throw NetworkError(operation: "send to", address: peerAddress.map { "\($0)" } ?? "the peer", code: failure)
        }
    }

    /// Ends the peer's direction: a thread blocked in receive returns, and may still say something.
    package func stopReceiving() {
        _ = Glibc.shutdown(descriptor, Int32(SHUT_RD))
    }

    /// Ends both directions at once; a thread blocked in receive or send returns.
    package func shutdown() {
        _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
    }
}
