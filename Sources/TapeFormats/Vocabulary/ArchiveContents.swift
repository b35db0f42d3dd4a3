// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What a tape file or a cartridge was recognised as.
package struct Recognition: Codable, Sendable, Equatable {
    /// Stable short name, for JSON and for scripts: `tar`, `cpio`, `dump`, `amanda`, `bacula-label`, `ltfs-index`, …
    package var format: String
    /// For people, one line: `Amanda dump of /home on host alpha, level 1`.
    package var title: String
    /// What the header says, in its order: ("host", "alpha").
    package var facts: [Fact]
    /// Its contents can be listed.
    package var isBrowsable: Bool
    /// What is wrong with it, sentences; empty as a rule. At most `maximumProblems`.
    package var problems: [String]

    package struct Fact: Codable, Sendable, Equatable {
        package var name: String
        package var value: String
        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package static let maximumProblems = 32

    package init(
        format: String,
        title: String,
        facts: [Fact] = [],
        isBrowsable: Bool = false,
        problems: [String] = []
    ) {
        self.format = format
        self.title = title
        self.facts = facts
        self.isBrowsable = isBrowsable
        self.problems = problems
    }
}

/// One entry of an archive. Entry 0 is the root directory.
package struct ContentEntry: Sendable, Equatable {
    package enum Kind: UInt8, Sendable {
        case directory
        case regular
        case symbolicLink
        /// A device, socket or pipe: shown as an empty file.
        case other
    }

    package var kind: Kind
    /// The low twelve bits as the archive has them.
    package var permissions: UInt16
    package var user: UInt32
    package var group: UInt32
    package var lengthBytes: UInt64
    package var modifiedNanoseconds: Int64
    /// Other names of the same file in this archive, itself included.
    package var links: UInt32

    package init(
        kind: Kind,
        permissions: UInt16 = 0o644,
        user: UInt32 = 0,
        group: UInt32 = 0,
        lengthBytes: UInt64 = 0,
        modifiedNanoseconds: Int64 = 0,
        links: UInt32 = 1
    ) {
        self.kind = kind
        self.permissions = permissions
        self.user = user
        self.group = group
        self.lengthBytes = lengthBytes
        self.modifiedNanoseconds = modifiedNanoseconds
        self.links = links
    }
}

/// An archive of a tape, listed: a tree of entries, and a way to their bytes. Nothing of it changes once it is made.
///
/// Names are safe: never empty, `.` or `..`, without `/` and zero bytes, at most 255 bytes, unique in their directory.
/// Whatever the archive said otherwise is in `problems`.
package protocol ArchiveContents: AnyObject, Sendable {
    var entryCount: Int { get }
    /// Of memory, about: what the cache counts.
    var footprintBytes: Int { get }
    var problems: [String] { get }
    func entry(_ number: UInt32) -> ContentEntry?
    func child(_ name: [UInt8], of directory: UInt32) -> UInt32?
    /// Calls `take` with the children behind `previous` (nil: from the first) until it returns false. Always in the
    /// same order.
    func children(of directory: UInt32, after previous: UInt32?, _ take: (UInt32, [UInt8]) -> Bool)
    func linkTarget(_ number: UInt32) -> [UInt8]?
    /// A way to the bytes of a regular file.
    func openEntry(_ number: UInt32) throws(FormatError) -> any ContentReader
}

/// The bytes of one member. One thread at a time.
package protocol ContentReader: AnyObject {
    /// Bytes read, fewer than `room.count` only at the end; 0 at or behind it. Going back may cost a new start.
    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64) throws(FormatError) -> Int
}

/// What an archive may cost us.
package struct ContentLimits: Sendable {
    /// Entries of one archive: what `contents` lists of a larger one ends there, and `problems` says so.
    package var entries = 4_000_000
    /// Memory of one archive's list, in bytes.
    package var footprintBytes = 512 << 20
    /// Directories in one another.
    package var depth = 256
    /// A member that is decompressed may grow to this many times the bytes it takes on tape, and 64 MiB besides.
    package var expansion: UInt64 = 2000

    package init() {}
}
