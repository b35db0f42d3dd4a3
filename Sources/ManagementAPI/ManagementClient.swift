// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NIOCore
import NIOHTTP1
import NIOPosix

#if canImport(Glibc)
    import Glibc
#endif

/// Talks to a daemon over its Unix socket: one connection per request, so that nothing has to be shared or kept
/// alive between commands.
package struct ManagementClient: Sendable {
    /// What a request does to the library.
    package enum Method: Sendable {
        case get, post, put, patch, delete

        var wire: HTTPMethod {
            switch self {
            case .get: .GET
            case .post: .POST
            case .put: .PUT
            case .patch: .PATCH
            case .delete: .DELETE
            }
        }
    }

    typealias Writer = NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>

    /// How long a daemon may take to accept a connection.
    static let connectSeconds: Int64 = 5

    package let socket: String

    package init(socket: String) { self.socket = socket }

    /// Asks for one JSON value.
    package func get<Answer: Decodable & Sendable>(_ path: String, as type: Answer.Type) async throws(APIError)
        -> Answer
    {
        try await value(.get, path, body: nil, as: type)
    }

    /// Sends one JSON value and reads one.
    package func send<Answer: Decodable & Sendable>(
        _ method: Method,
        _ path: String,
        body: some Encodable,
        as type: Answer.Type
    ) async throws(APIError) -> Answer {
        let bytes: [UInt8]
        do { bytes = try ManagementAPI.encode(body) } catch {
            throw APIError(.failure, "the request cannot be written as JSON: \(error)")
        }
        return try await value(method, path, body: bytes, as: type)
    }

    /// Sends a request without a body and reads one JSON value.
    package func send<Answer: Decodable & Sendable>(_ method: Method, _ path: String, as type: Answer.Type)
        async throws(APIError) -> Answer
    {
        try await value(method, path, body: nil, as: type)
    }

    private func value<Answer: Decodable & Sendable>(
        _ method: Method,
        _ path: String,
        body: [UInt8]?,
        as type: Answer.Type
    ) async throws(APIError) -> Answer {
        try await exchange(head(method, path, length: body.map { UInt64($0.count) })) { writer in
            guard let body else { return }
            try await writer.write(.body(.byteBuffer(ByteBuffer(bytes: body))))
        } read: { answer in
            try ManagementAPI.decode(type, from: try await answer.collect(limit: ManagementAPI.answerLimitBytes))
        }
    }

    /// The head of a request; `length` is nil for none.
    func head(_ method: Method, _ path: String, length: UInt64?) -> HTTPRequestHead {
        var headers = HTTPHeaders([("Host", "localhost"), ("Connection", "close"), ("Accept", "application/json")])
        headers.add(name: ManagementAPI.versionHeader, value: String(ManagementAPI.version))
        if let length {
            headers.add(name: "Content-Type", value: "application/json")
            headers.add(name: "Content-Length", value: String(length))
        }
        return HTTPRequestHead(version: .http1_1, method: method.wire, uri: path, headers: headers)
    }

    /// One request and its answer. Every failure becomes an `APIError` with a sentence.
    func exchange<Answer: Sendable>(
        _ head: HTTPRequestHead,
        write: @Sendable (Writer) async throws -> Void,
        read: @Sendable (inout AnswerBody) async throws -> Answer
    ) async throws(APIError) -> Answer {
        do {
            let channel = try await connect()
            return try await channel.executeThenClose { inbound, outbound in
                var refusal: (any Error)?
                do {
                    try await outbound.write(.head(head))
                    try await write(outbound)
                    try await outbound.write(.end(nil))
                } catch let error as APIError {
                    throw error
                } catch {
                    // The daemon may refuse an upload before all of it was sent; its answer says why.
                    refusal = error
                }
                var answer = AnswerBody(inbound.makeAsyncIterator())
                do {
                    try await answer.begin()
                    return try await read(&answer)
                } catch let error as APIError {
                    throw error
                } catch {
                    throw refusal ?? error
                }
            }
        } catch let error as APIError {
            throw error
        } catch is CancellationError {
            throw APIError(.failure, "cancelled")
        } catch is DecodingError {
            throw APIError(
                .version,
                "the daemon at \(socket) answered something that this program does not understand",
                hint: "use the same version of capstan for daemon and commands (`capstan --version`)"
            )
        } catch {
            throw APIError(.failure, "the connection to the daemon at \(socket) broke: \(Self.text(error))")
        }
    }

    private func connect() async throws -> NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart> {
        if let problem = SocketPath.problem(with: socket) { throw problem }
        do {
            return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(.seconds(Self.connectSeconds))
                .connect(unixDomainSocketPath: socket) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                    }
                }
        } catch let error as IOError where error.errnoCode == EACCES || error.errnoCode == EPERM {
            throw APIError(
                .permission,
                "the socket \(socket) belongs to another user",
                hint: "run the command as the user who runs the daemon, or name your own with --socket"
            )
        } catch {
            throw APIError(
                .noDaemon,
                "no capstan daemon answers at \(socket)",
                hint: "start one with `capstan serve`, or name another one's socket with --socket or CAPSTAN_SOCKET"
            )
        }
    }

    private static func text(_ error: any Error) -> String {
        if let error = error as? IOError { return error.description }
        return "\(error)"
    }
}

/// The answer of a daemon while it arrives.
struct AnswerBody {
    private var parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator
    private(set) var head: HTTPResponseHead?
    private var ended = false

    init(_ parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator) { self.parts = parts }

    /// Reads the head; throws the daemon's own error when it is not a success.
    mutating func begin() async throws {
        guard case .head(let head)? = try await parts.next() else {
            throw APIError(.failure, "the daemon closed the connection without an answer")
        }
        self.head = head
        guard let version = head.headers.first(name: ManagementAPI.versionHeader) else {
            throw APIError(
                .version,
                "what answers at this socket is no capstan daemon",
                hint: "name the daemon's socket with --socket or CAPSTAN_SOCKET"
            )
        }
        guard version == String(ManagementAPI.version) else {
            throw APIError(
                .version,
                "the daemon speaks API version \(version), this program \(ManagementAPI.version)",
                hint: "use the same version of capstan for daemon and commands"
            )
        }
        guard (200..<300).contains(head.status.code) else {
            let bytes = try await collect(limit: ManagementAPI.requestLimitBytes)
            if let envelope = try? ManagementAPI.decode(ErrorEnvelope.self, from: bytes) { throw envelope.error }
            throw APIError(.failure, "the daemon answered \(head.status.code) \(head.status.reasonPhrase)")
        }
    }

    /// The next piece of the body; nil at its proper end.
    mutating func next() async throws -> ByteBuffer? {
        guard !ended else { return nil }
        switch try await parts.next() {
        case .body(let buffer): return buffer
        case .end(let trailers):
            ended = true
            if let text = trailers?.first(name: ManagementAPI.errorTrailer) {
                if let envelope = try? ManagementAPI.decode(ErrorEnvelope.self, from: Array(text.utf8)) {
                    throw envelope.error
                }
                throw APIError(.failure, "the daemon failed in the middle of its answer")
            }
            return nil
        case .head, nil:
            throw APIError(.failure, "the daemon closed the connection in the middle of its answer")
        }
    }

    /// The whole body.
    mutating func collect(limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try await next() {
            guard bytes.count + buffer.readableBytes <= limit else {
                throw APIError(.tooLarge, "the daemon's answer is larger than \(limit) bytes")
            }
            bytes.append(contentsOf: buffer.readableBytesView)
        }
        return bytes
    }
}
