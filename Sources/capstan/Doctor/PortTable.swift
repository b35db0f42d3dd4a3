// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation

/// Which TCP ports of this machine are in use, from `/proc`.
struct PortTable: Sendable {
    struct Entry: Sendable, Equatable {
        var port: UInt16
        var isListening: Bool
        var inode: UInt64
    }

    /// Largest table that is read: some 100,000 connections.
    private static let tableBytes = 32 << 20
    /// Processes that are looked into for the owner of a socket.
    private static let processLimit = 65_536
    /// TCP_LISTEN and TCP_TIME_WAIT of the kernel's tcp_states.h, as the table shows them.
    private static let listening = "0A"
    private static let timeWait = "06"

    let entries: [Entry]
    private let root: String

    /// - Parameter root: of the process file system.
    init(root: String = "/proc") {
        self.root = root
        entries = ["/net/tcp", "/net/tcp6"].flatMap { Self.read(root + $0) }
    }

    /// Those with a port in `range`, one per port, listeners first.
    func inUse(_ range: ClosedRange<UInt16>) -> [Entry] {
        var found: [UInt16: Entry] = [:]
        for entry in entries where range.contains(entry.port) {
            if let known = found[entry.port], known.isListening || !entry.isListening { continue }
            found[entry.port] = entry
        }
        return found.values.sorted { $0.port < $1.port }
    }

    /// Process number and name of the owners of sockets, as far as this user may see them.
    func owners(of inodes: Set<UInt64>) -> [UInt64: (pid: Int32, name: String)] {
        guard !inodes.isEmpty else { return [:] }
        let files = FileManager.default
        let processes = ((try? files.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int32($0) }
        var owners: [UInt64: (pid: Int32, name: String)] = [:]
        for pid in processes.prefix(Self.processLimit) where owners.count < inodes.count {
            let folder = "\(root)/\(pid)/fd"
            for descriptor in (try? files.contentsOfDirectory(atPath: folder)) ?? [] {
                guard let target = try? files.destinationOfSymbolicLink(atPath: folder + "/" + descriptor),
                    target.hasPrefix("socket:["), let inode = UInt64(target.dropFirst(8).dropLast()),
                    inodes.contains(inode)
                else { continue }
                owners[inode] = (pid, name(of: pid))
            }
        }
        return owners
    }

    private func name(of pid: Int32) -> String {
        let bytes = FileManager.default.contents(atPath: "\(root)/\(pid)/comm") ?? Data()
        return String(String(decoding: bytes, as: UTF8.self).trimmingBlanks())
    }

    /// `  0: 0100007F:2710 00000000:0000 0A …`: local address and port in hexadecimal, then the state; the tenth column is
    /// the inode.
    private static func read(_ path: String) -> [Entry] {
        guard let handle = FileHandle(forReadingAtPath: path),
            let bytes = try? handle.read(upToCount: tableBytes)
        else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst().compactMap { line in
            let columns = line.split(separator: " ", omittingEmptySubsequences: true)
            guard columns.count > 9, columns[3] != timeWait,
                let port = columns[1].split(separator: ":").last.flatMap({ UInt16($0, radix: 16) }),
                let inode = UInt64(columns[9])
            else { return nil }
            return Entry(port: port, isListening: columns[3] == listening, inode: inode)
        }
    }
}
