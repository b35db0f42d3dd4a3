// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Foundation
import Testing

/// A directory of the test's own, gone with it.
final class DumpTestDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/dump-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { _ = try? Shell.run("rm -rf '\(path)'") }

    func make(_ name: String) throws -> String {
        let made = path + "/" + name
        try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: true)
        return made
    }
}

enum Shell {
    struct Failure: Error { let output: String }

    /// Standard output and error of a shell script; it has to end well.
    @discardableResult
    static func run(_ script: String, in directory: String = "/") throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "set -e -o pipefail; export LC_ALL=C TZ=UTC PATH=$PATH:/usr/sbin:/sbin; " + script]
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        let output = FileManager.default.temporaryDirectory.path + "/dump-out-" + UUID().uuidString
        _ = FileManager.default.createFile(atPath: output, contents: nil)
        defer { try? FileManager.default.removeItem(atPath: output) }
        let handle = try #require(FileHandle(forUpdatingAtPath: output))
        process.standardInput = FileHandle.nullDevice
        try handle.truncate(atOffset: 0)
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        process.waitUntilExit()
        let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: output)), as: UTF8.self)
        guard process.terminationStatus == 0 else { throw Failure(output: script + "\n" + text) }
        return text
    }

    /// What rsync would have to change to make the trees equal: links, attributes, ACLs, owners, times, contents.
    static func differences(_ left: String, _ right: String) throws -> String {
        try run("rsync -naAXHci --devices --specials --delete '\(left)/' '\(right)/'")
    }
}

final class DumpMemorySink: StreamSink {
    var bytes: [UInt8] = []

    func write(_ more: Span<UInt8>) throws(StreamError) {
        for index in more.indices { bytes.append(more[index]) }
    }
}

/// A stream in memory that counts what is asked of it, and gives short pieces.
final class DumpMemorySource: StreamSource {
    let bytes: [UInt8]
    private let piece: Int
    private var position = 0
    private(set) var readBytes = 0
    private(set) var positions: [UInt64] = []
    /// Up to where the reader has announced to read.
    private var announced = Int.max
    private(set) var readUnannounced = 0
    /// Bytes behind the end of the stream that were asked for.
    private(set) var askedBeyond = 0

    init(_ bytes: [UInt8], piece: Int = 60_000) {
        self.bytes = bytes
        self.piece = piece
    }

    func position(at offset: UInt64, expecting count: UInt64?) throws(StreamError) {
        positions.append(offset)
        position = Int(clamping: offset)
        announced = count.map { Int(clamping: UInt64(position) + $0) } ?? .max
        if announced != .max { askedBeyond = max(askedBeyond, announced - bytes.count) }
    }

    func expect(_ count: UInt64) {
        guard announced != .max else { return }
        announced = max(announced, position + Int(clamping: count))
        askedBeyond = max(askedBeyond, announced - bytes.count)
    }

    func read(into room: inout MutableSpan<UInt8>) throws(StreamError) -> Int {
        guard position < bytes.count else { return 0 }
        let count = min(room.count, piece, bytes.count - position)
        for index in 0..<count { room[index] = bytes[position + index] }
        position += count
        readBytes += count
        readUnannounced += max(0, min(count, position - announced))
        return count
    }
}

/// Keeps what a job tells.
final class DumpRecorder: RecoverObserver {
    var isCancelled = false
    var notes: [String] = []
    var severities: [NoteSeverity] = []
    var estimates: [UInt64] = []
    var results: [Int: RecoveryResult] = [:]
    var history: [String] = []
    var offsets: [String: UInt64] = [:]
    /// Called between the two passes of a backup.
    var onEstimate: () -> Void = {}

    func note(_ severity: NoteSeverity, _ sentence: String) {
        notes.append(sentence)
        severities.append(severity)
    }

    func estimate(bytes: UInt64) {
        estimates.append(bytes)
        onEstimate()
    }

    func file(_ path: TreePath, _ status: FileStatus, node: UInt64, offset: UInt64) {
        let name = String(decoding: path.bytes, as: UTF8.self)
        history.append("file \(name) \(status.kind) \(node)")
        offsets[name] = offset
    }

    func directoryEntry(_ name: [UInt8], node: UInt64, parent: UInt64) {
        history.append("entry \(String(decoding: name, as: UTF8.self)) \(node) \(parent)")
    }

    func node(_ status: FileStatus, node: UInt64, offset: UInt64) {
        history.append("node \(node) \(status.kind)")
        offsets["\(node)"] = offset
    }

