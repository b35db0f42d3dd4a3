// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The entries of an archive in compact memory: 64 bytes a row, names one behind the other, and a hash table from
/// (directory, name) to row.
struct ContentRows: Sendable {
    /// What a regular file's reader finds it by; for a symbolic link, where its target lies in `text`.
    struct Row: Sendable {
        var locator: UInt64 = 0
        var second: UInt64 = 0
        var lengthBytes: UInt64 = 0
        var modifiedNanoseconds: Int64 = 0
        var user: UInt32 = 0
        var group: UInt32 = 0
        var nameStart: UInt32 = 0
        var parent: UInt32 = 0
        /// Directories: where their children begin in `order`, once that is made. Files: the group of those that
        /// share their bytes, `none` for one of its own.
        var place: UInt32 = ContentRows.none
        /// Directories: how many children. Others: how many names the archive says that it has, at least.
        var count: UInt32 = 0
        /// Low twelve bits: permissions; the two above: the kind; the next: made because a child needed it.
        var mode: UInt16 = 0
        var nameBytes: UInt8 = 0
        var depth: UInt8 = 0

        var kind: ContentEntry.Kind { ContentEntry.Kind(rawValue: UInt8(mode >> 12) & 3) ?? .other }
        var isImplied: Bool { mode & 0x4000 != 0 }
    }

    static let none = UInt32.max
    /// Rows, two slots and a place in `order` for each: what an entry costs without its name.
    static let rowBytes = MemoryLayout<Row>.stride + 12

    private(set) var rows: [Row]
    private(set) var text: [UInt8] = []
    /// Row numbers by hash, `none` for empty; a power of two, at most half full.
    private var slots: [UInt32]
    /// Children of each directory, behind one another.
    private(set) var order: [UInt32] = []
    /// So that nobody can prepare names that fall into one another.
    private let seed = UInt64.random(in: 0 ... .max)

    init() {
        var root = Row()
        root.mode = 0o755 | 0x4000
        rows = [root]
        slots = [UInt32](repeating: Self.none, count: 64)
    }

    var footprintBytes: Int {
        rows.count * MemoryLayout<Row>.stride + text.count + slots.count * 4 + order.count * 4
    }

    func name(_ row: Row) -> ArraySlice<UInt8> {
        text[Int(row.nameStart)..<Int(row.nameStart) + Int(row.nameBytes)]
    }

    func target(_ row: Row) -> [UInt8]? {
        guard row.kind == .symbolicLink else { return nil }
        let start = Int(row.locator)
        return Array(text[start..<start + Int(row.second)])
    }

    private func slot(_ name: ArraySlice<UInt8>, _ parent: UInt32) -> Int {
        var hasher = Hasher()
        hasher.combine(seed ^ UInt64(parent))
        var word: UInt64 = UInt64(name.count)
        var filled = 1
        for byte in name {
            word = word << 8 | UInt64(byte)
            filled += 1
            if filled == 8 {
                hasher.combine(word)
                word = 0
                filled = 0
            }
        }
        hasher.combine(word)
        return hasher.finalize() & (slots.count - 1)
    }

    func find(_ name: ArraySlice<UInt8>, in parent: UInt32) -> UInt32? {
        var at = slot(name, parent)
        while slots[at] != Self.none {
            let row = rows[Int(slots[at])]
            if row.parent == parent, Int(row.nameBytes) == name.count, self.name(row) == name { return slots[at] }
            at = (at + 1) & (slots.count - 1)
        }
        return nil
    }

    /// - Parameter name: at most 255 bytes, not yet in this directory.
    mutating func append(_ row: Row, name: ArraySlice<UInt8>) -> UInt32 {
        if (rows.count + 1) * 2 > slots.count { grow() }
        var row = row
        row.nameStart = UInt32(text.count)
        row.nameBytes = UInt8(name.count)
        text.append(contentsOf: name)
        let number = UInt32(rows.count)
        rows.append(row)
        enter(number, name, row.parent)
        return number
    }

    mutating func change(_ number: UInt32, _ body: (inout Row) -> Void) {
        body(&rows[Int(number)])
    }

    /// Where the bytes of a link's target lie from now on.
    mutating func addText(_ bytes: [UInt8]) -> UInt64 {
        defer { text.append(contentsOf: bytes) }
        return UInt64(text.count)
    }

    private mutating func enter(_ number: UInt32, _ name: ArraySlice<UInt8>, _ parent: UInt32) {
        var at = slot(name, parent)
        while slots[at] != Self.none { at = (at + 1) & (slots.count - 1) }
        slots[at] = number
    }

    private mutating func grow() {
        slots = [UInt32](repeating: Self.none, count: slots.count * 2)
        for number in rows.indices.dropFirst() { enter(UInt32(number), name(rows[number]), rows[number].parent) }
    }

    /// Sorts rows into their directories, each in the order in which they came. Nothing is appended from then on.
    mutating func putInOrder() {
        for number in rows.indices where rows[number].kind == .directory {
            rows[number].count = 0
            rows[number].place = 0
        }
        for row in rows.dropFirst() { rows[Int(row.parent)].count += 1 }
        var start: UInt32 = 0
        for number in rows.indices where rows[number].kind == .directory {
            rows[number].place = start
            start += rows[number].count
            rows[number].count = 0
        }
        order = [UInt32](repeating: 0, count: rows.count - 1)
        for number in rows.indices.dropFirst() {
            let parent = Int(rows[number].parent)
            order[Int(rows[parent].place + rows[parent].count)] = UInt32(number)
            rows[parent].count += 1
        }
    }
}
