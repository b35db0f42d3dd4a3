// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import BackupStreams

@Suite("Tar: levels 0, 1, 2 bring back the exact state of each", .enabled(if: OddTree.hasTools), .serialized)
struct TarLevelsTests {
    private let scratch: ScratchDirectory
    private let rig: TarRig
    private let source: String
    private let target: String
    private var whole = RecoverOptions()

    init() throws {
        scratch = try ScratchDirectory()
        rig = TarRig(scratch)
        source = try scratch.make("source")
        target = try scratch.make("target")
        whole.wholeImage = true
    }

    /// Changes of the next step get later stamps than the last backup's date, which has whole seconds.
    private func nextSecond() {
        let start = time(nil)
        while time(nil) == start { usleep(20_000) }
        usleep(20_000)
    }

    private static let first = """
        mkdir -p keep/sub gone/sub rename/inner/deep swap1 swap2 todir/x; ln -s keep link
        for d in keep keep/sub gone gone/sub rename rename/inner rename/inner/deep swap1 swap2 todir/x; do
          for i in 1 2 3; do echo $d$i > $d/file$i; done
        done
        ln rename/inner/file1 keep/other; ln keep/file1 keep/sub/other; echo tofile > tofile
        setfattr -n user.a -v b keep/sub; head -c 300000 /dev/urandom > keep/large
        touch -d 2001-01-01 rename/inner/deep/file1 rename/inner/deep rename/inner rename
        """
    private static let second = """
        rm -r gone; mv rename renamed; mv renamed/inner/deep/file2 renamed/inner/deep/moved
        rm keep/file2; echo new > keep/new; echo more >> keep/sub/file3; ln keep/file3 keep/linked
        mv swap1 swap3; mv swap2 swap1; mv swap3 swap2
        rm tofile; mkdir tofile; echo in > tofile/in; rm -r todir; echo file > todir
        rm link; ln -s keep/sub link; setfattr -x user.a keep/sub; chmod 700 keep/sub
        """
    private static let third = """
        mv renamed/inner keep/inner; rm keep/linked; echo 3 > keep/sub/third; mkdir -p a/b/c; echo deep > a/b/c/d
        rm -r tofile; mv keep/new 'new name'; touch keep/large; rm link
        """

    @Test("renamed, removed, replaced and linked names", arguments: [true, false])
    func levels(_ keepsDirectories: Bool) throws {
        var streams: [[UInt8]] = []
        for (level, script) in [Self.first, Self.second, Self.third].enumerated() {
            try Bash.run(script, in: source)
            nextSecond()
            streams.append(try rig.backup(source, level: level))
            if !keepsDirectories { try Bash.run("rm -f '\(scratch.path)'/state/*.directories") }
            nextSecond()
            try Bash.run("rm -rf state\(level); cp -a source state\(level)", in: scratch.path)
        }
        // The file that has not changed is not in it, unless nobody knows whether its directory was renamed.
        #expect((streams[1].count < 200_000) == keepsDirectories)
        for (level, stream) in streams.enumerated() {
            let observer = RecordingObserver()
            try rig.recover(stream, to: target, options: whole, observer: observer)
            let differences = try Bash.differences(scratch.path + "/state\(level)", target)
            #expect(differences == "", "level \(level)")
            #expect(observer.notes == [])
        }
    }

    @Test("GNU tar, told of an incremental archive, brings back the same states")
    func gnu() throws {
        // It does not put a file in the place of a directory, so there is none of that here.
        let changes = """
            rm -r gone; mv rename/inner renamed; rm keep/file2; echo more >> keep/sub/file3; ln keep/file3 keep/linked
            rm tofile; mkdir tofile; echo in > tofile/in; mkdir new; echo x > new/x
            """
        for (level, script) in [Self.first, changes].enumerated() {
            try Bash.run(script, in: source)
            nextSecond()
            let file = try rig.write(try rig.backup(source, level: level), "level\(level).tar")
            try Bash.run("tar -x -G --xattrs -f '\(file)' -C '\(target)'")
        }
        // GNU tar leaves old attributes on directories that were there.
        let differences = try Bash.run("rsync -naHc -i --delete '\(source)/' '\(target)/'")
        #expect(differences == "")
    }

