// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Console
import Foundation
import ManagementAPI

/// Where the daemon's Unix socket lies, and the link by which commands find it from anywhere.
struct SocketPlace: Sendable {
    let path: String
    /// The link that was made; nil when another daemon has it.
    private let link: String?

    /// Chooses and prepares the path. To be called with the store's lock held: a socket left in the store is stale.
    static func prepare(
        _ explicit: String?,
        store: String,
        userDirectory: String
    ) async throws(APIError) -> SocketPlace {
        let path = explicit ?? SocketPath.inStore(store, userDirectory: userDirectory)
        if let problem = SocketPath.problem(with: path) { throw problem }
        if path.hasPrefix(userDirectory + "/") {
            guard makePrivate(userDirectory) else {
                throw APIError(
                    .permission,
                    "\(userDirectory) cannot be used for the socket: others may write to it",
                    hint: "name another place with --socket"
                )
            }
        }
        if FileManager.default.fileExists(atPath: path) {
            guard isSocket(path) else {
                throw APIError(
                    .refused,
                    "\(path) exists and is no socket",
                    hint: "remove it or name another path with --socket"
                )
            }
            if await isServed(path) {
                throw APIError(
                    .storeInUse,
                    "another capstan daemon answers at \(path)",
                    hint: "name another path with --socket"
                )
            }
            try? FileManager.default.removeItem(atPath: path)
        }
        return SocketPlace(path: path, link: await makeLink(to: path, in: userDirectory))
    }

    /// The error for a socket that cannot be bound.
    static func bindError(_ path: String, _ error: any Error) -> APIError {
        APIError(
            .portInUse,
            "the socket \(path) cannot be made: \(BindFailure.text(error))",
            hint: "name another path with --socket"
        )
    }

    /// Lets only this user connect; the daemon calls this when the socket is bound.
    func protect() {
        try? FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    /// Takes socket and link away.
    func remove() {
        if isSocketStill { try? FileManager.default.removeItem(atPath: path) }
        guard let link, let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link), target == path
        else { return }
        try? FileManager.default.removeItem(atPath: link)
    }

    private var isSocketStill: Bool { Self.isSocket(path) }

    private static func isSocket(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return attributes?[.type] as? FileAttributeType == .typeSocket
    }

    private static func isServed(_ path: String) async -> Bool {
        do throws(APIError) {
            _ = try await ManagementClient(socket: path).get(APIPath.status, as: StatusReport.self)
            return true
        } catch { return error.code != .noDaemon }
    }

    /// The first daemon of a user gets the link; one that is dead loses it.
    private static func makeLink(to path: String, in directory: String) async -> String? {
        let link = SocketPath.perUser(directory)
        guard link != path, makePrivate(directory) else { return nil }
        if (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) != nil {
            guard await !isServed(link) else { return nil }
            try? FileManager.default.removeItem(atPath: link)
        }
        do { try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path) } catch { return nil }
        return link
    }

    private static func makePrivate(_ directory: String) -> Bool {
        if !FileManager.default.fileExists(atPath: directory) {
            try? FileManager.default.createDirectory(
                atPath: directory,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        }
        return SocketPath.isPrivate(directory)
    }
}
