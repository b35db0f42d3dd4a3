// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI

/// READ, WRITE, VERIFY, WRITE FILEMARKS and ERASE: SSC-4 clause 5 and 6.
extension TapeDrive {
    // MARK: READ and VERIFY

    func performRead(_ cdb: CDB, dataInLimit: Int) throws(CheckCondition) -> CommandReply {
        let suppress = cdb.isSet(Read6.suppressIncorrectLength)
        let length = cdb[Read6.transferLength]
        guard cdb.isSet(Read6.fixed) else {
            return try transferVariable(length, suppress: suppress, keeping: dataInLimit)
        }
        guard !suppress else { throw .invalidField(Read6.suppressIncorrectLength) }
        guard fixedBlockLength > 0 else { throw .invalidField(Read6.fixed) }
        return transferFixed(length, keeping: dataInLimit)
    }

    /// READ without data. VTE goes on to the end of data, VBF over a number of filemarks.
    func performVerify(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        for field in [Verify6.immediate, Verify6.byteCompare] where cdb.isSet(field) {
            throw .invalidField(field)
        }
        let length = cdb[Verify6.length]
        let toEnd = cdb.isSet(Verify6.toEndOfData)
        if toEnd || cdb.isSet(Verify6.byFilemarks) {
            guard !(toEnd && cdb.isSet(Verify6.byFilemarks)) else { throw .invalidField(Verify6.byFilemarks) }
            guard !cdb.isSet(Verify6.fixed) else { throw .invalidField(Verify6.fixed) }
            return try verify(filemarks: toEnd ? nil : length)
        }
        guard cdb.isSet(Verify6.fixed) else {
            return try transferVariable(length, suppress: false, keeping: 0)
        }
        guard fixedBlockLength > 0 else { throw .invalidField(Verify6.fixed) }
        return transferFixed(length, keeping: 0)
    }

    /// One record of `length` bytes (FIXED = 0), of which the initiator takes at most `limit`.
    private func transferVariable(
        _ length: Int,
        suppress: Bool,
        keeping limit: Int
    ) throws(CheckCondition) -> CommandReply {
        guard length > 0 else { return CommandReply() }
        var data: [UInt8] = []
        let outcome: ReadOutcome
        do throws(CheckCondition) {
            if limit > 0, case .record(let actual) = try nextObject() {
                data = [UInt8](repeating: 0, count: min(actual, length, limit))
            }
            var bytes = data.mutableSpan
            outcome = try read(into: &bytes)
        } catch {
            throw error.withResidual(length)
        }
        switch outcome {
        case .endOfData:
            return CommandReply(sense: .endOfData(residual: Int64(length)))
        case .filemark:
            return CommandReply(sense: .filemark(residual: Int64(length)))
        case .record(let actual):
            // Too long with SILI is only silent when the block length of the mode block descriptor is 0.
            let isSilent = actual == length || suppress && (actual < length || fixedBlockLength == 0)
            let sense = isSilent ? nil : SenseData.incorrectLength(residual: Int64(length - actual))
            return CommandReply(dataIn: data, sense: sense)
        }
    }

    /// `count` records of the block descriptor's length (FIXED = 1), of which the initiator takes at most `limit` bytes.
    /// Ends early at anything else; what was read before goes out in any case, also before a damaged record.
    private func transferFixed(_ count: Int, keeping limit: Int) -> CommandReply {
        let length = fixedBlockLength
        var reply = CommandReply()
        var record = [UInt8](repeating: 0, count: limit > 0 ? length : 0)
        for done in 0..<count {
            let residual = Int64(count - done)
            do throws(CheckCondition) {
                var bytes = record.mutableSpan
                switch try read(into: &bytes) {
                case .endOfData:
                    reply.sense = .endOfData(residual: residual)
                case .filemark:
                    reply.sense = .filemark(residual: residual)
                case .record(let actual):
                    reply.dataIn.append(contentsOf: record.prefix(min(actual, limit - reply.dataIn.count)))
                    if actual != length {
                        reply.sense = .incorrectLength(residual: residual)
                    }
                }
            } catch {
                reply.sense = error.withResidual(count - done).sense
            }
            if reply.sense != nil { break }
        }
        return reply
    }

