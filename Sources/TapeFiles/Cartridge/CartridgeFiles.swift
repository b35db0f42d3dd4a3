// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import Glibc
import Logging
import TapeFormats
import TapeLibrary

/// A cartridge of the store, as the tree names it.
package struct StoredCartridge: Hashable, Sendable {
    package var barcode: String
    /// Its directory in the store.
    package var directory: String

    package init(barcode: String, directory: String) {
        self.barcode = barcode
        self.directory = directory
    }
}

/// How full a cartridge is.
package struct CartridgeUse: Sendable, Equatable {
    package var capacityBytes: UInt64
    /// Payload and overhead charged against the capacity.
    package var usedBytes: UInt64
    /// Tape files of all partitions.
    package var tapeFiles: UInt64

    package init(capacityBytes: UInt64, usedBytes: UInt64, tapeFiles: UInt64) {
        self.capacityBytes = capacityBytes
        self.usedBytes = usedBytes
        self.tapeFiles = tapeFiles
    }
}

/// Everything below `cartridges/BARCODE`: what is shown of a cartridge, read-only, by its files alone.
///
/// Owns: the open views of cartridges, the listed archives in them and their buffers, all bounded by
/// ``CartridgeFilesLimits``.
/// Promises: what is shown is everything up to the last complete record, also while a drive writes; every byte handed
/// out was verified.
/// Leaves to the tree: which cartridges there are, and inode numbers.
///
/// Any thread; calls block on the disk. ENOENT when the cartridge is gone, EIO (with the reason) when it is damaged,
/// ESTALE for a node of `contents` whose tape file has changed.
package final class CartridgeFiles: Sendable {
    let inode: @Sendable (FileNode) -> UInt64
    let limits: CartridgeFilesLimits
    let logger: Logger
    let archives: ArchiveCache
    private let cartridges: LiveCartridges
    private let readers: MemberReaders
    /// Threads that list an archive, or wait for the one who does.
    let listings = Guarded(0, name: "listings of archives")

    /// - Parameter inode: the tree's inode number of a node; the same for the same node, also after a new mount.
    ///   Generations in nodes follow from the tape's contents, so that they stay the same too.
    package init(
        disk: any Disk,
        inode: @escaping @Sendable (FileNode) -> UInt64,
        limits: CartridgeFilesLimits = CartridgeFilesLimits(),
        logger: Logger
    ) {
        self.inode = inode
        self.limits = limits
        self.logger = logger
        archives = ArchiveCache(limits)
        readers = MemberReaders(limit: limits.memberReaders)
        cartridges = LiveCartridges(
            on: disk,
            limit: limits.openCartridges,
            budget: SharedBudget(bytes: limits.verifiedBytes)
        )
    }

    /// The cartridge as it is now.
    func scene(_ stored: StoredCartridge) throws(FileError) -> Scene {
        let cartridge = try cartridges.cartridge(stored)
        do throws(FileError) {
            return Scene(cartridge: cartridge, view: try cartridge.now())
        } catch {
            // Looked at anew, next time.
            cartridges.forget(stored.barcode)
            throw error
        }
    }

    /// For statfs(2) and for `library.json`.
    package func use(of cartridge: StoredCartridge) throws(FileError) -> CartridgeUse {
        let view = try scene(cartridge).view
        return CartridgeUse(
            capacityBytes: view.metadata.capacity.rawValue,
            usedBytes: view.usedBytes,
            tapeFiles: view.partitions.reduce(0) { $0 + $1.fileCount }
        )
    }

    /// Another door deleted, moved out or made this cartridge: what is remembered of it is forgotten. Not needed for
    /// writes to it: those are seen.
    package func changed(_ barcode: String) {
        cartridges.forget(barcode)
        archives.forget(barcode)
    }

    // MARK: Opening

    /// EISDIR, EACCES (everything here is read-only).
    package func openFile(
        _ node: CartridgeNode,
        of cartridge: StoredCartridge,
        _ request: OpenRequest
    ) throws(FileError) -> any OpenFile {
        guard !request.writes, !request.isTruncating else { throw FileError(EACCES, "cartridges are read-only here") }
        let scene = try scene(cartridge)
        switch node {
        case .label, .attribute, .fileInformation: return TextFile(try text(of: node, scene))
        case .blocks(let partition): return BlocksTable(try scene.partition(partition), of: scene.cartridge)
        case .fileData(let number):
            return DataFile(try scene.tapeFile(number), number: number, logger: logger)
        case .fileContents(let number, let generation, let entry):
            return try openMember(entry, in: .file(number), generation: generation, scene)
        case .contents(let generation, let entry):
            return try openMember(entry, in: .volume, generation: generation, scene)
        case .directory, .attributes, .files, .file: throw FileError(EISDIR)
        }
    }

    private func openMember(
        _ entry: UInt32,
        in place: ArchivePlace,
        generation: UInt32,
        _ scene: Scene
    ) throws(FileError) -> any OpenFile {
        let contents = try archive(place, generation: generation, scene).contents
        guard let found = contents.entry(entry) else { throw FileError(ENOENT) }
        switch found.kind {
        case .directory: throw FileError(EISDIR)
        case .symbolicLink: throw FileError(ELOOP)
        case .other: return TextFile([])
        case .regular:
            let file = if case .file(let number) = place { " file \(number.number)" } else { "" }
            return MemberFile(
                entry,
                of: contents,
                name: "\(scene.cartridge.stored.barcode)\(file) entry \(entry)",
                readers: readers,
                logger: logger
            )
        }
    }

    /// Only members of archives are symbolic links here.
    package func readLink(
        _ node: CartridgeNode,
        of cartridge: StoredCartridge
    ) throws(FileError) -> [UInt8] {
        let target: [UInt8]?
        switch node {
        case .fileContents(let number, let generation, let entry):
            let scene = try scene(cartridge)
            target = try archive(.file(number), generation: generation, scene).contents.linkTarget(entry)
        case .contents(let generation, let entry):
            target = try archive(.volume, generation: generation, try scene(cartridge)).contents.linkTarget(entry)
        default: target = nil
        }
        guard let target else { throw FileError(EINVAL) }
        return target
    }

    // MARK: Texts

    /// Of the small files, made when somebody asks.
    func text(of node: CartridgeNode, _ scene: Scene) throws(FileError) -> [UInt8] {
        switch node {
        case .label: return LabelDescription.text(scene.view)
        case .attribute(let partition, let identifier):
            let attributes = scene.view.metadata.attributes
            guard let found = attributes.first(where: { $0.partition == partition && $0.identifier == identifier })
            else { throw FileError(ENOENT) }
            return AttributeFile.bytes(found)
        case .fileInformation(let number): return try information(number, scene)
        default: throw FileError(EISDIR)
        }
    }

    private func information(_ number: TapeFileNumber, _ scene: Scene) throws(FileError) -> [UInt8] {
        let (partition, extent) = try scene.file(number)
        let archive = try archive(number, scene)
        let sizes = try archive.sizes(of: extent.recordCount) { () throws(FileError) in
            try scene.viewing { () throws(ViewError) in
                try RecordSizes.measured(extent, of: partition, limit: limits.measuredRecords)
            }
        }
        let file = try scene.tapeFile(number)
        let first: Result<[UInt8], FormatError>
        do throws(FormatError) {
            let length = try file.record(0)?.lengthBytes ?? 0
            first = .success(try file.bytes(min(length, FileInformation.firstBytes)))
        } catch {
            first = .failure(error)
        }
        return FileInformation.text(number, extent, sizes, firstBytes: first, archive)
    }
}
