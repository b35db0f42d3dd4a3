// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import BackupStreams

@Suite("Tar: recovery of what was asked for", .enabled(if: OddTree.hasTools))
struct TarSelectionTests {
    private let scratch: ScratchDirectory
    private let rig: TarRig
    private let source: String
    private let target: String

    init() throws {
        scratch = try ScratchDirectory()
        rig = TarRig(scratch)
        source = try scratch.make("source")
        target = try scratch.make("target")
    }

    private func names() throws -> [String] {
        try Bash.run("find . -mindepth 1 | sort", in: target).split(separator: "\n").map { String($0.dropFirst(2)) }
    }

    private static let tree = """
        mkdir -p a/b other; for i in 1 2 3; do echo a$i > a/$i; echo b$i > a/b/$i; echo o$i > other/$i; done
        ln a/1 other/linked; ln -s 1 a/link; chmod 750 a/b; touch -d 2002-02-02 a/b a
        """

    @Test("files and directories by name, under new names, missing directories made")
    func selects() throws {
        try Bash.run(Self.tree, in: source)
        let observer = RecordingObserver()
        let summary = try rig.recover(
            try rig.backup(source),
            to: target,
            [("a/b", "new/place"), ("other/2", "second"), ("a/link", "l"), ("missing", "m")],
            observer: observer
        )
        #expect(try names() == ["l", "new", "new/place", "new/place/1", "new/place/2", "new/place/3", "second"])
        #expect(observer.results == [0: .recovered, 1: .recovered, 2: .recovered, 3: .notFound])
        #expect(summary.files == 5 && summary.directories == 1)
        #expect(try Bash.differences(source + "/a/b", target + "/new/place") == "")
    }

    @Test("the directory alone when not recursive")
    func alone() throws {
        try Bash.run(Self.tree, in: source)
        var options = RecoverOptions()
        options.isRecursive = false
        try rig.recover(try rig.backup(source), to: target, [("a/b", "b")], options: options)
        #expect(try names() == ["b"])
        #expect(try Bash.differences(source + "/a/b", target + "/b").contains(">f"))
        #expect(try Bash.run("stat -c '%a %Y' b", in: target) == (try Bash.run("stat -c '%a %Y' a/b", in: source)))
    }

    @Test("a further name of a file whose first name nobody selected has the file's content")
    func laterName() throws {
        try Bash.run(Self.tree, in: source)
        let observer = RecordingObserver()
        try rig.recover(try rig.backup(source), to: target, [("other/linked", "x/linked")], observer: observer)
        #expect(observer.results == [0: .recovered])
        #expect(try names() == ["x", "x/linked"])
        #expect(try Bash.run("cat x/linked; stat -c %h x/linked", in: target) == "a1\n1\n")
        // The same of GNU tar's archive, which does not tell how many names a file has: said, and no more.
        let file = scratch.path + "/theirs.tar"
        try Bash.run("tar -c -f '\(file)' -C '\(source)' a other")
        let second = RecordingObserver()
        try rig.recover(try rig.read(file), to: target, [("other/linked", "y")], observer: second)
        #expect(second.results == [0: .failed])
        #expect(second.notes.first?.contains("a/1") == true)
    }

    @Test("reading stops with the last file selected")
    func stops() throws {
        try Bash.run("head -c 3000000 /dev/urandom > z; echo a > a", in: source)
        let input = MemorySource(try rig.backup(source))
        let selection = Selection(original: TreePath("a"), tree: try ConfinedTree(target), target: TreePath("a"))
        let job = RecoverJob(.tar, selections: [selection], options: RecoverOptions(), stateDirectory: "")
        _ = try job.run(from: input, observer: RecordingObserver())
        #expect(input.given <= 300_000)
        #expect(input.positions.count == 1 && input.positions[0] == (0, nil))
    }

    @Test("directories that cannot be made, and a full count of what failed")
    func noDirectory() throws {
        try Bash.run(Self.tree, in: source)
        try Bash.run("echo file > blocked; ln -s /tmp leads-out", in: target)
        let observer = RecordingObserver()
        let summary = try rig.recover(
            try rig.backup(source),
            to: target,
            [("a/1", "blocked/1"), ("a/2", "leads-out/capstan-must-not-be-here"), ("a/3", "ok")],
            observer: observer
        )
        #expect(observer.results == [0: .noDirectory, 1: .noDirectory, 2: .recovered])
        #expect(summary.failed == 2)
        #expect(!FileManager.default.fileExists(atPath: "/tmp/capstan-must-not-be-here"))
    }

