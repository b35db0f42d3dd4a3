// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// A cartridge's next contents, made beside it and put in its place in one step.
///
/// The replacement is a whole cartridge of the same barcode and identity in `BARCODE.import/BARCODE`; a name with a dot is
/// no cartridge for anyone. Until ``commit()`` the cartridge is as it was, whatever happens.
package final class CartridgeReplacement {
    package static let folderSuffix = ".import"

    /// The cartridge being made, open for writing; write to it as to any other.
    package let cartridge: Cartridge

    private let place: String
    private let disk: any Disk
    private var isSettled = false
    private var folder: String { place + Self.folderSuffix }

    /// Begins a replacement of the cartridge in `directory`, blank and divided as told, with the description, attributes
    /// and counters of what is there now. A leftover of one that was cut off is removed.
    ///
    /// - Parameter partitionCapacities: 1 to ``CartridgeLimits/partitions``, together no more than the medium.
    package init(
        of directory: String,
        on disk: any Disk,
        partitionCapacities: [ByteCount]
    ) throws(CartridgeError) {
        let old = try Cartridge(opening: directory, on: disk, access: .readOnly)
        place = directory
        self.disk = disk
        guard (1...CartridgeLimits.partitions).contains(partitionCapacities.count) else {
            throw .invalidArgument("A cartridge has 1 to \(CartridgeLimits.partitions) partitions")
        }
        let total = partitionCapacities.reduce(0) { $0 &+ min($1.rawValue, CartridgeLimits.largestPartitionBytes) }
        guard total <= old.metadata.capacity.rawValue else {
            throw .invalidArgument("The partitions are larger than the medium")
        }
        let folder = directory + Self.folderSuffix
        do throws(DiskError) {
            if disk.exists(folder) { try disk.removeTree(folder) }
        } catch { throw .disk(error) }
        do throws(CartridgeError) {
            cartridge = try old.makeReplacement(in: folder + "/" + old.metadata.barcode, partitionCapacities)
        } catch {
            try? disk.removeTree(folder)
            throw error
        }
    }

    deinit { if !isSettled { removeFolder() } }

    /// Not while it may hold the only cartridge.
    private func removeFolder() {
        if disk.exists(place) { try? disk.removeTree(folder) }
    }

    /// Closes the new cartridge and puts it in the place of the old one, durably. When this throws, the old one is still
    /// there; only where the last step fails, to make the new names durable, the new one is in place and the old one in
    /// `BARCODE.import`, and a crash may undo that. A filesystem that cannot exchange names needs two steps, between which a crash leaves the new cartridge in
    /// `BARCODE.import` and none in its place.
    package func commit() throws(CartridgeError) {
        guard !isSettled else { return }
        try cartridge.close()
        let made = cartridge.directory
        try onDisk { () throws(DiskError) in
            try disk.synchronizeDirectory(made)
            try disk.synchronizeDirectory(folder)
            do throws(DiskError) {
                guard let exchanging = disk as? any ExchangingDisk else {
                    throw DiskError(operation: "exchange", path: made, code: Self.notSupported)
                }
                try exchanging.exchange(made, place)
            } catch {
                guard [Self.notSupported, Self.invalid].contains(error.code) else { throw error }
                try exchangeInSteps(made)
            }
            isSettled = true
            try disk.synchronizeDirectory(parentDirectory(of: place))
            try disk.synchronizeDirectory(folder)
        }
        try? disk.removeTree(folder)
    }

    private static let notSupported: Int32 = 38  // ENOSYS
    private static let invalid: Int32 = 22  // EINVAL

    private func exchangeInSteps(_ made: String) throws(DiskError) {
        let aside = folder + "/old"
        try disk.rename(from: place, to: aside)
        do throws(DiskError) { try disk.rename(from: made, to: place) } catch {
            try disk.rename(from: aside, to: place)
            throw error
        }
    }

    /// Leaves the cartridge as it was.
    package func discard() {
        guard !isSettled else { return }
        isSettled = true
        try? cartridge.close()
        removeFolder()
    }
}

extension Cartridge {
    fileprivate func makeReplacement(
        in directory: String,
        _ capacities: [ByteCount]
    ) throws(CartridgeError) -> Cartridge {
        try onDisk { () throws(DiskError) in try disk.makeDirectory(directory) }
        let identity = MetadataFile.identity(of: metadata) ?? 0
        for number in capacities.indices {
            // Nobody who holds a point of the old contents may take it for one of the new.
            let newest = number < partitionCount ? newestSuperblock(number) : nil
            try Partition.create(
                number,
                identity: identity,
                in: directory,
                on: disk,
                sequence: (newest?.sequence ?? 0) + 2,
                epoch: newest.map { $0.epoch + 1 } ?? Partition.freshEpoch()
            )
        }
        var changed = metadata
        changed.partitions = capacities.map(PartitionMetadata.init)
        try MetadataFile.write(changed, in: directory, on: disk)
        return try Cartridge(opening: directory, on: disk, access: .readWrite)
    }

    private func newestSuperblock(_ number: Int) -> (sequence: UInt64, epoch: UInt32)? {
        let superblock = partitions[number].superblock
        guard superblock.epoch < .max else { return nil }
        return (superblock.sequence, superblock.epoch)
    }
}
