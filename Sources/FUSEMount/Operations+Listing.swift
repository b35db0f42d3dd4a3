// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CFuse3
import Glibc
import TapeFiles

extension Operations {
    /// Where a listing goes on: 0 at `.`, 1 behind it, 2 behind `..`, then the tree's cookie and 2.
    private static let dots = 2

    /// One part of a listing, as much as fits into `size` bytes.
    static func list(
        _ request: consuming Request,
        _ number: UInt64,
        size: Int,
        offset: Int,
        withAttributes: Bool
    ) {
        let session = request.session
        guard let entry = session.nodes.entry(number) else { return request.fail(ESTALE) }
        guard let start = unsafe session.payload, offset >= 0 else { return request.fail(EINVAL) }
        var listing = unsafe Listing(
            start: start.assumingMemoryBound(to: CChar.self),
            size: min(size, MountLimits.payloadBytes),
            withAttributes: withAttributes,
            directory: number
        )
        let parent = session.nodes.entry(entry.parent)?.inode ?? entry.inode
        let dots = [(".", entry.inode), ("..", parent)]
        for (index, dot) in dots.enumerated() where index >= offset {
            guard listing.addDot(request, dot.0, inode: dot.1, next: index + 1) else { break }
        }
        if !listing.isFull {
            do throws(FileError) {
                try session.tree.list(entry.node, after: UInt64(max(0, offset - Self.dots))) { found in
                    listing.add(request, found, next: Int(clamping: found.cookie) &+ Self.dots)
                }
            } catch {
                // What was found before the error is told first; the next part begins at the error.
                guard listing.used > 0 else {
                    request.fail(error, "a listing")
                    return
                }
            }
        }
        if unsafe !request.bytes(start, listing.used) { listing.forget(session) }
    }
}

extension FileNode {
    /// False for what every door moves, so that it is never valid for a while: its attributes are not worth asking for.
    fileprivate var mayBeRemembered: Bool {
        switch self {
        case .placed, .cartridge(_, .directory): false
        default: true
        }
    }
}

/// Entries written one behind the other into a thread's buffer.
@safe
private struct Listing {
    private let start: UnsafeMutablePointer<CChar>
    private let size: Int
    private let withAttributes: Bool
    private let directory: UInt64
    private(set) var used = 0
    private(set) var isFull = false
    /// Numbers that the kernel knows by this listing, each a lookup.
    private var remembered: [UInt64] = []

    @unsafe init(start: UnsafeMutablePointer<CChar>, size: Int, withAttributes: Bool, directory: UInt64) {
        unsafe self.start = start
        self.size = size
        self.withAttributes = withAttributes
        self.directory = directory
    }

    /// False when it does not fit.
    mutating func addDot(_ request: borrowing Request, _ name: String, inode: UInt64, next: Int) -> Bool {
        let text = name.utf8.map { CChar(bitPattern: $0) } + [0]
        return place(request, text, kind: .directory, inode: inode, next: next)
    }

    mutating func add(_ request: borrowing Request, _ found: DirectoryEntry, next: Int) -> Bool {
        let text = found.name.map { CChar(bitPattern: $0) } + [0]
        guard withAttributes, found.node.mayBeRemembered,
            let attributes = try? request.session.tree.attributes(of: found.node),
            attributes.validMilliseconds > 0
        else {
            // The kernel would ask again at once: it gets the name only.
            return place(request, text, kind: found.kind, inode: found.inode, next: next)
        }
        let session = request.session
        let number = session.nodes.remember(found.node, inode: attributes.inode, parent: directory)
        var entry = session.entry(number, found.node, attributes)
        // `start` has `size` bytes.
        let bytes = unsafe request.add(text, &entry, next: next, at: start + used, room: size - used)
        guard bytes <= size - used else {
            session.nodes.forget(number, 1)
            isFull = true
            return false
        }
        remembered.append(number)
        used += bytes
        return true
    }

    private mutating func place(
        _ request: borrowing Request,
        _ name: [CChar],
        kind: FileAttributes.Kind,
        inode: UInt64,
        next: Int
    ) -> Bool {
        var status = stat()
        status.st_ino = UInt(inode)
        status.st_mode = Session.typeBits(kind)
        let bytes: Int
        if withAttributes {
            var entry = fuse_entry_param()
            // Number 0: a name without a lookup.
            entry.attr = status
            bytes = unsafe request.add(name, &entry, next: next, at: start + used, room: size - used)
        } else {
            bytes = unsafe request.add(name, &status, next: next, at: start + used, room: size - used)
        }
        guard bytes <= size - used else {
            isFull = true
            return false
        }
        used += bytes
        return true
    }

    /// The kernel did not take the listing.
    func forget(_ session: Session) {
        for number in remembered { session.nodes.forget(number, 1) }
    }
}
