// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import SCSI
import WireFormat

/// READ ATTRIBUTE and WRITE ATTRIBUTE (SPC-4 6.26, 6.47; attributes of 7.4).
extension TapeDrive {
    func performReadAttribute(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let (medium, partition) = try attributeTarget(
            cdb,
            volume: ReadAttribute.logicalVolumeNumber,
            partition: ReadAttribute.partitionNumber
        )
        let first = UInt16(truncatingIfNeeded: cdb[ReadAttribute.firstAttribute])
        var writer = ByteWriter()
        switch cdb[ReadAttribute.serviceAction] {
        case 0x00:
            let present = presentAttributes(medium, partition)
            // Never begin at the next one silently: initiators take the first that comes for the one they asked for.
            guard present.contains(where: { $0.identifier == first }) else {
                throw .invalidField(ReadAttribute.firstAttribute)
            }
            writer.u32(0)
            for attribute in present where attribute.identifier >= first {
                Self.append(attribute, to: &writer)
            }
            writer.patch32(at: 0, UInt32(writer.count - 4))
        case 0x01:
            writer.u32(0)
            for attribute in presentAttributes(medium, partition) where attribute.identifier >= first {
                writer.u16(attribute.identifier)
            }
            writer.patch32(at: 0, UInt32(writer.count - 4))
        case 0x02:
            // One logical volume, number 0.
            writer.append([0, 2, 0, 1])
        case 0x03:
            writer.append([0, 2, 0, UInt8(medium.cartridge.partitionCount)])
        case 0x05:
            writer.u32(0)
            for row in MediumAttributes.rows where row.identifier >= first {
                writer.u16(row.identifier)
            }
            writer.patch32(at: 0, UInt32(writer.count - 4))
        default:
            throw .invalidField(ReadAttribute.serviceAction)
        }
        return CommandReply(writer.bytes, allocationLength: cdb[ReadAttribute.allocationLength])
    }

    /// All of the list is checked before any of it is stored. The length in the list itself is not looked at: LTFS counts
    /// four bytes too many.
    func performWriteAttribute(_ cdb: CDB, dataOut: Span<UInt8>) throws(CheckCondition) -> CommandReply {
        let (medium, partition) = try attributeTarget(
            cdb,
            volume: WriteAttribute.logicalVolumeNumber,
            partition: WriteAttribute.partitionNumber
        )
        let length = cdb[WriteAttribute.parameterListLength]
        guard length > 0 else { return CommandReply() }
        guard length <= CartridgeLimits.attributeValueBytes * 4 else {
            throw .invalidField(WriteAttribute.parameterListLength)
        }
        if let protection = writeProtection {
            throw CheckCondition(.dataProtect, protection)
        }
        let wanted = try parseAttributes(UnitState.parameterList(dataOut, length: length), partition)
        var stored = medium.cartridge.metadata.attributes
        for attribute in wanted {
            stored.removeAll { $0.identifier == attribute.identifier && $0.partition == attribute.partition }
            if !attribute.value.isEmpty {
                stored.append(attribute)
            }
        }
        guard memoryUsed(stored) <= hostMemory(medium), stored.count <= CartridgeLimits.attributes else {
            throw CheckCondition(.illegalRequest, .auxiliaryMemoryOutOfSpace)
        }
        do throws(CartridgeError) {
            try medium.cartridge.updateMetadata { $0.attributes = stored }
        } catch {
            alerts.raise(.memoryChipFailure)
            throw CheckCondition(.mediumError, .auxiliaryMemoryWriteError)
        }
        return CommandReply(dataOutConsumed: length)
    }

    private func attributeTarget(
        _ cdb: CDB,
        volume: CDBField,
        partition: CDBField
    ) throws(CheckCondition) -> (LoadedMedium, Int) {
        guard let medium else { throw CheckCondition(.notReady, .mediumNotPresent) }
        guard cdb[volume] == 0 else { throw .invalidField(volume) }
        guard cdb[partition] < medium.cartridge.partitionCount else { throw .invalidField(partition) }
        return (medium, cdb[partition])
    }