    @Test("history in both forms, and again from the archive")
    func history() throws {
        try Bash.run(Self.tree, in: source)
        let paths = RecordingObserver()
        let bytes = try rig.backup(source, history: .paths, observer: paths)
        #expect(paths.files.first?.path == "/")
        #expect(paths.files.map(\.path).contains("a/b/2"))
        #expect(try paths.offset(of: "other/linked") == (try paths.offset(of: "a/1")))
        for file in paths.files where file.path != "other/linked" {
            // A pax header comes first.
            #expect(file.offset % 512 == 0 && bytes[Int(file.offset) + 156] == UInt8(ascii: "x"))
        }
        let nodes = RecordingObserver()
        _ = try rig.backup(source, history: .nodes, observer: nodes)
        try checkOrder(nodes)
        var options = RecoverOptions()
        options.historyOnly = true
        options.history = .paths
        let again = RecordingObserver()
        try rig.recover(bytes, to: target, [], options: options, observer: again)
        #expect(
            again.files.map { [$0.path, "\($0.node)", "\($0.offset)"] }
                == paths.files.map { [$0.path, "\($0.node)", "\($0.offset)"] }
        )
        options.history = .nodes
        let nodesAgain = RecordingObserver()
        try rig.recover(bytes, to: target, [], options: options, observer: nodesAgain)
        try checkOrder(nodesAgain)
        #expect(nodesAgain.offsets == nodes.offsets)
        #expect(try names() == [])
    }

    /// NDMP v4, 3.7.3.
    private func checkOrder(_ observer: RecordingObserver) throws {
        var parent: String?
        var seen: Set<String> = []
        var told: Set<String> = []
        var finished: Set<String> = []
        for line in observer.nodes {
            let words = line.split(separator: " ").map(String.init)
            if words[0] == "n" {
                #expect(seen.contains(words[1]), "entry before node")
                #expect(told.insert(words[1]).inserted, "one node for all names")
                continue
            }
            if words[1] == "." {
                #expect(words[2] == words[3])
                if let parent { finished.insert(parent) }
                parent = words[3]
            }
            #expect(words[3] == parent && !finished.contains(words[3]), "all entries of a directory together")
            seen.insert(words[2])
        }
        #expect(observer.nodes.first?.hasPrefix("d . ") == true)
        #expect(observer.nodes.dropFirst().first?.hasPrefix("d .. ") == true)
        #expect(told.isSubset(of: seen))
    }
}

@Suite("Tar: direct access recovery", .enabled(if: OddTree.hasTools))
struct TarDirectTests {
    private let scratch: ScratchDirectory
    private let rig: TarRig
    private let source: String
    private let target: String
    private var options = RecoverOptions()

    init() throws {
        scratch = try ScratchDirectory()
        rig = TarRig(scratch)
        source = try scratch.make("source")
        target = try scratch.make("target")
        options.direct = true
    }

    private func run(
        _ bytes: [UInt8],
        _ selections: [(original: String, offset: UInt64)],
        _ observer: RecordingObserver
    ) throws -> MemorySource {
        let tree = try ConfinedTree(target)
        let list = selections.map {
            Selection(original: TreePath($0.original), tree: tree, target: TreePath($0.original), offset: $0.offset)
        }
        let input = MemorySource(bytes)
        _ = try RecoverJob(.tar, selections: list, options: options, stateDirectory: "").run(
            from: input,
            observer: observer
        )
        return input
    }

    @Test("one file of many: its own bytes are asked for, and little more")
    func one() throws {
        try Bash.run("for i in $(seq 300); do head -c 20000 /dev/urandom > f$i; done", in: source)
        let history = RecordingObserver()
        let bytes = try rig.backup(source, history: .paths, observer: history)
        let observer = RecordingObserver()
        let wanted = ["f77", "f5", "f211"]
        let input = try run(bytes, wanted.map { ($0, try history.offset(of: $0)) }, observer)
        #expect(observer.results == [0: .recovered, 1: .recovered, 2: .recovered])
        // Never back on the tape.
        #expect(input.positions.map(\.offset) == input.positions.map(\.offset).sorted())
        #expect(input.asked <= 3 * (20_480 + 20_480))
        for name in wanted { try Bash.run("cmp '\(source)/\(name)' '\(target)/\(name)'") }
    }

