// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Foundation
import Testing

@Suite("Dump: backup, recovery, direct access and file history")
struct DumpRecoveryTests {
    @Test("everything comes back as it was, with nanoseconds and years beyond 32 bits")
    func roundTrip() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        try Shell.run(dumpZoo + "; : > \"$(printf 'm%.0s' $(seq 255))\"", in: source)
        let recorder = DumpRecorder()
        let (bytes, summary) = try bench.backup(source, observer: recorder)
        #expect(summary.files == 12)
        #expect(summary.directories == 5)
        try bench.recover(bytes, to: target, observer: recorder)
        #expect(recorder.notes == [])
        #expect(recorder.results == [0: .recovered])
        #expect(try Shell.differences(source, target) == "")
        let times = "find . -printf '%p %T@\\n' | grep -v '^\\./d2/[on]' | sort"
        #expect(try Shell.run(times, in: target) == Shell.run(times, in: source))
        #expect(try Shell.run("stat -c %b d2/sparse", in: target) == Shell.run("stat -c %b d2/sparse", in: source))
    }

    @Test("levels restored one after the other give the exact state of each", arguments: [false, true])
    func levels(dense: Bool) throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        for (level, script) in DumpLevels.scripts.enumerated() {
            try Shell.run(script, in: source)
            // A second ahead, so that what the script before made counts as older.
            let date = Int64(Date().timeIntervalSince1970) + 1
            let (bytes, summary) = try bench.backup(source, level: level, at: date, dense: dense)
            #expect(summary.level == level)
            if level > 0 { #expect(summary.files < 20) }
            let recorder = DumpRecorder()
            let restored = try bench.recover(bytes, to: target, image: true, observer: recorder)
            #expect(recorder.notes == [])
            #expect(restored.failed == 0)
            #expect(try Shell.differences(source, target) == "", "level \(level)")
        }
    }

    @Test("levels in a wrong order, and a level without its base, are refused before anything changes")
    func wrongLevels() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        var streams: [[UInt8]] = []
        for (level, script) in DumpLevels.scripts.enumerated() {
            try Shell.run(script, in: source)
            streams.append(try bench.backup(source, level: level).bytes)
        }
        #expect(throws: StreamError.self) { try bench.recover(streams[1], to: target, image: true) }
        #expect(try Shell.run("ls -A", in: target) == "")
        try bench.recover(streams[0], to: target, image: true)
        #expect(throws: StreamError.self) { try bench.recover(streams[2], to: target, image: true) }
        try bench.recover(streams[1], to: target, image: true)
        try bench.recover(streams[2], to: target, image: true)
        #expect(try Shell.differences(source, target) == "")
    }

    @Test("a file of its own is read by its offset, and no more than it needs")
    func directAccess() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        try Shell.run(
            dumpZoo + "; for i in $(seq 2000); do echo $i > empty/$i; done; head -c 102400 /dev/zero > last",
            in: source
        )
        let recorder = DumpRecorder()
        let (bytes, _) = try bench.backup(source, observer: recorder) { $0.history = .paths }
        for path in ["d2/big", "empty/1234", "d1/hello", "d1/short", "d2/sparse", "d1/fifo", "empty/2000", "last"] {
            let stream = DumpMemorySource(bytes)
            let result = DumpRecorder()
            let offset = try #require(recorder.offsets[path])
            let size = try #require(Int(try Shell.run("stat -c %s '\(path)'", in: source).dropLast()))
            _ = try bench.recover(bytes, [(path, offset)], to: target, source: stream, observer: result) {
                $0.direct = true
            }
            #expect(result.results == [0: .recovered], "\(path)")
            #expect(stream.positions == [offset])
            #expect(stream.readBytes <= size + size / 512 + 24 * 1024, "\(path) read \(stream.readBytes)")
            #expect(stream.readUnannounced == 0)
            #expect(stream.askedBeyond == 0)
            let differences = try Shell.run(
                "rsync -naAXHci --devices --specials '\(source)/\(path)' '\(target)/\(path)'"
            )
            #expect(differences == "")
        }
    }

    @Test("offsets that lead nowhere are told as not found; directories and names without offset are read in one pass")
    func directAccessElsewhere() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        try Shell.run(dumpZoo, in: source)
        let recorder = DumpRecorder()
        let (bytes, _) = try bench.backup(source, observer: recorder) { $0.history = .paths }
        let wrong = try #require(recorder.offsets["d2/big"]) + 1024
        let result = DumpRecorder()
        _ = try bench.recover(
            bytes,
            [
                ("d2/big", wrong), ("d1/hello", UInt64(bytes.count) + 10_240), ("d1/long", 77),
                ("d1", recorder.offsets["d1"]), ("d2/holes", nil), ("d2/hardlink", .max - 1023),
            ],
            to: target,
            observer: result
        ) { $0.direct = true }
        #expect(
            result.results == [0: .notFound, 1: .notFound, 2: .notFound, 3: .recovered, 4: .recovered, 5: .notFound]
        )
        #expect(try Shell.run("ls -A d1 | wc -l; ls d2", in: target) == "7\nholes\n")
    }

    @Test("directories named with their files by offset have their own times in the end")
    func directDirectories() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        try Shell.run("mkdir -p a/b; touch a/1 a/b/2; setfacl -m u:1000:rx a/b; touch -d 2003-04-05 a/b a", in: source)
        let recorder = DumpRecorder()
        let (bytes, _) = try bench.backup(source, observer: recorder) { $0.history = .paths }
        let names = ["a/b/2", "a", "a/1", "a/b"].map { ($0, offset: recorder.offsets[$0]) }
        let result = DumpRecorder()
        let summary = try bench.recover(bytes, names, to: target, observer: result) {
            $0.direct = true
            $0.isRecursive = false
        }
        #expect(result.results == [0: .recovered, 1: .recovered, 2: .recovered, 3: .recovered])
        #expect([summary.files, summary.directories, summary.failed] == [2, 2, 0])
        #expect(try Shell.differences(source + "/a", target + "/a") == "")
    }

    @Test("file history of the backup and of a later reading agree, in both forms")
    func history() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        try Shell.run(dumpZoo, in: source)
        for form in [HistoryForm.paths, .nodes] {
            let written = DumpRecorder()
            let (bytes, _) = try bench.backup(source, observer: written) { $0.history = form }
            let read = DumpRecorder()
            _ = try bench.recover(bytes, [], to: source, observer: read) {
                $0.historyOnly = true
                $0.history = form
            }
            #expect(written.history == read.history)
            #expect(written.offsets == read.offsets)
            #expect(written.history.count > 10)
        }
    }

    @Test("in the nodes form the root comes first, a directory's . and .. before its names, an entry before its node")
    func historyOrder() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        try Shell.run("mkdir -p a/b; echo 1 > a/b/f; ln a/b/f g", in: source)
        let recorder = DumpRecorder()
        _ = try bench.backup(source, observer: recorder) { $0.history = .nodes }
        let lines = recorder.history.map { $0.split(separator: " ") }
        #expect(recorder.history.prefix(2) == ["entry . 2 2", "entry .. 2 2"])
        var told: Set<Substring> = []
        var current: Substring = ""
        for line in lines {
            if line[0] == "entry" {
                told.insert(line[2])
                if line[1] == "." { current = line[3] }
                #expect(line[3] == current)
            } else {
                #expect(told.contains(line[1]))
            }
        }
        #expect(lines.filter { $0[0] == "node" }.count == 4)
        #expect(lines.filter { $0[0] == "entry" && ($0[1] == "f" || $0[1] == "g") }.count == 2)
    }

    @Test("a directory is told before its contents, whatever their inode numbers, by the backup and by a later reading")
    func parentsComeFirst() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        // Each is older than the directory that it is moved into: most file systems number upwards.
        try Shell.run(
            "mkdir e; touch e/f; for d in d c b a; do mkdir $d; mv [!$d] $d/; done; ls -id a a/b a/b/c",
            in: source
        )
        let written = DumpRecorder()
        let (bytes, _) = try bench.backup(source, observer: written) { $0.history = .nodes }
        let read = DumpRecorder()
        _ = try bench.recover(bytes, [], to: bench.directory.make("target"), observer: read) {
            $0.historyOnly = true
            $0.history = .nodes
        }
        #expect(written.history == read.history)
        var parents: [Substring: Substring] = ["2": "2"]
        for line in written.history.map({ $0.split(separator: " ") }) where line[0] == "entry" {
            if line[1] == ".." { #expect(parents[line[3]] == line[2]) }
            if line[1] != "." && line[1] != ".." { parents[line[2]] = line[3] }
        }
        #expect(parents.count == 7)
    }

    @Test("EXCLUDE and FILES leave names out of a stream that restore still takes")
    func filters() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        try Shell.run("mkdir -p a/b c; touch a/x.o a/b/y.o a/b/z c/w", in: source)
        let (bytes, _) = try bench.backup(source) {
            $0.excludes = [Array("*.o".utf8)]
            $0.files = [TreePath(Array("a".utf8))]
        }
        try bench.recover(bytes, to: target)
        #expect(try Shell.run("find . | sort", in: target) == ".\n./a\n./a/b\n./a/b/z\n")
        let stream = try bench.write(bytes, "stream")
        #expect(try Shell.run("restore -T '\(bench.directory.path)' -tf '\(stream)'").contains("./a/b/z"))
    }

    @Test("a directory alone, a renamed directory, and what stands in the way")
    func selections() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        try Shell.run(dumpZoo, in: source)
        let (bytes, _) = try bench.backup(source)
        let recorder = DumpRecorder()
        _ = try bench.recover(bytes, [("d1", nil)], to: target, observer: recorder) { $0.isRecursive = false }
        #expect(try Shell.run("find . | sort", in: target) == ".\n./d1\n")
        let tree = try bench.tree(target, writable: true)
        func path(_ text: String) -> TreePath { TreePath(Array(text.utf8)) }
        try Shell.run("mkdir -p there/is/hello; touch file; ln -s /etc outside; ln -s /etc/passwd replaced", in: target)
        let renamed = DumpRecorder()
        _ = try DumpRecovery(
            selections: [
                Selection(original: path("d1"), tree: tree, target: path("new/place/d9")),
                Selection(original: path("d1/hello"), tree: tree, target: path("there/is/hello")),
                Selection(original: path("d1/hello"), tree: tree, target: path("file/below")),
                Selection(original: path("d2/holes"), tree: tree, target: path("outside/holes")),
                Selection(original: path("d2/big"), tree: tree, target: path("replaced")),
            ],
            options: RecoverOptions(),
            stateDirectory: bench.state
        ).run(from: DumpMemorySource(bytes), observer: renamed)
        #expect(renamed.results[0] == .recovered)
        #expect(renamed.results[1] == .pathExists)
        #expect(renamed.results[2] == .noDirectory)
        #expect(renamed.results[3] == .noDirectory)
        #expect(renamed.results[4] == .recovered)
        #expect(try Shell.differences(source + "/d1", target + "/new/place/d9").contains("hello") == false)
        #expect(!FileManager.default.fileExists(atPath: "/etc/holes"))
        #expect(try Shell.run("stat -c %F replaced", in: target) == "regular file\n")
    }

    @Test("files do not inherit the ACL of a directory that they are restored into")
    func inheritedAccessControl() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        try Shell.run("mkdir d; setfacl -m d:u:1001:rwx d; mkdir plain; echo 1 > plain/f", in: source)
        let date = Int64(Date().timeIntervalSince1970) + 1
        try bench.recover(bench.backup(source, at: date).bytes, to: target, image: true)
        try Shell.run(
            "sleep 1.1; mkdir d/sub; mkfifo d/p; echo x > d/f; setfacl -b d/f d/sub d/p; setfacl -k d/sub",
            in: source
        )
        let (bytes, _) = try bench.backup(source, level: 1)
        try bench.recover(bytes, to: target, image: true)
        #expect(try Shell.differences(source, target) == "")
        let other = try bench.directory.make("other")
        try Shell.run("setfacl -m d:u:1002:rwx .", in: other)
        _ = try bench.recover(bytes, [("d", nil)], to: other, observer: DumpRecorder())
        #expect(try Shell.differences(source + "/d", other + "/d") == "")
    }

    @Test("dense numbers are kept between levels; without them, or damaged, a later level is refused")
    func denseNumbers() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        try Shell.run("touch a b c", in: source)
        let first = DumpRecorder()
        _ = try bench.backup(source, observer: first, dense: true) { $0.history = .paths }
        try Shell.run("touch n; rm a; mv b z", in: source)
        let second = DumpRecorder()
        _ = try bench.backup(source, level: 1, observer: second, dense: true) { $0.history = .paths }
        let before = Dictionary(uniqueKeysWithValues: first.history.map(Self.numbered))
        let after = Dictionary(uniqueKeysWithValues: second.history.map(Self.numbered))
        #expect(after["z"] == before["b"])
        #expect(after["n"] == 6)
        let state = try Shell.run("ls dump-numbers-*", in: bench.state).dropLast()
        try Shell.run("printf X | dd of='\(state)' bs=1 seek=60 conv=notrunc status=none", in: bench.state)
        #expect(throws: StreamError.self) { try bench.backup(source, level: 2, dense: true) }
        try Shell.run("rm '\(state)'", in: bench.state)
        let error = #expect(throws: StreamError.self) { try bench.backup(source, level: 2, dense: true) }
        #expect(error?.description.contains("make a new level 0") == true)
        _ = try bench.backup(source, level: 0, dense: true)
    }

    /// Name and number of a line of history.
    private static func numbered(_ line: String) -> (String, UInt64) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        return (String(words[1]), words.last.flatMap { UInt64($0) } ?? 0)
    }
}
