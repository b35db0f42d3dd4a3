// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Console
import DiskIO
import Foundation
import Logging
import ManagementAPI
import Synchronization
import TapeLibrary
import Testing

/// A library in a temporary store, its management API on a socket, and a client: everything but the program.
struct ConsoleRig {
    let library: Library
    let client: ManagementClient
    let folder: String

    /// Runs `body` against a daemon of two drives, six slots, one mail slot and three cartridges of 4 MiB.
    static func run(_ body: @Sendable @escaping (ConsoleRig) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/console-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let disk = POSIXDisk()
        let cartridges = LibraryConfiguration.NewCartridges(count: 3, capacityBytes: 4 << 20)
        let configuration = LibraryConfiguration(drives: 2, slots: 6, mailSlots: 1, cartridges: cartridges)
        let library = try Library.open(store: folder + "/store", disk: disk, configuration: configuration)
        let socket = folder + "/s"
        let backend = LibraryBackend(
            library: library,
            disk: disk,
            ndmp: NoNDMP(),
            facts: DaemonFacts(version: "test", pid: 1, started: .now),
            doors: DoorsReport(ndmp: nil, http: .init(socket: socket, url: nil))
        )
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let (running, isRunning) = AsyncStream.makeStream(of: Void.self)
        let server = ConsoleServer(.socket(path: socket), backend: backend, logger: logger) { _ in isRunning.yield() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask {
                var iterator = running.makeAsyncIterator()
                _ = await iterator.next()
                try await body(ConsoleRig(library: library, client: ManagementClient(socket: socket), folder: folder))
            }
            defer { group.cancelAll() }
            // The body ends first, well or badly; the server only when it cannot bind.
            try await group.next()
        }
        try library.close()
    }

    /// The error that `body` ends with.
    static func failure(_ body: () async throws(APIError) -> Void) async -> APIError? {
        do throws(APIError) {
            try await body()
            return nil
        } catch { return error }
    }
}

/// A daemon without an NDMP door.
struct NoNDMP: NDMPDoor {
    func sessions() -> [SessionReport] { [] }

    func settings() -> NDMPSettingsReport {
        NDMPSettingsReport(
            host: "",
            port: 0,
            dataPorts: "any",
            advertisedAddresses: [],
            acceptTimeoutSeconds: 0,
            connectTimeoutSeconds: 0,
            authentication: [],
            user: "",
            maximumSessions: 0,
            strict: false
        )
    }

    func change(_ request: ChangeNDMPSettingsRequest) throws(APIError) {
        throw APIError(.refused, "there is no NDMP door")
    }
}
