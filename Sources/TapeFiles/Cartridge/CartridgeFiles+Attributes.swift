// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Glibc
import TapeFormats

extension CartridgeFiles {
    /// What the archive never changes: the kernel need not ask again soon.
    private static let memberValidMilliseconds: UInt32 = 60_000
    /// As the store itself: what is on a tape is for who may read the tape, and nobody else gets past a directory.
    package static let directoryPermissions: UInt32 = 0o550
    private static let filePermissions: UInt32 = 0o440

    package func attributes(
        of node: CartridgeNode,
        in cartridge: StoredCartridge
    ) throws(FileError) -> FileAttributes {
        try attributes(of: node, try scene(cartridge))
    }

    func attributes(of node: CartridgeNode, _ scene: Scene) throws(FileError) -> FileAttributes {
        switch node {
        case .directory: return directory(node, scene, scene.view.modifiedNanoseconds)
        case .attributes: return directory(node, scene, scene.view.describedNanoseconds)
        case .label:
            return file(node, scene, length: UInt64(try text(of: node, scene).count), scene.view.modifiedNanoseconds)
        case .attribute:
            return file(node, scene, length: UInt64(try text(of: node, scene).count), scene.view.describedNanoseconds)
        case .blocks(let number):
            let partition = try scene.partition(number)
            return file(node, scene, length: BlocksTable.lengthBytes(partition), partition.modifiedNanoseconds)
        case .files(let number):
            return directory(node, scene, try scene.partition(number).modifiedNanoseconds)
        case .file(let number):
            return directory(node, scene, try scene.file(number).0.modifiedNanoseconds)
        case .fileData(let number):
            let (partition, extent) = try scene.file(number)
            return file(
                node,
                scene,
                length: extent.lengthBytes,
                stored: extent.lengthBytes,
                partition.modifiedNanoseconds
            )
        case .fileInformation(let number):
            let length = UInt64(try text(of: node, scene).count)
            return file(node, scene, length: length, try scene.partition(number.partition).modifiedNanoseconds)
        case .fileContents(let number, let generation, let entry):
            return try member(entry, in: .file(number), generation: generation, node, scene)
        case .contents(let generation, let entry):
            return try member(entry, in: .volume, generation: generation, node, scene)
        }
    }

    private func number(_ node: CartridgeNode, _ scene: Scene) -> UInt64 {
        inode(.cartridge(barcode: scene.cartridge.stored.barcode, node))
    }

    private func directory(_ node: CartridgeNode, _ scene: Scene, _ modified: Int64) -> FileAttributes {
        FileAttributes(
            kind: .directory,
            permissions: Self.directoryPermissions,
            inode: number(node, scene),
            links: 2,
            modifiedNanoseconds: modified
        )
    }

    private func file(
        _ node: CartridgeNode,
        _ scene: Scene,
        length: UInt64,
        stored: UInt64 = 0,
        _ modified: Int64
    ) -> FileAttributes {
        FileAttributes(
            kind: .regular,
            permissions: Self.filePermissions,
            lengthBytes: length,
            storedBytes: stored,
            inode: number(node, scene),
            modifiedNanoseconds: modified
        )
    }

    private func member(
        _ entry: UInt32,
        in place: ArchivePlace,
        generation: UInt32,
        _ node: CartridgeNode,
        _ scene: Scene
    ) throws(FileError) -> FileAttributes {
        let contents = try archive(place, generation: generation, scene).contents
        guard let found = contents.entry(entry) else { throw FileError(ENOENT) }
        var attributes = attributes(
            of: found,
            node,
            scene,
            target: found.kind == .symbolicLink ? contents.linkTarget(entry) : nil
        )
        if entry == 0 {
            // The way in is ours: below it the archive's owners and modes hold.
            attributes.permissions = Self.directoryPermissions
            attributes.owner = nil
        }
        return attributes
    }

    func attributes(
        of entry: ContentEntry,
        _ node: CartridgeNode,
        _ scene: Scene,
        target: [UInt8]?
    ) -> FileAttributes {
        let kind = Self.kind(entry.kind)
        return FileAttributes(
            kind: kind,
            // Nothing of an archive runs with another's rights because it lies on a tape.
            permissions: UInt32(entry.permissions) & 0o1777,
            lengthBytes: target.map { UInt64($0.count) } ?? (entry.kind == .regular ? entry.lengthBytes : 0),
            storedBytes: entry.kind == .regular ? entry.lengthBytes : 0,
            inode: number(node, scene),
            links: kind == .directory ? 2 : max(1, entry.links),
            // A directory that the archive only implies, as its root, has no time of its own.
            modifiedNanoseconds: kind == .directory && entry.modifiedNanoseconds == 0
                ? scene.view.modifiedNanoseconds : entry.modifiedNanoseconds,
            owner: FileAttributes.Owner(user: entry.user, group: entry.group),
            validMilliseconds: Self.memberValidMilliseconds
        )
    }

    static func kind(_ kind: ContentEntry.Kind) -> FileAttributes.Kind {
        switch kind {
        case .directory: .directory
        case .symbolicLink: .symbolicLink
        case .regular, .other: .regular
        }
    }
}
