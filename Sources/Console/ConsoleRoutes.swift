// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Hummingbird
import ManagementAPI

/// The routes of the management API, the same on every socket.
struct ConsoleRoutes: Sendable {
    typealias Context = BasicRequestContext

    let backend: any ManagementBackend

    func add(to router: Router<Context>) {
        addLibrary(to: router)
        addCartridges(to: router)
        addStreams(to: router)
        addNDMP(to: router)
    }

    private func addLibrary(to router: Router<Context>) {
        let backend = backend
        router.get("/v1/status") { _, _ in try jsonResponse(try await backend.status()) }
        router.get("/v1/inventory") { _, _ in try jsonResponse(try await backend.inventory()) }
        router.get("/v1/drives") { _, _ in
            try jsonResponse(["drives": try await backend.status().drives])
        }
        router.post("/v1/moves") { request, _ in
            try jsonResponse(try await backend.move(try await Self.body(request)))
        }
        router.post("/v1/loads") { request, _ in
            try jsonResponse(try await backend.load(try await Self.body(request)))
        }
        router.post("/v1/unloads") { request, _ in
            try jsonResponse(try await backend.unload(try await Self.body(request)))
        }
        router.post("/v1/imports") { request, _ in
            try jsonResponse(try await backend.importCartridge(try await Self.body(request)))
        }
        router.post("/v1/exports") { request, _ in
            try jsonResponse(try await backend.exportCartridge(try await Self.body(request)))
        }
    }

    private func addCartridges(to router: Router<Context>) {
        let backend = backend
        router.get("/v1/cartridges") { _, _ in try jsonResponse(try await backend.cartridges()) }
        router.post("/v1/cartridges") { request, _ in
            try jsonResponse(try await backend.createCartridges(try await Self.body(request)))
        }
        router.get("/v1/cartridges/:barcode") { request, context in
            let barcode = try Self.barcode(context)
            let first: UInt64 = try Self.number("from", 0...UInt64(UInt32.max), of: request) ?? 0
            let limit = try Self.number("files", 1...CartridgeReport.filesLimit, of: request)
            let files = limit ?? CartridgeReport.filesDefault
            return try jsonResponse(try await backend.cartridge(barcode, from: first, files: files))
        }
        router.patch("/v1/cartridges/:barcode") { request, context in
            let barcode = try Self.barcode(context)
            return try jsonResponse(try await backend.changeCartridge(barcode, try await Self.body(request)))
        }
        router.delete("/v1/cartridges/:barcode") { _, context in
            try await backend.deleteCartridge(try Self.barcode(context))
            return try jsonResponse(DoneReport())
        }
    }

    private func addStreams(to router: Router<Context>) {
        let backend = backend
        router.post("/v1/cartridges/:barcode/verify") { _, context in
            let lines = try await backend.verify(try Self.barcode(context))
            return try await Streams.lines(lines)
        }
        router.get("/v1/cartridges/:barcode/contents") { _, context in
            Streams.image(try await backend.imageSource(try Self.barcode(context)))
        }
        router.put("/v1/cartridges/:barcode/contents") { request, context in
            let sink = try await backend.imageSink(try Self.barcode(context))
            return try jsonResponse(try await Streams.fill(sink, from: request.body))
        }
        router.get("/v1/events") { request, _ in
            let wantsEvents = request.headers[.accept]?.contains("text/event-stream") ?? false
            return Streams.events(try await backend.events(), serverSent: wantsEvents)
        }
    }

    private func addNDMP(to router: Router<Context>) {
        let backend = backend
        router.get("/v1/ndmp/sessions") { _, _ in try jsonResponse(try await backend.sessions()) }
        router.get("/v1/ndmp/settings") { _, _ in try jsonResponse(try await backend.ndmpSettings()) }
        router.patch("/v1/ndmp/settings") { request, _ in
            try jsonResponse(try await backend.changeNDMPSettings(try await Self.body(request)))
        }
    }

    /// A number in the query; nil when it is not given.
    private static func number<Number: FixedWidthInteger>(
        _ name: String,
        _ range: ClosedRange<Number>,
        of request: Request
    ) throws -> Number? {
        guard let text = request.uri.queryParameters[Substring(name)] else { return nil }
        guard let number = Number(text), range.contains(number) else {
            throw APIError(.invalid, "\"\(name)\" is \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Reads a JSON body of bounded size.
    private static func body<Value: Decodable>(_ request: Request) async throws -> Value {
        let buffer = try await request.body.collect(upTo: ManagementAPI.requestLimitBytes)
        do {
            return try ManagementAPI.decode(Value.self, from: Array(buffer.readableBytesView))
        } catch DecodingError.keyNotFound(let key, _) {
            throw APIError(.invalid, "the request has no \"\(key.stringValue)\"")
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw APIError(.invalid, "\"\(path)\" in the request has the wrong type")
        } catch {
            throw APIError(.invalid, "the request body is not JSON")
        }
    }

    /// The barcode in the path; whether it is a possible one is for the library to say.
    private static func barcode(_ context: Context) throws -> String {
        let text = try context.parameters.require("barcode")
        let barcode = text.removingURLPercentEncoding() ?? text
        guard !barcode.isEmpty, barcode.utf8.count <= 64 else {
            throw APIError(.invalid, "\"\(barcode.prefix(32))…\" is no barcode", hint: "a barcode looks like CAP001L8")
        }
        return barcode
    }
}

extension String {
    /// Decodes `%41` and the like; nil when an escape is broken or the result is no UTF-8.
    func removingURLPercentEncoding() -> String? {
        var bytes: [UInt8] = []
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
