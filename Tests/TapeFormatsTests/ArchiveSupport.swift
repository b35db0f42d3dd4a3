// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Synchronization
import Testing

@testable import TapeFormats

/// Bytes as a tape file, in records of one length; counts what is read from it.
final class ArchiveTape: TapeFileBytes {
    let bytes: [UInt8]
    let recordBytes: Int
    /// Reading any of these bytes throws.
    let damaged: Range<Int>
    private let counter = Mutex<UInt64>(0)

    init(_ bytes: [UInt8], recordBytes: Int = 10_240, damaged: Range<Int> = 0..<0) {
        self.bytes = bytes
        self.recordBytes = recordBytes
        self.damaged = damaged
    }

    convenience init(path: String, recordBytes: Int = 10_240) throws {
        self.init(Array(try Data(contentsOf: URL(fileURLWithPath: path))), recordBytes: recordBytes)
    }

    /// Bytes asked for so far, and 64 for each call.
    var readBytes: UInt64 { counter.withLock { $0 } }

    var lengthBytes: UInt64 { UInt64(bytes.count) }
    var recordCount: UInt64 { UInt64((bytes.count + recordBytes - 1) / recordBytes) }

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int {
        guard offset < lengthBytes, room.count > 0 else { return 0 }
        let start = Int(offset)
        let count = min(room.count, bytes.count - start)
        counter.withLock { $0 += UInt64(count) + 64 }
        guard !damaged.overlaps(start..<start + count) else {
            throw .unreadable("a record cannot be read")
        }
        room.withUnsafeMutableBufferPointer { room in
            for index in 0..<count { room[index] = bytes[start + index] }
        }
        return count
    }

    func record(_ index: UInt64) throws(FormatError) -> (offset: UInt64, lengthBytes: Int)? {
        guard index < recordCount else { return nil }
        let start = Int(index) * recordBytes
        return (UInt64(start), min(recordBytes, bytes.count - start))
    }

    func recordIndex(holding offset: UInt64) throws(FormatError) -> UInt64? {
        offset < lengthBytes ? offset / UInt64(recordBytes) : nil
    }
}

/// Runs bash, as the tests' reference tools are run.
enum ArchiveShell {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    @discardableResult
    static func run(_ script: String, in directory: String = "/") throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "set -e; export LC_ALL=C TZ=UTC PATH=$PATH:/usr/sbin:/sbin; " + script]
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let text = String(decoding: data, as: UTF8.self)
        guard process.terminationStatus == 0 else { throw Failure(description: "\(script): \(text)") }
        return text
    }

    static func has(_ tools: String...) -> Bool {
        (try? run(tools.map { "command -v \($0)" }.joined(separator: " && "))) != nil
    }
}

/// A directory of its own that goes away with the object.
final class ArchiveScratch {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/capstan-formats-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}

