// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import BackupStreams
import Foundation
import Testing

@Suite("Dump: trees that change, streams that are damaged or hostile")
struct DumpRobustnessTests {
    /// 4 unless CAPSTAN_FUZZ_SEEDS says how many; each has 40 streams.
    static var seeds: ClosedRange<UInt64> {
        1...max(1, ProcessInfo.processInfo.environment["CAPSTAN_FUZZ_SEEDS"].flatMap(UInt64.init) ?? 4)
    }

    @Test("files that vanish, shrink or change their kind during the backup are noted, and the stream stays valid")
    func changingTree() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        let target = try bench.directory.make("target")
        try Shell.run(
            "mkdir d gone; for i in a b c kind replaced; do echo $i > d/$i; done; echo x > gone/x; head -c 900000 /dev/zero > shrinks",
            in: source
        )
        let recorder = DumpRecorder()
        recorder.onEstimate = {
            _ = try? Shell.run(
                "rm d/b d/kind; mkfifo d/kind; echo new > d/n; mv d/n d/replaced; rm -r gone; truncate -s 1000 shrinks",
                in: source
            )
        }
        let (bytes, summary) = try bench.backup(source, observer: recorder)
        #expect(summary.unreadable == 5)
        #expect(recorder.notes.count == 5)
        let stream = try bench.write(bytes, "stream")
        try Shell.run("restore -T '\(bench.directory.path)' -tf '\(stream)'")
        try Shell.run("restore -T '\(bench.directory.path)' -rf '\(stream)'; rm restoresymtable", in: target)
        #expect(try Shell.run("cat d/a d/c; ls d; stat -c %s shrinks", in: target) == "a\nc\na\nc\n1000\n")
        let other = try bench.directory.make("other")
        try bench.recover(bytes, to: other)
        #expect(try Shell.run("cat d/a d/c; ls d; stat -c %s shrinks", in: other) == "a\nc\na\nc\n1000\n")
    }

    @Test("a backup and a recovery that are aborted end with that reason")
    func cancelled() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        try Shell.run("for i in $(seq 50); do echo $i > $i; done", in: source)
        let (bytes, _) = try bench.backup(source)
        let recorder = DumpRecorder()
        recorder.onEstimate = { recorder.isCancelled = true }
        #expect(throws: StreamError.cancelled) { try bench.backup(source, observer: recorder) }
        #expect(throws: StreamError.cancelled) {
            try bench.recover(bytes, to: bench.directory.make("target"), observer: recorder)
        }
    }

    @Test("a stream that breaks off in a file leaves what had its name, and nothing half restored")
    func brokenOff() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        try Shell.run("head -c 600000 /dev/urandom > replaced", in: source)
        let (bytes, _) = try bench.backup(source)
        let target = try bench.directory.make("target")
        try Shell.run("echo before > replaced", in: target)
        #expect(throws: StreamError.self) {
            try bench.recover(Array(bytes.prefix(bytes.count - 400_000)), to: target)
        }
        #expect(try Shell.run("cat replaced; ls -A", in: target) == "before\nreplaced\n")
        let empty = try bench.directory.make("empty")
        #expect(throws: StreamError.self) {
            try bench.recover(Array(bytes.prefix(bytes.count - 400_000)), to: empty)
        }
        #expect(try Shell.run("ls -A", in: empty) == "")
        try bench.recover(bytes, to: target)
        #expect(try Shell.run("cmp replaced ../source/replaced; ls -A", in: target) == "replaced\n")
    }

    @Test("without an earlier dump a level becomes 0, and says so; the base date of the job takes precedence")
    func baseDates() throws {
        let bench = try DumpBench()
        let source = try bench.directory.make("source")
        try Shell.run("touch -d 2001-01-01 old; touch new", in: source)
        let recorder = DumpRecorder()
        let (_, first) = try bench.backup(source, level: 3, observer: recorder)
        #expect(first.level == 0)
        #expect(recorder.notes.count == 1)
        // Status changes count: all files are new as of this year, none as of the next century.
        let (_, base) = try bench.backup(source, level: 1) { $0.baseDate = 1_000_000_000 }
        #expect(base.files == 2)
        #expect(base.baseDate == 1_000_000_000)
        let (_, late) = try bench.backup(source, level: 1) { $0.baseDate = 4_000_000_000 }
        #expect(late.files == 0)
        #expect(late.directories == 1)
    }

    @Test("a stream that ends early, begins wrong, or is compressed is refused with its reason")
    func refusedStreams() throws {
        let bench = try DumpBench()
        let target = try bench.directory.make("target")
        let stream = try bench.capture(DumpCaptures.level0)
        #expect(throws: StreamError.truncated(at: 53 * 1024)) {
            try bench.recover(Array(stream[..<(53 * 1024)]), to: target)
        }
        #expect(try Shell.run("cat x/y/n3; stat -c %Y x/y", in: target) == "3\n1706933106\n")
        #expect(throws: StreamError.truncated(at: 0)) { try bench.recover([], to: target) }
        #expect(throws: StreamError.self) { try bench.recover(Array(stream[1024...]), to: target) }
        #expect(throws: StreamError.self) { try bench.recover([UInt8](repeating: 0, count: 10_240), to: target) }
        var header = try DumpHeader(Array(stream[..<1024]))
        header.flags |= 0x80
        let compressed = header.encoded() + stream[1024...]
        let error = #expect(throws: StreamError.self) { try bench.recover(compressed, to: target) }
        #expect(error?.description.contains("compressed") == true)
    }

    @Test("a damaged header costs its own file only")
    func damagedHeader() throws {
        let bench = try DumpBench()
        let target = try bench.directory.make("target")
        var stream = try bench.capture(DumpCaptures.level0)
        stream[33 * 1024 + 40] ^= 0xFF
        let recorder = DumpRecorder()
        try bench.recover(stream, to: target, observer: recorder)
        #expect(recorder.notes.contains { $0.contains("damaged at byte \(33 * 1024)") })
        #expect(
            try Shell.run("ls x/y; cat a/b/f2", in: target) == "n1\nn2\nn3\nn4\nn5\n2\n"
                || Shell.run("ls x/y | wc -l", in: target) == "5\n"
        )
    }

    @Test("entries that lead out, loops, wild sizes: nothing is written outside the target")
    func hostileStream() throws {
        let bench = try DumpBench()
        let target = try bench.directory.make("cell/target")
        var stream = HostileStream()
        stream.directory(2, [(3, .directory, "a"), (9, .regular, ".."), (9, .regular, "x/y"), (2, .directory, "self")])
        stream.directory(
            3,
            [(2, .directory, "up"), (3, .directory, "again"), (4, .directory, "b"), (8, .symbolicLink, "l")]
        )
        stream.directory(
            4,
            [(3, .directory, "loop"), (10, .regular, "huge"), (11, .regular, "ok"), (12, .directory, "l")]
        )
        stream.directory(4, [(11, .regular, "second")])
        stream.directory(12, [(9, .regular, "evil")])
        stream.file(8, mode: 0o120777, size: 12, data: Array("../../../out".utf8))
        stream.file(9, mode: 0o100644, size: 4, data: Array("evil".utf8))
        stream.file(10, mode: 0o100644, size: 1 << 62, data: [1, 2, 3])
        stream.file(11, mode: 0o100644, size: 2, data: Array("ok".utf8))
        stream.file(0, mode: 0o100644, size: 2, data: Array("no".utf8))
        stream.file(.max, mode: 0, size: .max, data: [])
        stream.end()
        let recorder = DumpRecorder()
        let summary = try bench.recover(stream.bytes, to: target, observer: recorder)
        #expect(summary.failed == 1)
        #expect(try Shell.run("cat a/b/ok a/b/l/evil; readlink a/l; ls a", in: target) == "okevil../../../out\nb\nl\n")
        #expect(try Shell.run("find ../.. -newer . -name 'out*'; ls ..", in: target) == "target\n")
        #expect(recorder.notes.count >= 4)
    }

    @Test("mutated streams end cleanly and touch nothing outside the target", arguments: Self.seeds)
    func fuzz(seed: UInt64) throws {
        let bench = try DumpBench()
        var random = DumpRandom(seed: seed)
        let captures = try [DumpCaptures.level0, DumpCaptures.level1].map { try bench.capture($0) }
        let cell = try bench.directory.make("cell")
        let sentinel = try bench.directory.make("cell/sentinel")
        try Shell.run(
            "echo untouched > sentinel/file; find . -path ./target -prune -o -print0 | xargs -0 ls -ld > ../before",
            in: cell
        )
        for round in 0..<40 {
            let target = try bench.directory.make("cell/target")
            var stream = captures[Int(random.next() % 2)]
            for _ in 0..<(1 + random.next() % 12) { DumpMutation.apply(&stream, &random) }
            let recorder = DumpRecorder()
            switch round % 4 {
            case 0: _ = try? bench.recover(stream, to: target, observer: recorder)
            case 1:
                _ = try? bench.recover(captures[0], to: target, image: true)
                _ = try? bench.recover(stream, to: target, image: true, observer: recorder)
            case 2:
                let offset = random.next() % UInt64(stream.count + 4096)
                _ = try? bench.recover(
                    stream,
                    [("a/b", offset / 1024 * 1024), ("keep", nil)],
                    to: target,
                    observer: recorder
                ) { $0.direct = true }
            default:
                _ = try? bench.recover(stream, [], to: target, observer: recorder) {
                    $0.historyOnly = true
                    $0.history = round % 8 == 3 ? .paths : .nodes
                }
            }
            #expect(recorder.notes.count < 1000)
            try FileManager.default.removeItem(atPath: target)
        }
        try Shell.run(
            "find . -path ./target -prune -o -print0 | xargs -0 ls -ld > ../after; grep -q untouched sentinel/file",
            in: cell
        )
        _ = sentinel
        #expect(
            try Shell.run("diff <(grep -v ' \\.$' before) <(grep -v ' \\.$' after)", in: bench.directory.path) == ""
        )
    }
}

