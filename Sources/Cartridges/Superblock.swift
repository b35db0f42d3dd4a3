// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO

/// A point on the tape: what lies before it.
struct TapeMark: Equatable {
    /// Objects.
    var count: UInt64 = 0
    /// Payload bytes.
    var payloadEnd: UInt64 = 0
    var filemarks: UInt64 = 0

    /// What the objects cost of the capacity.
    var chargedBytes: UInt64 { payloadEnd + count * CartridgeLimits.objectOverheadBytes }
}

/// One of the two superblocks at the front of an index file: a point up to which everything is durable. They are
/// written in turn, never the one that is known to be good, so that a torn write leaves the other.
struct Superblock: Equatable {
    /// Front of the index file; entries begin here.
    static let headerSize = 4096
    static let slotOffsets = [0, 2048]
    static let size = 512
    static let magic = Array("CAPINDEX".utf8)
    static let version: UInt32 = 1

    var partition: Int
    var identity: UInt64
    /// The valid one with the higher sequence counts.
    var sequence: UInt64
    /// Entries behind ``durable`` count only when they carry this.
    var epoch: UInt32
    var durable: TapeMark

    /// The 512 bytes of a slot.
    func encoded() -> [UInt8] {
        var bytes = Self.magic
        bytes.appendLittleEndian(Self.version)
        bytes.appendLittleEndian(UInt32(partition))
        bytes.appendLittleEndian(identity)
        bytes.appendLittleEndian(sequence)
        bytes.appendLittleEndian(durable.count)
        bytes.appendLittleEndian(durable.payloadEnd)
        bytes.appendLittleEndian(durable.filemarks)
        bytes.appendLittleEndian(epoch)
        bytes.append(contentsOf: repeatElement(0, count: Self.size - 4 - bytes.count))
        bytes.appendLittleEndian(crc32c(bytes.span))
        return bytes
    }

    /// nil when the slot was never written or is torn.
    init?(_ bytes: Span<UInt8>) {
        guard bytes.count == Self.size,
            bytes.littleEndian32(at: Self.size - 4) == crc32c(bytes.extracting(0..<Self.size - 4))
        else { return nil }
        for (index, byte) in Self.magic.enumerated() where bytes[index] != byte { return nil }
        guard bytes.littleEndian32(at: 8) == Self.version else { return nil }
        partition = Int(bytes.littleEndian32(at: 12))
        identity = bytes.littleEndian64(at: 16)
        sequence = bytes.littleEndian64(at: 24)
        durable = TapeMark(
            count: bytes.littleEndian64(at: 32),
            payloadEnd: bytes.littleEndian64(at: 40),
            filemarks: bytes.littleEndian64(at: 48)
        )
        epoch = bytes.littleEndian32(at: 56)
        guard durable.payloadEnd <= CartridgeLimits.largestPartitionBytes,
            durable.count <= CartridgeLimits.largestPartitionBytes / CartridgeLimits.objectOverheadBytes,
            durable.filemarks <= min(durable.count, UInt64(UInt32.max)),
            sequence <= UInt64(Int64.max)
        else { return nil }
    }

    init(partition: Int, identity: UInt64, sequence: UInt64, epoch: UInt32, durable: TapeMark) {
        self.partition = partition
        self.identity = identity
        self.sequence = sequence
        self.epoch = epoch
        self.durable = durable
    }
}
