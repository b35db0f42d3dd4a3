// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import GRDB
import NDMPClient

/// Why a job or a look into the catalogue did not do what was asked: a sentence, and what to try next.
package struct DMAError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// What was asked for makes no sense as written.
        case invalid
        /// No such image, path, cartridge, drive or server.
        case notFound
        /// Somebody else uses the drive or the cartridge.
        case busy
        /// A rule forbids it: a foreign cartridge, a path that is not exported, a wrong password.
        case refused
        /// What is on the tape is not what the catalogue says, or cannot be read.
        case damaged
        /// No cartridge is left to write to.
        case outOfMedia
        /// The caller asked to stop.
        case aborted
        /// The job went through, but not for every file.
        case incomplete
        case failure
    }

    package var kind: Kind
    /// One sentence without a full stop that names the object.
    package var message: String
    /// What to try next; nil when there is nothing sensible to say.
    package var hint: String?

    package init(_ kind: Kind, _ message: String, hint: String? = nil) {
        self.kind = kind
        self.message = message
        self.hint = hint
    }

    package var description: String { message }

    /// Any error of this module, of the NDMP client or of SQLite as one of ours.
    package init(_ error: any Error) {
        switch error {
        case let error as DMAError: self = error
        case let error as NDMPClientError: self.init(error)
        case let error as DatabaseError:
            self.init(
                .failure,
                "the catalogue failed: \(error.message ?? "SQLite error \(error.resultCode.rawValue)")",
                hint: "check that its directory is writable and has room, or name another one with --catalogue"
            )
        default: self.init(.failure, "\(error)")
        }
    }

    private init(_ error: NDMPClientError) {
        var sentence = error.description
        if sentence.hasSuffix(".") { sentence.removeLast() }
        switch error.kind {
        case .unknownHost, .connectionRefused, .connectionSilent, .unreachable, .noGreeting, .notNDMP:
            self.init(.notFound, sentence, hint: "`capstan doctor ndmp HOST:PORT` looks into it step by step")
        case .authenticationRefused, .noCommonAuthentication:
            self.init(.refused, sentence, hint: "give --user, and --password or CAPSTAN_NDMP_PASSWORD")
        case .turnedAway:
            self.init(.busy, sentence, hint: "`capstan ndmp set sessions=N` allows more sessions")
        case .refused(_, .deviceBusy): self.init(.busy, sentence, hint: "another session uses it; try again later")
        case .refused(_, .noDevice):
            self.init(.notFound, sentence, hint: "`capstan doctor ndmp HOST:PORT` lists the devices")
        case .refused(_, .notAuthorized), .refused(_, .permission), .refused(_, .writeProtected),
            .refused(_, .illegalArguments):
            self.init(.refused, sentence)
        default: self.init(.failure, sentence)
        }
    }
}