    private func parseAttributes(_ list: [UInt8], _ partition: Int) throws(CheckCondition) -> [MediumAttribute] {
        var reader = ByteReader(list)
        guard reader.skip(4) else { throw CheckCondition(.illegalRequest, .parameterListLengthError) }
        var wanted: [MediumAttribute] = []
        while reader.remaining > 0 {
            let start = reader.offset
            guard let identifier = reader.u16(), let format = reader.u8(), let length = reader.u16(),
                let value = reader.bytes(Int(length))
            else {
                throw CheckCondition(.illegalRequest, .parameterListLengthError)
            }
            guard let row = MediumAttributes.row(identifier), row.access != .device else {
                throw .invalidParameter(byte: start)
            }
            guard value.isEmpty || format & 0x03 == row.format.rawValue else {
                throw .invalidParameter(byte: start + 2, bit: 1)
            }
            let fits = row.isVariable ? value.count <= row.length : value.count == row.length
            guard value.isEmpty || fits else { throw .invalidParameter(byte: start + 3) }
            wanted.append(
                MediumAttribute(
                    partition: row.access == .hostPerPartition ? partition : 0,
                    identifier: identifier,
                    format: row.format.rawValue,
                    readOnly: false,
                    value: value
                )
            )
        }
        return wanted
    }

    private static func append(_ attribute: MediumAttribute, to writer: inout ByteWriter) {
        writer.u16(attribute.identifier)
        writer.u8((attribute.readOnly ? 0x80 : 0) | attribute.format)
        writer.u16(UInt16(attribute.value.count))
        writer.append(attribute.value)
    }

    // MARK: Values

    /// Attributes that have a value, ascending by identifier.
    private func presentAttributes(_ medium: LoadedMedium, _ partition: Int) -> [MediumAttribute] {
        let stored = medium.cartridge.metadata.attributes
        return MediumAttributes.rows.compactMap { row in
            let place = row.access == .hostPerPartition ? partition : 0
            if let kept = stored.first(where: { $0.identifier == row.identifier && $0.partition == place }) {
                return kept
            }
            guard let value = deviceValue(row.identifier, medium, partition) else { return nil }
            return MediumAttribute(
                partition: partition,
                identifier: row.identifier,
                format: row.format.rawValue,
                readOnly: true,
                value: value
            )
        }
    }

    private func deviceValue(_ identifier: UInt16, _ medium: LoadedMedium, _ partition: Int) -> [UInt8]? {
        let cartridge = medium.cartridge
        let metadata = cartridge.metadata
        let format = medium.format
        let load = counters.load
        switch identifier {
        case 0x0000: return Self.binary(remainingBytes(cartridge, partition) >> 20, 8)
        case 0x0001: return Self.binary(cartridge.capacity(partition) >> 20, 8)
        case 0x0002: return Self.binary(alerts.bitmap, 8)
        case 0x0003: return Self.binary(metadata.counters.loadCount, 8)
        case 0x0004: return Self.binary(UInt64(max(0, hostMemory(medium) - memoryUsed(metadata.attributes))), 8)
        case 0x0005, 0x0404: return Self.ascii("LTO-CVE", 8)
        case 0x0006, 0x0405: return [metadata.densityCode]
        case 0x0007: return Self.binary(1, 2)
        case 0x0009: return Self.binary(UInt64(max(1, metadata.volumeChangeReference)), 4)
        case 0x0220:
            return Self.binary(
                (metadata.counters.bytesWritten + load.bytesWritten - counters.stored.bytesWritten) >> 20,
                8
            )
        case 0x0221:
            return Self.binary((metadata.counters.bytesRead + load.bytesRead - counters.stored.bytesRead) >> 20, 8)
        case 0x0222: return Self.binary(load.bytesWritten >> 20, 8)
        case 0x0223: return Self.binary(load.bytesRead >> 20, 8)
        case 0x0400: return Self.ascii("CAPSTAN", 8)
        case 0x0401: return Self.ascii(metadata.identity.uppercased(), 32)
        case 0x0402: return Self.binary(UInt64(format?.lengthMetres ?? 0), 4)
        case 0x0403: return Self.binary(0x7F, 4)
        case 0x0407: return Self.binary(format?.memoryBytes ?? 0, 8)
        case 0x0408: return [medium.isWORM ? 0x80 : 0x00]
        default: return nil
        }
    }

    /// Bytes that hosts may fill.
    private func hostMemory(_ medium: LoadedMedium) -> Int {
        Int(medium.format?.memoryBytes ?? 0) - MediumAttributes.reservedBytes
    }

    private func memoryUsed(_ attributes: [MediumAttribute]) -> Int {
        attributes.filter { !$0.readOnly }.reduce(0) { $0 + MediumAttributes.headerBytes + $1.value.count }
    }

    private static func binary(_ value: UInt64, _ width: Int) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: width)
        writer.unsigned(value, width: width)
        return writer.bytes
    }

    private static func ascii(_ text: String, _ width: Int) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: width)
        writer.ascii(text, width: width)
        return writer.bytes
    }
}
