// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import BackupStreams

@Suite("Tar: hostile and damaged streams", .enabled(if: OddTree.hasTools))
struct TarHostileTests {
    private let scratch: ScratchDirectory
    private let rig: TarRig
    private let target: String

    init() throws {
        scratch = try ScratchDirectory()
        rig = TarRig(scratch)
        target = try scratch.make("target")
        try Bash.run("mkdir outside; echo precious > outside/file", in: scratch.path)
    }

    /// A member as Python's tarfile would write it, by hand: name, type, content, link.
    private func member(_ name: String, _ type: Character, _ content: [UInt8] = [], link: String = "") -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ at: Int) {
            block.replaceSubrange(at..<(at + text.utf8.count), with: Array(text.utf8))
        }
        func octal(_ number: Int, _ digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(String(name.prefix(100)), 0)
        put("0000755", 100)
        put("0000000", 108)
        put("0000000", 116)
        put(octal(content.count, 11), 124)
        put("00000000001", 136)
        put("        ", 148)
        put(String(type), 156)
        put(String(link.prefix(100)), 157)
        put("ustar", 257)
        put("00", 263)
        put(octal(block.reduce(0) { $0 + Int($1) }, 6), 148)
        block[154] = 0
        return block + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    private func pax(_ records: [(String, [UInt8])]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (key, value) in records { bytes += PaxRecords.record(Array((key + "=").utf8) + value) }
        return member("PaxHeaders", "x", bytes)
    }

    private static let end = [UInt8](repeating: 0, count: 1024)

    private func outside() throws -> String {
        try Bash.run("find . -path ./target -prune -o -print | sort; cat outside/file", in: scratch.path)
    }

    private static let untouched = ".\n./outside\n./outside/file\nprecious\n"

    @Test("names with .., absolute names, and links out lead nowhere")
    func escapes() throws {
        let content = Array("bad".utf8)
        let stream =
            member("../outside/file", "0", content) + member("a/../../outside/file", "0", content)
            + member("out", "2", link: "../outside") + member("out/file", "0", content)
            + member("out/new", "0", content)
            + member("hard", "1", link: "../outside/file") + member("hard2", "1", link: "out/file")
            + member("out", "5") + member("abs", "2", link: scratch.path + "/outside/file")
            + member("abs", "0", content) + member(scratch.path + "/absolute", "0", content)
            + pax([("path", Array("../outside/pax".utf8))]) + member("x", "0", content)
            + pax([("GNU.sparse.name", Array("../../x".utf8))]) + member("x", "0", content)
            + pax([("linkpath", Array("/etc/passwd".utf8))]) + member("hard3", "1") + Self.end
        let observer = RecordingObserver()
        let summary = try rig.recover(stream, to: target, observer: observer)
        #expect(try outside() == Self.untouched)
        #expect(summary.failed >= 6)
        #expect(observer.results == [0: .noDirectory])
        // An absolute name is taken as one below the target; the link was replaced, not written through.
        #expect(FileManager.default.fileExists(atPath: target + scratch.path + "/absolute"))
        #expect(try Bash.run("cat abs; stat -c %F abs out", in: target) == "badregular file\ndirectory\n")
    }

    @Test("a list of names removes nothing unless a whole image was asked for, and never outside")
    func nameLists() throws {
        try Bash.run("echo x > kept; ln -s ../outside link", in: target)
        let stream = member("./", "D", [0]) + Self.end
        try rig.recover(stream, to: target)
        #expect(try Bash.run("ls", in: target) == "kept\nlink\n")
        var whole = RecoverOptions()
        whole.wholeImage = true
        // A list that was cut short removes nothing.
        try rig.recover(member("./", "D", Array("Ykep".utf8)) + Self.end, to: target, options: whole)
        #expect(try Bash.run("ls", in: target) == "kept\nlink\n")
        let summary = try rig.recover(stream, to: target, options: whole)
        #expect(summary.removed == 2)
        #expect(try Bash.run("ls", in: target) == "")
        #expect(try outside() == Self.untouched)
    }

    @Test("sizes, maps and headers that lie end the recovery with a reason")
    func lies() throws {
        let huge = pax([("size", Array("9223372036854775807".utf8))]) + member("f", "0")
        let map = pax([("GNU.sparse.size", Array("10".utf8)), ("GNU.sparse.map", Array("5,10".utf8))])
        let back = pax([("GNU.sparse.size", Array("99".utf8)), ("GNU.sparse.map", Array("50,2,0,1".utf8))])
        let streams: [[UInt8]] = [
            huge, map + member("f", "0", [1, 2]), back + member("f", "0", [1, 2, 3]),
            pax([("size", Array("-1".utf8))]) + member("f", "0"),
            pax([("GNU.sparse.major", [0x31]), ("GNU.sparse.minor", [0x30]), ("GNU.sparse.realsize", [0x39])])
                + member("f", "0", Array("9999999999999\n".utf8)),
            member("x", "x", Array("99 path=a\n".utf8)) + member("f", "0"),
            member("x", "x", Array("0 path=a\n".utf8)) + member("f", "0"),
            [UInt8](repeating: 7, count: 4096), member("f", "0", [1]), [],
            (0..<20).flatMap { _ in pax([("path", [0x61])]) },
        ]
        for (number, stream) in streams.enumerated() {
            let observer = RecordingObserver()
            #expect(throws: StreamError.self, "stream \(number)") {
                try rig.recover(stream, to: target, observer: observer)
            }
            #expect(observer.results == [0: .failed])
        }
        // What is not complete is not there.
        #expect(
            try Bash.run("find . -type f -size +0", in: target) == "./f\n" || (try Bash.run("ls", in: target)) == ""
        )
    }

    @Test("an extended header may not be larger than we are ready to keep")
    func largeHeader() throws {
        var header = member("x", "x")
        header.replaceSubrange(124..<135, with: Array("77777777777".utf8))
        for index in 148..<156 { header[index] = 0x20 }
        let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        header.replaceSubrange(148..<154, with: Array((String(repeating: "0", count: 6 - sum.count) + sum).utf8))
        #expect {
            try rig.recover(header + Self.end, to: target)
        } throws: {
            if case .malformed(let text) = $0 as? StreamError { text.contains("8589934591") } else { false }
        }
    }

    @Test("a path of more names than anyone needs is left out, quickly")
    func deep() throws {
        let path = Array(String(repeating: "d/", count: 100_000).utf8)
        let stream = pax([("path", path)]) + member("x", "5") + member("after", "0", [0x61]) + Self.end
        let observer = RecordingObserver()
        let summary = try rig.recover(stream, to: target, observer: observer)
        #expect(summary.failed == 1 && summary.files == 1)
        #expect(try Bash.run("ls", in: target) == "after\n")
    }

    @Test("a recovery that is taken back ends, and leaves no half file")
    func cancelled() throws {
        let observer = RecordingObserver()
        observer.isCancelled = true
        #expect(throws: StreamError.cancelled) {
            try rig.recover(member("f", "0", [1]) + Self.end, to: target, observer: observer)
        }
        #expect(throws: StreamError.cancelled) { try rig.backup(target, observer: observer) }
        #expect(try Bash.run("ls -A", in: target) == "")
    }

    @Test("changed bytes: no trap, nothing outside the target", arguments: [UInt64(1), 2, 3])
    func fuzz(_ seed: UInt64) throws {
        let source = try scratch.make("source")
        try Bash.run(
            """
            mkdir -p a/b; for i in 1 2 3; do echo $i > a/b/$i; done; ln a/b/1 a/linked; ln -s ../../outside a/out
            truncate -s 100000 a/hole; printf X | dd of=a/hole bs=1 seek=50000 conv=notrunc status=none
            touch $'\\xff'; setfattr -n user.x -v y a/b/2
            """,
            in: source
        )
        var original = try rig.backup(source)
        let file = scratch.path + "/gnu.tar"
        try Bash.run("tar -c -S --format=gnu -f '\(file)' -C '\(source)' .")
        original += try rig.read(file)
        try Bash.run("rm -r source gnu.tar state", in: scratch.path)
        var random = SeededGenerator(seed)
        var whole = RecoverOptions()
        whole.wholeImage = true
        for round in 0..<120 {
            let start = round % 2 == 0 ? 0 : original.count / 512 / 2 * 512
            var bytes = Array(original[start...])
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let block = Int.random(in: 0..<(bytes.count / 512), using: &random) * 512
                let at = block + Int.random(in: 0..<512, using: &random)
                bytes[at] = random.next()
                // A right checksum lets the change pass the first gate.
                if Bool.random(using: &random) { Self.seal(&bytes, block) }
            }
            if round % 5 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            var options = round % 3 == 0 ? whole : RecoverOptions()
            options.historyOnly = round % 7 == 0
            options.history = round % 2 == 0 ? .paths : .nodes
            _ = try? rig.recover(bytes, to: target, options: options)
        }
        #expect(try outside() == Self.untouched)
    }

    private static func seal(_ bytes: inout [UInt8], _ block: Int) {
        for index in 148..<156 { bytes[block + index] = 0x20 }
        let sum = String(bytes[block..<(block + 512)].reduce(0) { $0 + Int($1) }, radix: 8)
        let text = Array((String(repeating: "0", count: 6 - sum.count) + sum).utf8)
        bytes.replaceSubrange((block + 148)..<(block + 154), with: text)
        bytes[block + 154] = 0
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func next() -> UInt8 { UInt8(truncatingIfNeeded: next() as UInt64) }
}