    /// Checks every record up to the end of data (nil), or behind so many filemarks.
    private func verify(filemarks: Int?) throws(CheckCondition) -> CommandReply {
        var left = filemarks ?? .max
        while left > 0 {
            var nothing: [UInt8] = []
            var bytes = nothing.mutableSpan
            switch try read(into: &bytes) {
            case .record:
                continue
            case .filemark:
                left -= 1
            case .endOfData:
                return CommandReply(sense: filemarks == nil ? nil : .endOfData(residual: Int64(left)))
            }
        }
        return CommandReply()
    }

    // MARK: WRITE

    func performWrite(_ cdb: CDB, dataOut: Span<UInt8>) throws(CheckCondition) -> CommandReply {
        let isFixed = cdb.isSet(Write6.fixed)
        guard !isFixed || fixedBlockLength > 0 else { throw .invalidField(Write6.fixed) }
        let length = cdb[Write6.transferLength]
        guard length > 0 else { return CommandReply() }
        let bytes = isFixed ? length * fixedBlockLength : length
        guard dataOut.count >= bytes else {
            throw CheckCondition(.abortedCommand, .dataPhaseError)
        }
        guard isFixed else {
            let outcome = try write(dataOut.extracting(0..<bytes))
            return CommandReply(dataOutConsumed: bytes, sense: .warning(outcome))
        }
        return try writeFixed(dataOut.extracting(0..<bytes), count: length)
    }

    private func writeFixed(_ run: Span<UInt8>, count: Int) throws(CheckCondition) -> CommandReply {
        let length = fixedBlockLength
        var worst = WriteOutcome.written
        var done = 0
        while done < count {
            let outcome: WriteOutcome
            let records: Int
            do throws(CheckCondition) {
                (records, outcome) = try writeRun(
                    run.extracting(done * length..<count * length),
                    recordLength: length
                )
            } catch {
                throw error.withResidual(count - done)
            }
            guard records > 0 else { throw CheckCondition(.physicalEnd(residual: count - done)) }
            done += records
            if outcome != .written, worst != .earlyWarning {
                worst = outcome
            }
        }
        return CommandReply(dataOutConsumed: count * length, sense: .warning(worst))
    }

    func performWriteFilemarks(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let outcome = try writeFilemarks(
            cdb[WriteFilemarks6.count],
            immediate: cdb.isSet(WriteFilemarks6.immediate)
        )
        return CommandReply(sense: .warning(outcome))
    }

    /// SSC-4 6.13, the explicit address form: the filemarks go to the named place.
    func performWriteFilemarksAt(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let partition = cdb[WriteFilemarks16.partition]
        guard partition < loaded?.partitionCount ?? 0 else { throw .invalidField(WriteFilemarks16.partition) }
        let place = cdb.unsigned(WriteFilemarks16.logicalObject)
        if partition != self.partition || place != block.rawValue {
            try locate(.block(place), partition: partition)
        }
        let outcome = try writeFilemarks(
            cdb[WriteFilemarks16.count],
            immediate: cdb.isSet(WriteFilemarks16.immediate)
        )
        return CommandReply(sense: .warning(outcome))
    }

    func performErase(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        try erase(long: cdb.isSet(Erase6.long))
        return CommandReply()
    }
}

extension SenseData {
    static func filemark(residual: Int64) -> SenseData {
        SenseData(.noSense, .filemarkDetected, information: residual, filemark: true)
    }

    static func endOfData(residual: Int64) -> SenseData {
        SenseData(.blankCheck, .endOfData, information: residual)
    }

    static func incorrectLength(residual: Int64) -> SenseData {
        SenseData(.noSense, .none, information: residual, incorrectLength: true)
    }

    /// Written, but the end is near: nothing is left over, so INFORMATION is 0.
    static func warning(_ outcome: WriteOutcome) -> SenseData? {
        switch outcome {
        case .written: nil
        case .programmableEarlyWarning:
            SenseData(.noSense, .programmableEarlyWarning, information: 0, endOfMedium: true)
        case .earlyWarning:
            SenseData(.noSense, .endOfPartition, information: 0, endOfMedium: true)
        }
    }
}

extension CheckCondition {
    /// INFORMATION in the command's own unit, where there is one.
    func withResidual(_ residual: Int) -> CheckCondition {
        guard sense.information != nil else { return self }
        var sense = sense
        sense.information = Int64(residual)
        return CheckCondition(sense)
    }
}
