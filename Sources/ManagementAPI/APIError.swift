// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// Why a request was not carried out. The raw value is part of the API.
package enum ErrorCode: String, Codable, Sendable, CaseIterable {
    /// The request or the command line does not make sense as written.
    case invalid
    case notFound = "not_found"
    /// Somebody else uses the drive or the cartridge; trying again later may work.
    case busy
    /// Understood, but the library's rules forbid it in this state (destination full, wrong generation).
    case refused
    /// Data on disk is not what was written.
    case damaged
    case outOfSpace = "out_of_space"
    case storeInUse = "store_in_use"
    case portInUse = "port_in_use"
    case noDaemon = "no_daemon"
    case permission
    /// Client and daemon come from different versions.
    case version
    case tooLarge = "too_large"
    /// The daemon failed in a way it did not foresee.
    case failure

    /// HTTP status of an answer that carries this code.
    package var httpStatus: Int {
        switch self {
        case .invalid: 400
        case .permission: 403
        case .notFound: 404
        case .busy: 423
        case .refused, .storeInUse, .portInUse: 409
        case .damaged: 422
        case .tooLarge: 413
        case .outOfSpace: 507
        case .version: 426
        case .noDaemon: 503
        case .failure: 500
        }
    }

    /// Exit code of the program; the table is in `docs/reference/cli.md`.
    package var exitCode: Int32 {
        switch self {
        case .failure, .version, .tooLarge: 1
        case .noDaemon: 3
        case .busy: 4
        case .notFound: 5
        case .refused: 6
        case .storeInUse: 7
        case .portInUse: 8
        case .damaged: 9
        case .outOfSpace: 10
        case .permission: 11
        case .invalid: 64
        }
    }

    /// One line for the table of exit codes.
    package var meaning: String {
        switch self {
        case .invalid: "the command line or the request does not make sense as written"
        case .notFound: "no such cartridge, slot, drive or file"
        case .busy: "a drive or cartridge is in use by somebody else; trying again later may work"
        case .refused: "understood, but not possible in this state (destination full, wrong generation, protected)"
        case .damaged: "data on disk is not what was written"
        case .outOfSpace: "the file system of the store is full"
        case .storeInUse: "another daemon uses the store"
        case .portInUse: "the address or port cannot be bound"
        case .noDaemon: "no daemon answers at the socket"
        case .permission: "the operating system does not let this user do it"
        case .version: "client and daemon come from different versions"
        case .tooLarge: "a request or an answer is larger than its limit"
        case .failure: "any other failure"
        }
    }
}

/// A failure that a person can act on: a sentence, and what to do next.
package struct APIError: Error, Codable, Sendable, Equatable {
    package var code: ErrorCode
    /// One sentence without a full stop, naming the object.
    package var message: String
    /// What the operator can do; nil when there is nothing sensible to say.
    package var hint: String?

    package init(_ code: ErrorCode, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    private enum CodingKeys: String, CodingKey { case code, message, hint }

    /// An unknown code of a newer daemon reads as `failure`; its sentence is what matters.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        code = ErrorCode(rawValue: try container.decode(String.self, forKey: .code)) ?? .failure
        message = try container.decode(String.self, forKey: .message)
        hint = try container.decodeIfPresent(String.self, forKey: .hint)
    }
}

/// The body of every answer that is not a success.
package struct ErrorEnvelope: Codable, Sendable, Equatable {
    package var error: APIError

    package init(_ error: APIError) { self.error = error }
}
