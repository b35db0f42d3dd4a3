// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Glibc
import TapeLibrary

/// What changes the library: `mv` of a cartridge's name, `mkdir` of a new one.
extension MountedTree {
    package func rename(
        _ name: [UInt8],
        in source: FileNode,
        to newName: [UInt8],
        in destination: FileNode,
        caller: CallerIdentity
    ) throws(FileError) {
        let inventory = try current()
        let node: FileNode
        if case .cartridge(let barcode, let inner) = source {
            let found = try cartridges.lookUp(name, in: inner, of: stored(barcode))
            node = .cartridge(barcode: barcode, found.node)
        } else {
            guard let found = child(named: name, of: source, in: inventory) else { throw FileError(ENOENT) }
            node = found
        }
        guard let library = self.source.library else {
            throw FileError(EROFS, Self.offlineReason)
        }
        guard case .placed(let from, let barcode) = node else {
            throw FileError(EPERM, Self.refusal(toMove: node))
        }
        guard let to = destination.asPlace else {
            throw FileError(EPERM, "\(barcode) can be moved between slots, mail, drives and shelf, and nowhere else")
        }
        guard newName == name else {
            throw FileError(EPERM, "a cartridge keeps its barcode: \(barcode) cannot get another name")
        }
        if let to, !inventory.has(to) { throw FileError(ENOENT) }
        // rename(2): the same name twice is a success with nothing done.
        guard from != to else { return }
        // `tar -cf drives/0/nst …; mv drives/0/X slots/3/`: the kernel tells of a close only after close(2) is over.
        if case .drive(let number)? = from { devices?.settle(drive: number) }
        do throws(LibraryError) {
            try library.carry(barcode, from: from?.element, to: to?.element, actor: Self.actor(caller))
        } catch {
            throw FileError(error)
        }
    }

    package func makeDirectory(
        _ name: [UInt8],
        in directory: FileNode,
        caller: CallerIdentity
    ) throws(FileError) -> (node: FileNode, FileAttributes) {
        let inventory = try current()
        guard let library = source.library else { throw FileError(EROFS, Self.offlineReason) }
        guard child(named: name, of: directory, in: inventory) == nil else { throw FileError(EEXIST) }
        guard let place = directory.asPlace else {
            throw FileError(
                EPERM,
                "directories are made in slots/N, mail/N and shelf only, where they are new cartridges"
            )
        }
        if case .drive(let number)? = place {
            throw FileError(EPERM, "a new cartridge is made in a slot; move it to drive \(number) from there")
        }
        // What is no text cannot be a barcode; the library says the rule.
        let barcode = String(decoding: name, as: UTF8.self)
        let specification = CartridgeSpecification.following(barcode: barcode)
        do throws(LibraryError) {
            if let place {
                try library.createCartridge(specification, at: place.element, actor: Self.actor(caller))
            } else {
                try library.createCartridgeOnShelf(specification, actor: Self.actor(caller))
            }
        } catch {
            throw FileError(error)
        }
        // The kernel expects a directory of mkdir; the next look finds the link.
        let node = FileNode.justMade(place, barcode: barcode)
        return (
            node,
            FileAttributes(
                kind: .directory,
                permissions: 0o755,
                inode: InodeNumber.of(node),
                links: 2,
                modifiedNanoseconds: nanoseconds(clock.now())
            )
        )
    }

    private static let offlineReason = "the library is only looked at here; `capstan serve --mount` changes it too"

    private static func actor(_ caller: CallerIdentity) -> String { "mount (uid \(caller.user))" }

    private static func refusal(toMove node: FileNode) -> String {
        switch node {
        case .cartridge(let barcode, .directory):
            "cartridges/ lists every cartridge; move \(barcode) by its name in slots, mail, drives or shelf"
        default: "only cartridges can be moved"
        }
    }
}
