// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// One partition: a payload file and an index file, and the rules that keep the two consistent.
///
/// Order of every change: payload, index, memory. What makes which crash harmless is in
/// docs/decisions/0002-cartridge-format.md.
final class Partition {
    let number: Int
    let capacity: UInt64
    let access: CartridgeAccess
    let payload: any DiskFile
    let index: any DiskFile
    let codec: IndexCodec

    /// End of data as the program sees it.
    var end = TapeMark()
    /// On stable storage.
    var durable = TapeMark()
    /// What the last durable superblock says; never ahead of `durable`.
    var superblock: Superblock
    /// Slot of the last durable superblock; the other one is written next.
    var durableSlot: Int
    /// Written to the other slot, not yet synchronised.
    var pendingSuperblock: Superblock?
    /// Entries behind the end of data may carry the present epoch: nothing may be written before it changes.
    var mustRenewEpoch = false
    /// Set when something could not be made durable; the kernel does not tell twice, so writing is over.
    var stopped: DiskError?

    /// Behind this the payload has no reserved blocks.
    var payloadReserved: UInt64 = 0
    var indexReserved: UInt64 = 0
    var writeback = WritebackWindow()

    /// Entries read last: `cached[0]` is of address `cachedFrom`.
    var cached: [IndexEntry] = []
    var cachedFrom: UInt64 = 0
    /// Reused buffers: no allocation per call.
    var entryBytes: [UInt8] = []
    var scratch: [UInt8] = []

    static func payloadName(_ number: Int) -> String { "p\(number).data" }
    static func indexName(_ number: Int) -> String { "p\(number).index" }

    /// Opens the partition's files and finds the end of data.
    init(
        opening number: Int,
        of metadata: CartridgeMetadata,
        in directory: String,
        on disk: any Disk,
        access: CartridgeAccess
    ) throws(CartridgeError) {
        self.number = number
        self.access = access
        capacity = metadata.partitions[number].capacity.rawValue
        let mode: OpenMode = access == .readOnly ? .readOnly : .readWrite
        let indexPath = directory + "/" + Self.indexName(number)
        payload = try Self.open(directory + "/" + Self.payloadName(number), mode, on: disk)
        index = try Self.open(indexPath, mode, on: disk)
        let identity = MetadataFile.identity(of: metadata) ?? 0
        codec = IndexCodec(identity: identity, partition: number)
        (superblock, durableSlot) = try Self.readSuperblock(of: index, path: indexPath)
        guard superblock.identity == identity, superblock.partition == number else {
            throw .foreign(path: indexPath, reason: "it belongs to another cartridge or partition")
        }
        guard superblock.durable.chargedBytes <= capacity else {
            throw .foreign(path: indexPath, reason: "its superblock says more than the partition's capacity")
        }
        payload.adviseSequential()
        try recover()
    }

    private static func open(
        _ path: String,
        _ mode: OpenMode,
        on disk: any Disk
    ) throws(CartridgeError) -> any DiskFile {
        do throws(DiskError) {
            return try disk.open(path, mode)
        } catch  where error.isNotFound {
            throw .foreign(path: path, reason: "the file is missing")
        } catch {
            throw .disk(error)
        }
    }

    private static func readSuperblock(
        of index: any DiskFile,
        path: String
    ) throws(CartridgeError) -> (Superblock, slot: Int) {
        var best: (Superblock, slot: Int)?
        var bytes = [UInt8](repeating: 0, count: Superblock.size)
        for (slot, offset) in Superblock.slotOffsets.enumerated() {
            let got = try onDisk { () throws(DiskError) in
                var span = bytes.mutableSpan
                return try index.read(into: &span, at: Int64(offset))
            }
            guard got == Superblock.size, let found = Superblock(bytes.span) else { continue }
            if let best, best.0.sequence > found.sequence { continue }
            best = (found, slot)
        }
        guard let best else { throw .foreign(path: path, reason: "neither of its superblocks is whole") }
        return best
    }

    /// Makes the files of an empty partition. Existing ones are replaced.
    static func create(
        _ number: Int,
        identity: UInt64,
        in directory: String,
        on disk: any Disk,
        sequence: UInt64 = 1,
        epoch: UInt32 = 1
    ) throws(CartridgeError) {
        let first = Superblock(
            partition: number,
            identity: identity,
            sequence: sequence,
            epoch: epoch,
            durable: TapeMark()
        )
        var header = first.encoded()
        header.append(contentsOf: repeatElement(0, count: Superblock.headerSize - header.count))
        try onDisk { () throws(DiskError) in
            let payload = try disk.open(directory + "/" + payloadName(number), .create)
            try payload.truncate(to: 0)
            try payload.synchronize()
            let index = try disk.open(directory + "/" + indexName(number), .create)
            try index.truncate(to: 0)
            try index.write(header.span, at: 0)
            try index.synchronize()
        }
    }

    /// Where a partition begins that is made anew on a cartridge that was used: a point of earlier contents is not one of
    /// its own, and it can be overwritten often enough.
    static func freshEpoch() -> UInt32 { UInt32.random(in: 1...0x3FFF_FFFF) }

    static func entryOffset(_ address: UInt64) -> Int64 {
        Int64(Superblock.headerSize) + Int64(address) * Int64(IndexEntry.size)
    }

    /// What lies before `address`, which may be the end of data.
    func mark(at address: UInt64) throws(CartridgeError) -> TapeMark {
        if address == end.count { return end }
        let entry = try entry(at: address)
        return TapeMark(count: address, payloadEnd: entry.offset, filemarks: UInt64(entry.filemarksBefore))
    }
}
