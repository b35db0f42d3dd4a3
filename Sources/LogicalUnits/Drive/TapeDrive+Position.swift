// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI

extension TapeDrive {
    /// Where the tape stands. Beginning of partition 0 when no medium is ready.
    package var position: TapePosition {
        guard let medium, medium.condition == .ready else { return TapePosition() }
        let cartridge = medium.cartridge
        var position = TapePosition()
        position.partition = partition
        position.block = block
        position.atBeginning = block == .zero
        position.atEndOfData = block == cartridge.endOfData(partition)
        do throws(CartridgeError) {
            position.file = try cartridge.filemarksBefore(block, partition: partition)
            let start = try cartridge.addressAfterFilemark(position.file, partition: partition) ?? .zero
            guard start <= block else {
                // Entries that contradict each other.
                position.isFileKnown = false
                return position
            }
            position.blockInFile = block - start
            let used = try cartridge.bytesBefore(block, partition: partition)
            position.pastEarlyWarning = used >= earlyWarningThreshold(cartridge, partition: partition)
            if let threshold = programmableThreshold(cartridge, partition: partition) {
                position.pastProgrammableEarlyWarning = used >= threshold
            }
        } catch {
            position.isFileKnown = false
        }
        return position
    }

    /// To the beginning of the current partition; what was written is durable first.
    package func rewind() throws(CheckCondition) {
        try synchronizeBeforeMoving()
        storeCounters()
        block = .zero
    }

    /// Moves over blocks or filemarks; negative counts go back. Never leaves the partition. What was written is durable
    /// first.
    package func space(_ kind: SpaceKind, count: Int64) throws(CheckCondition) -> SpaceOutcome {
        let cartridge = try requireReady().cartridge
        if kind == .endOfData || count != 0 {
            try synchronizeBeforeMoving()
        }
        do throws(CartridgeError) {
            switch kind {
            case .endOfData:
                block = cartridge.endOfData(partition)
                return SpaceOutcome(moved: 0, stop: .none)
            case _ where count == 0:
                return SpaceOutcome(moved: 0, stop: .none)
            case .blocks:
                return count > 0
                    ? try spaceBlocksForward(cartridge, count.magnitude)
                    : try spaceBlocksBack(cartridge, count.magnitude)
            case .filemarks:
                return count > 0
                    ? try spaceFilemarksForward(cartridge, count.magnitude)
                    : try spaceFilemarksBack(cartridge, count.magnitude)
            case .sequentialFilemarks:
                return count > 0
                    ? try spaceSequentialForward(cartridge, count.magnitude)
                    : try spaceSequentialBack(cartridge, count.magnitude)
            }
        } catch {
            throw error.whilePositioning
        }
    }

    private func spaceBlocksForward(_ cartridge: Cartridge, _ count: UInt64) throws(CartridgeError) -> SpaceOutcome {
        let filemark = try cartridge.nextFilemark(from: block, partition: partition)
        let limit = filemark ?? cartridge.endOfData(partition)
        let available = limit - block
        guard count > available else {
            block += count
            return SpaceOutcome(moved: Int64(count), stop: .none)
        }
        block = filemark.map { $0 + 1 } ?? limit
        return SpaceOutcome(moved: Int64(available), stop: filemark == nil ? .endOfData : .filemark)
    }

    private func spaceBlocksBack(_ cartridge: Cartridge, _ count: UInt64) throws(CartridgeError) -> SpaceOutcome {
        let filemark = try cartridge.previousFilemark(before: block, partition: partition)
        let limit = filemark.map { $0 + 1 } ?? .zero
        let available = block - limit
        guard count > available else {
            block = block - count
            return SpaceOutcome(moved: Int64(count), stop: .none)
        }
        block = filemark ?? .zero
        return SpaceOutcome(moved: Int64(available), stop: filemark == nil ? .beginningOfPartition : .filemark)
    }

