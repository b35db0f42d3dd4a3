// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Logging
import TapeFormats

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
    let disk: any Disk
    let inode: @Sendable (FileNode) -> UInt64
    let limits: CartridgeFilesLimits
    let logger: Logger

    /// - Parameter inode: the tree's inode number of a node; the same for the same node, also after a new mount.
    ///   Generations in nodes follow from the tape's contents, so that they stay the same too.
    package init(
        disk: any Disk,
        inode: @escaping @Sendable (FileNode) -> UInt64,
        limits: CartridgeFilesLimits = CartridgeFilesLimits(),
        logger: Logger
    ) {
        self.disk = disk
        self.inode = inode
        self.limits = limits
        self.logger = logger
    }

    package func attributes(
        of node: CartridgeNode,
        in cartridge: StoredCartridge
    ) throws(FileError) -> FileAttributes {
        throw FileError(2)
    }

    /// ENOENT when there is no such name, ENOTDIR when `directory` is none.
    package func lookUp(
        _ name: [UInt8],
        in directory: CartridgeNode,
        of cartridge: StoredCartridge
    ) throws(FileError) -> (node: CartridgeNode, FileAttributes) {
        throw FileError(2)
    }

    /// Calls `take` with the entries behind `cookie` (0: from the first) until it returns false.
    package func list(
        _ directory: CartridgeNode,
        of cartridge: StoredCartridge,
        after cookie: UInt64,
        _ take: (DirectoryEntry) -> Bool
    ) throws(FileError) {
        throw FileError(2)
    }

    /// Only members of archives are symbolic links here.
    package func readLink(
        _ node: CartridgeNode,
        of cartridge: StoredCartridge
    ) throws(FileError) -> [UInt8] {
        throw FileError(22)
    }

    /// EISDIR, EACCES (everything here is read-only).
    package func openFile(
        _ node: CartridgeNode,
        of cartridge: StoredCartridge,
        _ request: OpenRequest
    ) throws(FileError) -> any OpenFile {
        throw FileError(2)
    }

    /// For statfs(2) and for `library.json`.
    package func use(of cartridge: StoredCartridge) throws(FileError) -> CartridgeUse {
        throw FileError(2)
    }

    /// Another door deleted, moved out or made this cartridge: what is remembered of it is forgotten. Not needed for
    /// writes to it: those are seen.
    package func changed(_ barcode: String) {
    }
}
