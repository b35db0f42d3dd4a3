// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// SPC-4 4.5.6: the sense key.
package struct SenseKey: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue & 0x0F
    }

    package static let noSense = Self(rawValue: 0x0)
    package static let recoveredError = Self(rawValue: 0x1)
    package static let notReady = Self(rawValue: 0x2)
    package static let mediumError = Self(rawValue: 0x3)
    package static let hardwareError = Self(rawValue: 0x4)
    package static let illegalRequest = Self(rawValue: 0x5)
    package static let unitAttention = Self(rawValue: 0x6)
    package static let dataProtect = Self(rawValue: 0x7)
    package static let blankCheck = Self(rawValue: 0x8)
    package static let abortedCommand = Self(rawValue: 0xB)
    package static let volumeOverflow = Self(rawValue: 0xD)
}

/// SPC-4 4.5.2.4: where a bad field lies.
package struct FieldPointer: Hashable, Sendable {
    /// True: in the CDB. False: in the parameter list.
    package var inCDB: Bool
    package var byte: Int
    /// Most significant bit of the field; nil when the whole byte is meant.
    package var bit: Int?

    package init(inCDB: Bool, byte: Int, bit: Int? = nil) {
        self.inCDB = inCDB
        self.byte = byte
        self.bit = bit
    }
}

/// What a CHECK CONDITION, or REQUEST SENSE, reports.
package struct SenseData: Hashable, Sendable {
    package var key: SenseKey
    package var additional: AdditionalSense
    /// INFORMATION; VALID is set when there is one. Negative only for an incorrect length.
    package var information: Int64?
    package var filemark = false
    package var endOfMedium = false
    package var incorrectLength = false
    /// Only for ILLEGAL REQUEST.
    package var fieldPointer: FieldPointer?
    /// In 65,536ths; only for NO SENSE and NOT READY.
    package var progress: UInt16?
    /// Only for UNIT ATTENTION: some were dropped because the queue was full.
    package var attentionsLost = false

    package init(
        _ key: SenseKey,
        _ additional: AdditionalSense,
        information: Int64? = nil,
        filemark: Bool = false,
        endOfMedium: Bool = false,
        incorrectLength: Bool = false,
        fieldPointer: FieldPointer? = nil,
        progress: UInt16? = nil
    ) {
        self.key = key
        self.additional = additional
        self.information = information
        self.filemark = filemark
        self.endOfMedium = endOfMedium
        self.incorrectLength = incorrectLength
        self.fieldPointer = fieldPointer
        self.progress = progress
    }

    /// The bytes on the wire: 18 in fixed format, 8 and its descriptors in descriptor format.
    package func encoded(descriptor: Bool, deferred: Bool = false) -> [UInt8] {
        descriptor ? encodedAsDescriptors(deferred: deferred) : encodedAsFixed(deferred: deferred)
    }

    /// SPC-4 4.5.3. An INFORMATION that does not fit into 32 bits is left out, VALID with it.
    private func encodedAsFixed(deferred: Bool) -> [UInt8] {
        let fits = information.flatMap { $0 >= Int64(Int32.min) && $0 <= Int64(UInt32.max) ? $0 : nil }
        var writer = ByteWriter(reservingCapacity: 18)
        writer.u8((fits == nil ? 0 : 0x80) | (deferred ? 0x71 : 0x70))
        writer.u8(0)
        writer.u8(streamBits | key.rawValue)
        writer.u32(UInt32(truncatingIfNeeded: fits ?? 0))
        writer.u8(10)
        writer.u32(0)
        writer.u8(additional.code)
        writer.u8(additional.qualifier)
        writer.u8(0)
        writer.append(keySpecific ?? [0, 0, 0])
        return writer.bytes
    }

    /// SPC-4 4.5.2; the stream commands descriptor is SSC-4's.
    private func encodedAsDescriptors(deferred: Bool) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 32)
        writer.append([deferred ? 0x73 : 0x72, key.rawValue, additional.code, additional.qualifier, 0, 0, 0, 0])
        if let information {
            writer.append([0x00, 0x0A, 0x80, 0x00])
            writer.u64(UInt64(bitPattern: information))
        }
        if let keySpecific {
            writer.append([0x02, 0x06, 0x00, 0x00])
            writer.append(keySpecific)
            writer.u8(0)
        }
        if streamBits != 0 {
            writer.append([0x04, 0x02, 0x00, streamBits])
        }
        writer.patch8(at: 7, UInt8(writer.count - 8))
        return writer.bytes
    }

    private var streamBits: UInt8 {
        (filemark ? 0x80 : 0) | (endOfMedium ? 0x40 : 0) | (incorrectLength ? 0x20 : 0)
    }

    /// SPC-4 4.5.2.4: three bytes, first bit SKSV.
    private var keySpecific: [UInt8]? {
        if let fieldPointer {
            let bits: UInt8 = fieldPointer.bit.map { 0x08 | UInt8($0 & 7) } ?? 0
            let byte = UInt16(clamping: fieldPointer.byte)
            return [0x80 | (fieldPointer.inCDB ? 0x40 : 0) | bits, UInt8(byte >> 8), UInt8(byte & 0xFF)]
        }
        if let progress {
            return [0x80, UInt8(progress >> 8), UInt8(progress & 0xFF)]
        }
        return attentionsLost ? [0x81, 0, 0] : nil
    }
}

/// A command that ends with CHECK CONDITION. Ordinary tape conditions (filemark, end of data) are outcomes of the typed
/// operations, not errors.
package struct CheckCondition: Error, Hashable, Sendable {
    package var sense: SenseData

    package init(_ sense: SenseData) {
        self.sense = sense
    }

    package init(_ key: SenseKey, _ additional: AdditionalSense) {
        self.sense = SenseData(key, additional)
    }

    /// 5/24/00 with a pointer to the field.
    package static func invalidField(_ field: CDBField) -> Self {
        Self(
            SenseData(
                .illegalRequest,
                .invalidFieldInCDB,
                fieldPointer: FieldPointer(inCDB: true, byte: field.byte, bit: field.width >= 8 ? nil : field.bit)
            )
        )
    }

    /// 5/26/00 (or a relative) with a pointer into the parameter list.
    package static func invalidParameter(
        byte: Int,
        bit: Int? = nil,
        _ additional: AdditionalSense = .invalidFieldInParameterList
    ) -> Self {
        Self(
            SenseData(
                .illegalRequest,
                additional,
                fieldPointer: FieldPointer(inCDB: false, byte: byte, bit: bit)
            )
        )
    }
}
