// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Glibc
import TapeFormats

extension CartridgeFiles {
    /// A name of a directory before its number is known.
    private struct Name {
        var name: [UInt8]
        var node: CartridgeNode
        var kind: FileAttributes.Kind
        var cookie: UInt64

        init(_ name: String, _ node: CartridgeNode, _ kind: FileAttributes.Kind, cookie: UInt64) {
            self.init(Array(name.utf8), node, kind, cookie: cookie)
        }

        init(_ name: [UInt8], _ node: CartridgeNode, _ kind: FileAttributes.Kind, cookie: UInt64) {
            self.name = name
            self.node = node
            self.kind = kind
            self.cookie = cookie
        }
    }

    // MARK: Looking up

    /// ENOENT when there is no such name, ENOTDIR when `directory` is none.
    package func lookUp(
        _ name: [UInt8],
        in directory: CartridgeNode,
        of cartridge: StoredCartridge
    ) throws(FileError) -> (node: CartridgeNode, FileAttributes) {
        let scene = try scene(cartridge)
        let node = try node(name, in: directory, scene)
        return (node, try attributes(of: node, scene))
    }

    private func node(
        _ name: [UInt8],
        in directory: CartridgeNode,
        _ scene: Scene
    ) throws(FileError) -> CartridgeNode {
        switch directory {
        case .directory, .attributes, .file:
            let text = String(decoding: name, as: UTF8.self)
            // Whether there are contents costs a look at the tape: only for who asks for them.
            if text == CartridgeNames.contents, let contents = try contents(in: directory, scene) { return contents }
            guard let found = names(in: directory, scene).first(where: { $0.name == name }) else {
                throw FileError(ENOENT)
            }
            return found.node
        case .files(let partition):
            guard let number = CartridgeNames.fileNumber(name), number < (try scene.partition(partition)).fileCount
            else { throw FileError(ENOENT) }
            return .file(TapeFileNumber(partition: partition, number: number))
        case .fileContents(let number, let generation, let entry):
            let child = try child(name, of: entry, in: .file(number), generation: generation, scene)
            return .fileContents(number, generation: generation, entry: child)
        case .contents(let generation, let entry):
            let child = try child(name, of: entry, in: .volume, generation: generation, scene)
            return .contents(generation: generation, entry: child)
        case .label, .attribute, .blocks, .fileData, .fileInformation: throw FileError(ENOTDIR)
        }
    }

    private func child(
        _ name: [UInt8],
        of entry: UInt32,
        in place: ArchivePlace,
        generation: UInt32,
        _ scene: Scene
    ) throws(FileError) -> UInt32 {
        let contents = try archive(place, generation: generation, scene).contents
        guard contents.entry(entry)?.kind == .directory else { throw FileError(ENOTDIR) }
        guard let child = contents.child(name, of: entry) else { throw FileError(ENOENT) }
        return child
    }

    /// `contents`, where there are any that can be listed.
    private func contents(in directory: CartridgeNode, _ scene: Scene) throws(FileError) -> CartridgeNode? {
        switch directory {
        case .directory:
            guard let found = try volume(scene), found.recognition?.isBrowsable == true else { return nil }
            return .contents(generation: found.generation, entry: 0)
        case .file(let number):
            let found = try archive(number, scene)
            guard found.recognition?.isBrowsable == true else { return nil }
            return .fileContents(number, generation: found.generation, entry: 0)
        default: return nil
        }
    }

    // MARK: Listing

