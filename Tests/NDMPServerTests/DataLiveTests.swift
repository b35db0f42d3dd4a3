// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Foundation
import NDMPProtocol
import Sockets
import Testing
import WireFormat

@testable import NDMPServer

/// A directory with a tree to back up and room to restore to, exported by a live server.
final class DataTree {
    let root: String
    var source: String { root + "/source" }
    var target: String { root + "/target" }
    let content: [String: Data]

    /// - Parameter bytes: size of the largest file.
    init(bytes: Int = 300_000) throws {
        root = NSTemporaryDirectory() + "capstan-data-\(UUID().uuidString)"
        content = [
            "a/b/small": Data("hello".utf8), "a/large": Data(MoverRig.stream(bytes)), "empty": Data(),
        ]
        let files = FileManager.default
        try files.createDirectory(atPath: root + "/target", withIntermediateDirectories: true)
        for (path, data) in content {
            let url = URL(fileURLWithPath: root + "/source/" + path)
            try files.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try data.write(to: url)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func export(_ configuration: inout NDMPConfiguration, writable: Bool = true) {
        configuration.stateDirectory = root + "/state"
        configuration.settings.exports = (try? Exports([Export(path: root, isWritable: writable)])) ?? Exports()
    }

    func restored(_ path: String, below place: String? = nil) -> Data? {
        FileManager.default.contents(atPath: (place ?? target) + "/" + path)
    }

    var isRestored: Bool { content.allSatisfy { restored($0.key) == $0.value } }
}

/// DATA requests of an everyday client.
extension LiveClient {
    func variables(_ pairs: [String: String]) -> [NDMPVariable] {
        pairs.sorted { $0.key < $1.key }.map { NDMPVariable(name: XDRString($0.key), value: XDRString($0.value)) }
    }

    func startBackup(
        _ pairs: [String: String],
        type: XDRString = "tar",
        mover: DataAddress = .local
    ) throws -> NDMPError {
        let body = DataStartBackupRequest(moverAddress: mover, backupType: type, environment: variables(pairs))
        return try error(.dataStartBackup, body)
    }

    func startRecover(
        _ pairs: [String: String],
        names: [NameListEntry] = [],
        mover: DataAddress = .local
    ) throws -> NDMPError {
        let body = DataStartRecoverRequest(
            moverAddress: mover,
            environment: variables(pairs),
            names: names,
            backupType: "tar"
        )
        return try error(.dataStartRecover, body)
    }

    func dataState() throws -> DataGetStateReply { try request(.dataGetState, EmptyBody()) }

    func moverListen(_ mode: MoverMode, _ type: AddressType = .local) throws -> DataAddress {
        let reply: MoverListenReply = try request(.moverListen, MoverListenRequest(mode: mode, addressType: type))
        #expect(reply.error == .noError)
        return reply.address
    }

    func dataListen(_ type: AddressType = .local) throws -> DataAddress {
        let reply: DataListenReply = try request(.dataListen, DataListenRequest(addressType: type))
        #expect(reply.error == .noError)
        return reply.address
    }

    func prepareTape(_ name: String = "nst0") throws {
        #expect(try openTape(name, version == 2 ? .readWrite : .raw) == .noError)
        #expect(try error(.moverSetRecordSize, MoverSetRecordSizeRequest(length: 10_240)) == .noError)
    }

    /// Both services back to IDLE, the tape at its beginning.
    func stopBoth() throws {
        let data: NotifyDataHaltedPost = try post(.notifyDataHalted)
        #expect(data.reason == .successful)
        let mover: NotifyMoverHaltedPost = try post(.notifyMoverHalted)
        #expect(mover.reason == .connectClosed)
        #expect(try error(.dataStop) == .noError)
        #expect(try error(.moverStop) == .noError)
        #expect(try mtio(.writeFilemarks).error == .noError)
        #expect(try mtio(.rewind).error == .noError)
    }

    /// The next log line that has the words.
    func logLine(_ words: String) throws -> String {
        while true {
            let line = version == 2 ? try textLine() : try messageLine()
            if line.contains(words) { return line }
        }
    }

    private func textLine() throws -> String { try post(.logText, as: LogTextPost.self).entry.text }
    private func messageLine() throws -> String { try post(.logMessage, as: LogMessagePost.self).entry.text }
}

@Suite("The data service over a live socket", .serialized)
struct DataLiveTests {
    private func live(_ tree: DataTree, writable: Bool = true) throws -> LiveServer {
        try LiveServer { tree.export(&$0, writable: writable) }
    }

    @Test("LOCAL, the mover listens: a tree comes back whole", arguments: 2...4)
    func moverListens(version: Int) throws {
        let tree = try DataTree()
        let live = try live(tree)
        let client = try LiveClient.loggedIn(port: live.port, version: version)
        try client.prepareTape()
        _ = try client.moverListen(.read)
        if version > 2 { #expect(try client.error(.dataConnect, DataConnectRequest(address: .local)) == .noError) }
        #expect(try client.startBackup(["FILESYSTEM": tree.source, "HIST": "f"]) == .noError)
        try client.stopBoth()
        _ = try client.moverListen(.write)
        if version > 2 { #expect(try client.error(.dataConnect, DataConnectRequest(address: .local)) == .noError) }
        #expect(try client.startRecover(["PREFIX": tree.target]) == .noError)
        try client.stopBoth()
        #expect(tree.isRestored)
        #expect(!client.posts.contains { $0.code == NDMPMessageCode.notifyDataRead.rawValue })
    }

    @Test("LOCAL, the data service listens: a tree comes back whole", arguments: 3...4)
    func dataListens(version: Int) throws {
        let tree = try DataTree()
        let live = try live(tree)
        let client = try LiveClient.loggedIn(port: live.port, version: version)
        try client.prepareTape()
        for mode in [MoverMode.read, .write] {
            _ = try client.dataListen()
            #expect(try client.dataState().state == .listen)
            #expect(try client.error(.moverConnect, MoverConnectRequest(mode: mode, address: .local)) == .noError)
            #expect(try client.dataState().state == .connected)
            let variables = ["FILESYSTEM": mode == .read ? tree.source : tree.target]
            let error = try mode == .read ? client.startBackup(variables) : client.startRecover(variables)
            #expect(error == .noError)
            try client.stopBoth()
        }
        #expect(tree.isRestored)
    }

    @Test("TCP in both directions, the bytes asked for by NOTIFY_DATA_READ", arguments: 3...4)
    func tcp(version: Int) throws {
        let tree = try DataTree()
        let live = try live(tree)
        let client = try LiveClient.loggedIn(port: live.port, version: version)
        try client.prepareTape()
        let port = try client.moverListen(.read, .tcp)
        #expect(try client.error(.dataConnect, DataConnectRequest(address: port)) == .noError)
        #expect(try client.startBackup(["FILESYSTEM": tree.source]) == .noError)
        try client.stopBoth()
        let dataPort = try client.dataListen(.tcp)
        #expect(try client.error(.moverConnect, MoverConnectRequest(mode: .write, address: dataPort)) == .noError)
        #expect(try client.startRecover(["PREFIX": tree.target]) == .noError)
        let wanted: NotifyDataReadPost = try client.post(.notifyDataRead)
        #expect(wanted == NotifyDataReadPost(offset: 0, length: .max))
        let read = MoverReadRequest(offset: wanted.offset, length: wanted.length)
        #expect(try client.error(.moverRead, read) == .noError)
        try client.stopBoth()
        #expect(tree.isRestored)
    }

    @Test("v2 carries the mover's address in the start, and the connection is made then")
    func version2() throws {
        let tree = try DataTree()
        let live = try live(tree)
        let client = try LiveClient.loggedIn(port: live.port, version: 2)
        try client.prepareTape()
        let port = try client.moverListen(.read, .tcp)
        #expect(try client.startBackup(["FILESYSTEM": tree.source], mover: port) == .noError)
        try client.stopBoth()
        let closed = DataAddress.tcp(ip: SocketAddress.loopbackIPv4, port: 1)
        #expect(try client.startBackup(["FILESYSTEM": tree.source], mover: closed) == .io)
        #expect(try client.logLine("127.0.0.1:1").contains("refused"))
        #expect(try client.dataState().state == .idle)
    }

    @Test("The environment after a backup: what came, and what the backup found out")
    func environment() throws {
        let tree = try DataTree()
        let live = try live(tree)
        let client = try LiveClient.loggedIn(port: live.port)
        try client.prepareTape()
        _ = try client.moverListen(.read)
        #expect(try client.error(.dataConnect, DataConnectRequest(address: .local)) == .noError)
        let sent = ["FILESYSTEM": tree.source + "/", "HIST": "f", "X_SITE": "north", "LEVEL": "0"]
        let early: DataGetEnvironmentReply = try client.request(.dataGetEnvironment, EmptyBody())
        #expect(early.error == .illegalState)
        #expect(try client.startBackup(sent) == .noError)
        let halted: NotifyDataHaltedPost = try client.post(.notifyDataHalted)
        #expect(halted.reason == .successful)
        let reply: DataGetEnvironmentReply = try client.request(.dataGetEnvironment, EmptyBody())
        let known = Dictionary(reply.environment.map { ($0.name.text, $0.value.text) }) { $1 }
        for (name, value) in sent { #expect(known[name] == value) }
        #expect(known["PATHNAME_SEPARATOR"] == "/")
        #expect(known["DMP_NAME"] == tree.source)
        #expect(Int64(known["DUMP_DATE"] ?? "") ?? 0 > 1_600_000_000)
        #expect(try client.dataState().bytesProcessed > 300_000)
        let files: FileHistoryAddFilePost = try client.post(.fileHistoryAddFile)
        #expect(files.files.first?.names == [.unix("/")])
        #expect(files.files.contains { $0.names == [.unix("/a/b/small")] })
    }

    @Test("What is not exported is refused, and the log says what is and how to add more", arguments: 2...4)
    func notExported(version: Int) throws {
        let tree = try DataTree()
        let live = try live(tree)
        let client = try LiveClient.loggedIn(port: live.port, version: version)
        try client.prepareTape()
        _ = try client.moverListen(.read)
        if version > 2 { #expect(try client.error(.dataConnect, DataConnectRequest(address: .local)) == .noError) }
        for place in ["/etc", tree.root + "/../", tree.source + "/none"] {
            #expect(try client.startBackup(["FILESYSTEM": place]) == .illegalArguments)
            _ = try client.logLine(place == tree.source + "/none" ? "No such file" : tree.root)
        }
        #expect(try client.startBackup([:]) == .illegalArguments)
        #expect(try client.logLine("FILESYSTEM is missing").contains("--export"))
        #expect(try client.startBackup(["FILESYSTEM": tree.source], type: "zfs") == .illegalArguments)
        #expect(try client.logLine("zfs").contains("tar, dump"))
        #expect(try client.startBackup(["FILESYSTEM": tree.source]) == .noError, "the connection is still there")
    }

    @Test("A recovery cannot leave the exports, nor write to one that is read-only")
    func recoverOutside() throws {
        let tree = try DataTree()
        let live = try live(tree, writable: false)
        let client = try LiveClient.loggedIn(port: live.port)
        try client.prepareTape()
        _ = try client.moverListen(.write)
        #expect(try client.error(.dataConnect, DataConnectRequest(address: .local)) == .noError)
        #expect(try client.startRecover(["FILESYSTEM": tree.target]) == .illegalArguments)
        _ = try client.logLine("read-only")
        let outside = NameListEntry(originalPath: "/a", destination: "/etc/passwd")
        #expect(try client.startRecover(["FILESYSTEM": tree.target], names: [outside]) == .illegalArguments)
        _ = try client.logLine("no export holds it")
        let above = NameListEntry(originalPath: "../a")
        #expect(try client.startRecover(["FILESYSTEM": tree.target], names: [above]) == .illegalArguments)
        let nowhere = NameListEntry(originalPath: "a")
        #expect(try client.startRecover([:], names: [nowhere]) == .illegalArguments)
    }
}
