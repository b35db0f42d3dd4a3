// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import NDMPProtocol
import Sockets
import WireFormat

/// One control connection to an NDMP server, from the client's side.
///
/// Owns the socket and the posts that nobody has taken yet. One thread uses it, and its calls block, each with a time
/// limit. An error that `isFatal` leaves nothing but `close`. Whatever a server does, a call ends: messages, posts and
/// waits are bounded.
package final class NDMPConnection: NDMPCaller {
    /// What bodies are encoded in: the version announced, then the one agreed on.
    package internal(set) var version: Int
    /// The version of the server's first message.
    package private(set) var announcedVersion = 0
    /// Whether the server knows who we are.
    package internal(set) var isAuthenticated = false
    /// Host and port, for messages to people.
    package let server: String
    package let peerAddress: SocketAddress
    /// Our end: the address that the server can most likely reach us on.
    package let localAddress: SocketAddress
    let options: NDMPClientOptions
    let socket: Socket
    var buffer = NDMPReceiveBuffer()
    private var output = NDMPSendBuffer()
    var posts = PostQueue()
    private var sequence: UInt32 = 0
    private var isClosed = false
    /// What the server said before it ended the connection.
    private var farewell: String?

    private init(socket: Socket, server: String, options: NDMPClientOptions) {
        self.socket = socket
        self.server = server
        self.options = options
        version = NDMPCatalogue.versions.lowerBound
        peerAddress = socket.peerAddress ?? .ipv4(0, port: 0)
        localAddress = socket.localAddress ?? .ipv4(0, port: 0)
    }

    // MARK: Opening and closing

    /// Connects, takes the greeting, agrees on a version and proves who we are.
    package static func open(
        host: String,
        port: UInt16,
        _ options: NDMPClientOptions
    ) throws(NDMPClientError) -> NDMPConnection {
        let connection = try greeted(host: host, port: port, options)
        do throws(NDMPClientError) {
            try connection.negotiate(highest: options.highestVersion)
            try connection.authenticate()
        } catch {
            connection.close()
            throw error
        }
        return connection
    }

    /// Connects and takes the greeting; nothing has been said to the server yet.
    static func greeted(
        host: String,
        port: UInt16,
        _ options: NDMPClientOptions
    ) throws(NDMPClientError) -> NDMPConnection {
        let name = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]:\(port)" : "\(host):\(port)"
        let socket = try Dialler.connect(host: host, port: port, name: name, options)
        let connection = NDMPConnection(socket: socket, server: name, options: options)
        try connection.takeGreeting()
        return connection
    }

    /// The server speaks first: NOTIFY_CONNECTED with its highest version.
    private func takeGreeting() throws(NDMPClientError) {
        // A greeting is short; what claims more is not NDMP.
        buffer.messageLimit = NDMPLimits.messageBytesBeforeAuthentication
        let seconds = options.greetingTimeoutSeconds
        let deadline = MonotonicClock.milliseconds() + UInt64(max(0, seconds)) * 1000
        while true {
            let range: Range<Int>?
            do throws(RecordMarkError) {
                range = try buffer.nextMessage()
            } catch {
                throw failure(.notNDMP("its first bytes are no message (\(error.description))"))
            }
            if let range {
                announcedVersion = try readGreeting(range)
                version = min(max(announcedVersion, version), NDMPCatalogue.versions.upperBound)
                buffer.messageLimit = NDMPLimits.messageBytes
                return
            }
            guard try receive(until: deadline) else { throw failure(.noGreeting(seconds: seconds)) }
        }
    }

    /// Says goodbye and waits for the server to end the connection, so that it has let go of its devices.
    package func close() {
        guard !isClosed else { return }
        if (try? send(.connectClose, EmptyBody())) != nil {
            let deadline = MonotonicClock.milliseconds() + UInt64(NDMPClientLimits.closeMilliseconds)
            var room = [UInt8](repeating: 0, count: 4096)
            // A server that goes on talking is not listened to for longer.
            while MonotonicClock.milliseconds() < deadline, waitForBytes(until: deadline) == .ready {
                guard case .bytes = socket.receive(into: &room, at: 0, count: room.count) else { break }
            }
        }
        isClosed = true
        socket.shutdown()
    }

    // MARK: Requests

    /// Sends a request and waits for its reply; posts that come meanwhile are kept.
    package func exchange<Body: XDRStruct, Reply: NDMPReplyBody>(
        _ code: NDMPMessageCode,
        _ body: Body,
        as type: Reply.Type = Reply.self
    ) throws(NDMPClientError) -> Reply {
        guard !isClosed else { throw failure(.alreadyClosed) }
        let sent = try send(code, body)
        let seconds = options.replyTimeoutSeconds
        let deadline = MonotonicClock.milliseconds() + UInt64(max(0, seconds)) * 1000
        while true {
            while let range = try nextMessage() {
                guard let header = try sort(range, awaiting: code) else { continue }
                return try decodeReply(header, range, to: code, sequence: sent)
            }
            guard try receive(until: deadline) else {
                throw failure(.replyTimedOut(message: name(of: code), seconds: seconds))
            }
        }
    }

    package func bytes(of payload: XDRPayload) -> [UInt8] { payload.copy(from: buffer.bytes) }

    /// The next post, kept or new, or nil when none came in time.
    package func nextPost(timeoutMilliseconds: Int) throws(NDMPClientError) -> NDMPPost? {
        guard !isClosed else { throw failure(.alreadyClosed) }
        let deadline =
            timeoutMilliseconds < 0 ? UInt64.max : MonotonicClock.milliseconds() + UInt64(timeoutMilliseconds)
        while true {
            if let message = posts.popFirst() { return try decodePost(message) }
            if let range = try nextMessage() {
                _ = try sort(range, awaiting: nil)
                continue
            }
            guard try receive(until: deadline) else { return nil }
        }
    }

    /// Waits until one of the connections has a post or has ended.
    ///
    /// - Returns: for each connection whether `nextPost(timeoutMilliseconds: 0)` is worth a call; all false after the
    ///   time, and when the first connection's `interrupt` was signalled.
    package static func wait(for connections: [NDMPConnection], timeoutMilliseconds: Int) -> [Bool] {
        let kept = connections.map { !$0.posts.isEmpty || $0.isClosed || $0.keepsWholeMessage() }
        if kept.contains(true) { return kept }
        var interests = connections.map { Poll.Interest($0.socket.descriptor, .readable) }
        interests.append(Poll.Interest(connections.first?.options.interrupt?.descriptor ?? -1, .readable))
        return Poll.wait(interests, timeoutMilliseconds: timeoutMilliseconds).dropLast()
    }

    /// Takes what lies in the buffer apart; an error is left for the next call, which meets it again.
    private func keepsWholeMessage() -> Bool {
        do throws(NDMPClientError) {
            while let range = try nextMessage() { _ = try sort(range, awaiting: nil) }
            return !posts.isEmpty
        } catch {
            fault = error
            return true
        }
    }

    // MARK: Messages out

    @discardableResult
    func send<Body: XDRStruct>(_ code: NDMPMessageCode, _ body: Body) throws(NDMPClientError) -> UInt32 {
        sequence &+= 1
        let header = NDMPHeader(request: code, sequence: sequence, timeStamp: MonotonicClock.wallSeconds())
        do throws(XDRError) {
            try output.append(header, body, version: version)
        } catch {
            throw failure(.unsendable(error.description))
        }
        options.trace?(.client, NDMPTrace.describe(header, body, version: version))
        let pending = output.pending
        defer { output.sent(pending.count) }
        do throws(NetworkError) {
            try socket.send(output.bytes.span.extracting(pending))
        } catch {
            throw failure(.broken(NetworkError.reason(error.code)))
        }
        return sequence
    }

    // MARK: Messages in

    /// Found while nobody could be told.
    private var fault: NDMPClientError?

    /// The next whole message of the buffer.
    private func nextMessage() throws(NDMPClientError) -> Range<Int>? {
        if let fault { throw fault }
        do throws(RecordMarkError) {
            return try buffer.nextMessage()
        } catch {
            throw failure(.violation(error.description))
        }
    }

    /// Keeps a post; answers the header of a reply.
    ///
    /// - Parameter code: the request that waits; nil when none does, and a reply is a violation.
    private func sort(_ range: Range<Int>, awaiting code: NDMPMessageCode?) throws(NDMPClientError) -> NDMPHeader? {
        var reader = XDRReader(buffer.bytes, in: range, version: version)
        guard let header: NDMPHeader = try? reader.decode() else {
            throw failure(.violation("a message of \(range.count) bytes is too short"))
        }
        if let trace = options.trace {
            trace(.server, NDMPTrace.describe(buffer.bytes, in: range, version: version))
        }
        switch header.messageType {
        case .reply:
            guard code != nil else {
                throw failure(.violation("a reply to \(name(ofCode: header.code)) came that nobody had asked for"))
            }
            return header
        case .request:
            if header.code == NDMPMessageCode.notifyConnected.rawValue {
                let post = try? reader.decode(NotifyConnectedPost.self)
                if let post, post.reason != .connected { farewell = post.text.text }
            }
            guard posts.append(Array(buffer.bytes[range])) else {
                throw failure(.tooManyPosts(message: code.map(name(of:)) ?? "the last request"))
            }
            return nil
        default: throw failure(.violation("a message is neither request nor reply but \(header.messageType.rawValue)"))
        }
    }

    private func decodeReply<Reply: NDMPReplyBody>(
        _ header: NDMPHeader,
        _ range: Range<Int>,
        to code: NDMPMessageCode,
        sequence: UInt32
    ) throws(NDMPClientError) -> Reply {
        guard header.replySequence == sequence, header.code == code.rawValue else {
            let other = "message \(header.replySequence), \(name(ofCode: header.code))"
            throw failure(.violation("a reply to \(other), came for message \(sequence), \(name(of: code))"))
        }
        guard header.error == .noError else { return Reply(refusing: header.error) }
        var reader = XDRReader(
            buffer.bytes,
            in: range.lowerBound + NDMPHeader.byteCount..<range.upperBound,
            version: version
        )
        do throws(XDRError) {
            return try reader.decode()
        } catch {
            throw failure(.violation("the reply to \(name(of: code)) cannot be read: \(error.description)"))
        }
    }

    private func decodePost(_ message: [UInt8]) throws(NDMPClientError) -> NDMPPost {
        do throws(XDRError) {
            return try NDMPPost(message, version: version)
        } catch {
            throw failure(.violation("a notification cannot be read: \(error.description)"))
        }
    }

    private enum Wait { case ready, late, cancelled }

    private func waitForBytes(until deadline: UInt64) -> Wait {
        while true {
            let now = MonotonicClock.milliseconds()
            let left = deadline == .max ? -1 : Int32(clamping: deadline > now ? deadline - now : 0)
            let ready = Poll.wait(
                readable: socket.descriptor,
                options.interrupt?.descriptor ?? -1,
                timeoutMilliseconds: left
            )
            if ready.second { return .cancelled }
            if ready.first { return .ready }
            if left >= 0, MonotonicClock.milliseconds() >= deadline { return .late }
        }
    }

    /// Receives some bytes; false when none came in time.
    private func receive(until deadline: UInt64) throws(NDMPClientError) -> Bool {
        switch waitForBytes(until: deadline) {
        case .late: return false
        case .cancelled: throw failure(.cancelled)
        case .ready: break
        }
        var received = Socket.Received.end
        let socket = socket
        _ = buffer.withFreeSpace { room in
            received = socket.receive(into: &room)
            if case .bytes(let count) = received { return count }
            return 0
        }
        switch received {
        case .bytes: return true
        case .end: throw failure(.closed(reason: farewell))
        case .failed(let code): throw failure(.broken(NetworkError.reason(code)))
        }
    }

    private func name(ofCode code: UInt32) -> String {
        NDMPCatalogue.row(code, version: version)?.name ?? "message 0x" + String(code, radix: 16)
    }
}