    @Test("a directory with all below it; further names of a file; a link")
    func directory() throws {
        try OddTree.make(source)
        let history = RecordingObserver()
        let bytes = try rig.backup(source, history: .paths, observer: history)
        let wanted = ["dir", "linked", "plain", "dangling", "sparse"]
        let observer = RecordingObserver()
        let input = try run(bytes, wanted.map { ($0, try history.offset(of: $0)) }, observer)
        #expect(observer.results.values.allSatisfy { $0 == .recovered })
        #expect(input.asked < 1 << 19)
        let lines = try Bash.differences(source, target).split(separator: "\n")
        let names = Set(lines.map { String($0.split(separator: " ").last ?? "") })
        #expect(names.isDisjoint(with: Set(wanted)), "\(lines)")
        #expect(!lines.contains { $0.contains("dir/") }, "\(lines)")
    }

    @Test("directories and what is in them, each by itself: the directories keep their times")
    func each() throws {
        try OddTree.make(source)
        let history = RecordingObserver()
        let bytes = try rig.backup(source, history: .paths, observer: history)
        var options = options
        options.isRecursive = false
        // As a DMA does that keeps one entry per file: a tree object for each.
        let list = try history.files.map { file in
            let raw = file.path == "/" ? TreePath() : TreePath(Self.bytes(file.path))
            let tree = try ConfinedTree(target)
            return Selection(original: raw, tree: tree, target: raw, offset: file.offset, node: file.node)
        }
        let observer = RecordingObserver()
        let job = RecoverJob(.tar, selections: list, options: options, stateDirectory: "")
        _ = try job.run(from: MemorySource(bytes), observer: observer)
        #expect(observer.results.values.allSatisfy { $0 == .recovered })
        #expect(try Bash.differences(source, target) == "")
    }

    /// Undoes `displayed`, for the names of the odd tree.
    private static func bytes(_ shown: String) -> [UInt8] {
        if shown.contains("\\012") { return Array("new\nline".utf8) }
        if shown.contains("\\377") { return Array("byte".utf8) + [0xFF, 0xFE] }
        return Array(shown.utf8)
    }

    @Test("positions beyond the end, in the middle of data, and of other files fail by themselves")
    func wrong() throws {
        try Bash.run("head -c 20000 /dev/urandom > a; echo b > b; echo c > c", in: source)
        let history = RecordingObserver()
        let bytes = try rig.backup(source, history: .paths, observer: history)
        let at = try history.offset(of: "a")
        let observer = RecordingObserver()
        _ = try run(
            bytes,
            [
                ("a", at + 2048), ("b", 1 << 60), ("c", try history.offset(of: "b")), ("a", UInt64(bytes.count - 512)),
                ("a", .max - 5), ("b", try history.offset(of: "b")), ("a", at + 3),
            ],
            observer
        )
        let expected: [Int: RecoveryResult] = [
            0: .failed, 1: .failed, 2: .failed, 3: .failed, 4: .failed, 5: .recovered, 6: .failed,
        ]
        #expect(observer.results == expected)
        #expect(observer.notes.count == 6)
        #expect(try Bash.run("ls", in: target) == "b\n")
    }

    @Test("a hard link of another program's archive is followed through the whole stream")
    func foreignLink() throws {
        try Bash.run("echo data > a; ln a b", in: source)
        let file = scratch.path + "/theirs.tar"
        try Bash.run("tar -c --format=ustar -f '\(file)' -C '\(source)' a b")
        let observer = RecordingObserver()
        _ = try run(try rig.read(file), [("a", 0), ("b", 1024)], observer)
        // The first name was recovered, so the second can be linked to it by a pass through the stream.
        #expect(observer.results[0] == .recovered)
        #expect(observer.results[1] != nil)
    }

    @Test("without a position for each, one pass through the stream")
    func mixed() throws {
        try Bash.run("echo a > a; echo b > b", in: source)
        let bytes = try rig.backup(source)
        let tree = try ConfinedTree(target)
        let list = [
            Selection(original: TreePath("b"), tree: tree, target: TreePath("b"), offset: 0),
            Selection(original: TreePath("a"), tree: tree, target: TreePath("a")),
        ]
        let input = MemorySource(bytes)
        let observer = RecordingObserver()
        _ = try RecoverJob(.tar, selections: list, options: options, stateDirectory: "").run(
            from: input,
            observer: observer
        )
        #expect(observer.results == [0: .recovered, 1: .recovered])
        #expect(input.positions.count == 1)
    }
}
