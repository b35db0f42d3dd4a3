// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

#if canImport(Glibc)
    import Glibc
#endif

/// Where the management socket is, so that a daemon and its clients agree without being told.
package enum SocketPath {
    /// `sun_path` of `sockaddr_un` holds 108 bytes on Linux, the last of them a NUL.
    package static let limitBytes = 107
    package static let fileName = "capstan.sock"
    /// Store used when none is named.
    package static let defaultStore = "capstan-data"

    /// `path` made absolute against `directory`, with `.` and `..` resolved by name.
    package static func absolute(_ path: String, from directory: String) -> String {
        let joined = path.hasPrefix("/") ? path : directory + "/" + path
        var parts: [Substring] = []
        for part in joined.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// The socket of the daemon that serves `store` (an absolute path).
    ///
    /// It lies in the store; where that path is too long for the kernel, in the per-user directory under a
    /// name made from the store's path.
    package static func inStore(_ store: String, userDirectory: String) -> String {
        let path = store + "/" + fileName
        guard path.utf8.count > limitBytes else { return path }
        return userDirectory + "/" + hexadecimal(fnv1a(store)) + ".sock"
    }

    /// A directory for this user's sockets: `$XDG_RUNTIME_DIR/capstan`, else `/tmp/capstan-UID`.
    package static func userDirectory(environment: [String: String], user: UInt32) -> String {
        if let runtime = environment["XDG_RUNTIME_DIR"], runtime.hasPrefix("/"), runtime.utf8.count < 64 {
            return runtime + "/capstan"
        }
        return "/tmp/capstan-\(user)"
    }

    /// The name under which any command finds the user's first daemon, wherever it is called.
    package static func perUser(_ userDirectory: String) -> String { userDirectory + "/" + fileName }

    /// The sockets to try, in order. An explicit one is the only one.
    package static func candidates(
        explicit: String?,
        environment: [String: String],
        workingDirectory: String,
        user: UInt32
    ) -> [String] {
        if let explicit { return [explicit] }
        if let named = environment["CAPSTAN_SOCKET"], !named.isEmpty { return [named] }
        let directory = userDirectory(environment: environment, user: user)
        let store = environment["CAPSTAN_STORE"].flatMap { $0.isEmpty ? nil : $0 } ?? defaultStore
        return [inStore(absolute(store, from: workingDirectory), userDirectory: directory), perUser(directory)]
    }

    /// The first candidate that exists and is a socket of this user's choosing, else the first candidate.
    package static func find(explicit: String?, environment: [String: String]) -> String {
        let all = candidates(
            explicit: explicit,
            environment: environment,
            workingDirectory: FileManager.default.currentDirectoryPath,
            user: geteuid()
        )
        let directory = userDirectory(environment: environment, user: geteuid())
        for path in all where FileManager.default.fileExists(atPath: path) {
            // Anybody can make a directory in /tmp: a per-user one counts only if it is ours.
            if path.hasPrefix(directory + "/"), !isPrivate(directory) { continue }
            return path
        }
        return all.first ?? defaultStore + "/" + fileName
    }

    /// True when `directory` belongs to this user and nobody else may write to it. A link is not followed.
    package static func isPrivate(_ directory: String) -> Bool {
        var status = stat()
        // lstat fills the local structure and nothing else.
        guard unsafe lstat(directory, &status) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid() && status.st_mode & 0o022 == 0
    }

    /// Error for a path that the kernel cannot bind or connect to; nil when it can.
    package static func problem(with path: String) -> APIError? {
        let length = path.utf8.count
        guard length > limitBytes else { return nil }
        return APIError(
            .invalid,
            "the socket path \(path) has \(length) bytes; the kernel takes at most \(limitBytes)",
            hint: "name a shorter one with --socket or CAPSTAN_SOCKET, e.g. /tmp/capstan.sock"
        )
    }

    /// FNV-1a, 64 bits: spreads paths well enough and needs no library.
    private static func fnv1a(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
