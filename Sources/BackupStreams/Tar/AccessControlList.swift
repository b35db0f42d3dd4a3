// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A POSIX access control list: who may do what with a file, beyond its mode.
struct AccessControlList: Sendable, Equatable {
    enum Tag: UInt16, Sendable {
        case owner = 0x01
        case user = 0x02
        case owningGroup = 0x04
        case group = 0x08
        case mask = 0x10
        case other = 0x20
    }

    struct Entry: Sendable, Equatable {
        var tag: Tag
        /// Read 4, write 2, execute 1.
        var permissions: UInt16
        /// Of `.user` and `.group`.
        var identifier: UInt32?
    }

    var entries: [Entry]

    /// Names of the kernel's extended attributes that hold lists.
    static let accessName = Array("system.posix_acl_access".utf8)
    static let defaultName = Array("system.posix_acl_default".utf8)
    /// An attribute has 64 KiB at most, and an entry 8 bytes.
    private static let maximumEntries = 8192
    private static let version: UInt32 = 2
    private static let noIdentifier = UInt32.max

    init(entries: [Entry]) {
        self.entries = entries
    }

    /// From the kernel's form (linux/posix_acl_xattr.h): a version of 4 bytes, then entries of tag, permissions (2
    /// bytes each) and id (4 bytes), all little-endian. Nil for another form.
    init?(attribute bytes: [UInt8]) {
        guard bytes.count >= 4, (bytes.count - 4) % 8 == 0, Self.number(bytes, 0, 4) == Self.version else { return nil }
        entries = []
        for start in stride(from: 4, to: bytes.count, by: 8) {
            guard let tag = Tag(rawValue: UInt16(Self.number(bytes, start, 2))) else { return nil }
            let identifier = Self.number(bytes, start + 4, 4)
            entries.append(
                Entry(
                    tag: tag,
                    permissions: UInt16(Self.number(bytes, start + 2, 2)) & 7,
                    identifier: tag == .user || tag == .group ? identifier : nil
                )
            )
        }
    }

    /// The kernel's form, in the order that it demands.
    var attribute: [UInt8] {
        var bytes: [UInt8] = []
        Self.append(Self.version, 4, to: &bytes)
        let sorted = entries.sorted { ($0.tag.rawValue, $0.identifier ?? 0) < ($1.tag.rawValue, $1.identifier ?? 0) }
        for entry in sorted {
            Self.append(UInt32(entry.tag.rawValue), 2, to: &bytes)
            Self.append(UInt32(entry.permissions), 2, to: &bytes)
            Self.append(entry.identifier ?? Self.noIdentifier, 4, to: &bytes)
        }
        return bytes
    }

    /// From the text of POSIX.1e that tar archives carry (SCHILY.acl.access): `user:NAME:rwx[:ID]`, entries divided by
    /// commas or line ends. An id is taken before a name; a name is looked up, and an unknown one leaves its entry out.
    /// Nil for a text that is no list.
    init?(text: [UInt8]) {
        entries = []
        for item in text.split(whereSeparator: { $0 == 0x2C || $0 == 0x0A }) {
            guard entries.count < Self.maximumEntries else { return nil }
            var fields = item.split(separator: 0x3A, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self).trimmingSpaces }
            if fields.first == "default" || fields.first == "d" { fields.removeFirst() }
            if fields == [""] || fields.first?.hasPrefix("#") == true { continue }
            // "mask:rwx" and "other:rwx" are short for an empty name.
            if fields.count == 2 { fields.insert("", at: 1) }
            guard fields.count >= 3, let permissions = Self.permissions(fields[2]) else { return nil }
            guard let tag = Self.tag(fields[0], isNamed: !fields[1].isEmpty || fields.count > 3) else { return nil }
            var entry = Entry(tag: tag, permissions: permissions, identifier: nil)
            if tag == .user || tag == .group {
                let written = fields.count > 3 ? UInt32(fields[3]) : nil
                let known = written ?? UInt32(fields[1]) ?? Accounts.identifier(fields[1], isGroup: tag == .group)
                guard let known else { continue }
                entry.identifier = known
            }
            entries.append(entry)
        }
        if entries.isEmpty { return nil }
    }

    private static func tag(_ word: String, isNamed: Bool) -> Tag? {
        switch word {
        case "user", "u": isNamed ? .user : .owner
        case "group", "g": isNamed ? .group : .owningGroup
        case "mask", "m": .mask
        case "other", "o": .other
        default: nil
        }
    }

    private static func permissions(_ word: String) -> UInt16? {
        var bits: UInt16 = 0
        for character in word.utf8 {
            switch character {
            case UInt8(ascii: "r"): bits |= 4
            case UInt8(ascii: "w"): bits |= 2
            case UInt8(ascii: "x"): bits |= 1
            case UInt8(ascii: "-"): break
            default: return nil
            }
        }
        return bits
    }

    private static func number(_ bytes: [UInt8], _ start: Int, _ count: Int) -> UInt32 {
        var value: UInt32 = 0
        for index in (0..<count).reversed() { value = value << 8 | UInt32(bytes[start + index]) }
        return value
    }

    private static func append(_ value: UInt32, _ count: Int, to bytes: inout [UInt8]) {
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * index))) }
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        let rest = drop { $0 == " " || $0 == "\t" }
        guard let last = rest.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return String(rest[...last])
    }
}
