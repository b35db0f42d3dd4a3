// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// One partition as it was at one moment. See ``CartridgeView``.
package struct PartitionView: Sendable {
    package let number: Int
    /// Bytes that may be charged.
    package let capacity: UInt64

    let index: any SharedFile
    let payload: any SharedFile
    let codec: IndexCodec
    let indexPath: String
    /// The superblock that was in force.
    let superblock: Superblock
    let end: TapeMark
    private let indexStatus: FileStatus

    /// Objects, records and filemarks together: the address of the end of data.
    package var blockCount: UInt64 { end.count }
    package var filemarkCount: UInt64 { end.filemarks }
    package var recordCount: UInt64 { end.count - end.filemarks }
    package var payloadBytes: UInt64 { end.payloadEnd }
    /// Payload and overhead charged against the capacity, in bytes.
    package var usedBytes: UInt64 { end.chargedBytes }
    package var epoch: UInt32 { superblock.epoch }
    /// The last change of the index: every record and filemark makes one.
    package var modifiedNanoseconds: Int64 { indexStatus.modifiedNanoseconds }

    /// Bytes of the filesystem that the payload takes.
    package func storedBytes() throws(CartridgeError) -> UInt64 {
        try onDisk { () throws(DiskError) in try payload.status().storedBytes }
    }

    /// Entries read in one go, when there are many behind the superblock.
    private static let scannedEntries = 8192
    /// And at first: mostly there are none.
    private static let firstScannedEntries = 16

    init(
        _ number: Int,
        of metadata: CartridgeMetadata,
        in directory: String,
        on disk: any Disk,
        after known: PartitionView?
    ) throws(CartridgeError) {
        self.number = number
        capacity = metadata.partitions[number].capacity.rawValue
        indexPath = directory + "/" + Partition.indexName(number)
        let identity = MetadataFile.identity(of: metadata) ?? 0
        codec = IndexCodec(identity: identity, partition: number)
        var status = try Self.existing(indexPath) { path throws(DiskError) in try disk.status(path) }
        if let known, known.indexStatus.identity == status.identity {
            index = known.index
            payload = known.payload
        } else {
            index = try Self.existing(indexPath) { path throws(DiskError) in try disk.openShared(path) }
            let payloadPath = directory + "/" + Partition.payloadName(number)
            payload = try Self.existing(payloadPath) { path throws(DiskError) in try disk.openShared(path) }
            // Of the very file that is open, which may be another by now than the path led to.
            let index = self.index
            status = try onDisk { () throws(DiskError) in try index.status() }
            payload.adviseSequential()
        }
        indexStatus = status
        superblock = try Self.superblock(of: index, path: indexPath)
        guard superblock.identity == identity, superblock.partition == number else {
            throw .foreign(path: indexPath, reason: "it belongs to another cartridge or partition")
        }
        var end = superblock.durable
        if let known, known.index === index, known.isContinued(by: superblock), known.end.count > end.count {
            end = known.end
        }
        self.end = try Self.scan(index, codec: codec, from: end, epoch: superblock.epoch, capacity: capacity)
    }

    private static func existing<R>(
        _ path: String,
        _ body: (String) throws(DiskError) -> R
    ) throws(CartridgeError) -> R {
        do throws(DiskError) {
            return try body(path)
        } catch  where error.isNotFound {
            throw .foreign(path: path, reason: "the file is missing")
        } catch {
            throw .disk(error)
        }
    }

    /// Whether nothing before the end of data was overwritten between this state and that superblock.
    private func isContinued(by superblock: Superblock) -> Bool {
        superblock.epoch == self.superblock.epoch && superblock.sequence >= self.superblock.sequence
            && superblock.identity == self.superblock.identity
    }

    /// The superblock that counts now. A writer replaces one at a time, so that a torn one leaves the other.
    private static func superblock(of index: any SharedFile, path: String) throws(CartridgeError) -> Superblock {
        let last = Superblock.slotOffsets.last ?? 0
        var bytes = [UInt8](repeating: 0, count: last + Superblock.size)
        let got = try onDisk { () throws(DiskError) in
            var span = bytes.mutableSpan
            return try index.read(into: &span, at: 0)
        }
        var best: Superblock?
        for offset in Superblock.slotOffsets where offset + Superblock.size <= got {
            guard let found = Superblock(bytes.span.extracting(offset..<offset + Superblock.size)) else { continue }
            if let best, best.sequence > found.sequence { continue }
            best = found
        }
        guard let best else { throw .foreign(path: path, reason: "neither of its superblocks is whole") }
        return best
    }

    /// Follows the entries behind `start`. An entry is written after its payload, so that the payload need not be
    /// read to know that the record is complete.
    private static func scan(
        _ index: any SharedFile,
        codec: IndexCodec,
        from start: TapeMark,
        epoch: UInt32,
        capacity: UInt64
    ) throws(CartridgeError) -> TapeMark {
        var end = start
        var bytes: [UInt8] = []
        var wanted = firstScannedEntries
        while true {
            if bytes.count < wanted * IndexEntry.size {
                bytes = [UInt8](repeating: 0, count: wanted * IndexEntry.size)
            }
            let offset = Partition.entryOffset(end.count)
            let got = try onDisk { () throws(DiskError) in
                var span = bytes.mutableSpan
                return try index.read(into: &span, at: offset)
            }
            for position in 0..<got / IndexEntry.size {
                let entry = bytes.span.extracting(position * IndexEntry.size..<(position + 1) * IndexEntry.size)
                guard let entry = codec.decode(entry, address: end.count), entry.epoch == epoch,
                    let next = end.followed(by: entry), next.chargedBytes <= capacity
                else { return end }
                end = next
            }
            guard got == bytes.count else { return end }
            wanted = scannedEntries
        }
    }

    /// Whether the tape was overwritten since this state, or its files were replaced: costs a stat and one read of the
    /// superblocks. What was written behind the end of data does not count.
    package func isOvertaken(on disk: any Disk) -> Bool {
        guard let status = try? disk.status(indexPath), status.identity == indexStatus.identity,
            let now = try? Self.superblock(of: index, path: indexPath)
        else { return true }
        return !isContinued(by: now)
    }

    /// What a failed look at an entry or a record means: the state has changed, or the cartridge is damaged.
    func verdict(_ error: CartridgeError) -> ViewError {
        guard let now = try? Self.superblock(of: index, path: indexPath) else { return .cartridge(error) }
        return isContinued(by: now) ? .cartridge(error) : .changed
    }
}

extension TapeMark {
    /// The mark behind the entry, if it is the one that belongs here.
    func followed(by entry: IndexEntry) -> TapeMark? {
        guard entry.offset == payloadEnd, UInt64(entry.filemarksBefore) == filemarks, filemarks < UInt64(UInt32.max)
        else { return nil }
        return TapeMark(
            count: count + 1,
            payloadEnd: payloadEnd + UInt64(entry.storedLength),
            filemarks: filemarks + (entry.kind == .filemark ? 1 : 0)
        )
    }
}
