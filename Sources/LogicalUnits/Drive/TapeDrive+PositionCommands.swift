// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI
import WireFormat

/// SPACE, LOCATE, READ POSITION, REWIND, LOAD UNLOAD and what changes the whole medium.
extension TapeDrive {
    func performSpace16(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        guard !cdb.isSet(Space16.parameterLength) else { throw .invalidField(Space16.parameterLength) }
        return try performSpace(cdb[Space16.code], cdb.signed(Space16.count), Space16.code)
    }

    func performSpace(_ code: Int, _ count: Int64, _ field: CDBField) throws(CheckCondition) -> CommandReply {
        let kind: SpaceKind
        switch code {
        case 0: kind = .blocks
        case 1: kind = .filemarks
        case 2: kind = .sequentialFilemarks
        case 3: kind = .endOfData
        default: throw .invalidField(field)
        }
        let outcome = try space(kind, count: count)
        let residual = Int64(clamping: count.magnitude) - outcome.moved
        switch outcome.stop {
        case .none:
            return CommandReply()
        case .filemark:
            return CommandReply(sense: .filemark(residual: residual))
        case .endOfData:
            return CommandReply(sense: .endOfData(residual: residual))
        case .beginningOfPartition:
            return CommandReply(
                sense: SenseData(.noSense, .beginningOfPartition, information: residual, endOfMedium: true)
            )
        }
    }

    func performLocate10(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let partition = try namedPartition(cdb, change: Locate10.changePartition, Locate10.partition)
        try locate(.block(cdb.unsigned(Locate10.logicalObject)), partition: partition)
        return CommandReply()
    }

    func performLocate16(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let identifier = cdb.unsigned(Locate16.logicalIdentifier)
        let target: LocateTarget
        switch cdb[Locate16.destinationType] {
        case 0: target = .block(identifier)
        case 1: target = .file(identifier)
        case 3: target = .endOfData
        default: throw .invalidField(Locate16.destinationType)
        }
        let partition = try namedPartition(cdb, change: Locate16.changePartition, Locate16.partition)
        try locate(target, partition: partition)
        return CommandReply()
    }

    /// The partition of a LOCATE; without CP its field means nothing.
    private func namedPartition(_ cdb: CDB, change: CDBField, _ field: CDBField) throws(CheckCondition) -> Int? {
        guard cdb.isSet(change) else { return nil }
        let partition = cdb[field]
        guard partition < loaded?.partitionCount ?? 0 else { throw .invalidField(field) }
        return partition
    }

    func performRewind() throws(CheckCondition) -> CommandReply {
        try rewind()
        return CommandReply()
    }

    // MARK: READ POSITION (SSC-4 7.7)

    func performReadPosition(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let position = position
        switch cdb[ReadPosition.serviceAction] {
        case 0x00, 0x01: return CommandReply(dataIn: shortForm(position))
        case 0x06: return CommandReply(dataIn: longForm(position))
        case 0x08:
            return CommandReply(extendedForm(position), allocationLength: cdb[ReadPosition.allocationLength])
        default: throw .invalidField(ReadPosition.serviceAction)
        }
    }

    private func positionFlags(_ position: TapePosition) -> UInt8 {
        (position.atBeginning ? 0x80 : 0)
            | (position.pastEarlyWarning ? 0x40 : 0)
            | (position.pastProgrammableEarlyWarning ? 0x01 : 0)
    }

    /// 20 bytes. PERR when the object number does not fit: the initiator should ask for the long form.
    private func shortForm(_ position: TapePosition) -> [UInt8] {
        let fits = position.block.rawValue <= UInt64(UInt32.max)
        let block = fits ? UInt32(truncatingIfNeeded: position.block.rawValue) : 0
        var writer = ByteWriter(reservingCapacity: 20)
        writer.u8(positionFlags(position) | (fits ? 0 : 0x02))
        writer.u8(UInt8(clamping: position.partition))
        writer.zeros(2)
        writer.u32(block)
        writer.u32(block)
        writer.zeros(8)
        return writer.bytes
    }

    /// 32 bytes, with the file number. MPU when it is not known.
    private func longForm(_ position: TapePosition) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 32)
        writer.u8(positionFlags(position) | (position.isFileKnown ? 0 : 0x08))
        writer.zeros(3)
        writer.u32(UInt32(clamping: position.partition))
        writer.u64(position.block.rawValue)
        writer.u64(position.isFileKnown ? position.file : 0)
        writer.zeros(8)
        return writer.bytes
    }

    /// 32 bytes.
    private func extendedForm(_ position: TapePosition) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 32)
        writer.u8(positionFlags(position))
        writer.u8(UInt8(clamping: position.partition))
        writer.u16(0x001C)
        writer.zeros(4)
        writer.u64(position.block.rawValue)
        writer.u64(position.block.rawValue)
        writer.zeros(8)
        return writer.bytes
    }

    // MARK: The cartridge

    func performLoadUnload(_ cdb: CDB, _ nexus: Nexus) throws(CheckCondition) -> CommandReply {
        guard !cdb.isSet(LoadUnload.endOfTape) else { throw .invalidField(LoadUnload.endOfTape) }
        let holds = cdb.isSet(LoadUnload.hold)
        if !cdb.isSet(LoadUnload.load) {
            try eject(hold: holds)
        } else if holds {
            guard medium != nil else { throw CheckCondition(.notReady, .mediumNotPresent) }
            try eject(hold: true)
        } else {
            try thread(as: nexus)
        }
        return CommandReply()
    }

    func performFormat(_ cdb: CDB, _ nexus: Nexus) throws(CheckCondition) -> CommandReply {
        guard !cdb.isSet(FormatMedium.transferLength) else { throw .invalidField(FormatMedium.transferLength) }
        switch cdb[FormatMedium.format] {
        case 0: try format(.single)
        case 1, 2: try format(.asModePage)
        default: throw .invalidField(FormatMedium.format)
        }
        // Page 11h shows the new partitions.
        unit.attentions.raise(.modeParametersChanged, exceptFor: nexus)
        return CommandReply()
    }

    func performSetCapacity(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        try setCapacity(proportion: UInt16(truncatingIfNeeded: cdb[SetCapacity.proportion]))
        // Real drives tell the sender, too.
        unit.attentions.raise(.modeParametersChanged)
        return CommandReply()
    }

    func performAllowOverwrite(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        guard let scope = AllowedOverwrite(rawValue: cdb[AllowOverwrite.kind]) else {
            throw .invalidField(AllowOverwrite.kind)
        }
        try allowOverwrite(
            scope,
            partition: cdb[AllowOverwrite.partition],
            block: cdb.unsigned(AllowOverwrite.logicalObject)
        )
        return CommandReply()
    }

    // MARK: Limits

    /// SSC-4 7.5.
    func performReadBlockLimits(_ cdb: CDB) -> CommandReply {
        var writer = ByteWriter(reservingCapacity: 20)
        if cdb.isSet(ReadBlockLimits.maximumObjectIdentifier) {
            writer.zeros(12)
            writer.u64(.max)
        } else {
            writer.u8(0)
            writer.u24(UInt32(Self.maximumBlockLength))
            writer.u16(1)
        }
        return CommandReply(dataIn: writer.bytes)
    }
}