    @Test("another directory in the place of the root, and one that was left out before, are saved whole")
    func replacedRoot() throws {
        try Bash.run("mkdir out; echo 1 > a; echo 2 > out/old; mkdir ../other; echo 3 > ../other/b", in: source)
        var first = rig
        first.options.excludes = [Array("out".utf8)]
        nextSecond()
        try rig.recover(try first.backup(source), to: target)
        nextSecond()
        try rig.recover(try rig.backup(source, level: 1), to: target, options: whole)
        #expect(try Bash.differences(source, target) == "")
        nextSecond()
        try Bash.run("mv source source.old; mv other source", in: scratch.path)
        try rig.recover(try rig.backup(source, level: 2), to: target, options: whole)
        #expect(try Bash.differences(source, target) == "")
    }

    @Test("a directory whose list of names is too long for a header")
    func longList() throws {
        let names = "n=$(printf 'n%.0s' $(seq 240)); seq -f \"$n%04g\" 2600 | xargs touch"
        try Bash.run(names, in: source)
        nextSecond()
        try rig.recover(try rig.backup(source), to: target)
        nextSecond()
        try Bash.run("rm *7; echo new > new", in: source)
        nextSecond()
        let stream = try rig.backup(source, level: 1)
        #expect(stream[512 * 2 + 156] == UInt8(ascii: "D"))
        let summary = try rig.recover(stream, to: target, options: whole)
        #expect(summary.removed == 260)
        #expect(try Bash.differences(source, target) == "")
        // Other programs take it for a directory.
        let file = try rig.write(stream, "level1.tar")
        #expect(try Bash.run("tar -tf '\(file)'; bsdtar -tf '\(file)'") == "./\nnew\n./\nnew\n")
    }

    @Test("a level without a lower one is a full backup, and says so")
    func alone() throws {
        try Bash.run(Self.first, in: source)
        let observer = RecordingObserver()
        let stream = try rig.backup(source, level: 3, observer: observer)
        #expect(observer.notes.count == 1)
        try rig.recover(stream, to: target)
        #expect(try Bash.differences(source, target) == "")
    }

    @Test("a base date takes the place of the dump dates")
    func baseDate() throws {
        try Bash.run("touch -d @1000 old; echo new > new", in: source)
        var rig = rig
        // The stamp of a change of attributes cannot be set back: all are newer than a date of long ago.
        rig.options.baseDate = 5
        let observer = RecordingObserver()
        _ = try rig.backup(source, history: .paths, observer: observer)
        #expect(Set(observer.files.map(\.path)) == ["/", "old", "new"])
        rig.options.baseDate = Int64(time(nil)) + 1000
        let later = RecordingObserver()
        _ = try rig.backup(source, history: .paths, observer: later)
        #expect(later.files.map(\.path) == ["/"])
    }

    @Test("without UPDATE the dates stay")
    func noUpdate() throws {
        try Bash.run("echo a > a", in: source)
        var rig = rig
        rig.options.updatesDates = false
        _ = try rig.backup(source)
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/state/dump-dates.json"))
    }

    @Test("excluded and unselected names are not saved, and a whole recovery does not remove them")
    func excludes() throws {
        try Bash.run("mkdir -p a b c; touch a/x.o a/y b/z c/w; echo 1 > c/old", in: source)
        var rig = rig
        rig.options.excludes = [Array("*.o".utf8), Array("b".utf8)]
        nextSecond()
        let observer = RecordingObserver()
        _ = try rig.backup(source, history: .paths, observer: observer)
        #expect(observer.files.map(\.path) == ["/", "a", "a/y", "c", "c/old", "c/w"])
        try Bash.run("mkdir -p a b; echo kept > a/x.o; echo kept > b/z; echo gone > gone", in: target)
        nextSecond()
        try Bash.run("echo more > a/new", in: source)
        try rig.recover(try rig.backup(source, level: 1), to: target, options: whole)
        #expect(try Bash.run("find . -type f | sort", in: target) == "./a/new\n./a/x.o\n./b/z\n")
    }
}
