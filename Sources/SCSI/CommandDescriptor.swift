// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What the standards and the logical unit say about one command. The rows of a table are the list of what is
/// supported: nothing else is dispatched, reported or documented.
package struct CommandDescriptor<Command: Sendable & Hashable>: Sendable {
    package let command: Command
    package let operationCode: UInt8
    /// Nil for a command without service actions.
    package let serviceAction: UInt8?
    /// As the standard writes it, for example `READ(6)`.
    package let name: String
    /// In wire order; whatever no field covers is reserved and must be zero.
    package let fields: [CDBField]
    package let direction: Direction
    package let access: CommandAccess
    /// Usual time of the command in seconds, as REPORT SUPPORTED OPERATION CODES gives it.
    package let nominalSeconds: UInt32
    /// When an initiator should give up, in seconds; never 0, because some take 0 as "at once".
    package let recommendedSeconds: UInt32
    /// In bytes; only for operation codes of the vendor groups, whose length the standard leaves open.
    private let vendorLength: Int?

    /// Where data goes, seen from the initiator.
    package enum Direction: String, Sendable {
        case none
        case fromDevice = "in"
        case toDevice = "out"
    }

    package init(
        _ command: Command,
        _ operationCode: UInt8,
        serviceAction: UInt8? = nil,
        _ name: String,
        _ fields: [CDBField],
        direction: Direction = .none,
        access: CommandAccess = [],
        nominalSeconds: UInt32 = 1,
        recommendedSeconds: UInt32 = 60,
        vendorLength: Int? = nil
    ) {
        self.command = command
        self.operationCode = operationCode
        self.serviceAction = serviceAction
        self.name = name
        self.fields = fields
        self.direction = direction
        self.access = access
        self.nominalSeconds = nominalSeconds
        self.recommendedSeconds = max(1, recommendedSeconds)
        self.vendorLength = vendorLength
    }

    /// In bytes.
    package var length: Int { CDB.length(ofOperationCode: operationCode) ?? vendorLength ?? 6 }

    /// The service action field, of the commands that have one.
    static var serviceActionField: CDBField { CDBField("SERVICE ACTION", byte: 1, bit: 4, width: 5) }

    /// SPC-4 6.31: ones where the logical unit looks at a bit; byte 0 is the operation code, the service action field
    /// holds the service action. Bits of ignored fields are zero.
    package var usageMap: [UInt8] {
        var map = [UInt8](repeating: 0, count: length)
        for field in fields where !field.isIgnored {
            for index in field.bytes {
                map[index] |= field.mask(inByte: index)
            }
        }
        map[0] = operationCode
        if let serviceAction {
            map[1] |= serviceAction
        }
        map[length - 1] |= 0x04  // CONTROL: NACA is looked at (and refused)
        return map
    }

    /// The first bit that is set although nothing defines it. Not looked at: bits 7..5 of byte 1 in six-byte CDBs
    /// (SCSI-2 hosts put the LUN there) and the vendor bits of CONTROL.
    package func firstReservedBit(in cdb: CDB) -> FieldPointer? {
        var defined = [UInt8](repeating: 0, count: length)
        for field in fields {
            for index in field.bytes {
                defined[index] |= field.mask(inByte: index)
            }
        }
        defined[0] = 0xFF
        if serviceAction != nil {
            defined[1] |= 0x1F
        }
        if length == 6 {
            defined[1] |= 0xE0
        }
        defined[length - 1] |= 0xC0
        for index in 0..<min(length, cdb.bytes.count) {
            let unexpected = cdb.bytes[index] & ~defined[index]
            guard unexpected != 0 else { continue }
            return FieldPointer(inCDB: true, byte: index, bit: 7 - unexpected.leadingZeroBitCount)
        }
        return nil
    }
}

/// When a command may run. The default (empty) is: not while another nexus holds a reservation, after pending unit
/// attentions, with or without a medium.
package struct CommandAccess: OptionSet, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// Runs although another nexus holds the unit (SPC-2 5.5.1).
    package static let allowedWhenReserved = Self(rawValue: 1)
    /// Neither reports nor clears unit attentions: INQUIRY, REPORT LUNS, REQUEST SENSE.
    package static let ignoresUnitAttention = Self(rawValue: 2)
    /// Answers 2/3A/00 (or its relatives) unless a data cartridge is threaded.
    package static let needsMedium = Self(rawValue: 4)
    /// Answers 2/3A/00 unless a cartridge is at least seated.
    package static let needsSeatedMedium = Self(rawValue: 8)
    /// Runs although the RESERVE is another nexus's when the command only allows removal; the handler decides.
    package static let checksReservationItself = Self(rawValue: 16)
}
