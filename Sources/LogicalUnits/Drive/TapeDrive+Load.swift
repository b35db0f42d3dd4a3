// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI

extension TapeDrive {
    /// MAM attributes 020Ah to 020Dh: vendor and serial of the drives of the last four loads, newest first.
    static let loadHistoryAttributes: ClosedRange<UInt16> = 0x020A...0x020D

    /// The library put a cartridge in. It is threaded at once when the drive can read it; a cleaning cartridge cleans.
    /// What became of it is in ``condition``. Every nexus is told that the medium may have changed.
    package func load(_ cartridge: Cartridge) {
        precondition(medium == nil, "a drive holds one cartridge")
        medium = LoadedMedium(
            cartridge: cartridge,
            format: .of(generation: cartridge.metadata.generation),
            condition: .held
        )
        alerts.clearAll()
        if cartridge.metadata.kind == .cleaning {
            clean(cartridge)
        } else {
            thread(sparing: nil)
        }
    }

    /// Takes the cartridge out; threaded tape is unloaded first.
    ///
    /// - Throws: 5/53/02 while removal is prevented; 2/3A/00 when there is none; 3/0C/00 when what was written could
    ///   not be made durable (reported once: the next call succeeds).
    package func unload() throws(CheckCondition) -> Cartridge {
        guard let cartridge = medium?.cartridge else {
            throw CheckCondition(.notReady, .mediumNotPresent)
        }
        try eject(hold: false)
        medium = nil
        resetPosition()
        refreshMediumPages()
        return cartridge
    }

    /// LOAD: threads the cartridge, or rewinds it when it is threaded.
    ///
    /// - Parameter nexus: who asked; it needs no unit attention.
    /// - Throws: 2/3A/00 without a cartridge, 2/30/xx for one that cannot be used.
    package func thread(as nexus: Nexus? = nil) throws(CheckCondition) {
        guard let medium else { throw CheckCondition(.notReady, .mediumNotPresent) }
        switch medium.condition {
        case .ready:
            try synchronizeBeforeMoving()
            resetPosition()
        case .held, .ejected:
            if medium.cartridge.metadata.kind == .cleaning {
                clean(medium.cartridge)
            } else {
                thread(sparing: nexus)
            }
        case .empty, .cleaning, .cleaningExpired, .unsupported:
            break
        }
        guard condition == .ready else { throw CheckCondition(notReadySense) }
    }

    /// UNLOAD: rewinds, stores counters and unthreads. The cartridge stays in the drive's mouth, or seated with
    /// `hold`. Nothing happens when there is none.
    ///
    /// - Throws: 5/53/02 while removal is prevented; 3/0C/00 when what was written could not be made durable
    ///   (reported once).
    package func eject(hold: Bool) throws(CheckCondition) {
        guard medium != nil else { return }
        guard hold || !isRemovalPrevented else {
            alerts.raise(.noRemoval)
            throw CheckCondition(.illegalRequest, .mediumRemovalPrevented)
        }
        if condition == .ready {
            try synchronizeBeforeMoving()
            storeCounters()
        }
        medium?.condition = hold ? .held : .ejected
        resetPosition()
        overwriteLicence = nil
        modePages[TapeModePages.writeMode] = 0
        refreshMediumPages()
    }

    private func thread(sparing nexus: Nexus?) {
        guard let cartridge = medium?.cartridge else { return }
        let metadata = cartridge.metadata
        guard model.canRead(generation: metadata.generation) else {
            alerts.raise(.unsupportedFormat)
            medium?.condition = .unsupported
            return
        }
        if !model.canWrite(generation: metadata.generation) {
            alerts.raise(.readOnlyFormat)
        }
        medium?.condition = .ready
        medium?.isMarkedChanged = false
        counters.load = .init()
        counters.stored = .init()
        counters.loads += 1
        loadNumber += 1
        resetPosition()
        recordLoad(of: cartridge)
        refreshMediumPages()
        unit.attentions.raise(.mediumMayHaveChanged, exceptFor: nexus)
    }

    /// One use of a cleaning cartridge.
    private func clean(_ cartridge: Cartridge) {
        guard cartridge.metadata.cleaningsLeft > 0 else {
            alerts.raise(.expiredCleaningMedia)
            medium?.condition = .cleaningExpired
            return
        }
        do throws(CartridgeError) {
            try cartridge.updateMetadata {
                $0.cleaningsLeft -= 1
                $0.counters.loadCount += 1
            }
            counters.cleanings += 1
            alerts.raise(.cleaningMedia)
            medium?.condition = .cleaning
        } catch {
            alerts.raise(.invalidCleaningTape)
            medium?.condition = .cleaningExpired
        }
    }

    /// Load count and drive history in the cartridge's memory.
    private func recordLoad(of cartridge: Cartridge) {
        var value = Array(identity.vendor.utf8.prefix(8))
        value += [UInt8](repeating: 0x20, count: 8 - value.count)
        value += Array(identity.serial.utf8.prefix(32))
        value += [UInt8](repeating: 0x20, count: 40 - value.count)
        do throws(CartridgeError) {
            try cartridge.updateMetadata { metadata in
                metadata.counters.loadCount += 1
                let history = Self.loadHistoryAttributes
                metadata.attributes.removeAll { $0.identifier == history.upperBound }
                for index in metadata.attributes.indices
                where history.contains(metadata.attributes[index].identifier) {
                    metadata.attributes[index].identifier += 1
                }
                metadata.attributes.append(
                    MediumAttribute(
                        partition: 0,
                        identifier: history.lowerBound,
                        format: 1,
                        readOnly: true,
                        value: value
                    )
                )
            }
        } catch {
            if error != .readOnly {
                alerts.raise(.memoryChipFailure)
            }
        }
    }

    /// Adds what this load did to the cartridge's lifetime counters. A cartridge whose memory cannot be written is
    /// only flagged: its data is what matters.
    func storeCounters() {
        guard let cartridge = medium?.cartridge, counters.load != counters.stored else { return }
        let (now, before) = (counters.load, counters.stored)
        do throws(CartridgeError) {
            try cartridge.updateMetadata { metadata in
                metadata.counters.bytesWritten += now.bytesWritten - before.bytesWritten
                metadata.counters.bytesRead += now.bytesRead - before.bytesRead
                metadata.counters.recordsWritten += now.recordsWritten - before.recordsWritten
                metadata.counters.recordsRead += now.recordsRead - before.recordsRead
                metadata.counters.filemarksWritten += now.filemarksWritten - before.filemarksWritten
                metadata.counters.writeErrors += now.writeErrors - before.writeErrors
                metadata.counters.readErrors += now.readErrors - before.readErrors
            }
            counters.stored = now
        } catch {
            if error != .readOnly {
                alerts.raise(.memoryChipFailure)
            }
        }
    }

    func resetPosition() {
        partition = 0
        block = .zero
        tail = TapeTail()
        modePages[TapeModePages.activePartition] = 0
    }
}
