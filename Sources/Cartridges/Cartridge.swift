// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// What lies at a block address.
package enum TapeObject: Sendable, Equatable {
    /// `length` in bytes, 1 to ``CartridgeLimits/recordBytes``.
    case record(length: Int)
    case filemark
}

package enum CartridgeAccess: Sendable {
    case readOnly
    case readWrite
}

/// One cartridge: a directory with payload and index per partition and a file that describes it.
///
/// Owns: the files' consistency through every error and crash (docs/reference/cartridge-format.md).
/// Promises: memory independent of the cartridge's size; state moves only after the disk did; never wrong data.
/// Leaves to the drive: position, write protection, WORM rules, early warning.
///
/// One owner at a time, on one thread at a time; there are no locks here.
package final class Cartridge {
    package let directory: String
    package let access: CartridgeAccess
    package private(set) var metadata: CartridgeMetadata

    let disk: any Disk
    private(set) var partitions: [Partition]
    private(set) var isClosed = false

    /// Opens a cartridge. After an unclean end this finds the end of data again: everything that was synchronised,
    /// and behind it every record that is whole. With `.readOnly` nothing is written, also not then.
    package init(
        opening directory: String,
        on disk: any Disk,
        access: CartridgeAccess
    ) throws(CartridgeError) {
        self.directory = directory
        self.disk = disk
        self.access = access
        metadata = try MetadataFile.read(in: directory, on: disk)
        partitions = try Self.openPartitions(of: metadata, in: directory, on: disk, access: access)
    }

    private static func openPartitions(
        of metadata: CartridgeMetadata,
        in directory: String,
        on disk: any Disk,
        access: CartridgeAccess
    ) throws(CartridgeError) -> [Partition] {
        var opened: [Partition] = []
        for number in metadata.partitions.indices {
            opened.append(try Partition(opening: number, of: metadata, in: directory, on: disk, access: access))
        }
        return opened
    }

    /// Changes the description and stores it atomically and durably. Nothing changes when it throws.
    package func updateMetadata(_ change: (inout CartridgeMetadata) -> Void) throws(CartridgeError) {
        try requireWritable()
        var changed = metadata
        change(&changed)
        guard changed != metadata else { return }
        try MetadataFile.write(changed, in: directory, on: disk)
        metadata = changed
    }

    package var partitionCount: Int { partitions.count }

    /// The address behind the last object.
    package func endOfData(_ partition: Int) -> BlockAddress {
        BlockAddress(partitions[partition].end.count)
    }

    /// Payload and overhead charged against the capacity, in bytes.
    package func usedBytes(_ partition: Int) -> UInt64 { partitions[partition].end.chargedBytes }

    /// Bytes a partition may be charged with.
    package func capacity(_ partition: Int) -> UInt64 { partitions[partition].capacity }

    /// What the objects before `address` are charged with, in bytes.
    package func bytesBefore(_ address: BlockAddress, partition: Int) throws(CartridgeError) -> UInt64 {
        try opened(partition).mark(at: address.rawValue).chargedBytes
    }

    /// nil at the end of data.
    package func object(at address: BlockAddress, partition: Int) throws(CartridgeError) -> TapeObject? {
        let partition = try opened(partition)
        guard address.rawValue != partition.end.count else { return nil }
        let entry = try partition.entry(at: address.rawValue)
        return entry.kind == .filemark ? .filemark : .record(length: Int(entry.logicalLength))
    }

    // MARK: Writing

    /// Writes one record at `address`, which becomes the last object: everything behind it is gone.
    /// `.full` when it does not fit. When the disk fails, the end of data is `address` or what it was.
    package func writeRecord(
        _ record: Span<UInt8>,
        at address: BlockAddress,
        partition: Int
    ) throws(CartridgeError) {
        _ = try writable(partition).writeRecords(record, recordLength: record.count, at: address.rawValue)
    }

    /// Writes a run of equally long records, as ``writeRecord(_:at:partition:)`` each, with one payload write and one
    /// index write. Returns how many were written: fewer than given when the rest does not fit or the disk failed
    /// after some; the reason is thrown at the next call. `run` must be a multiple of `recordLength`.
    package func writeRecords(
        _ run: Span<UInt8>,
        recordLength: Int,
        at address: BlockAddress,
        partition: Int
    ) throws(CartridgeError) -> Int {
        try writable(partition).writeRecords(run, recordLength: recordLength, at: address.rawValue)
    }

    /// Writes filemarks at `address`, all or none. Not durable before ``synchronize()``.
    package func writeFilemarks(
        _ count: Int,
        at address: BlockAddress,
        partition: Int
    ) throws(CartridgeError) {
        try writable(partition).writeFilemarks(count, at: address.rawValue)
    }

    /// Makes `address` the end of data, durably, and gives the space behind it back.
    package func truncate(at address: BlockAddress, partition: Int) throws(CartridgeError) {
        let partition = try writable(partition)
        try partition.truncate(at: address.rawValue)
        try partition.giveBackSpace()
    }

    /// Everything written so far is on stable storage when this returns: payload first, then index.
    package func synchronize() throws(CartridgeError) {
        try requireOpen()
        guard access == .readWrite else { return }
        for partition in partitions { try partition.synchronize() }
    }

    // MARK: Reading

    /// Reads the record at `address`: its full length is returned, and as much as fits is copied. The checksum of
    /// the whole record is verified first; after `.corruptRecord` the span's contents mean nothing.
    package func readRecord(
        at address: BlockAddress,
        partition: Int,
        into bytes: inout MutableSpan<UInt8>
    ) throws(CartridgeError) -> Int {
        try opened(partition).readRecord(at: address.rawValue, into: &bytes)
    }

    /// The fast path of a restore: sends records of one length to a socket, each verified before its first byte
    /// leaves. See ``SentRecords`` for where it stops. `skippingBytes` continues a record that was sent in part.
    /// `verifyBuffer` is only used during the call; 256 KiB is best.
    package func sendRecords(
        from address: BlockAddress,
        skippingBytes: Int = 0,
        partition: Int,
        maximumBytes: Int,
        toSocket socket: Int32,
        verifyBuffer: AlignedBuffer
    ) throws(CartridgeError) -> SentRecords {
        try opened(partition).sendRecords(
            from: address.rawValue,
            skippingBytes: skippingBytes,
            maximumBytes: maximumBytes,
            toSocket: socket,
            verifyBuffer: verifyBuffer
        )
    }

    // MARK: Filemarks

    /// Filemarks between the beginning of the partition and `address`.
    package func filemarksBefore(_ address: BlockAddress, partition: Int) throws(CartridgeError) -> UInt64 {
        try opened(partition).mark(at: address.rawValue).filemarks
    }

    /// The address behind the `number`th filemark, 0 for number 0; nil when there are fewer.
    package func addressAfterFilemark(
        _ number: UInt64,
        partition: Int
    ) throws(CartridgeError) -> BlockAddress? {
        try opened(partition).addressAfterFilemark(number).map { BlockAddress($0) }
    }

    /// The first filemark at or behind `address`; nil when there is none.
    package func nextFilemark(from address: BlockAddress, partition: Int) throws(CartridgeError) -> BlockAddress? {
        let partition = try opened(partition)
        let before = try partition.mark(at: address.rawValue).filemarks
        guard let behind = try partition.addressAfterFilemark(before + 1) else { return nil }
        guard behind > address.rawValue else { throw partition.contradiction(address.rawValue) }
        return BlockAddress(behind - 1)
    }

    /// The last filemark before `address`; nil when there is none.
    package func previousFilemark(
        before address: BlockAddress,
        partition: Int
    ) throws(CartridgeError) -> BlockAddress? {
        let partition = try opened(partition)
        let before = try partition.mark(at: address.rawValue).filemarks
        guard before > 0, let behind = try partition.addressAfterFilemark(before) else { return nil }
        guard behind <= address.rawValue else { throw partition.contradiction(address.rawValue) }
        return BlockAddress(behind - 1)
    }

    // MARK: Closing

    /// Synchronises, gives back the space behind the end of data and closes. The cartridge is closed also when this
    /// throws; the next open then finds everything that can be verified.
    package func close() throws(CartridgeError) {
        guard !isClosed else { return }
        isClosed = true
        guard access == .readWrite else { return }
        var failure: CartridgeError?
        for partition in partitions {
            do throws(CartridgeError) { try partition.finish() } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    /// Stores a new division into partitions, whose files exist, and opens them.
    func divide(into capacities: [ByteCount]) throws(CartridgeError) {
        var changed = metadata
        changed.partitions = capacities.map(PartitionMetadata.init)
        try MetadataFile.write(changed, in: directory, on: disk)
        metadata = changed
        partitions = try Self.openPartitions(of: changed, in: directory, on: disk, access: access)
    }

    func requireOpen() throws(CartridgeError) {
        if isClosed { throw .closed }
    }

    func requireWritable() throws(CartridgeError) {
        try requireOpen()
        if access == .readOnly { throw .readOnly }
    }

    func opened(_ number: Int) throws(CartridgeError) -> Partition {
        try requireOpen()
        guard partitions.indices.contains(number) else { throw .invalidArgument("There is no partition \(number)") }
        return partitions[number]
    }

    func writable(_ number: Int) throws(CartridgeError) -> Partition {
        try requireWritable()
        return try opened(number)
    }
}
