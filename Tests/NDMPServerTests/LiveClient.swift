// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import Sockets
import Testing
import WireFormat

@testable import NDMPServer

/// A client over a real socket: one request at a time, posts kept aside.
final class LiveClient {
    let socket: Socket
    private(set) var version = 4
    private(set) var posts: [(code: UInt32, bytes: [UInt8])] = []
    /// Errors of replies that came after later ones, by the number of their request.
    private(set) var lateErrors: [UInt32: NDMPError] = [:]
    private var buffer = NDMPReceiveBuffer()
    private var sequence: UInt32 = 0
    /// Body of the last reply: what payloads refer to.
    private var lastBody: [UInt8] = []

    struct Ended: Error {}

    /// Far longer than anything takes on a machine that does ten other things.
    private static let patienceMilliseconds: Int32 = 60_000

    convenience init(port: UInt16) throws {
        try self.init(address: .ipv4(SocketAddress.loopbackIPv4, port: port))
    }

    init(address: SocketAddress) throws {
        socket = try Socket.connected(to: address, timeoutSeconds: 5, wakeUp: WakeUp())
        // What never comes fails the test that waits for it, and not the whole run.
        socket.setReceiveTimeout(milliseconds: Self.patienceMilliseconds)
        _ = try receive()
    }

    /// Connected, agreed on a version and logged in.
    static func loggedIn(port: UInt16, version: Int = 4) throws -> LiveClient {
        let client = try LiveClient(port: port)
        try client.logIn(version: version)
        return client
    }

    func logIn(version: Int = 4) throws {
        #expect(try error(.connectOpen, ConnectOpenRequest(protocolVersion: UInt16(version))) == .noError)
        self.version = version
        let login = ConnectClientAuthRequest(auth: .text(user: "ndmp", password: "ndmp"))
        #expect(try error(.connectClientAuth, login) == .noError)
    }

    /// One request and the body of its reply; a header error becomes the body's error.
    func request<Answer: NDMPReplyBody>(_ code: NDMPMessageCode, _ body: some XDRStruct) throws -> Answer {
        let number = try send(code, body)
        let (error, bytes) = try reply(to: number)
        guard error == .noError else { return Answer(refusing: error) }
        lastBody = bytes
        var reader = XDRReader(bytes, version: version)
        let answer = try reader.decode(Answer.self)
        #expect(reader.remaining == 0, "\(code) leaves bytes behind")
        return answer
    }

    /// Sends a request whose reply may come after that of a later one: its error is in `lateErrors` then.
    func send(_ code: NDMPMessageCode, _ body: some XDRStruct) throws -> UInt32 {
        sequence += 1
        var output = NDMPSendBuffer()
        try output.append(NDMPHeader(request: code, sequence: sequence, timeStamp: 0), body, version: version)
        try socket.send(output.bytes.span.extracting(output.pending))
        return sequence
    }

    /// A request with a body of the test's own making; answers the error of the reply's header.
    func rawError(_ code: NDMPMessageCode, _ body: [UInt8]) throws -> NDMPError {
        sequence += 1
        var output = NDMPSendBuffer()
        output.append(NDMPHeader(request: code, sequence: sequence, timeStamp: 0))
        let header = Array(output.bytes[output.pending].dropFirst(RecordMarkDecoder.markBytes))
        let mark = 0x8000_0000 | UInt32(header.count + body.count)
        let message = (0..<4).map { UInt8(truncatingIfNeeded: mark >> (24 - 8 * UInt32($0))) } + header + body
        try socket.send(message.span)
        return try reply(to: sequence).error
    }

    private func reply(to number: UInt32) throws -> (error: NDMPError, bytes: [UInt8]) {
        while true {
            let (header, bytes) = try receive()
            guard header.messageType == .reply else { continue }
            if header.replySequence == number { return (header.error, bytes) }
            try keepLate(header, bytes)
        }
    }

    private func keepLate(_ header: NDMPHeader, _ bytes: [UInt8]) throws {
        guard header.messageType == .reply else { return }
        var reader = XDRReader(bytes, version: version)
        let known = header.error == .noError ? try reader.decode(ErrorReply.self).error : header.error
        lateErrors[header.replySequence] = known
    }

    func error(_ code: NDMPMessageCode, _ body: some XDRStruct = EmptyBody()) throws -> NDMPError {
        let reply: ErrorReply = try request(code, body)
        return reply.error
    }

    /// The next post with this code, kept or still to come.
    func post<Body: XDRStruct>(_ code: NDMPMessageCode, as type: Body.Type = Body.self) throws -> Body {
        while true {
            if let index = posts.firstIndex(where: { $0.code == code.rawValue }) {
                var reader = XDRReader(posts.remove(at: index).bytes, version: version)
                return try reader.decode(type)
            }
            let (header, bytes) = try receive()
            try keepLate(header, bytes)
        }
    }

    /// One message; posts are kept.
    @discardableResult
    func receive() throws -> (NDMPHeader, [UInt8]) {
        while true {
            if let range = try buffer.nextMessage() {
                var reader = XDRReader(buffer.bytes, in: range, version: version)
                let header = try reader.decode(NDMPHeader.self)
                let body = Array(buffer.bytes[reader.offset..<range.upperBound])
                if header.messageType == .request { posts.append((header.code, body)) }
                return (header, body)
            }
            var isOver = false
            _ = buffer.withFreeSpace { room in
                if case .bytes(let count) = socket.receive(into: &room) { return count }
                isOver = true
                return 0
            }
            if isOver { throw Ended() }
        }
    }

    // MARK: Everyday requests

    func openTape(_ name: String, _ mode: TapeMode = .raw) throws -> NDMPError {
        try error(.tapeOpen, TapeOpenRequest(device: XDRString(name), mode: mode))
    }

    func mtio(_ operation: TapeOperation, _ count: UInt32 = 1) throws -> TapeMTIOReply {
        try request(.tapeMTIO, TapeMTIORequest(operation: operation, count: count))
    }

    func write(_ bytes: [UInt8]) throws -> NDMPError {
        let reply: TapeWriteReply = try request(.tapeWrite, TapeWriteRequest(data: .bytes(bytes)))
        return reply.error
    }

    /// The next record, or why there is none.
    func readRecord(_ count: UInt32 = 1 << 20) throws -> (error: NDMPError, bytes: [UInt8]) {
        let reply: TapeReadReply = try request(.tapeRead, TapeReadRequest(count: count))
        return (reply.error, reply.data.copy(from: lastBody))
    }

    func listen(_ mode: MoverMode, recordSize: UInt32, window: MoverWindow) throws -> SocketAddress {
        #expect(try error(.moverSetRecordSize, MoverSetRecordSizeRequest(length: recordSize)) == .noError)
        try setWindow(window)
        let request = MoverListenRequest(mode: mode, addressType: .tcp)
        let reply: MoverListenReply = try self.request(.moverListen, request)
        #expect(reply.error == .noError)
        guard case .tcp(let addresses) = reply.address, let first = addresses.first else { throw Ended() }
        return .ipv4(first.ip, port: first.port)
    }

    func setWindow(_ window: MoverWindow) throws {
        let request = MoverSetWindowRequest(offset: window.offset, length: window.length)
        #expect(try error(.moverSetWindow, request) == .noError)
    }

    func moverState() throws -> MoverGetStateReply { try request(.moverGetState, EmptyBody()) }
}
