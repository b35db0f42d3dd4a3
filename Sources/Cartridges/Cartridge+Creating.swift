// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

extension Cartridge {
    /// Makes a blank cartridge. Its directory appears complete or not at all.
    package static func create(
        at directory: String,
        on disk: any Disk,
        _ specification: CartridgeSpecification
    ) throws(CartridgeError) {
        guard Barcode.isValid(specification.barcode) else { throw .invalidBarcode(specification.barcode) }
        guard let medium = MediumGeneration.named(specification.generation) else {
            throw .invalidArgument("There is no LTO generation \(specification.generation)")
        }
        let capacity = specification.capacity ?? medium.capacity
        guard MetadataFile.isPossible(capacity) else {
            throw .invalidArgument(
                "A capacity of \(capacity) is not possible; the least is \(CartridgeLimits.smallestPartitionBytes)"
            )
        }
        guard !disk.exists(directory) else { throw .alreadyExists(path: directory) }
        let identity = UInt64.random(in: .min ... .max)
        let digits = String(identity, radix: 16)
        let metadata = CartridgeMetadata(
            formatVersion: CartridgeMetadata.currentFormatVersion,
            barcode: specification.barcode,
            identity: String(repeating: "0", count: 16 - digits.count) + digits,
            generation: medium.generation,
            densityCode: medium.densityCode,
            kind: specification.kind,
            writeProtected: false,
            capacity: capacity,
            partitions: [PartitionMetadata(capacity: capacity)],
            attributes: [],
            counters: CartridgeCounters(),
            volumeChangeReference: 0,
            cleaningsLeft: specification.kind == .cleaning ? CartridgeMetadata.newCleanings : 0
        )
        // A dot is not allowed in a barcode, so that nobody takes the unfinished directory for a cartridge.
        let unfinished = directory + ".new"
        if disk.exists(unfinished) { try onDisk { () throws(DiskError) in try disk.removeTree(unfinished) } }
        try onDisk { () throws(DiskError) in try disk.makeDirectory(unfinished) }
        try Partition.create(0, identity: identity, in: unfinished, on: disk)
        try MetadataFile.write(metadata, in: unfinished, on: disk)
        try onDisk { () throws(DiskError) in
            try disk.rename(from: unfinished, to: directory)
            try disk.synchronizeDirectory(parentDirectory(of: directory))
        }
    }

    /// Erases the cartridge and divides it anew. After a crash or an error in the middle it is blank (or its first
    /// partitions are), with the old division or the new.
    package func format(partitionCapacities: [ByteCount]) throws(CartridgeError) {
        try requireWritable()
        guard (1...CartridgeLimits.partitions).contains(partitionCapacities.count) else {
            throw .invalidArgument("A cartridge has 1 to \(CartridgeLimits.partitions) partitions")
        }
        for capacity in partitionCapacities where !MetadataFile.isPossible(capacity) {
            throw .invalidArgument("A partition of \(capacity) is not possible")
        }
        let total = partitionCapacities.reduce(0) { $0 &+ $1.rawValue }
        guard total <= metadata.capacity.rawValue else {
            throw .invalidArgument("The partitions are larger than the medium")
        }
        for partition in partitions {
            try partition.truncate(at: 0)
            try partition.giveBackSpace()
        }
        let identity = MetadataFile.identity(of: metadata) ?? 0
        for number in partitionCapacities.indices where number >= partitions.count {
            try Partition.create(
                number,
                identity: identity,
                in: directory,
                on: disk,
                epoch: Partition.freshEpoch()
            )
        }
        try onDisk { () throws(DiskError) in try disk.synchronizeDirectory(directory) }
        let surplus = max(partitions.count, partitionCapacities.count)
        try divide(into: partitionCapacities)
        // What is left of a division into more partitions is not looked at any more; it only takes space.
        for number in partitionCapacities.count..<surplus {
            try? disk.remove(directory + "/" + Partition.payloadName(number))
            try? disk.remove(directory + "/" + Partition.indexName(number))
        }
    }
}