    /// Calls `take` with the entries behind `cookie` (0: from the first) until it returns false.
    package func list(
        _ directory: CartridgeNode,
        of cartridge: StoredCartridge,
        after cookie: UInt64,
        _ take: (DirectoryEntry) -> Bool
    ) throws(FileError) {
        let scene = try scene(cartridge)
        switch directory {
        case .directory, .attributes, .file:
            if case .file(let number) = directory { _ = try scene.file(number) }
            for name in names(in: directory, scene) where name.cookie > cookie {
                guard take(entry(name, scene)) else { return }
            }
            guard cookie < Self.contentsCookie, let contents = try contents(in: directory, scene) else { return }
            let name = Name(CartridgeNames.contents, contents, .directory, cookie: Self.contentsCookie)
            _ = take(entry(name, scene))
        case .files(let partition):
            let count = try scene.partition(partition).fileCount
            var number = cookie
            while number < count {
                let node = CartridgeNode.file(TapeFileNumber(partition: partition, number: number))
                let name = Name(CartridgeNames.file(number), node, .directory, cookie: number + 1)
                guard take(entry(name, scene)) else { return }
                number += 1
            }
        case .fileContents(let number, let generation, let parent):
            try list(parent, in: .file(number), generation: generation, after: cookie, scene, take) {
                .fileContents(number, generation: generation, entry: $0)
            }
        case .contents(let generation, let parent):
            try list(parent, in: .volume, generation: generation, after: cookie, scene, take) {
                .contents(generation: generation, entry: $0)
            }
        case .label, .attribute, .blocks, .fileData, .fileInformation: throw FileError(ENOTDIR)
        }
    }

    /// Behind all others in their directory.
    private static let contentsCookie: UInt64 = 1 << 32

    private func list(
        _ parent: UInt32,
        in place: ArchivePlace,
        generation: UInt32,
        after cookie: UInt64,
        _ scene: Scene,
        _ take: (DirectoryEntry) -> Bool,
        node: (UInt32) -> CartridgeNode
    ) throws(FileError) {
        let contents = try archive(place, generation: generation, scene).contents
        guard contents.entry(parent)?.kind == .directory else { throw FileError(ENOTDIR) }
        // Entry 0 is the root, which is nobody's child: a cookie is the entry it stands behind.
        contents.children(of: parent, after: cookie == 0 ? nil : UInt32(truncatingIfNeeded: cookie)) { child, name in
            let kind = contents.entry(child).map { Self.kind($0.kind) } ?? .regular
            return take(entry(Name(name, node(child), kind, cookie: UInt64(child)), scene))
        }
    }

    private func entry(_ name: Name, _ scene: Scene) -> DirectoryEntry {
        DirectoryEntry(
            name: name.name,
            node: .cartridge(barcode: scene.cartridge.stored.barcode, name.node),
            kind: name.kind,
            inode: inode(.cartridge(barcode: scene.cartridge.stored.barcode, name.node)),
            cookie: name.cookie
        )
    }

    /// The names that are there without looking at the tape. Their cookies stay the same whatever comes and goes.
    private func names(in directory: CartridgeNode, _ scene: Scene) -> [Name] {
        switch directory {
        case .directory:
            var names = [
                Name(CartridgeNames.label, .label, .regular, cookie: 1),
                Name(CartridgeNames.attributes, .attributes, .directory, cookie: 2),
            ]
            for partition in scene.view.partitions.map(\.number) {
                let cookie = 16 + UInt64(partition) * 2
                names.append(
                    Name(CartridgeNames.blocks(partition), .blocks(partition: partition), .regular, cookie: cookie)
                )
                names.append(
                    Name(CartridgeNames.files(partition), .files(partition: partition), .directory, cookie: cookie + 1)
                )
            }
            return names
        case .attributes:
            return scene.view.metadata.attributes.map { attribute in
                Name(
                    CartridgeNames.attribute(attribute),
                    .attribute(partition: attribute.partition, identifier: attribute.identifier),
                    .regular,
                    cookie: UInt64(attribute.partition) << 16 + UInt64(attribute.identifier) + 1
                )
            }.sorted { $0.cookie < $1.cookie }
        case .file(let number):
            return [
                Name(CartridgeNames.data, .fileData(number), .regular, cookie: 1),
                Name(CartridgeNames.information, .fileInformation(number), .regular, cookie: 2),
            ]
        default: return []
        }
    }
}
