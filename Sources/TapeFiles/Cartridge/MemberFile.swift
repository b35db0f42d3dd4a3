// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Logging
import Synchronization
import TapeFormats
import TapeLibrary

/// A regular file within an archive. Its bytes never change: another state of the tape has other nodes.
final class MemberFile: OpenFile {
    private let contents: any ArchiveContents
    private let entry: UInt32
    private let name: String
    private let readers: MemberReaders
    private let logger: Logger
    /// The log hears of a bad place once, however often it is read again.
    private let isTold = Atomic(false)
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
                let opened: any ContentReader
                if let reader { opened = reader } else { opened = try contents.openEntry(entry) }
                reader = opened
                return try fill(&room, at: offset, from: opened)
            }
        } catch {
            if error == .stale { throw FileError(ESTALE, "\(name): the tape file has changed") }
            if !isTold.exchange(true, ordering: .relaxed) {
                logger.error(
                    "a member of an archive cannot be read",
                    metadata: ["member": "\(name)", "byte": "\(offset)", "reason": "\(error)"]
                )
            }
            throw FileError(EIO, "\(name): \(error)")
        }
    }

    /// All that the member has there, or an error: the kernel caches what it gets and takes a short answer before the
    /// stated length for the end of the file, so that a program would copy half of it and see no error.
    private func fill(
        _ room: inout MutableSpan<UInt8>,
        at offset: UInt64,
        from reader: any ContentReader
    ) throws(FormatError) -> Int {
        let length = contents.entry(entry)?.lengthBytes ?? 0
        guard offset < length else { return 0 }
        let wanted = Int(min(UInt64(room.count), length - offset))
        var done = 0
        while done < wanted {
            var rest = room._mutatingExtracting(done..<wanted)
            let got = try reader.read(into: &rest, at: offset + UInt64(done))
            guard got > 0 else {
                throw .malformed("its bytes end at \(offset + UInt64(done)) of \(length)")
            }
            done += got
        }
        return done
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
