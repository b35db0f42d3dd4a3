// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What the front of a dump tells, in compact memory: its directories' names, and where each inode's header is.
struct DumpNamesTable {
    struct File {
        var entry: ContentEntry
        var header: UInt64
        /// Every header but the last is full and has no holes.
        var isDense: Bool
        /// Bytes that the headers tell of.
        var coveredBytes: UInt64
    }

    private struct Name {
        var inode: UInt32
        var start: UInt32
        var count: UInt8
    }

    private(set) var files: [UInt32: File] = [:]
    /// Each directory's names, by its inode.
    private var ranges: [UInt32: Range<Int>] = [:]
    private var names: [Name] = []
    private var text: [UInt8] = []
    /// Where the targets of symbolic links lie in `text`.
    private var targets: [UInt32: Range<Int>] = [:]
    private let limits: ContentLimits

    init(_ limits: ContentLimits) {
        self.limits = limits
    }

    /// More than the limits allow.
    var isFull: Bool {
        files.count >= limits.entries || names.count >= limits.entries
            || files.count * 120 + names.count * 12 + text.count + (ranges.count + targets.count) * 40
                > min(limits.footprintBytes, Int(UInt32.max) - 4096)
    }

    func hasNames(_ directory: UInt32) -> Bool { ranges[directory] != nil }

    mutating func set(_ inode: UInt32, _ file: File) {
        files[inode] = file
    }

    mutating func setTarget(of link: UInt32, _ bytes: [UInt8]) {
        guard !isFull else { return }
        targets[link] = text.count..<text.count + bytes.count
        text.append(contentsOf: bytes)
    }

    func target(of link: UInt32) -> [UInt8]? { targets[link].map { Array(text[$0]) } }

    mutating func begin(_ directory: UInt32) {
        ranges[directory] = names.count..<names.count
    }

    /// Adds a name to the directory that was begun last.
    mutating func add(_ inode: UInt32, _ name: ArraySlice<UInt8>, to directory: UInt32) {
        guard !isFull, let range = ranges[directory], range.upperBound == names.count, name.count <= 255 else { return }
        names.append(Name(inode: inode, start: UInt32(text.count), count: UInt8(name.count)))
        text.append(contentsOf: name)
        ranges[directory] = range.lowerBound..<names.count
    }

    func forEachName(of directory: UInt32, _ body: (UInt32, [UInt8]) -> Void) {
        guard let range = ranges[directory] else { return }
        for name in names[range] {
            body(name.inode, Array(text[Int(name.start)..<Int(name.start) + Int(name.count)]))
        }
    }
}
