// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import WireFormat

/// What a command handler hands back.
package struct CommandReply: Sendable {
    package var dataIn: [UInt8] = []
    package var dataOutConsumed = 0
    /// An ordinary condition to report although the command did its work, such as a filemark or early warning.
    package var sense: SenseData?
    /// The command met another nexus's reservation after all.
    package var isConflict = false

    package init(dataIn: [UInt8] = [], dataOutConsumed: Int = 0, sense: SenseData? = nil) {
        self.dataIn = dataIn
        self.dataOutConsumed = dataOutConsumed
        self.sense = sense
    }

    /// Data cut at the CDB's allocation length; length fields inside still describe all of it.
    package init(_ data: [UInt8], allocationLength: Int) {
        self.dataIn = data.count > allocationLength ? Array(data.prefix(allocationLength)) : data
    }
}

/// What drive and changer have in common: unit attentions, RESERVE and RELEASE, removal prevention, echo buffers and
/// the timestamp, each per nexus where the standards say so. The owner calls ``admit(_:as:in:)`` first and ``finish`` last.
package struct UnitState: Sendable {
    /// READ BUFFER and WRITE BUFFER, mode 0Ah; the field that reports it has 13 bits.
    static let echoBufferBytes = 4096

    package var attentions = UnitAttentions()
    package private(set) var reservedBy: Nexus?
    package private(set) var preventing: Set<Nexus> = []
    private var echoBuffers: [Nexus: [UInt8]] = [:]
    /// What SET TIMESTAMP made of the clock, in milliseconds; wraps.
    private var timestampOffset: UInt64 = 0
    private var timestampOrigin: UInt8 = 0

    package init() {}

    /// Whether a command may run at all.
    package enum Admission<Command: Sendable & Hashable>: Sendable {
        case run(CommandDescriptor<Command>)
        case refuse(CommandResult)
    }

    /// The checks that come before a command's own, in the order of SAM-5: reset conditions, operation code,
    /// reservation, other unit attentions, reserved bits.
    package mutating func admit<Command>(
        _ cdb: CDB,
        as nexus: Nexus,
        in table: CommandTable<Command>,
        descriptorSense: Bool
    ) -> Admission<Command> {
        attentions.introduce(nexus)
        do throws(CheckCondition) {
            let row = try? table.uncheckedRow(for: cdb)
            let sparesAttention = row?.access.contains(.ignoresUnitAttention) ?? false
            if !sparesAttention, let sense = attentions.take(for: nexus, resetOnly: true) {
                throw CheckCondition(sense)
            }
            guard let row else {
                return .run(try table.row(for: cdb))
            }
            if isRefusedByReservation(row, nexus) {
                return .refuse(CommandResult(status: .reservationConflict))
            }
            if !sparesAttention, let sense = attentions.take(for: nexus) {
                throw CheckCondition(sense)
            }
            return .run(try table.row(for: cdb))
        } catch {
            return .refuse(Self.checkCondition(error.sense, descriptorSense: descriptorSense))
        }
    }

    private func isRefusedByReservation<Command>(_ row: CommandDescriptor<Command>, _ nexus: Nexus) -> Bool {
        guard let reservedBy, reservedBy != nexus else { return false }
        return !row.access.contains(.allowedWhenReserved) && !row.access.contains(.checksReservationItself)
    }

    /// The handler's reply, or what it threw, as a result; Data-In is cut at the initiator's limit.
    package static func finish(
        _ reply: CommandReply,
        dataInLimit: Int,
        descriptorSense: Bool
    ) -> CommandResult {
        guard !reply.isConflict else { return CommandResult(status: .reservationConflict) }
        var result =
            reply.sense.map { checkCondition($0, descriptorSense: descriptorSense) } ?? CommandResult(status: .good)
        result.dataIn =
            reply.dataIn.count > dataInLimit ? Array(reply.dataIn.prefix(max(0, dataInLimit))) : reply.dataIn
        result.dataOutConsumed = reply.dataOutConsumed
        return result
    }

    package static func checkCondition(_ sense: SenseData, descriptorSense: Bool) -> CommandResult {
        CommandResult(status: .checkCondition, sense: sense, senseBytes: sense.encoded(descriptor: descriptorSense))
    }

    /// Everything that belongs to a nexus goes with it.
    package mutating func nexusLost(_ nexus: Nexus) {
        attentions.forget(nexus)
        preventing.remove(nexus)
        echoBuffers[nexus] = nil
        release(nexus)
    }

    // MARK: RESERVE and RELEASE (SPC-2)

    /// RESERVE(6) and (10). Another nexus's reservation was already answered with a conflict.
    package mutating func reserve(_ nexus: Nexus) {
        reservedBy = nexus
    }

    /// RELEASE(6) and (10); from a nexus that does not hold the unit nothing happens.
    package mutating func release(_ nexus: Nexus) {
        if reservedBy == nexus {
            reservedBy = nil
        }
    }

    // MARK: PREVENT ALLOW MEDIUM REMOVAL (SPC-4 6.19)

    package var isRemovalPrevented: Bool { !preventing.isEmpty }

    /// - Returns: false for a conflict: under another nexus's reservation only allowing is permitted.
    /// - Throws: 5/24/00 for the obsolete values 2 and 3.
    package mutating func preventAllow(_ cdb: CDB, _ nexus: Nexus) throws(CheckCondition) -> Bool {
        let value = cdb[PreventAllow.prevent]
        guard value < 2 else { throw .invalidField(PreventAllow.prevent) }
        if value == 0 {
            preventing.remove(nexus)
            return true
        }
        guard reservedBy == nil || reservedBy == nexus else { return false }
        preventing.insert(nexus)
        return true
    }

    // MARK: Echo buffer (SPC-4 6.15, 6.39)

    /// READ BUFFER: echo data (0Ah), echo descriptor (0Bh) and descriptor (03h, which says that no buffer is there).
    package func readBuffer(_ cdb: CDB, _ nexus: Nexus) throws(CheckCondition) -> CommandReply {
        let limit = cdb[ReadBuffer.allocationLength]
        switch cdb[ReadBuffer.mode] {
        case 0x03:
            return CommandReply([0, 0, 0, 0], allocationLength: limit)
        case 0x0A:
            guard let data = echoBuffers[nexus] else {
                throw CheckCondition(.illegalRequest, .commandSequenceError)
            }
            return CommandReply(data, allocationLength: limit)
        case 0x0B:
            // EBOS: one nexus's echo data is not overwritten by another's.
            let capacity = Self.echoBufferBytes
            return CommandReply([0x01, 0, UInt8(capacity >> 8), UInt8(capacity & 0xFF)], allocationLength: limit)
        default:
            throw .invalidField(ReadBuffer.mode)
        }
    }

    /// WRITE BUFFER: echo data (0Ah). Microcode is not taken.
    package mutating func writeBuffer(
        _ cdb: CDB,
        _ nexus: Nexus,
        dataOut: Span<UInt8>
    ) throws(CheckCondition) -> CommandReply {
        guard cdb[WriteBuffer.mode] == 0x0A else { throw .invalidField(WriteBuffer.mode) }
        let length = cdb[WriteBuffer.parameterListLength]
        guard length <= Self.echoBufferBytes else { throw .invalidField(WriteBuffer.parameterListLength) }
        echoBuffers[nexus] = try Self.parameterList(dataOut, length: length)
        return CommandReply(dataOutConsumed: length)
    }

    /// The parameter list that a CDB announces.
    ///
    /// - Throws: 5/1A/00 when the initiator sent less.
    package static func parameterList(_ dataOut: Span<UInt8>, length: Int) throws(CheckCondition) -> [UInt8] {
        guard length <= dataOut.count else {
            throw CheckCondition(.illegalRequest, .parameterListLengthError)
        }
        var list: [UInt8] = []
        list.reserveCapacity(length)
        for index in 0..<length {
            list.append(dataOut[index])
        }
        return list
    }

    // MARK: Timestamp (SPC-4 6.36, 6.46)

    package func reportTimestamp(_ cdb: CDB, now: UInt64) -> CommandReply {
        var writer = ByteWriter()
        writer.u16(0x000A)
        writer.u8(timestampOrigin)
        writer.u8(0)
        writer.u48(now &+ timestampOffset)
        writer.zeros(2)
        return CommandReply(writer.bytes, allocationLength: cdb[ReportTimestamp.allocationLength])
    }

    package mutating func setTimestamp(
        _ cdb: CDB,
        _ nexus: Nexus,
        dataOut: Span<UInt8>,
        now: UInt64
    ) throws(CheckCondition) -> CommandReply {
        let length = cdb[SetTimestamp.parameterListLength]
        guard length != 0 else { return CommandReply() }
        guard length == 12 else { throw CheckCondition(.illegalRequest, .parameterListLengthError) }
        var reader = ByteReader(try Self.parameterList(dataOut, length: length))
        guard reader.skip(4), let timestamp = reader.u48() else {
            throw CheckCondition(.illegalRequest, .parameterListLengthError)
        }
        timestampOffset = timestamp &- now
        timestampOrigin = 2
        attentions.raise(.timestampChanged, exceptFor: nexus)
        return CommandReply(dataOutConsumed: length)
    }

    // MARK: Reports

    /// SPC-4 6.33: one logical unit behind this address, at LUN 0.
    package func reportLUNs(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let selection = cdb[ReportLUNs.selectReport]
        guard selection <= 2 else { throw .invalidField(ReportLUNs.selectReport) }
        guard cdb[ReportLUNs.allocationLength] >= 16 else { throw .invalidField(ReportLUNs.allocationLength) }
        let hasUnit = selection != 1
        var writer = ByteWriter()
        writer.u32(hasUnit ? 8 : 0)
        writer.zeros(hasUnit ? 12 : 4)
        return CommandReply(writer.bytes, allocationLength: cdb[ReportLUNs.allocationLength])
    }

    package static func reportSupportedOperationCodes<Command>(
        _ cdb: CDB,
        in table: CommandTable<Command>
    ) throws(CheckCondition) -> CommandReply {
        let withTimeouts = cdb.isSet(ReportSupportedOperationCodes.withTimeouts)
        let option = cdb[ReportSupportedOperationCodes.options]
        let data: [UInt8]
        switch option {
        case 0:
            data = table.allCommands(withTimeouts: withTimeouts)
        case 1...3:
            data = try table.oneCommand(
                option: option,
                operationCode: UInt8(cdb[ReportSupportedOperationCodes.operationCode]),
                serviceAction: cdb[ReportSupportedOperationCodes.serviceAction],
                withTimeouts: withTimeouts
            )
        default:
            throw .invalidField(ReportSupportedOperationCodes.options)
        }
        return CommandReply(data, allocationLength: cdb[ReportSupportedOperationCodes.allocationLength])
    }

    /// SPC-4 6.32: abort task, abort task set, clear task set, logical unit reset, I_T nexus reset.
    package static func reportSupportedTaskManagement(_ cdb: CDB) throws(CheckCondition) -> CommandReply {
        let length = cdb[ReportSupportedTaskManagement.allocationLength]
        guard length >= 4 else { throw .invalidField(ReportSupportedTaskManagement.allocationLength) }
        let short: [UInt8] = [0xD8, 0x01, 0, 0]
        guard cdb.isSet(ReportSupportedTaskManagement.extended) else {
            return CommandReply(short, allocationLength: length)
        }
        // Extended: byte 3 says how many follow; no timeouts are given.
        return CommandReply([0xD8, 0x01, 0, 0x0C] + [UInt8](repeating: 0, count: 12), allocationLength: length)
    }
}
