// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI

/// How FORMAT MEDIUM lays the tape out.
package enum MediumLayout: Sendable, Hashable {
    /// One partition over the whole medium.
    case single
    /// As mode page 11h says.
    case asModePage
}

extension TapeDrive {
    /// ERASE. Short: the position becomes the end of data. Long: the whole partition, only from its beginning.
    ///
    /// - Throws: as ``write(_:)``; 5/3B/0C for a long erase elsewhere than at the beginning of partition.
    package func erase(long: Bool) throws(CheckCondition) {
        _ = try requireReady()
        if long, block != .zero {
            throw CheckCondition(.illegalRequest, .positionPastBeginningOfMedium)
        }
        let cartridge = try prepareToWrite(residual: 0)
        do throws(CartridgeError) {
            try cartridge.truncate(at: block, partition: partition)
        } catch {
            throw failedWrite(error, residual: 0)
        }
        if long {
            forgetPartitionAttributes(cartridge, partition: partition)
        }
    }

    /// FORMAT MEDIUM: everything on the tape is gone.
    ///
    /// - Throws: 5/3B/0C unless at the beginning of partition 0; 7/27/xx, 7/30/05; 7/30/0C for WORM media; 7/5A/02 in
    ///   append-only mode without a licence; 5/24/00 for more partitions than the medium can have; 3/31/01 when it fails.
    package func format(_ layout: MediumLayout) throws(CheckCondition) {
        let medium = try requireAtBeginningOfMedium()
        if rules.isAppendOnly, overwriteLicence?.scope != .format {
            throw CheckCondition(.dataProtect, .operatorSelectedWriteProtect)
        }
        let capacity = medium.cartridge.metadata.capacity.rawValue
        let sizes: [UInt64]
        switch layout {
        case .single: sizes = [capacity]
        case .asModePage: sizes = try partitionSizes(of: medium, capacity: capacity)
        }
        try reformat(medium.cartridge, sizes)
    }

    /// SET CAPACITY: one partition over a part of the medium, in 65,535ths; 0 is as little as possible.
    ///
    /// - Throws: as ``format(_:)``.
    package func setCapacity(proportion: UInt16) throws(CheckCondition) {
        let medium = try requireAtBeginningOfMedium()
        let whole = medium.cartridge.metadata.capacity.rawValue
        let wanted = UInt64((Double(whole) * Double(proportion) / 65535).rounded())
        let least = min(whole, Self.leastCapacity)
        try reformat(medium.cartridge, [proportion == .max ? whole : min(whole, max(least, wanted))])
        if proportion < .max {
            alerts.raise(.diminishedCapacity)
        }
    }

    /// The least that SET CAPACITY leaves, in bytes: room for one record of any length and the warning zone.
    static let leastCapacity: UInt64 = 32 << 20

    /// ALLOW OVERWRITE in append-only mode: one write at the position, or one format.
    ///
    /// - Throws: 5/20/0C outside append-only mode; 5/24/00 when the address is not the position.
    package func allowOverwrite(
        _ scope: AllowedOverwrite,
        partition: Int,
        block: UInt64
    ) throws(CheckCondition) {
        _ = try requireReady()
        guard rules.isAppendOnly else {
            throw CheckCondition(.illegalRequest, .notAppendOnly)
        }
        switch scope {
        case .nothing:
            overwriteLicence = nil
        case .position:
            guard partition == self.partition else { throw .invalidField(AllowOverwrite.partition) }
            guard block == self.block.rawValue else { throw .invalidField(AllowOverwrite.logicalObject) }
            overwriteLicence = OverwriteLicence(scope: .position, partition: partition, block: self.block)
        case .format:
            overwriteLicence = OverwriteLicence(scope: .format, partition: 0, block: .zero)
        }
    }

    private func requireAtBeginningOfMedium() throws(CheckCondition) -> LoadedMedium {
        let medium = try requireReady()
        guard partition == 0, block == .zero else {
            throw CheckCondition(.illegalRequest, .positionPastBeginningOfMedium)
        }
        try requireUnprotected()
        if medium.isWORM {
            alerts.raise(.wormOverwrite)
            throw CheckCondition(.dataProtect, .wormOverwrite)
        }
        return medium
    }

    private func reformat(_ cartridge: Cartridge, _ sizes: [UInt64]) throws(CheckCondition) {
        try markChanged(residual: 0)
        do throws(CartridgeError) {
            try cartridge.format(partitionCapacities: sizes.map { ByteCount($0) })
            try cartridge.updateMetadata { metadata in
                metadata.attributes.removeAll { Self.isPartitionAttribute($0.identifier) }
            }
        } catch {
            throw CheckCondition(.mediumError, .formatFailed)
        }
        overwriteLicence = nil
        isUnsynchronised = false
        resetPosition()
        refreshMediumPages()
    }

