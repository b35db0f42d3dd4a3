// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI

/// Where the end of a partition begins to be announced.
///
/// Early warning leaves 0.5 % of the partition, at least 16 MiB and at most 4 GiB, but never more than an eighth: a
/// 64 MiB cartridge warns with 8 MiB to go, which is room for labels, an index and what a mover still holds. Real LTO
/// drives leave a few GB.
enum EarlyWarning {
    static func reserve(capacity: UInt64) -> UInt64 {
        min(max(16 << 20, min(capacity / 200, 4 << 30)), capacity / 8)
    }

    static func threshold(capacity: UInt64) -> UInt64 {
        capacity - reserve(capacity: capacity)
    }
}

extension TapeDrive {
    /// No write gets through: by the tab, by software, by the generation or because the files cannot be written.
    package var isWriteProtected: Bool { writeProtection != nil }

    /// What refuses a write, if anything.
    var writeProtection: AdditionalSense? {
        guard let medium else { return nil }
        if medium.cartridge.metadata.writeProtected || medium.cartridge.access == .readOnly {
            return .writeProtected
        }
        if rules.isSoftwareProtected {
            return .softwareWriteProtected
        }
        return model.canWrite(generation: medium.cartridge.metadata.generation) ? nil : .cannotWriteIncompatibleFormat
    }

    /// Writes one record; everything behind it is gone.
    ///
    /// - Throws: D/00/02 with EOM when it does not fit (INFORMATION: its length), 7/27/xx, 7/30/05, 7/30/0C or 7/5A/02
    ///   when writing is not allowed here, 5/24/00 for a length of 0 or above the maximum, 3/0C/00 when the disk fails.
    package func write(_ record: Span<UInt8>) throws(CheckCondition) -> WriteOutcome {
        _ = try requireReady()
        guard record.count >= 1, record.count <= Self.maximumBlockLength else {
            throw .invalidField(Write6.transferLength)
        }
        let cartridge = try prepareToWrite(residual: record.count)
        let before = try bytesBeforePosition(cartridge)
        do throws(CartridgeError) {
            try cartridge.writeRecord(record, at: block, partition: partition)
        } catch {
            throw failedWrite(error, residual: record.count)
        }
        didWrite(objects: 1)
        counters.wrote(records: 1, bytes: record.count)
        let outcome = outcome(cartridge, before: before)
        noteRecords(outcome)
        if bufferedMode == 0 {
            try synchronize()
        }
        return outcome
    }

    /// Writes records of one length, back to back in `run`, until the run ends or the record that enters the (programmable)
    /// early-warning zone is written; behind early warning one record per call. Shorter than asked also when the rest
    /// does not fit: the next call then throws the reason.
    package func writeRun(
        _ run: Span<UInt8>,
        recordLength: Int
    ) throws(CheckCondition) -> (records: Int, outcome: WriteOutcome) {
        _ = try requireReady()
        guard recordLength >= 1, recordLength <= Self.maximumBlockLength, run.count >= recordLength,
            run.count.isMultiple(of: recordLength)
        else {
            throw .invalidField(Write6.transferLength)
        }
        let cartridge = try prepareToWrite(residual: run.count)
        let before = try bytesBeforePosition(cartridge)
        let limit = recordsUntilWarning(cartridge, before: before, recordLength: recordLength)
        let wanted = min(run.count / recordLength, limit)
        let written: Int
        do throws(CartridgeError) {
            written = try cartridge.writeRecords(
                run.extracting(0..<wanted * recordLength),
                recordLength: recordLength,
                at: block,
                partition: partition
            )
        } catch {
            throw failedWrite(error, residual: run.count)
        }
        guard written > 0 else { return (0, .written) }
        didWrite(objects: written)
        counters.wrote(records: written, bytes: written * recordLength)
        let outcome = outcome(cartridge, before: before)
        noteRecords(outcome)
        if bufferedMode == 0 {
            try synchronize()
        }
        return (written, outcome)
    }

    /// Writes filemarks, and makes everything durable unless `immediate`. Count 0 only does the latter, and warns of
    /// nothing, because nothing was written.
    package func writeFilemarks(_ count: Int, immediate: Bool) throws(CheckCondition) -> WriteOutcome {
        _ = try requireReady()
        guard count > 0 else {
            if !immediate {
                try synchronize()
            }
            return .written
        }
        let cartridge = try prepareToWrite(residual: count)
        let before = try bytesBeforePosition(cartridge)
        do throws(CartridgeError) {
            try cartridge.writeFilemarks(count, at: block, partition: partition)
            if !immediate {
                try cartridge.synchronize()
            }
        } catch {
            throw failedWrite(error, residual: count)
        }
        didWrite(objects: count)
        isUnsynchronised = immediate
        tail.lacksFilemark = false
        counters.wroteFilemarks(count)
        return outcome(cartridge, before: before)
    }

    /// Everything written is on stable storage when this returns.
    ///
    /// - Throws: 3/0C/00, every time until it is so or the tape was moved.
    package func synchronize() throws(CheckCondition) {
        let cartridge = try requireReady().cartridge
        guard isUnsynchronised else { return }
        do throws(CartridgeError) {
            try cartridge.synchronize()
        } catch {
            throw failedWrite(error, residual: 0)
        }
        isUnsynchronised = false
    }

