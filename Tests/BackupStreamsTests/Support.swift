// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import BackupStreams

/// A directory that goes with its last owner.
final class ScratchDirectory {
    let path: String

    init() throws {
        let path = NSTemporaryDirectory() + "capstan-streams-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        self.path = path
    }

    deinit { _ = try? Bash.run("chmod -R u+rwx '\(path)'; rm -rf '\(path)'") }

    /// Makes a directory below and returns its path.
    func make(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: true)
        return path + "/" + name
    }
}

enum Bash {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs a script with bash; its output, errors included.
    ///
    /// - Throws: when it does not succeed.
    @discardableResult
    static func run(_ script: String, in directory: String? = nil) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "set -e\n" + script]
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        var environment = ProcessInfo.processInfo.environment
        environment["LC_ALL"] = "C.UTF-8"
        process.environment = environment
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: data, as: UTF8.self)
        guard process.terminationStatus == 0 else { throw Failure(description: "\(script)\n\(text)") }
        return text
    }

    static func has(_ tools: String...) -> Bool {
        tools.allSatisfy { (try? run("command -v \($0)")) != nil }
    }

    static var isRoot: Bool { geteuid() == 0 }

    /// What differs between two trees: content, links, holes' content, attributes, lists of access, times.
    static func differences(_ left: String, _ right: String) throws -> String {
        try run("rsync -naAXHc -i --delete '\(left)/' '\(right)/'")
    }
}

/// Collects a stream.
final class MemorySink: StreamSink {
    private(set) var bytes: [UInt8] = []

    func write(_ span: Span<UInt8>) throws(StreamError) {
        span.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
    }
}

/// Gives a stream, and counts what is asked of it.
final class MemorySource: StreamSource {
    private let bytes: [UInt8]
    private var position = 0
    private(set) var positions: [(offset: UInt64, count: UInt64?)] = []
    /// Bytes asked for with `position` and `expect`.
    private(set) var asked: UInt64 = 0
    private(set) var given: UInt64 = 0
    /// Most bytes of one read.
    var pieceBytes = Int.max

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func position(at offset: UInt64, expecting count: UInt64?) throws(StreamError) {
        positions.append((offset, count))
        asked += count ?? 0
        position = Int(min(offset, UInt64(bytes.count)))
    }

    func expect(_ count: UInt64) { asked += count }

    func read(into room: inout MutableSpan<UInt8>) throws(StreamError) -> Int {
        let count = min(room.count, bytes.count - position, pieceBytes)
        let piece = bytes[position..<(position + count)]
        room.withUnsafeMutableBytes { $0.copyBytes(from: piece) }
        position += count
        given += UInt64(count)
        return count
    }
}

/// Remembers what a job tells.
final class RecordingObserver: RecoverObserver {
    struct File: Equatable {
        var path: String
        var node: UInt64
        var offset: UInt64
        var size: UInt64
    }

    var isCancelled = false
    private(set) var notes: [String] = []
    private(set) var files: [File] = []
    /// "d NAME NODE PARENT" and "n NODE", in the order told.
    private(set) var nodes: [String] = []
    private(set) var offsets: [UInt64: UInt64] = [:]
    private(set) var results: [Int: RecoveryResult] = [:]
    private(set) var estimates: [UInt64] = []

    func note(_ severity: NoteSeverity, _ sentence: String) { notes.append(sentence) }
    func estimate(bytes: UInt64) { estimates.append(bytes) }

    func file(_ path: TreePath, _ status: FileStatus, node: UInt64, offset: UInt64) {
        files.append(File(path: displayed(path.bytes), node: node, offset: offset, size: status.size))
    }

    func directoryEntry(_ name: [UInt8], node: UInt64, parent: UInt64) {
        nodes.append("d \(displayed(name)) \(node) \(parent)")
    }

    func node(_ status: FileStatus, node: UInt64, offset: UInt64) {
        nodes.append("n \(node)")
        offsets[node] = offset
    }

    func finished(_ selection: Int, _ result: RecoveryResult) {
        if results[selection] != nil { notes.append("selection \(selection) finished twice") }
        results[selection] = result
    }

    func offset(of path: String) throws -> UInt64 {
        try #require(files.first { $0.path == path }).offset
    }
}