/// Damage that gets past the checksum as often as not.
enum DumpMutation {
    static func apply(_ stream: inout [UInt8], _ random: inout DumpRandom) {
        let records = stream.count / 1024
        let record = Int(random.next() % UInt64(records)) * 1024
        switch random.next() % 6 {
        case 0:
            stream[record + Int(random.next() % 1024)] = UInt8(truncatingIfNeeded: random.next())
        case 1:
            stream.removeLast(min(stream.count - 1024, Int(random.next() % 30_000)))
        case 2:
            let from = Int(random.next() % UInt64(records)) * 1024
            stream.replaceSubrange(record..<record + 1024, with: Array(stream[from..<from + 1024]))
        default:
            // A field of a header, with the checksum put right again.
            let fields = [0, 8, 16, 20, 32, 40, 44, 160, 164, 888, 900]
            let offset = record + fields[Int(random.next() % UInt64(fields.count))]
            let wild: [UInt64] = [
                0, 1, 2, 3, 11, 12, 18, 0xFF, 512, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, random.next(),
            ]
            let value = wild[Int(random.next() % UInt64(wild.count))]
            for index in 0..<4 { stream[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
            mend(&stream, record)
        }
    }

    private static func mend(_ stream: inout [UInt8], _ record: Int) {
        func word(_ offset: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(stream[offset + $1]) << UInt32(8 * $1) }
        }
        guard word(record + 24) == 60_012 else { return }
        var sum: UInt32 = 0
        for offset in stride(from: record, to: record + 1024, by: 4) where offset != record + 28 {
            sum &+= word(offset)
        }
        let check = 84_446 &- sum
        for index in 0..<4 { stream[record + 28 + index] = UInt8(truncatingIfNeeded: check >> UInt32(8 * index)) }
    }
}

/// Builds streams that no dump would write.
struct HostileStream {
    private(set) var bytes: [UInt8] = []

    init() {
        var tape = DumpHeader(.tape)
        tape.date = 1_700_000_000
        bytes += tape.encoded()
    }

    mutating func directory(_ inode: UInt32, _ entries: [(UInt32, FileKind, String)]) {
        var encoder = DumpDirectoryEncoder()
        var data: [UInt8] = []
        for entry in entries {
            let packed = DumpEntry(inode: entry.0, kind: entry.1, name: Array(entry.2.utf8))
            if let block = encoder.add(packed) { data += block }
        }
        if let block = encoder.finish() { data += block }
        file(inode, mode: 0o040755, size: UInt64(data.count), data: data)
    }

    mutating func file(_ inode: UInt32, mode: UInt32, size: UInt64, data: [UInt8]) {
        var header = DumpHeader(.inode)
        header.inode = inode
        header.file.mode = mode
        header.file.links = 1
        header.file.size = size
        let records = (data.count + 1023) / 1024
        header.count = UInt32(records)
        header.addresses = [UInt8](repeating: 1, count: records)
        bytes += header.encoded() + data + [UInt8](repeating: 0, count: records * 1024 - data.count)
    }

    mutating func end() {
        bytes += DumpHeader(.end).encoded()
    }
}
