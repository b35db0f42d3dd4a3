// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import SCSI
import WireFormat

/// SMC-3 6.12: the data of READ ELEMENT STATUS.
///
///     header (8): first address reported, number of elements, bytes that follow
///     per type, page header (8): type, PVOLTAG, descriptor length, bytes in this page
///       per element: 12 bytes, [volume tag 36], identifier header 4, [identifier]
struct ElementStatusReport {
    /// Ascending by type, then by address.
    let elements: [ElementState]
    let volumeTags: Bool
    let deviceIdentifiers: Bool

    private static let volumeTagLength = 36
    private static let baseLength = 16

    /// All of it; allocation lengths cut it later.
    var bytes: [UInt8] {
        var writer = ByteWriter(reservingCapacity: 8 + elements.count * (Self.baseLength + Self.volumeTagLength))
        writer.u16(elements.map(\.address).min() ?? 0)
        writer.u16(UInt16(clamping: elements.count))
        writer.u32(0)
        for type in ElementType.allCases {
            let members = elements.filter { $0.type == type }
            guard !members.isEmpty else { continue }
            appendPage(of: type, members, to: &writer)
        }
        writer.patch24(at: 5, UInt32(writer.count - 8))
        return writer.bytes
    }

    private func appendPage(of type: ElementType, _ members: [ElementState], to writer: inout ByteWriter) {
        let identifierLength = deviceIdentifiers ? members.map { $0.deviceIdentifier?.bytes.count ?? 0 }.max() ?? 0 : 0
        let length = Self.baseLength + (volumeTags ? Self.volumeTagLength : 0) + identifierLength
        writer.u8(type.rawValue)
        writer.u8(volumeTags ? 0x80 : 0)
        writer.u16(UInt16(clamping: length))
        writer.u8(0)
        writer.u24(UInt32(length * members.count))
        for member in members {
            append(member, identifierLength: identifierLength, to: &writer)
        }
    }

    private func append(_ element: ElementState, identifierLength: Int, to writer: inout ByteWriter) {
        writer.u16(element.address)
        writer.u8(flags(of: element))
        writer.u8(0)
        writer.u8(element.exception?.code ?? 0)
        writer.u8(element.exception?.qualifier ?? 0)
        // Bus address of a drive: there is no parallel bus, so nothing is valid here.
        writer.zeros(3)
        writer.u8((element.source == nil ? 0 : 0x80) | element.medium.rawValue)
        writer.u16(element.source ?? 0)
        if volumeTags {
            // Blank, not zero, when there is none: some clients print the field as it is.
            writer.ascii(element.volumeTag ?? "", width: 32)
            writer.zeros(4)
        }
        let identifier = deviceIdentifiers ? element.deviceIdentifier : nil
        writer.u8(identifier?.codeSet ?? 0)
        writer.u8(identifier?.type ?? 0)
        writer.u8(0)
        writer.u8(UInt8(clamping: identifier?.bytes.count ?? 0))
        writer.append(identifier?.bytes ?? [])
        writer.zeros(identifierLength - (identifier?.bytes.count ?? 0))
    }

    /// SMC-3 tables 44 to 47, byte 2.
    private func flags(of element: ElementState) -> UInt8 {
        var flags: UInt8 = 0
        if element.isFull { flags |= 0x01 }
        if element.exception != nil { flags |= 0x04 }
        guard element.type != .mediumTransport else { return flags }
        if element.isAccessible { flags |= 0x08 }
        guard element.type == .importExport else { return flags }
        // INENAB and EXENAB: the robot takes from and gives to every mail slot.
        flags |= 0x30
        if element.isImported { flags |= 0x02 }
        return flags
    }
}