/// One line for each thing below a directory, so that two trees can be compared as texts.
enum ArchiveTree {
    /// From a real directory: type, path, then permissions and seconds, and of files their length and sum.
    static func lines(ofDirectory path: String, links: Bool = false) throws -> [String] {
        let format = links ? "%n " : ""
        let listed = try ArchiveShell.run(
            #"find . -mindepth 1 -printf '%y %P\t%m \#(format)%T@\t%s\t%l\0' | sort -z | tr '\0' '\n'"#,
            in: path
        )
        return try listed.split(separator: "\n").map { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            let kind = fields[0].prefix(1)
            let name = String(fields[0].dropFirst(2))
            let attributes = fields[1].split(separator: ".")[0]
            switch kind {
            case "f":
                let data = try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))
                return "f \(name) \(attributes) \(fields[2]) \(sum(Array(data)))"
            case "l": return "l \(name) \(fields[3])"
            case "d": return "d \(name) \(attributes)"
            default: return "o \(name) \(attributes)"
            }
        }.sorted()
    }

    /// The same of an archive. Everything is read, in pieces that fit nothing.
    static func lines(of contents: any ArchiveContents, links: Bool = false) throws -> [String] {
        var lines: [String] = []
        try walk(contents) { number, path, entry in
            let seconds = entry.modifiedNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000).quotient
            let mode = String(entry.permissions, radix: 8)
            let attributes = links ? "\(mode) \(entry.links) \(seconds)" : "\(mode) \(seconds)"
            switch entry.kind {
            case .directory: lines.append("d \(path) \(attributes)")
            case .regular:
                let bytes = try self.bytes(of: number, in: contents)
                lines.append("f \(path) \(attributes) \(entry.lengthBytes) \(sum(bytes))")
            case .symbolicLink:
                lines.append("l \(path) \(String(decoding: contents.linkTarget(number) ?? [], as: UTF8.self))")
            case .other: lines.append("o \(path) \(attributes)")
            }
        }
        return lines.sorted()
    }

    static func walk(
        _ contents: any ArchiveContents,
        _ body: (UInt32, String, ContentEntry) throws -> Void
    ) throws {
        var queue: [(UInt32, String)] = [(0, "")]
        while let (directory, path) = queue.popLast() {
            var children: [(UInt32, [UInt8])] = []
            contents.children(of: directory, after: nil) { number, name in
                children.append((number, name))
                return true
            }
            for (number, name) in children {
                let entry = try #require(contents.entry(number))
                let full = (path.isEmpty ? "" : path + "/") + String(decoding: name, as: UTF8.self)
                try body(number, full, entry)
                if entry.kind == .directory { queue.append((number, full)) }
            }
        }
    }

    static func bytes(of number: UInt32, in contents: any ArchiveContents, step: Int = 65_537) throws -> [UInt8] {
        let reader = try contents.openEntry(number)
        var all: [UInt8] = []
        while true {
            var part = [UInt8](repeating: 0xEE, count: step)
            var room = part.mutableSpan
            let got = try reader.read(into: &room, at: UInt64(all.count))
            if got == 0 { return all }
            all.append(contentsOf: part.prefix(got))
        }
    }

    static func bytes(at path: String, in contents: any ArchiveContents) throws -> [UInt8] {
        var number: UInt32 = 0
        for name in path.split(separator: "/") {
            number = try #require(contents.child(Array(name.utf8), of: number), "\(path): no \(name)")
        }
        return try bytes(of: number, in: contents)
    }

    /// Equal for equal bytes, in this process.
    static func sum(_ bytes: [UInt8]) -> String {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        return String(UInt(bitPattern: hasher.finalize()), radix: 16)
    }

    /// Recognised and opened, as the mount does it.
    static func open(
        _ file: any TapeFileBytes,
        limits: ContentLimits = ContentLimits()
    ) throws -> (Recognition, any ArchiveContents) {
        let recognition = try #require(Recogniser.recognise(file))
        return (recognition, try ArchiveOpener.contents(of: file, recognised: recognition, limits: limits))
    }
}

/// Trees that archives are made of.
enum ArchiveSamples {
    /// Directories, odd and long names, links, holes, an empty file, one of several records.
    static func makeTree(_ path: String, long: Bool = true, odd: Bool = true) throws {
        try ArchiveShell.run(
            """
            mkdir -p '\(path)'; cd '\(path)'; mkdir -p a/b/c empty 'with space'
            head -c 100000 /dev/urandom > a/big; head -c 1 /dev/urandom > a/one; : > a/none
            head -c 512 /dev/urandom > a/b/block; head -c 513 /dev/urandom > a/b/c/more
            echo hello > 'with space/x y'; ln -s ../a/big a/link; ln -s nowhere dangling
            ln a/one hard; ln a/big a/b/hard2; mkfifo pipe
            truncate -s 3M holes; for at in 0 700000 2000000; do
              head -c 5000 /dev/urandom | dd of=holes bs=1 seek=$at conv=notrunc status=none; done
            chmod 4711 a/one; chmod 1777 empty; touch -d '1970-01-02 03:04:05' a/none; touch -d '2033-05-18' a/b/block
            """
        )
        if long {
            try ArchiveShell.run(
                """
                n=$(printf 'n%.0s' $(seq 120)); mkdir -p $n/$n; echo deep > $n/$n/$n; ln -s $n/$n/$n longlink
                """,
                in: path
            )
        }
        if odd { try ArchiveShell.run(#"echo odd > $'caf\303\251'; echo odd > $'tab\\back'"#, in: path) }
        try ArchiveShell.run("find . -depth -type d -exec touch -d '2020-02-02 02:02:02' {} +", in: path)
    }
}