    /// The same before the tape moves, which ends what is remembered of the last writes.
    ///
    /// - Throws: 3/0C/00, once: what could not be made durable does not keep the tape from being moved or unloaded.
    func synchronizeBeforeMoving() throws(CheckCondition) {
        defer { isUnsynchronised = false }
        try keepPromiseOfFilemark()
        try synchronize()
        tail = TapeTail()
    }

    /// Bytes in the partition before early warning, for the mover's planning and log pages.
    package func earlyWarningThreshold(_ cartridge: Cartridge, partition: Int) -> UInt64 {
        EarlyWarning.threshold(capacity: cartridge.capacity(partition))
    }

    /// Where the zone begins that page 10h/01h asked for; nil without one.
    func programmableThreshold(_ cartridge: Cartridge, partition: Int) -> UInt64? {
        let zone = rules.programmableEarlyWarningBytes
        guard zone > 0 else { return nil }
        let threshold = earlyWarningThreshold(cartridge, partition: partition)
        return threshold > zone ? threshold - zone : 0
    }

    // MARK: Before a write

    /// The checks of a write in order, then the mark that the volume changed. `residual` is what is not written when
    /// that mark cannot be made.
    func prepareToWrite(residual: Int) throws(CheckCondition) -> Cartridge {
        let medium = try requireReady()
        try requireUnprotected()
        if isExecutingCDB { try keepPromiseOfFilemark() }
        if medium.isWORM, try !isAppendPosition(medium.cartridge) {
            alerts.raise(.wormOverwrite)
            throw CheckCondition(.dataProtect, .wormOverwrite)
        }
        if rules.isAppendOnly, try !isAppendPosition(medium.cartridge) {
            let licence = OverwriteLicence(scope: .position, partition: partition, block: block)
            guard overwriteLicence == licence else {
                throw CheckCondition(.dataProtect, .operatorSelectedWriteProtect)
            }
        }
        try markChanged(residual: residual)
        overwriteLicence = nil
        return medium.cartridge
    }

    func requireUnprotected() throws(CheckCondition) {
        guard let protection = writeProtection else { return }
        alerts.raise(.writeProtected)
        throw CheckCondition(.dataProtect, protection)
    }

    /// True at the end of data, and where only filemarks lie between here and there and one lies just before: the last
    /// of several closing filemarks may be replaced, so that a file can be appended (mode page 1Dh, restrictions 02h).
    private func isAppendPosition(_ cartridge: Cartridge) throws(CheckCondition) -> Bool {
        let end = cartridge.endOfData(partition)
        if block == end { return true }
        guard block > .zero else { return false }
        do throws(CartridgeError) {
            let before = try cartridge.filemarksBefore(block - 1, partition: partition)
            let all = try cartridge.filemarksBefore(end, partition: partition)
            return all - before == end - (block - 1)
        } catch {
            throw error.whilePositioning
        }
    }

    /// The first change of a load gets a new volume change reference (MAM 0009h), durable before the change itself.
    func markChanged(residual: Int) throws(CheckCondition) {
        guard let medium, !medium.isMarkedChanged else { return }
        do throws(CartridgeError) {
            try medium.cartridge.updateMetadata {
                $0.volumeChangeReference = Self.reference(after: max(1, $0.volumeChangeReference))
            }
        } catch {
            throw failedWrite(error, residual: residual)
        }
        self.medium?.isMarkedChanged = true
    }

    /// Never 0 and never all ones: those say "unknown".
    static func reference(after reference: UInt32) -> UInt32 {
        reference >= UInt32.max - 1 ? 1 : reference + 1
    }

    private func bytesBeforePosition(_ cartridge: Cartridge) throws(CheckCondition) -> UInt64 {
        if block == cartridge.endOfData(partition) {
            return cartridge.usedBytes(partition)
        }
        do throws(CartridgeError) {
            return try cartridge.bytesBefore(block, partition: partition)
        } catch {
            throw error.whilePositioning
        }
    }

    // MARK: After a write

    private func didWrite(objects: Int) {
        block += UInt64(objects)
        isUnsynchronised = true
    }

    func failedWrite(_ error: CartridgeError, residual: Int) -> CheckCondition {
        switch error {
        case .full, .readOnly, .invalidArgument, .closed:
            break
        case .disk(let error) where error.isOutOfSpace:
            break
        default:
            counters.failedToWrite()
            alerts.raise(.writeFailure)
        }
        return error.whileWriting(residual: residual)
    }

    private func outcome(_ cartridge: Cartridge, before: UInt64) -> WriteOutcome {
        let used = cartridge.usedBytes(partition)
        if used >= earlyWarningThreshold(cartridge, partition: partition) {
            return .earlyWarning
        }
        if let threshold = programmableThreshold(cartridge, partition: partition), before < threshold,
            used >= threshold
        {
            return .programmableEarlyWarning
        }
        return .written
    }

    /// Records up to and including the one that reaches the next threshold.
    private func recordsUntilWarning(_ cartridge: Cartridge, before: UInt64, recordLength: Int) -> Int {
        let charge = UInt64(recordLength) + CartridgeLimits.objectOverheadBytes
        let thresholds = [
            programmableThreshold(cartridge, partition: partition),
            earlyWarningThreshold(cartridge, partition: partition),
        ]
        let next = thresholds.lazy.compactMap { $0 }.first { $0 > before }
        guard let next else { return 1 }
        return Int(clamping: (next - before + charge - 1) / charge)
    }
}
