// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Foundation
import ManagementAPI

/// What `--ready-file` tells the program that started the daemon.
struct ReadyFile: Codable, Sendable, Equatable {
    struct NDMP: Codable, Sendable, Equatable {
        var host: String
        var port: Int
        var user: String
        var password: String
        /// `A-B`, or `any`.
        var dataPorts: String
        /// `PATH` or `PATH:ro`.
        var exports: [String]
        var tapes: [String]
        var changers: [String]
    }

    struct HTTP: Codable, Sendable, Equatable {
        var socket: String
        var url: String?
    }

    struct Library: Codable, Sendable, Equatable {
        var drives: Int
        var slots: Int
        var mailSlots: Int
    }

    var pid: Int32
    var version: String
    var store: String
    var ndmp: NDMP
    var http: HTTP
    /// Absolute path of the mounted filesystem; absent when nothing is mounted.
    var mount: String?
    var library: Library

    func write(to path: String) throws(APIError) { try Self.write(self, to: path) }

    /// Writes the file whole or not at all, readable for its owner only: it holds the password.
    static func write(_ value: some Encodable, to path: String) throws(APIError) {
        let draft = path + ".\(getpid()).new"
        do {
            let bytes = try ManagementAPI.encode(value, pretty: true)
            let made = FileManager.default.createFile(
                atPath: draft,
                contents: Data(bytes + [UInt8(ascii: "\n")]),
                attributes: [.posixPermissions: 0o600]
            )
            guard made else { throw CocoaError(.fileWriteUnknown) }
            try POSIXDisk().rename(from: draft, to: path)
        } catch {
            try? FileManager.default.removeItem(atPath: draft)
            throw APIError(.permission, "the ready file \(path) cannot be written", hint: "check --ready-file")
        }
    }
}

/// Wall-clock time.
enum SystemTime {
    static func secondsSince1970() -> Double { Date().timeIntervalSince1970 }
}