    /// Sizes in bytes as mode page 11h asks for them.
    ///
    /// Deviation: a cartridge may be far smaller than the page's units. A size that leaves nothing for the others is cut to
    /// its equal share, as drives also round sizes without a word.
    private func partitionSizes(of medium: LoadedMedium, capacity: UInt64) throws(CheckCondition) -> [UInt64] {
        let smallest = CartridgeLimits.smallestPartitionBytes
        if modePages[TapeModePages.fixedPartitions] == 1 {
            // The drive's own choice: a fortieth in partition 1, as LTO-5 does with one pair of wraps.
            let small = max(capacity / 40, smallest)
            return [capacity - min(capacity, small), small]
        }
        let count = Int(modePages[TapeModePages.additional]) + 1
        guard count <= medium.format?.maximumPartitions ?? 1 else { throw .invalidField(FormatMedium.format) }
        guard count > 1 else { return [capacity] }
        guard modePages[TapeModePages.initiatorPartitions] == 1 else {
            return equalShares(capacity, count)
        }
        let unit = partitionUnit
        let asked = TapeModePages.partitionSizes(slots: count).map { modePages[$0] }
        // One takes what the others leave: the one that says so, else the last.
        let rest = asked.firstIndex(of: 0xFFFF) ?? count - 1
        var sizes = asked.map { max($0 * unit, smallest) }
        sizes[rest] = 0
        if sizes.reduce(smallest, +) > capacity {
            sizes = sizes.map { min($0, capacity / UInt64(count)) }
        }
        sizes[rest] = capacity - sizes.reduce(0, +)
        return sizes
    }

    private func equalShares(_ capacity: UInt64, _ count: Int) -> [UInt64] {
        var sizes = [UInt64](repeating: capacity / UInt64(count), count: count)
        sizes[count - 1] += capacity % UInt64(count)
        return sizes
    }

    /// What one unit of a partition size in page 11h means, in bytes.
    private var partitionUnit: UInt64 {
        switch modePages[TapeModePages.sizeUnit] {
        case 0: 1
        case 1: 1000
        case 2: 1_000_000
        default: (0..<min(12, modePages[TapeModePages.partitionUnits])).reduce(1) { unit, _ in unit * 10 }
        }
    }

    /// Pages that describe the medium follow it: partitions (11h), WORM (1Dh), active partition (10h).
    func refreshMediumPages() {
        let ready = condition == .ready ? medium : nil
        let worm = ready?.isWORM ?? false
        modePages[TapeModePages.wormMode] = worm ? 1 : 0
        modePages[TapeModePages.wormFilemarkRestrictions] = worm ? 2 : 0
        modePages[TapeModePages.activePartition] = UInt64(partition)
        let capacities = ready?.cartridge.metadata.partitions.map(\.capacity.rawValue) ?? []
        modePages[TapeModePages.additional] = UInt64(max(0, capacities.count - 1))
        modePages[TapeModePages.fixedPartitions] = 0
        modePages[TapeModePages.selectPartitions] = 0
        modePages[TapeModePages.initiatorPartitions] = 1
        modePages[TapeModePages.sizeUnit] = 3
        // GB, or MB for cartridges that have hardly any.
        let exponent: UInt64 = capacities.reduce(0, +) >= 20_000_000_000 || capacities.isEmpty ? 9 : 6
        modePages[TapeModePages.partitionUnits] = exponent
        let unit: UInt64 = exponent == 9 ? 1_000_000_000 : 1_000_000
        for (index, field) in TapeModePages.partitionSizes(slots: 4).enumerated() {
            let size = index < capacities.count ? max(1, capacities[index] / unit) : 0
            modePages[field] = min(size, 0xFFFF)
        }
    }

    /// Volume coherency information (080Ch) belongs to one partition's contents.
    static func isPartitionAttribute(_ identifier: UInt16) -> Bool {
        identifier == 0x080C
    }

    private func forgetPartitionAttributes(_ cartridge: Cartridge, partition: Int) {
        do throws(CartridgeError) {
            try cartridge.updateMetadata { metadata in
                metadata.attributes.removeAll {
                    $0.partition == partition && Self.isPartitionAttribute($0.identifier)
                }
            }
        } catch {
            alerts.raise(.memoryChipFailure)
        }
    }
}

/// What ALLOW OVERWRITE allows.
package enum AllowedOverwrite: Int, Sendable {
    case nothing = 0
    case position = 1
    case format = 2
}
