// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import NDMPProtocol
import WireFormat

/// Whoever can be asked NDMP requests: a connection, or a script in a test. The requests by name are its extensions.
package protocol NDMPCaller: AnyObject {
    /// What bodies are encoded in.
    var version: Int { get }
    /// Host and port, for messages to people.
    var server: String { get }

    /// Sends a request and waits for its reply.
    ///
    /// - Returns: with the server's error in it; for an error in the header every other field is empty. `.inMessage`
    ///   payloads are good for `bytes(of:)` until the next request.
    func exchange<Body: XDRStruct, Reply: NDMPReplyBody>(
        _ code: NDMPMessageCode,
        _ body: Body,
        as type: Reply.Type
    ) throws(NDMPClientError) -> Reply

    /// The bytes of a payload of the last reply.
    func bytes(of payload: XDRPayload) -> [UInt8]

    /// The next post, or nil when none came in time.
    ///
    /// - Parameter timeoutMilliseconds: 0 only looks; negative waits for ever.
    func nextPost(timeoutMilliseconds: Int) throws(NDMPClientError) -> NDMPPost?

    func close()
}

extension NDMPCaller {
    /// The same, but an error of the server is thrown.
    ///
    /// - Throws: `.refused` when the server answers with an error, in the header or in the body.
    package func call<Body: XDRStruct, Reply: NDMPReplyBody>(
        _ code: NDMPMessageCode,
        _ body: Body,
        as type: Reply.Type = Reply.self
    ) throws(NDMPClientError) -> Reply {
        let reply = try exchange(code, body, as: type)
        guard reply.error == .noError else {
            throw failure(.refused(message: name(of: code), error: reply.error))
        }
        return reply
    }

    func failure(_ kind: NDMPClientError.Kind) -> NDMPClientError {
        NDMPClientError(kind, server: server)
    }

    /// The message's name in this version.
    func name(of code: NDMPMessageCode) -> String {
        NDMPCatalogue.row(code, version: version)?.name ?? "message 0x" + String(code.rawValue, radix: 16)
    }
}
