// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import HTTPTypes
import Hummingbird
import ManagementAPI
import NIOCore
import ServiceLifecycle

/// Answers and requests that are never whole in memory.
enum Streams {
    /// A blank line this often tells the daemon when the reader of an event stream has gone.
    static let heartbeatSeconds = 15

    /// JSON lines of progress. A failure before the first line is an ordinary error answer; a later one travels in
    /// the trailer.
    static func lines(_ lines: AsyncThrowingStream<VerifyLine, any Error>) async throws -> Response {
        var iterator = lines.makeAsyncIterator()
        let first = try await iterator.next()
        let body = ResponseBody { writer in
            do {
                if let first { try await writer.write(try line(first)) }
                // All iterators of one stream draw from the same source, so this goes on behind the first line.
                for try await next in lines.cancelOnGracefulShutdown() { try await writer.write(try line(next)) }
                try await writer.finish(nil)
            } catch let error as APIError {
                try await writer.finish(trailer(error))
            }
        }
        return Response(status: .ok, headers: [.contentType: "application/x-ndjson"], body: body)
    }

    /// A tape stream. It says at its beginning how much is on the tape, and its end is marked.
    static func image(_ source: any ImageSource) -> Response {
        let body = ResponseBody { writer in
            do {
                while let piece = try await source.next() { try await writer.write(ByteBuffer(bytes: piece)) }
                await source.close()
                try await writer.finish(nil)
            } catch let error as APIError {
                await source.close()
                try await writer.finish(trailer(error))
            } catch {
                await source.close()
                throw error
            }
        }
        return Response(status: .ok, headers: [.contentType: "application/octet-stream"], body: body)
    }

    /// Writes a request body into a cartridge, a piece at a time.
    static func fill(_ sink: any ImageSink, from body: RequestBody) async throws -> ImageReport {
        do {
            for try await buffer in body { try await sink.write(Array(buffer.readableBytesView)) }
            return try await sink.finish()
        } catch {
            await sink.abandon()
            throw error
        }
    }

    /// Events as they happen, one JSON value per line, or as server-sent events for browsers.
    static func events(_ events: AsyncStream<EventLine>, serverSent: Bool) -> Response {
        let body = ResponseBody { writer in
            // The head goes out with the first bytes: say at once that the stream stands.
            try await writer.write(ByteBuffer(string: serverSent ? ": open\n\n" : "\n"))
            let merged = Beats.merged(events, everySeconds: heartbeatSeconds)
            for await event in merged.cancelOnGracefulShutdown() {
                switch event {
                case .beat: try await writer.write(ByteBuffer(string: serverSent ? ": beat\n\n" : "\n"))
                case .event(let event) where serverSent:
                    let json = String(decoding: try ManagementAPI.encode(event), as: UTF8.self)
                    try await writer.write(ByteBuffer(string: "id: \(event.sequence)\ndata: \(json)\n\n"))
                case .event(let event): try await writer.write(try line(event))
                }
            }
            try await writer.finish(nil)
        }
        let type = serverSent ? "text/event-stream" : "application/x-ndjson"
        return Response(status: .ok, headers: [.contentType: type, .cacheControl: "no-store"], body: body)
    }

    private static func line(_ value: some Encodable) throws -> ByteBuffer {
        var bytes = try ManagementAPI.encode(value)
        bytes.append(UInt8(ascii: "\n"))
        return ByteBuffer(bytes: bytes)
    }

    private static func trailer(_ error: APIError) throws -> HTTPFields {
        var fields = HTTPFields()
        if let name = HTTPField.Name(ManagementAPI.errorTrailer) {
            fields[name] = String(decoding: try ManagementAPI.encode(ErrorEnvelope(error)), as: UTF8.self)
        }
        return fields
    }
}

/// Events mixed with a beat, so that a silent stream is noticed when its reader goes away.
enum Beats {
    enum Element: Sendable {
        case event(EventLine)
        case beat
    }

    /// Most events kept for a slow reader; the oldest are dropped beyond it (their sequence numbers show it).
    static let pendingLimit = 1024

    static func merged(_ events: AsyncStream<EventLine>, everySeconds seconds: Int) -> AsyncStream<Element> {
        AsyncStream(bufferingPolicy: .bufferingNewest(pendingLimit)) { continuation in
            let reader = Task {
                for await event in events { continuation.yield(.event(event)) }
                continuation.finish()
            }
            let beats = Task {
                while !Task.isCancelled {
                    try? await Task.sleep(for: .seconds(seconds))
                    continuation.yield(.beat)
                }
            }
            continuation.onTermination = { _ in
                reader.cancel()
                beats.cancel()
            }
        }
    }
}
