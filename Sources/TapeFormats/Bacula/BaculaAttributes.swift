// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A record of stream 1 or 5: "index type name", zero, the fields of stat in Bacula's base 64 with a blank between them,
/// zero, the target of a link, zero, and more that is of no use here ("Unix File Attributes").
struct BaculaAttributes: Equatable {
    /// Longest record that is taken in: two paths and the numbers.
    static let maximumBytes = 256 << 10

    enum Kind: Equatable {
        case file, hardLink, symbolicLink, directory, special
        /// Told of, but there is nothing to show: deleted since, unreadable, the plugin's own.
        case none
    }

    var kind: Kind
    var path: [UInt8]
    /// Of a link.
    var target: [UInt8]
    var mode: UInt64
    var user: UInt64
    var group: UInt64
    var sizeBytes: UInt64
    var modifiedSeconds: Int64

    init?(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 2 else { return nil }
        let words = parts[0].split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, let type = Self.decimal(words[1]) else { return nil }
        let numbers = parts[1].split(separator: 0x20).prefix(16).map(Self.number)
        guard numbers.count >= 12 else { return nil }
        kind = Self.kind(type)
        path = Array(words[2])
        target = parts.count > 2 ? Array(parts[2]) : []
        mode = UInt64(bitPattern: numbers[2])
        user = UInt64(bitPattern: numbers[4])
        group = UInt64(bitPattern: numbers[5])
        sizeBytes = numbers[7] > 0 ? UInt64(numbers[7]) : 0
        modifiedSeconds = numbers[11]
    }

    private static func kind(_ type: Int) -> Kind {
        switch type {
        case 1: .hardLink
        case 2, 3, 16, 17: .file
        case 4: .symbolicLink
        // Also: not recursed into, another file system, another type of it, a reparse point, a junction.
        case 5, 13, 14, 19, 20, 21, 26: .directory
        case 6: .special
        default: .none
        }
    }

    private static func decimal(_ text: ArraySlice<UInt8>) -> Int? {
        guard (1...9).contains(text.count) else { return nil }
        var value = 0
        for byte in text {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }

    /// Bacula's own base 64: a number, most significant digit first, `-` in front of a negative one; no bytes.
    static func number(_ text: ArraySlice<UInt8>) -> Int64 {
        var value: UInt64 = 0
        let isNegative = text.first == UInt8(ascii: "-")
        for byte in isNegative ? text.dropFirst() : text {
            guard let digit = digit(byte) else { break }
            value = value << 6 | digit
        }
        return isNegative ? 0 &- Int64(bitPattern: value) : Int64(bitPattern: value)
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt64(byte - 0x41)
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt64(byte - 0x61) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - 0x30) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    /// As an entry of contents.
    var entry: ContentEntry {
        let kind: ContentEntry.Kind =
            switch self.kind {
            case .directory: .directory
            case .symbolicLink: .symbolicLink
            case .file, .hardLink: .regular
            case .special, .none: .other
            }
        let (nanoseconds, overflow) = modifiedSeconds.multipliedReportingOverflow(by: 1_000_000_000)
        return ContentEntry(
            kind: kind,
            permissions: UInt16(mode & 0o7777),
            user: UInt32(truncatingIfNeeded: user),
            group: UInt32(truncatingIfNeeded: group),
            lengthBytes: kind == .regular ? sizeBytes : 0,
            modifiedNanoseconds: overflow ? 0 : nanoseconds
        )
    }
}

/// How the bytes of a file lie in its records.
struct BaculaStream: Equatable {
    enum Packing: Equatable {
        case plain
        /// One zlib stream a record.
        case zlib
        /// A header of 12 bytes that names the compression, then the bytes.
        case headed
    }

    var packing: Packing = .plain
    /// Each record begins with its offset in the file, 8 bytes.
    var hasOffsets = false
    /// In the form of Windows' BackupRead: streams with headers of their own.
    var isBackupRead = false
    var isEncrypted = false

    /// nil: a stream of something else: a digest, access lists, extended attributes, …
    init?(type: Int) {
        switch type {
        case 2: break
        case 4: packing = .zlib
        case 6: hasOffsets = true
        case 7: (packing, hasOffsets) = (.zlib, true)
        case 11: isBackupRead = true
        case 12: (packing, isBackupRead) = (.zlib, true)
        case 20, 21, 23, 24, 32, 33: isEncrypted = true
        case 29: packing = .headed
        case 30: (packing, hasOffsets) = (.headed, true)
        case 31: (packing, isBackupRead) = (.headed, true)
        default: return nil
        }
    }
}
