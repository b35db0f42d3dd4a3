// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What the management API says about itself, and how its bodies are written.
package enum ManagementAPI {
    /// Raised when a change would make an older client misread an answer.
    package static let version = 1
    /// Header of every answer: the API version that the daemon speaks.
    package static let versionHeader = "Capstan-API"
    /// Trailer of a streamed answer: the error envelope of a failure that came after the first byte.
    package static let errorTrailer = "Capstan-Error"
    /// Largest JSON request body: the longest request names two elements and a label.
    package static let requestLimitBytes = 64 * 1024
    /// Largest JSON answer that the client keeps in memory: 65,536 elements at 200 bytes each, and room.
    package static let answerLimitBytes = 32 * 1024 * 1024
    /// Longest line of a streamed answer.
    package static let lineLimitBytes = 64 * 1024
    /// Unit in which the contents of cartridges travel.
    package static let imageChunkBytes = 256 * 1024

    /// JSON with sorted keys, so that two answers can be compared with `diff`.
    package static func encode(_ value: some Encodable, pretty: Bool = false) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            pretty ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    /// Reads a value of `type`; keys that this version does not know are ignored.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}

/// The paths of the API. A barcode in a path is percent-encoded by the client and checked by the daemon.
package enum APIPath {
    package static let status = "/v1/status"
    package static let inventory = "/v1/inventory"
    package static let drives = "/v1/drives"
    package static let moves = "/v1/moves"
    package static let loads = "/v1/loads"
    package static let unloads = "/v1/unloads"
    package static let imports = "/v1/imports"
    package static let exports = "/v1/exports"
    package static let cartridges = "/v1/cartridges"
    package static let sessions = "/v1/ndmp/sessions"
    package static let ndmpSettings = "/v1/ndmp/settings"
    package static let events = "/v1/events"

    /// One cartridge, or one thing about it (`verify`, `contents`).
    package static func cartridge(_ barcode: String, _ part: String? = nil) -> String {
        let base = cartridges + "/" + escaped(barcode)
        guard let part else { return base }
        return base + "/" + part
    }

    /// One cartridge, with the tape files from number `from` on, so many of each partition.
    package static func cartridge(_ barcode: String, from: UInt64, files: Int) -> String {
        cartridge(barcode) + "?from=\(from)&files=\(files)"
    }

    /// Percent-encodes everything but the unreserved characters (RFC 3986 clause 2.3).
    package static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: result.unicodeScalars.append(scalar)
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                result += "%" + (hex.count == 1 ? "0" : "") + hex
            }
        }
        return result
    }
}