extension ConfinedTree {
    convenience init(_ path: String, isWritable: Bool = true) throws {
        try self.init(Export(path: path, isWritable: isWritable))
    }
}

extension TreePath {
    init(_ text: String) {
        self.init(Array(text.utf8))
    }
}

/// Backups and recoveries of the tar type in one line.
struct TarRig {
    let scratch: ScratchDirectory
    var options: BackupOptions

    init(_ scratch: ScratchDirectory) {
        self.scratch = scratch
        options = BackupOptions(datesKey: "test")
    }

    func backup(
        _ path: String,
        level: Int = 0,
        history: HistoryForm = .none,
        observer: RecordingObserver = RecordingObserver()
    ) throws -> [UInt8] {
        var options = options
        options.level = level
        options.history = history
        let sink = MemorySink()
        let dates = DumpDates(directory: scratch.path + "/state")
        let job = BackupJob(.tar, tree: try ConfinedTree(path, isWritable: false), options: options, dates: dates)
        _ = try job.run(into: sink, observer: observer)
        return sink.bytes
    }

    @discardableResult
    func recover(
        _ bytes: [UInt8],
        to path: String,
        _ selections: [(original: String, target: String)] = [("", "")],
        options: RecoverOptions = RecoverOptions(),
        observer: RecordingObserver = RecordingObserver()
    ) throws -> RecoverSummary {
        let tree = try ConfinedTree(path)
        let list = selections.map {
            Selection(original: TreePath($0.original), tree: tree, target: TreePath($0.target))
        }
        let job = RecoverJob(.tar, selections: list, options: options, stateDirectory: scratch.path + "/state")
        return try job.run(from: MemorySource(bytes), observer: observer)
    }

    func write(_ bytes: [UInt8], _ name: String) throws -> String {
        let path = scratch.path + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    func read(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

/// Trees that tests back up.
enum OddTree {
    /// Links, holes, attributes, lists of access, old and fine times, names of any bytes.
    static let script = #"""
        echo one > plain; chmod 640 plain
        ln plain linked
        mkdir -p dir/below/deep && ln plain dir/below/third
        ln -s ../plain dir/link; ln -s /nowhere/at/all dangling; ln -s "$(printf 'x%.0s' $(seq 300))" longlink
        mkfifo fifo
        head -c 100000 /dev/urandom > dir/below/random
        printf 'A' | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
        printf 'B' | dd of=sparse bs=1 seek=9000000 conv=notrunc status=none
        truncate -s 12345678 sparse; truncate -s 1000000 allhole; : > empty
        touch $'new\nline' $'byte\xff\xfe' 'é' ' lead' 'trail ' ./-dash 'back\slash' "$(printf 'n%.0s' $(seq 255))"
        long=$(printf 'd%.0s' $(seq 200)); mkdir -p $long/$long/$long; echo deep > $long/$long/$long/file
        touch -d '2001-02-03 04:05:06.123456789' plain; touch -d '1965-04-03 02:01:00.250000000' empty
        touch -d '2004-05-06 07:08:09.987654321' dir/below; chmod 1777 dir
        touch -h -d '2011-11-11 11:11:11.111111111' dangling
        setfattr -n user.test -v 'value' dir/below/random; setfattr -n user.eq=al -v $'a\nb' plain
        setfattr -n user.dir -v 'on a directory' dir
        """#

    /// What only root can make.
    static let rootScript = #"""
        chown 1234:2345 dir/below/random; chmod 4711 dir/below/random
        chown -h 77:88 dangling
        mknod device c 1 3; mknod disk b 259 70000
        setfacl -m u:daemon:rwx,g:mail:r,u:4000000:x plain; setfacl -d -m u:daemon:rx,o::- dir
        setfattr -n trusted.mine -v 'of root' dir/below/random; setfattr -h -n trusted.link -v 'on a link' dangling
        chown 3000000:4000000 fifo
        """#

    static func make(_ path: String) throws {
        try Bash.run(script + "\n" + (Bash.isRoot ? rootScript : ""), in: path)
    }

    static let hasTools = Bash.has("rsync", "setfacl", "setfattr", "tar", "bsdtar")
}