    private func spaceFilemarksForward(_ cartridge: Cartridge, _ count: UInt64) throws(CartridgeError) -> SpaceOutcome {
        let end = cartridge.endOfData(partition)
        let before = try cartridge.filemarksBefore(block, partition: partition)
        let available = try cartridge.filemarksBefore(end, partition: partition) - before
        if count <= available,
            let target = try cartridge.addressAfterFilemark(before + count, partition: partition)
        {
            block = target
            return SpaceOutcome(moved: Int64(count), stop: .none)
        }
        block = end
        return SpaceOutcome(moved: Int64(available), stop: .endOfData)
    }

    private func spaceFilemarksBack(_ cartridge: Cartridge, _ count: UInt64) throws(CartridgeError) -> SpaceOutcome {
        let before = try cartridge.filemarksBefore(block, partition: partition)
        if count <= before,
            let behind = try cartridge.addressAfterFilemark(before - count + 1, partition: partition)
        {
            block = behind - 1
            return SpaceOutcome(moved: Int64(count), stop: .none)
        }
        block = .zero
        return SpaceOutcome(moved: Int64(before), stop: .beginningOfPartition)
    }

    /// Looks at each filemark ahead whether `count` of them follow each other from there.
    private func spaceSequentialForward(_ cartridge: Cartridge, _ count: UInt64) throws(CartridgeError) -> SpaceOutcome
    {
        let end = cartridge.endOfData(partition)
        let total = try cartridge.filemarksBefore(end, partition: partition)
        var number = try cartridge.filemarksBefore(block, partition: partition) + 1
        while number <= total, count - 1 <= total - number {
            let first = try cartridge.addressAfterFilemark(number, partition: partition)
            let last = try cartridge.addressAfterFilemark(number + count - 1, partition: partition)
            if let first, let last, first <= last, last - first == count - 1 {
                block = last
                return SpaceOutcome(moved: Int64(count), stop: .none)
            }
            number += 1
        }
        block = end
        return SpaceOutcome(moved: 0, stop: .endOfData)
    }

    private func spaceSequentialBack(_ cartridge: Cartridge, _ count: UInt64) throws(CartridgeError) -> SpaceOutcome {
        var number = try cartridge.filemarksBefore(block, partition: partition)
        while number >= count {
            let last = try cartridge.addressAfterFilemark(number, partition: partition)
            let first = try cartridge.addressAfterFilemark(number - count + 1, partition: partition)
            if let first, let last, first <= last, last - first == count - 1 {
                block = first - 1
                return SpaceOutcome(moved: Int64(count), stop: .none)
            }
            number -= 1
        }
        block = .zero
        return SpaceOutcome(moved: 0, stop: .beginningOfPartition)
    }

    /// Goes to an object, a file or the end of data, in another partition when one is named. What was written is
    /// durable first.
    ///
    /// - Throws: 8/00/05 when the target lies behind the end of data (the position is there then); 5/24/00 for a
    ///   partition that does not exist (the position is unchanged).
    package func locate(_ target: LocateTarget, partition wanted: Int? = nil) throws(CheckCondition) {
        let cartridge = try requireReady().cartridge
        let number = wanted ?? partition
        guard number >= 0, number < cartridge.partitionCount else {
            throw .invalidField(Locate16.partition)
        }
        try synchronizeBeforeMoving()
        let end = cartridge.endOfData(number)
        let found: BlockAddress?
        do throws(CartridgeError) {
            switch target {
            case .block(let block): found = block <= end.rawValue ? BlockAddress(block) : nil
            case .file(let file): found = try cartridge.addressAfterFilemark(file, partition: number)
            case .endOfData: found = end
            }
        } catch {
            throw error.whilePositioning
        }
        partition = number
        block = found ?? end
        modePages[TapeModePages.activePartition] = UInt64(number)
        if found == nil {
            throw CheckCondition(.blankCheck, .endOfData)
        }
    }

    /// ``locate(_:partition:)`` by block.
    package func locate(block: UInt64, partition: Int? = nil) throws(CheckCondition) {
        try locate(.block(block), partition: partition)
    }

    /// ``locate(_:partition:)`` by file: to the object behind that many filemarks.
    package func locate(file: UInt64, partition: Int? = nil) throws(CheckCondition) {
        try locate(.file(file), partition: partition)
    }
}
