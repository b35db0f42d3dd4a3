// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Foundation
import Logging
import Sockets
import TapeLibrary
import Testing

@testable import NDMPServer

/// A server with a library in a temporary directory: two drives, cartridges of 8 MiB in both.
final class LiveServer {
    let server: NDMPServer
    let library: Library
    let port: UInt16
    private let store: String

    init(_ change: (inout NDMPConfiguration) -> Void = { _ in }) throws {
        store = NSTemporaryDirectory() + "capstan-ndmp-\(UUID().uuidString)"
        var layout = LibraryConfiguration(drives: 2, slots: 4, mailSlots: 0)
        layout.cartridges = LibraryConfiguration.NewCartridges(count: 3, capacityBytes: 8 << 20)
        library = try Library.open(store: store, disk: POSIXDisk(), configuration: layout)
        try library.move(from: .slot(1), to: .drive(0))
        try library.move(from: .slot(2), to: .drive(1))
        var configuration = NDMPConfiguration()
        configuration.listen = [.init(host: "127.0.0.1", port: 0)]
        change(&configuration)
        server = NDMPServer(configuration: configuration, library: library, logger: Logger(label: "test"))
        try server.start()
        port = try #require(server.boundPort)
    }

    deinit {
        server.stop()
        try? library.close()
        try? FileManager.default.removeItem(atPath: store)
    }

    func waitUntil(_ what: String, _ condition: () -> Bool) {
        for _ in 0..<500 where !condition() { _ = Poll.wait([], timeoutMilliseconds: 10) }
        #expect(condition(), "\(what)")
    }
}

/// Collects what a thread receives.
final class ByteBox: @unchecked Sendable {
    private(set) var bytes: [UInt8] = []

    /// Read the bytes only after the thread was joined.
    func fill(from socket: Socket, count: Int) {
        var room = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < count {
            guard case .bytes(let got) = socket.receive(into: &room, at: 0, count: room.count) else { return }
            bytes += room.prefix(got)
        }
    }
}
