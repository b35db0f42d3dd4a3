// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import BackupStreams

/// A sink that runs a script when the stream has come so far.
private final class MeddlingSink: StreamSink {
    private(set) var bytes: [UInt8] = []
    private var script: String?
    private let position: Int
    private let directory: String

    init(_ script: String, at position: Int, in directory: String) {
        self.script = script
        self.position = position
        self.directory = directory
    }

    func write(_ span: Span<UInt8>) throws(StreamError) {
        bytes.append(contentsOf: span.withUnsafeBufferPointer { Array($0) })
        guard bytes.count >= position, let script else { return }
        self.script = nil
        _ = try? Bash.run(script, in: directory)
    }
}

@Suite("Tar: a tree that changes during the backup", .enabled(if: OddTree.hasTools))
struct TarChangingTests {
    private let scratch: ScratchDirectory
    private let source: String
    private let target: String

    init() throws {
        scratch = try ScratchDirectory()
        source = try scratch.make("source")
        target = try scratch.make("target")
    }

    /// Backs up while the script runs; the archive has to be whole.
    private func run(_ script: String, at position: Int) throws -> (RecordingObserver, BackupSummary) {
        let observer = RecordingObserver()
        let sink = MeddlingSink(script, at: position, in: source)
        let dates = DumpDates(directory: scratch.path + "/state")
        let tree = try ConfinedTree(source, isWritable: false)
        let job = BackupJob(.tar, tree: tree, options: BackupOptions(datesKey: "k"), dates: dates)
        let summary = try job.run(into: sink, observer: observer)
        let rig = TarRig(scratch)
        let file = try rig.write(sink.bytes, "archive.tar")
        try Bash.run("tar -tf '\(file)'")
        try rig.recover(sink.bytes, to: target)
        return (observer, summary)
    }

    @Test("a file that becomes shorter is filled with zeros, and told")
    func shorter() throws {
        try Bash.run("head -c 5000000 /dev/urandom > a; cp a copy; echo b > z", in: source)
        let (observer, summary) = try run("truncate -s 2000000 a", at: 100_000)
        #expect(summary.unreadable == 1)
        #expect(observer.notes.count == 1 && observer.notes[0].contains("shorter"))
        try Bash.run("test $(stat -c %s a) = 5000000; cmp -n 1000000 a ../source/copy; cat z", in: target)
        try Bash.run("test $(tail -c 3000000 a | tr -d '\\0' | wc -c) = 0", in: target)
    }

    @Test("a file that grows is saved as it was, and told")
    func longer() throws {
        try Bash.run("head -c 5000000 /dev/urandom > a; cp a ../copy", in: source)
        let (observer, summary) = try run("echo more >> a", at: 100_000)
        #expect(summary.unreadable == 0)
        #expect(observer.notes.count == 1 && observer.notes[0].contains("grew"))
        try Bash.run("cmp a ../copy", in: target)
    }

    @Test("directories that go, come, and turn into links out of the tree")
    func directories() throws {
        try Bash.run(
            """
            mkdir -p b/c e f/g h; echo x > b/c/x; echo x > e/x; echo x > f/g/x; echo x > h/x; echo secret > ../secret
            head -c 2000000 /dev/urandom > a
            """,
            in: source
        )
        let (observer, _) = try run(
            "rm -r b; mv e e2; ln -s .. e; mv f/g f/g2; ln -s ../.. f/g; rm h/x; ln -s ../../secret h/x; echo new > z",
            at: 100_000
        )
        #expect(!(try Bash.run("find . -type f -exec cat {} +", in: target)).contains("secret"))
        #expect(try Bash.run("readlink e h/x", in: target) == "..\n../../secret\n")
        #expect(observer.notes == [])
    }

    @Test("a path that is deeper than the kernel takes at once")
    func deep() throws {
        try Bash.run(
            "n=$(printf 'd%.0s' $(seq 200)); for i in $(seq 60); do mkdir $n; cd -P ./$n; done; echo deep > file",
            in: source
        )
        let rig = TarRig(scratch)
        let bytes = try rig.backup(source)
        try rig.recover(bytes, to: target)
        let names = String(repeating: "d", count: 200)
        let path = TreePath(Array(repeating: names, count: 60).joined(separator: "/") + "/file")
        #expect(try ConfinedTree(target).status(of: path).size == 5)
    }
}