    func finished(_ selection: Int, _ result: RecoveryResult) {
        results[selection] = result
    }
}

/// Backups and recoveries of a test, with the state between them.
struct DumpBench {
    let directory: DumpTestDirectory

    init() throws {
        directory = try DumpTestDirectory()
    }

    var state: String { directory.path + "/state" }

    func tree(_ path: String, writable: Bool = false) throws -> ConfinedTree {
        try ConfinedTree(Export(path: path, isWritable: writable))
    }

    func backup(
        _ path: String,
        level: Int = 0,
        at date: Int64? = nil,
        observer: DumpRecorder = DumpRecorder(),
        dense: Bool = false,
        _ change: (inout BackupOptions) -> Void = { _ in }
    ) throws -> (bytes: [UInt8], summary: BackupSummary) {
        var options = BackupOptions(datesKey: path)
        options.level = level
        change(&options)
        var job = DumpBackup(tree: try tree(path), options: options, dates: DumpDates(directory: state))
        if let date { job.now = { date } }
        if dense { job.highestOwnNumber = 0 }
        let sink = DumpMemorySink()
        let summary = try job.run(into: sink, observer: observer)
        return (sink.bytes, summary)
    }

    /// Everything, or a whole image, into `target`.
    @discardableResult
    func recover(
        _ bytes: [UInt8],
        to target: String,
        image: Bool = false,
        observer: DumpRecorder = DumpRecorder()
    ) throws -> RecoverSummary {
        var options = RecoverOptions()
        options.wholeImage = image
        let selection = Selection(original: TreePath(), tree: try tree(target, writable: true), target: TreePath())
        return try DumpRecovery(selections: [selection], options: options, stateDirectory: state)
            .run(from: DumpMemorySource(bytes), observer: observer)
    }

    /// `paths` below `target`, under their own names.
    func recover(
        _ bytes: [UInt8],
        _ paths: [(String, offset: UInt64?)],
        to target: String,
        source: DumpMemorySource? = nil,
        observer: DumpRecorder,
        _ change: (inout RecoverOptions) -> Void = { _ in }
    ) throws -> RecoverSummary {
        var options = RecoverOptions()
        change(&options)
        var selections: [Selection] = []
        for (path, offset) in paths {
            let name = TreePath(Array(path.utf8))
            selections.append(
                Selection(original: name, tree: try tree(target, writable: true), target: name, offset: offset)
            )
        }
        return try DumpRecovery(selections: selections, options: options, stateDirectory: state)
            .run(from: source ?? DumpMemorySource(bytes), observer: observer)
    }

    func write(_ bytes: [UInt8], _ name: String) throws -> String {
        let path = directory.path + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    func capture(_ base64: String) throws -> [UInt8] {
        let packed = try #require(Data(base64Encoded: base64))
        let path = try write(Array(packed), "capture.gz")
        try Shell.run("gzip -dc '\(path)' > '\(path).dump'")
        return Array(try Data(contentsOf: URL(fileURLWithPath: path + ".dump")))
    }
}

/// A tree with everything that a file system can hold.
let dumpZoo = """
    mkdir -p d1/sub d2 empty; echo hello > d1/hello; ln d1/hello d2/hardlink; ln -s hello d1/short
    ln -s "$(printf 'x%.0s' $(seq 100))" d1/long; mkfifo d1/fifo; mknod d1/chr c 5 300; mknod d1/blk b 259 70000
    printf 'q%.0s' $(seq 3000) > "d2/odd"$'\\xff\\n'"name"; : > "d2/$(printf 'n%.0s' $(seq 254))"
    truncate -s 5M d2/sparse; printf 'end of sparse' >> d2/sparse
    head -c 1536017 /dev/urandom > d2/big; chown 70000:70001 d2/big
    truncate -s 700K d2/holes; printf 'middle' | dd of=d2/holes bs=1 seek=300000 conv=notrunc status=none
    setfattr -n user.a -v value1 d1/hello; setfattr -n user.bb -v 0x00010203 d1/hello; setfacl -m u:1000:rw d1/hello
    setfacl -m d:u:1001:rx d1/sub; setfattr -n user.large -v "$(printf 'Z%.0s' $(seq 2000))" d2/big
    setfattr -n user.none d2/hardlink; chmod 6751 d2/big; chmod 1777 empty
    touch -d '2001-02-03 04:05:06.789012345' d1/hello; touch -d '2106-02-07 06:28:20.5' d2/holes
    touch -h -d '1955-11-05 06:00:00.25' d1/short; touch -d '2010-01-01' d1 d2
    """
