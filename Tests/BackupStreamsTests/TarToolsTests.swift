// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import BackupStreams

@Suite("Tar: what one program writes the other reads", .enabled(if: OddTree.hasTools))
struct TarToolsTests {
    private let scratch: ScratchDirectory
    private let rig: TarRig
    private let source: String
    private let target: String

    init() throws {
        scratch = try ScratchDirectory()
        rig = TarRig(scratch)
        source = try scratch.make("source")
        target = try scratch.make("target")
        try OddTree.make(source)
    }

    private func expectEqual() throws {
        let differences = try Bash.differences(source, target)
        #expect(differences == "")
    }

    @Test("ours to ours: everything comes back as it was")
    func own() throws {
        let observer = RecordingObserver()
        let summary = try rig.recover(try rig.backup(source), to: target, observer: observer)
        try expectEqual()
        #expect(observer.notes == [])
        #expect(observer.results == [0: .recovered])
        #expect(summary.failed == 0)
        // Holes stay holes.
        let blocks = try Bash.run("stat -c %b allhole sparse", in: target).split(separator: "\n").compactMap { Int($0) }
        #expect(blocks.count == 2 && blocks[0] == 0 && blocks[1] < 100)
    }

    @Test("GNU tar extracts ours without a complaint, except about names that are not UTF-8")
    func toGNU() throws {
        let file = try rig.write(try rig.backup(source), "ours.tar")
        let all = Bash.isRoot ? "--xattrs --xattrs-include='*' --acls" : "--xattrs --xattrs-include='user.*'"
        let output = try Bash.run("tar -x --warning=no-timestamp \(all) -f '\(file)' -C '\(target)' 2>&1")
        #expect(output == "tar: Ignoring unknown extended header keyword 'hdrcharset'\n")
        try expectEqual()
    }

    @Test("bsdtar extracts ours")
    func toBSD() throws {
        if Bash.isRoot { try Bash.run("setfacl -k dir", in: source) }
        let file = try rig.write(try rig.backup(source), "ours.tar")
        try Bash.run("bsdtar -x -p -f '\(file)' -C '\(target)'")
        // It does not undo its own "%3D" for "=" in names of attributes, its reading of times before 1970 differs from
        // POSIX, it sets a directory's default list of access before it makes what is in it, and leaves the time of "./".
        try Bash.run("setfattr -x user.eq%3Dal plain; setfattr -n user.eq=al -v $'a\nb' plain", in: target)
        try Bash.run("touch -r '\(source)/empty' '\(target)/empty'; touch -r '\(source)' '\(target)'")
        try expectEqual()
    }

    @Test("an archive ends with two blocks of zeros and nothing more")
    func ending() throws {
        let bytes = try rig.backup(source)
        #expect(bytes.count % 512 == 0)
        #expect(bytes.suffix(1024).allSatisfy { $0 == 0 })
        #expect(bytes.dropLast(1024).suffix(1536).contains { $0 != 0 })
    }

    @Test("ours recovers GNU tar's pax archives, all versions of sparse files", arguments: ["0.0", "0.1", "1.0"])
    func fromGNU(_ sparse: String) throws {
        let all = Bash.isRoot ? "--xattrs --xattrs-include='*' --acls" : "--xattrs --xattrs-include='user.*'"
        let file = scratch.path + "/theirs.tar"
        try Bash.run("tar -c -S --sparse-version=\(sparse) --format=posix \(all) -f '\(file)' -C '\(source)' .")
        try rig.recover(try rig.read(file), to: target)
        try expectEqual()
    }

    @Test("ours recovers GNU tar's own format: long names, many holes")
    func fromOldGNU() throws {
        try Bash.run(
            "for i in $(seq 0 59); do printf X | dd of=holes bs=1 seek=$((i*100000)) conv=notrunc status=none; done",
            in: source
        )
        let file = scratch.path + "/theirs.tar"
        try Bash.run("tar -c -S --format=gnu -f '\(file)' -C '\(source)' .")
        try rig.recover(try rig.read(file), to: target)
        // The format has neither fractions of seconds nor attributes.
        let plain = try Bash.run("rsync -nrlpgoDHc -i --delete '\(source)/' '\(target)/'")
        #expect(plain == "")
    }

    @Test("ours recovers bsdtar's archives")
    func fromBSD() throws {
        // It cannot store names that are not UTF-8.
        try Bash.run("rm -f $'byte\\xff\\xfe'; touch -d 1999-01-01 empty; setfattr -x user.eq=al plain", in: source)
        let file = scratch.path + "/theirs.tar"
        try Bash.run("bsdtar -c --format pax -f '\(file)' -C '\(source)' .")
        try rig.recover(try rig.read(file), to: target)
        try expectEqual()
    }

    @Test("a stream in odd pieces is the same stream")
    func pieces() throws {
        let input = MemorySource(try rig.backup(source))
        input.pieceBytes = 777
        let selection = Selection(original: TreePath(), tree: try ConfinedTree(target), target: TreePath())
        let job = RecoverJob(.tar, selections: [selection], options: RecoverOptions(), stateDirectory: "")
        _ = try job.run(from: input, observer: RecordingObserver())
        try expectEqual()
    }

    @Test("what is in the place of a file is replaced, and links there are not followed")
    func replaces() throws {
        try Bash.run(
            """
            echo precious > ../precious; ln -s ../precious plain; ln -s ../elsewhere dir; mkdir ../elsewhere
            echo old > linked; mkdir empty; echo x > longlink; mkdir -p fifo
            """,
            in: target
        )
        try rig.recover(try rig.backup(source), to: target)
        try expectEqual()
        #expect(try Bash.run("cat precious; ls -A elsewhere", in: scratch.path) == "precious\n")
        // A directory with something in it does not make way for a file.
        try Bash.run("rm plain; mkdir plain; touch plain/kept", in: target)
        let observer = RecordingObserver()
        try rig.recover(try rig.backup(source), to: target, [("plain", "plain")], observer: observer)
        #expect(observer.results == [0: .pathExists])
        #expect(try Bash.run("ls plain", in: target) == "kept\n")
    }
}
