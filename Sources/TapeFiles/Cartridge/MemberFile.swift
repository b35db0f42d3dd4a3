// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Logging
import TapeFormats
import TapeLibrary

/// A regular file within an archive. Its bytes never change: another state of the tape has other nodes.
final class MemberFile: OpenFile {
    private let contents: any ArchiveContents
    private let entry: UInt32
    private let name: String
    private let readers: MemberReaders
    private let logger: Logger
    /// nil: not read yet, or given up in favour of others; reading makes a new one.
    private let reader = Guarded<(any ContentReader)?>(nil, name: "member of an archive")

    let traits = OpenTraits(isDirect: false, keepsCache: true)

    /// - Parameter name: for the log.
    init(
        _ entry: UInt32,
        of contents: any ArchiveContents,
        name: String,
        readers: MemberReaders,
        logger: Logger
    ) {
        self.contents = contents
        self.entry = entry
        self.name = name
        self.readers = readers
        self.logger = logger
    }

    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        readers.used(self)
        do throws(FormatError) {
            return try reader.withLock { reader throws(FormatError) in
                if let reader { return try reader.read(into: &room, at: offset) }
                let opened = try contents.openEntry(entry)
                reader = opened
                return try opened.read(into: &room, at: offset)
            }
        } catch {
            if error == .stale { throw FileError(ESTALE, "\(name): the tape file has changed") }
            logger.error(
                "a member of an archive cannot be read",
                metadata: ["member": "\(name)", "byte": "\(offset)", "reason": "\(error)"]
            )
            throw FileError(EIO, "\(name): \(error)")
        }
    }

    /// Gives the way into the archive up; false: it is in use now.
    func rest() -> Bool {
        reader.withLockIfFree { $0 = nil } != nil
    }

    func close() { readers.closed(self) }
}

/// The members that hold a way into their archive: the ones read last.
final class MemberReaders: Sendable {
    private let limit: Int
    /// The one used last comes last.
    private let members = Guarded<[MemberFile]>([], name: "open members of archives")

    init(limit: Int) { self.limit = limit }

    func used(_ member: MemberFile) {
        let resting: [MemberFile] = members.withLock { members in
            if members.last === member { return [] }
            members.removeAll { $0 === member }
            members.append(member)
            guard members.count > limit else { return [] }
            let surplus = Array(members.prefix(members.count - limit))
            members.removeFirst(surplus.count)
            return surplus
        }
        // One that is being read at this moment comes back with its next read.
        for member in resting { _ = member.rest() }
    }

    func closed(_ member: MemberFile) {
        members.withLock { $0.removeAll { $0 === member } }
        _ = member.rest()
    }
}
