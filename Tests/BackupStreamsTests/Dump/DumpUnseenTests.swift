// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import BackupStreams

/// Of this thread only; another user's has no right to read what it may not.
@_silgen_name("setfsuid") private func setFileUser(_ user: UInt32) -> Int32

@Suite("Dump: what one level did not see")
struct DumpUnseenTests {
    private let bench: DumpBench
    private let source: String
    private let target: String
    /// Far enough apart that every change is newer than the level before it.
    private func nextSecond() {
        let start = time(nil)
        while time(nil) == start { usleep(20_000) }
        usleep(20_000)
    }

    init() throws {
        bench = try DumpBench()
        source = try bench.directory.make("source")
        target = try bench.directory.make("target")
        try Shell.run("mkdir '\(bench.state)'; chmod 777 '\(bench.state)'; chmod 755 '\(bench.directory.path)'")
    }

    @Test("a directory that came from outside of the tree comes with its old files, at one level and not again")
    func movedIn() throws {
        let outside = try bench.directory.make("outside")
        try Shell.run("mkdir keep; echo k > keep/k", in: source)
        try Shell.run("mkdir -p dir/deep; echo f > dir/f; echo g > dir/deep/g", in: outside)
        nextSecond()
        try bench.recover(bench.backup(source).bytes, to: target, image: true)
        nextSecond()
        try Shell.run("mv '\(outside)/dir' .", in: source)
        let first = try bench.backup(source, level: 1)
        #expect(first.summary.files == 2)
        nextSecond()
        try bench.recover(first.bytes, to: target, image: true)
        #expect(try Shell.differences(source, target) == "")
        #expect(try bench.backup(source, level: 2).summary.files == 0)
    }

    @Test("a root that another directory has replaced is dumped whole")
    func replacedRoot() throws {
        let other = try bench.directory.make("other")
        try Shell.run("echo a > a", in: source)
        try Shell.run("mkdir b; echo c > b/c", in: other)
        nextSecond()
        try bench.recover(bench.backup(source).bytes, to: target, image: true)
        nextSecond()
        try Shell.run("rm -r '\(source)'; mv '\(other)' '\(source)'")
        try bench.recover(bench.backup(source, level: 1).bytes, to: target, image: true)
        #expect(try Shell.differences(source, target) == "")
    }

    @Test("a directory that cannot be read keeps what the level before put back; what is gone elsewhere goes")
    func unreadable() throws {
        try Shell.run("mkdir -p a/sub b; echo f > a/f; echo g > a/sub/g; echo h > b/h; echo i > b/i", in: source)
        let full = try bench.backup(source).bytes
        try bench.recover(full, to: target, image: true)
        nextSecond()
        try Shell.run("chmod 0 a; rm b/i; echo j > b/j", in: source)
        let recorder = DumpRecorder()
        let before = setFileUser(65_534)
        let level = Result { try bench.backup(source, level: 1, observer: recorder) }
        _ = setFileUser(UInt32(bitPattern: before))
        let (bytes, summary) = try level.get()
        #expect(summary.unreadable == 1)
        #expect(recorder.severities == [.error])
        try bench.recover(bytes, to: target, image: true)
        #expect(try Shell.run("cat a/f a/sub/g b/h b/j; ls b", in: target) == "f\ng\nh\nj\nh\nj\n")
        // Debian's restore comes to the same.
        let debian = try bench.directory.make("debian")
        let streams = try [bench.write(full, "0.dump"), bench.write(bytes, "1.dump")]
        for stream in streams { try Shell.run("restore -rf '\(stream)'", in: debian) }
        #expect(try Shell.run("cat a/f a/sub/g b/h b/j; ls b", in: debian) == "f\ng\nh\nj\nh\nj\n")
    }

    @Test("a root that cannot be read is no empty dump")
    func unreadableRoot() throws {
        try Shell.run("chmod 0 '\(source)'")
        let before = setFileUser(65_534)
        let level = Result { try bench.backup(source) }
        _ = setFileUser(UInt32(bitPattern: before))
        #expect(throws: StreamError.self) { try level.get() }
    }

    @Test("a backup since a date of its own is no base for later levels", arguments: StreamFormat.allCases)
    func baseDateOfItsOwn(_ format: StreamFormat) throws {
        func files(level: Int, since: Int64? = nil) throws -> UInt64 {
            var options = BackupOptions(datesKey: source)
            options.level = level
            options.baseDate = since
            return try BackupJob(
                format,
                tree: bench.tree(source),
                options: options,
                dates: DumpDates(directory: bench.state)
            ).run(into: DumpMemorySink(), observer: DumpRecorder()).files
        }
        nextSecond()
        #expect(try files(level: 0) == 0)
        nextSecond()
        try Shell.run("touch a", in: source)
        nextSecond()
        // It has not seen the file, and neither would a level that took it for its base.
        #expect(try files(level: 0, since: Int64(time(nil))) == 0)
        nextSecond()
        #expect(try files(level: 1) == 1)
    }
}
