// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import HTTPTypes
import Hummingbird
import ManagementAPI
import NIOCore

/// Turns every failure into the error envelope, and marks every answer with the API's version.
struct ErrorEnvelopes: RouterMiddleware {
    typealias Context = BasicRequestContext

    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as APIError {
            response = Self.response(error)
        } catch let error as HTTPError where error.status == .notFound {
            response = Self.response(APIError(.notFound, "there is no \(request.uri.path.prefix(200)) in this API"))
        } catch is NIOTooManyBytesError {
            response = Self.response(
                APIError(.tooLarge, "the request body is larger than \(ManagementAPI.requestLimitBytes) bytes")
            )
        } catch let error as HTTPError {
            let code: ErrorCode = error.status.kind == .clientError ? .invalid : .failure
            response = Self.response(APIError(code, error.body ?? error.status.reasonPhrase))
            response.status = error.status
        } catch {
            context.logger.error("management request failed", metadata: ["error": "\(error)"])
            response = Self.response(APIError(.failure, "the daemon failed: \(error)"))
        }
        if let name = HTTPField.Name(ManagementAPI.versionHeader) {
            response.headers[name] = String(ManagementAPI.version)
        }
        return response
    }

    static func response(_ error: APIError) -> Response {
        var response = (try? jsonResponse(ErrorEnvelope(error))) ?? Response(status: .internalServerError)
        response.status = .init(code: error.code.httpStatus)
        return response
    }
}

/// Guards the TCP door against web pages: a browser sends its page's `Origin`, and a rebound name shows in `Host`.
struct LoopbackOnly: RouterMiddleware {
    typealias Context = BasicRequestContext

    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        guard Self.isLoopback(request.head.authority ?? "") else {
            throw APIError(
                .permission,
                "the management API answers only to the names localhost, 127.0.0.1 and [::1]",
                hint: "there is no way to log in yet, so it must not be reachable under any other name"
            )
        }
        if let origin = request.headers[.origin] {
            let host = origin.split(separator: "/", maxSplits: 2).last.map(String.init) ?? ""
            guard Self.isLoopback(host) else {
                throw APIError(.permission, "requests from the web page \(origin.prefix(100)) are refused")
            }
        }
        return try await next(request, context)
    }

    /// Whether `authority` (a host with or without a port) is a name of this machine's loopback.
    static func isLoopback(_ authority: String) -> Bool {
        var host = Substring(authority.lowercased())
        if host.hasPrefix("[") {
            host = host.dropFirst().prefix { $0 != "]" }
        } else if let colon = host.lastIndex(of: ":") {
            host = host[..<colon]
        }
        return host == "localhost" || host == "127.0.0.1" || host == "::1"
    }
}

/// A JSON answer with sorted keys and a newline at its end.
func jsonResponse(_ value: some Encodable) throws -> Response {
    var bytes = try ManagementAPI.encode(value)
    bytes.append(UInt8(ascii: "\n"))
    return Response(
        status: .ok,
        headers: [.contentType: "application/json"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
    )
}
