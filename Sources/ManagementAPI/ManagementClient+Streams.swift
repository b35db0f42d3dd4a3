// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NIOCore
import NIOHTTP1

/// Long work: JSON lines of progress, and contents of cartridges, never held in memory.
extension ManagementClient {
    /// Reads a streamed answer, one JSON value per line, until the daemon ends it or `each` throws.
    package func lines<Line: Decodable & Sendable>(
        _ method: Method,
        _ path: String,
        as type: Line.Type,
        each: @Sendable (Line) async throws -> Void
    ) async throws(APIError) {
        try await exchange(head(method, path, length: nil)) { _ in
        } read: { answer in
            var pending: [UInt8] = []
            while let buffer = try await answer.next() {
                for byte in buffer.readableBytesView {
                    guard byte == UInt8(ascii: "\n") else {
                        pending.append(byte)
                        continue
                    }
                    if !pending.isEmpty { try await each(try ManagementAPI.decode(type, from: pending)) }
                    pending.removeAll(keepingCapacity: true)
                }
                guard pending.count <= ManagementAPI.lineLimitBytes else {
                    throw APIError(.tooLarge, "a line of the daemon's answer is too long")
                }
            }
        }
    }

    /// Reads a body of any length. `each` gets every piece.
    package func download(
        _ path: String,
        each: @Sendable (_ piece: [UInt8]) async throws -> Void
    ) async throws(APIError) {
        try await exchange(head(.get, path, length: nil)) { _ in
        } read: { answer in
            while let buffer = try await answer.next() { try await each(Array(buffer.readableBytesView)) }
        }
    }

    /// Sends a body in pieces (`next` returns nil at its end), chunked as its length is not known, and reads one JSON
    /// value. When `next` throws, the daemon sees a request that was cut off.
    package func upload<Answer: Decodable & Sendable>(
        _ path: String,
        next: @Sendable () async throws -> [UInt8]?,
        as type: Answer.Type
    ) async throws(APIError) -> Answer {
        var head = head(.put, path, length: nil)
        head.headers.replaceOrAdd(name: "Transfer-Encoding", value: "chunked")
        head.headers.replaceOrAdd(name: "Content-Type", value: "application/octet-stream")
        return try await exchange(head) { writer in
            while let piece = try await next() {
                try await writer.write(.body(.byteBuffer(ByteBuffer(bytes: piece))))
            }
        } read: { answer in
            try ManagementAPI.decode(type, from: try await answer.collect(limit: ManagementAPI.requestLimitBytes))
        }
    }
}
