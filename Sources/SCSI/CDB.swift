// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A named field of a CDB or a parameter page: up to 64 bits, most significant bit first.
package struct CDBField: Hashable, Sendable {
    package let name: String
    /// Byte that holds the most significant bit.
    package let byte: Int
    /// Position of the most significant bit within that byte.
    package let bit: Int
    /// In bits.
    package let width: Int
    /// Accepted but without effect, so REPORT SUPPORTED OPERATION CODES shows zeros for it.
    package let isIgnored: Bool
    /// Two's complement.
    package let isSigned: Bool

    /// A field inside one byte: `bit` is its most significant bit.
    package init(_ name: String, byte: Int, bit: Int, width: Int = 1, ignored: Bool = false) {
        precondition(bit - width >= -1 && bit <= 7, "a field of bits lies inside its byte")
        self.name = name
        self.byte = byte
        self.bit = bit
        self.width = width
        self.isIgnored = ignored
        self.isSigned = false
    }

    /// A field of whole bytes.
    package init(_ name: String, bytes: ClosedRange<Int>, ignored: Bool = false, signed: Bool = false) {
        precondition(bytes.count <= 8, "a field fits into 64 bits")
        self.name = name
        self.byte = bytes.lowerBound
        self.bit = 7
        self.width = bytes.count * 8
        self.isIgnored = ignored
        self.isSigned = signed
    }

    /// Bytes the field touches.
    var bytes: Range<Int> { byte..<byte + (width + 7) / 8 }

    /// The field's bits within its byte number `index`.
    func mask(inByte index: Int) -> UInt8 {
        guard bytes.contains(index) else { return 0 }
        guard width < 8 else { return 0xFF }
        return UInt8(((1 << width) - 1) << (bit - width + 1))
    }
}

/// A command descriptor block. Handlers read it by field, never by index.
package struct CDB: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// 0xFF (a vendor code nobody implements) when there are no bytes at all.
    package var operationCode: UInt8 { bytes.first ?? 0xFF }

    /// The field as an unsigned number; bytes that a short CDB lacks read as zero.
    package func unsigned(_ field: CDBField) -> UInt64 {
        field.load(from: bytes)
    }

    /// The field as a two's complement number.
    package func signed(_ field: CDBField) -> Int64 {
        let shift = UInt64(64 - field.width)
        return Int64(bitPattern: unsigned(field) << shift) >> Int64(shift)
    }

    /// The field as a number; a 64-bit field beyond Int64.max reads as Int64.max.
    package subscript(_ field: CDBField) -> Int {
        Int(clamping: unsigned(field))
    }

    /// True when any bit of the field is set.
    package func isSet(_ field: CDBField) -> Bool {
        unsigned(field) != 0
    }

    /// SPC-4 4.2.5.1: length by operation code group; nil for groups without a fixed length.
    package static func length(ofOperationCode code: UInt8) -> Int? {
        switch code >> 5 {
        case 0: 6
        case 1, 2: 10
        case 4: 16
        case 5: 12
        default: nil
        }
    }
}

extension CDBField {
    /// The field's value in a parameter list or page; bytes that are missing read as zero.
    package func load(from bytes: [UInt8]) -> UInt64 {
        var value: UInt64 = 0
        for index in self.bytes {
            value = value << 8 | UInt64(index < bytes.count ? bytes[index] : 0)
        }
        guard width < 8 else { return value }
        return value >> UInt64(bit - width + 1) & (1 << UInt64(width) - 1)
    }

    /// Stores the low bits of `value` in the field; bytes that are missing stay missing.
    package func store(_ value: UInt64, in target: inout [UInt8]) {
        if width < 8 {
            guard byte < target.count else { return }
            let mask = mask(inByte: byte)
            let shifted = UInt8(truncatingIfNeeded: value << UInt64(bit - width + 1))
            target[byte] = target[byte] & ~mask | shifted & mask
            return
        }
        for (place, index) in bytes.reversed().enumerated() where index < target.count {
            target[index] = UInt8(truncatingIfNeeded: value >> UInt64(place * 8))
        }
    }
}
