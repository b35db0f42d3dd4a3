// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPClient
import Sockets
import Synchronization

/// A server that does what a test tells it, byte by byte. It knows nothing of the protocol's own encoder: the tests
/// write the words of RFC 4506 and of the NDMP v4 draft by hand.
final class FakeServer: Sendable {
    let port: UInt16
    private let listener: Socket
    private let thread: DedicatedThread

    /// One connection on its side.
    struct Peer {
        let socket: Socket
        let server: FakeServerLog

        /// Sends a message as one fragment.
        func send(_ words: [UInt32]) { send(bytes: message(words)) }

        func send(bytes: [UInt8]) { try? socket.send(bytes.span) }

        /// The next request as words, header included; nil when the client is gone. One fragment per message.
        @discardableResult
        func receive() -> [UInt32]? {
            guard let mark = words(1)?.first, let body = words(Int(mark & 0x7fff_ffff) / 4) else { return nil }
            server.add(body)
            return body
        }

        private func words(_ count: Int) -> [UInt32]? {
            var bytes = [UInt8](repeating: 0, count: max(1, count * 4))
            var filled = 0
            while filled < count * 4 {
                guard case .bytes(let more) = socket.receive(into: &bytes, at: filled, count: count * 4 - filled) else {
                    return nil
                }
                filled += more
            }
            return (0..<count).map { word in
                (0..<4).reduce(0) { $0 << 8 | UInt32(bytes[word * 4 + $1]) }
            }
        }

        /// NOTIFY_CONNECTED (0x502) with reason and version, no text.
        func greet(version: UInt32 = 4, reason: UInt32 = 0, text: String = "") {
            send([1, 0, 0, 0x502, 0, 0, reason, version] + string(text))
        }

        /// The reply to `request` with a header without error and these body words.
        func reply(to request: [UInt32], _ body: [UInt32], headerError: UInt32 = 0) {
            send([9, 0, 1, request[3], request[0], headerError] + body)
        }

        /// Greets and accepts CONNECT_OPEN.
        func open(version: UInt32 = 4) {
            greet(version: version)
            if let request = receive() { reply(to: request, [0]) }
        }

        /// Keeps the connection until the client ends it, or says CONNECT_CLOSE.
        func waitForEnd() {
            while let request = receive(), request[3] != 0x902 {}
        }
    }

    let log = FakeServerLog()

    /// - Parameter script: called for each connection in turn.
    init(_ script: @escaping @Sendable (Peer) -> Void) throws {
        let listener = try Socket.listening(on: .ipv4(SocketAddress.loopbackIPv4, port: 0), backlog: 8)
        self.listener = listener
        port = listener.localAddress?.port ?? 0
        let log = log
        thread = try DedicatedThread(name: "fake server") {
            while true {
                _ = Poll.wait([Poll.Interest(listener.descriptor, .readable)], timeoutMilliseconds: 30_000)
                guard let socket = try? listener.accept() else { return }
                script(Peer(socket: socket, server: log))
                socket.shutdown()
            }
        }
    }

    deinit {
        listener.shutdown()
    }

    /// Time limits that a test can wait for.
    static var options: NDMPClientOptions {
        var options = NDMPClientOptions()
        options.authentication = .skip
        options.connectTimeoutSeconds = 5
        options.greetingTimeoutSeconds = 1
        options.replyTimeoutSeconds = 5
        return options
    }

    func connect(_ options: NDMPClientOptions = FakeServer.options) throws(NDMPClientError) -> NDMPConnection {
        try NDMPConnection.open(host: "127.0.0.1", port: port, options)
    }

    /// The kind of error that opening ends with.
    func failure(_ options: NDMPClientOptions = FakeServer.options) -> NDMPClientError.Kind? {
        do throws(NDMPClientError) {
            try connect(options).close()
            return nil
        } catch { return error.kind }
    }
}

/// Requests that have come, as words.
final class FakeServerLog: Sendable {
    private let requests = Mutex<[[UInt32]]>([])

    func add(_ request: [UInt32]) { requests.withLock { $0.append(request) } }

    var codes: [UInt32] { requests.withLock { $0.map { $0.count > 3 ? $0[3] : 0 } } }
    var all: [[UInt32]] { requests.withLock { $0 } }
}

/// A record mark (RFC 5531, 11) and the words behind it, big-endian.
func message(_ words: [UInt32]) -> [UInt8] {
    ([0x8000_0000 | UInt32(words.count * 4)] + words).flatMap(bigEndian)
}

func bigEndian(_ word: UInt32) -> [UInt8] {
    [UInt8(word >> 24), UInt8(word >> 16 & 255), UInt8(word >> 8 & 255), UInt8(word & 255)]
}

/// Length, bytes and zeros up to four (RFC 4506, 4.11).
func string(_ text: String) -> [UInt32] {
    var bytes = Array(text.utf8)
    let count = UInt32(bytes.count)
    while bytes.count % 4 != 0 { bytes.append(0) }
    return [count]
        + stride(from: 0, to: bytes.count, by: 4).map { start in
            bytes[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }
}

/// The error that `body` ends with.
func failure(_ body: () throws(NDMPClientError) -> Void) -> NDMPClientError? {
    do throws(NDMPClientError) {
        try body()
        return nil
    } catch { return error }
}
