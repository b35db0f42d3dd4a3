// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

/// Streams that real programs wrote, and what can be made of them by moving bytes.
enum ArchiveCaptures {
    /// A stream of Debian's dump out of the captures that the tests of backups have: `level0`, `level1`, `level2`.
    static func dump(_ name: String, _ directory: String) throws -> [UInt8] {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("BackupStreamsTests/Dump/DumpCaptures.swift")
        let text = try String(contentsOf: source, encoding: .utf8)
        let begin = try #require(text.range(of: "static let \(name) = \"\"\"\n"))
        let end = try #require(text.range(of: "\"\"\"", range: begin.upperBound..<text.endIndex))
        let base64 = text[begin.upperBound..<end.lowerBound].filter { !$0.isWhitespace && $0 != "\\" }
        let packed = try #require(Data(base64Encoded: String(base64)))
        let path = directory + "/" + name
        try packed.write(to: URL(fileURLWithPath: path + ".gz"))
        try ArchiveShell.run("gzip -df '\(path).gz'")
        return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// An empty little-endian header.
    static func header(kind: UInt8, inode: UInt8) -> [UInt8] {
        var record = [UInt8](repeating: 0, count: 1024)
        record[0] = kind
        record[20] = inode
        record[24] = 0x6C
        record[25] = 0xEA
        return record
    }

    /// Sets the sum of a little-endian header: all words add up to 84446.
    static func seal(_ record: inout [UInt8]) {
        for at in 28..<32 { record[at] = 0 }
        var sum: UInt32 = 0
        for at in stride(from: 0, to: 1024, by: 4) { sum &+= word(record, at) }
        let rest = 84_446 &- sum
        for index in 0..<4 { record[28 + index] = UInt8(truncatingIfNeeded: rest >> UInt32(8 * index)) }
    }

    private static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
    }

    /// The same stream as a big-endian machine writes it: every number turned round, in headers and directories.
    static func bigEndian(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        func turn(_ at: Int, _ count: Int) { bytes[at..<at + count].reverse() }
        var at = 0
        var isDirectory = false
        while at + 1024 <= bytes.count {
            guard word(bytes, at + 24) == 60_012 else {
                at += 1024
                continue
            }
            let kind = bytes[at]
            let count = Int(word(bytes, at + 160))
            let map =
                kind == 2 || kind == 4 ? bytes[(at + 164)..<(at + 164 + count)].reduce(0) { $0 + ($1 == 0 ? 0 : 1) } : 0
            let data = kind == 3 || kind == 6 ? count : map
            if kind == 2 { isDirectory = bytes[at + 33] & 0xF0 == 0x40 && bytes[at + 889] & 0x80 == 0 }
            for start in stride(from: 0, to: 32, by: 4) { turn(at + start, 4) }
            turn(at + 32, 2)
            turn(at + 34, 2)
            turn(at + 40, 8)
            for start in stride(from: 48, to: 164, by: 4) { turn(at + start, 4) }
            turn(at + 692, 4)
            for start in stride(from: 888, to: 904, by: 4) { turn(at + start, 4) }
            // The map of bytes and the names stay; the sum is of the words as that machine sees them.
            for index in 28..<32 { bytes[at + index] = 0 }
            var sum: UInt32 = 0
            for start in stride(from: at, to: at + 1024, by: 4) { sum &+= word(bytes, start).byteSwapped }
            let rest = (84_446 &- sum).byteSwapped
            for index in 0..<4 { bytes[at + 28 + index] = UInt8(truncatingIfNeeded: rest >> UInt32(8 * index)) }
            at += 1024
            if isDirectory {
                for record in stride(from: at, to: at + data * 1024, by: 1024) {
                    var entry = record
                    while entry + 8 <= record + 1024 {
                        let length = Int(bytes[entry + 4]) | Int(bytes[entry + 5]) << 8
                        turn(entry, 4)
                        turn(entry + 4, 2)
                        guard length >= 8 else { break }
                        entry += length
                    }
                }
            }
            at += data * 1024
        }
        return bytes
    }
}
