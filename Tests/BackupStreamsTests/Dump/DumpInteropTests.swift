// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Foundation
import Testing

@Suite("Dump and Debian: its restore reads ours, we read what its dump wrote")
struct DumpInteropTests {
    @Test("restore -t lists, restore -r rebuilds: links, devices, sparse files, attributes, ACLs, odd names")
    func restoreReadsOurs() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        try Shell.run(dumpZoo, in: source)
        let (bytes, summary) = try bench.backup(source)
        #expect(summary.unreadable == 0)
        #expect(bytes.count % 10_240 == 0)
        let stream = try bench.write(bytes, "stream")
        let listed = try Shell.run("restore -T '\(bench.directory.path)' -tf '\(stream)'")
        #expect(listed.contains("./d2/hardlink\n"))
        #expect(listed.contains("./d1/long\n"))
        // restore takes seconds as 32 bits without sign, so it cannot tell 1955 or 2106; its files get those here.
        try Shell.run("restore -T '\(bench.directory.path)' -rf '\(stream)'; rm restoresymtable", in: target)
        try Shell.run("touch -d 2020-01-01 '\(source)'/d2/holes '\(target)'/d2/holes '\(source)' '\(target)'")
        try Shell.run("touch -h -d 2020-01-01 '\(source)'/d1/short '\(target)'/d1/short")
        #expect(try Shell.differences(source, target) == "")
        #expect(try Shell.run("stat -c %b d2/sparse", in: target).hasPrefix("8"))
        #expect(try Shell.run("stat -c '%t,%T' d1/blk", in: target) == "103,11170\n")
    }

    @Test("restore -r follows levels 0, 1 and 2 through renames, exchanges, removals and new links")
    func restoreFollowsLevels() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        for (level, script) in DumpLevels.scripts.enumerated() {
            try Shell.run(script, in: source)
            let (bytes, summary) = try bench.backup(source, level: level)
            #expect(summary.level == level)
            let stream = try bench.write(bytes, "stream\(level)")
            let output = try Shell.run("restore -T '\(bench.directory.path)' -rf '\(stream)'", in: target)
            #expect(!output.contains("not found"), "\(output)")
            try Shell.run("mv restoresymtable ..; touch -r '\(source)' .", in: target)
            #expect(try Shell.differences(source, target) == "", "level \(level)")
            try Shell.run("mv ../restoresymtable .", in: target)
        }
    }

    @Test("restore -x and -C take a stream with dense numbers")
    func restoreReadsDenseNumbers() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        for (level, script) in DumpLevels.scripts.enumerated() {
            try Shell.run(script, in: source)
            let (bytes, _) = try bench.backup(source, level: level, dense: true)
            // Dense numbers need one record for each map.
            #expect(bytes.count < 100_000)
            let stream = try bench.write(bytes, "stream\(level)")
            try Shell.run("restore -T '\(bench.directory.path)' -rf '\(stream)'", in: target)
            try Shell.run("mv restoresymtable ..; touch -r '\(source)' .", in: target)
            #expect(try Shell.differences(source, target) == "", "level \(level)")
            try Shell.run("mv ../restoresymtable .", in: target)
        }
    }

    @Test("what dump wrote at levels 0, 1 and 2 is restored to the exact state of each")
    func weFollowLevels() throws {
        let bench = try DumpBench()
        let target = try bench.directory.make("target")
        let list =
            "find . ! -name 'odd*' -printf '%p %y %m %n %l %T@\\n' | sed -E 's,^\\./,,; s/\\.[0-9]+$//; s/^([^ ]+ d [0-9]+) [0-9]+/\\1 -/' | sort"
        try bench.recover(bench.capture(DumpCaptures.level0), to: target, image: true)
        #expect(try Shell.run("cat keep/k; getfattr --only-values -n user.a keep/k", in: target) == "k\nvalue1")
        #expect(
            try Shell.run("getfacl -cn keep/k | grep user:1000; getfacl -cnd keep | grep 1001", in: target)
                == "user:1000:rw-\nuser:1001:r-x\n"
        )
        #expect(
            try Shell.run("getfattr --only-values -n user.large a/b/c/f1 | tr -d '\\n' | wc -c", in: target) == "700\n"
        )
        try bench.recover(bench.capture(DumpCaptures.level1), to: target, image: true)
        #expect(try Shell.run(list, in: target) == DumpCaptures.list1 + "\n")
        #expect(try Shell.run("getfattr --only-values -n user.z x/y/n4; cat x/y/n2", in: target) == "qchanged\n")
        let summary = try bench.recover(bench.capture(DumpCaptures.level2), to: target, image: true)
        #expect(try Shell.run(list, in: target) == DumpCaptures.list2 + "\n")
        #expect(summary.failed == 0)
        #expect(try Shell.run("cat x2/y/n3 x2/y/n2 x2/bmoved/c/f1", in: target) == "changed\n3\n1\n")
        #expect(
            try Shell.run("cat $'odd\\xff\\nname'; stat -c '%s %t,%T' sparse null", in: target)
                == "odd716800 0,0\n0 1,3\n"
        )
        #expect(try Shell.run("ls -A .", in: target).contains("capstan") == false)
    }

    @Test("single names out of a stream that dump wrote")
    func weSelect() throws {
        let bench = try DumpBench()
        let target = try bench.directory.make("target")
        let recorder = DumpRecorder()
        let stream = try bench.capture(DumpCaptures.level0)
        let summary = try bench.recover(
            stream,
            [("x/link2", nil), ("a/b/c", nil), ("no/such", nil), ("sparse", nil)],
            to: target,
            observer: recorder
        )
        #expect(recorder.results == [0: .recovered, 1: .recovered, 2: .notFound, 3: .recovered])
        #expect(summary.files == 3)
        #expect(try Shell.run("find . -type f | sort", in: target) == "./a/b/c/f1\n./sparse\n./x/link2\n")
        #expect(
            try Shell.run(
                "stat -c %b sparse; dd if=sparse bs=1024 skip=300 count=1 status=none | tr -d '\\0'",
                in: target
            ).hasSuffix("middle")
        )
    }
}

/// Three levels of a tree's life.
enum DumpLevels {
    static let scripts = [
        """
        mkdir -p a/b/c x/y keep; echo 1 > a/b/c/f1; echo 2 > a/b/f2; ln a/b/f2 x/link2; echo del > x/y/gone
        echo k > keep/k; for i in $(seq 20); do echo $i > x/y/n$i; done; ln -s foo sl
        """,
        """
        sleep 1.1; mv a/b x/bmoved; rm x/y/gone; mv x/y/n1 a/n1r; echo changed > x/y/n2; mkdir new; echo n > new/n
        ln keep/k new/klink; rm sl; ln -s bar sl; touch -d 2005-01-01 x/y/n3; setfattr -n user.z -v q x/y/n4; rm x/link2
        """,
        """
        sleep 1.1; mv x x2; mv a x; rm -r new; rm x2/y/n5; mkdir x2/y/n5; echo d > x2/y/n5/inner
        mv keep x2/bmoved/c/keep; chmod 700 x2/y; mv x2/y/n6 t; mv x2/y/n7 x2/y/n6; mv t x2/y/n7
        """,
    ]
}
