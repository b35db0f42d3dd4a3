// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// One MAM attribute as SPC-4 7.4 and the drive know it.
package struct AttributeRow: Sendable, Hashable {
    package enum Format: UInt8, Sendable {
        case binary = 0
        case ascii = 1
        case text = 2
    }

    package enum Access: String, Sendable {
        /// The drive's own; read-only.
        case device
        /// Kept for hosts, one value for the volume.
        case host
        /// Kept for hosts, one value per partition.
        case hostPerPartition = "host, per partition"
    }

    package let identifier: UInt16
    package let name: String
    package let format: Format
    /// In bytes. Binary values have exactly this length, unless `isVariable`.
    package let length: Int
    package let isVariable: Bool
    package let access: Access

    init(
        _ identifier: UInt16,
        _ name: String,
        _ length: Int,
        _ format: Format,
        _ access: Access = .device,
        variable: Bool = false
    ) {
        self.identifier = identifier
        self.name = name
        self.length = length
        self.format = format
        self.access = access
        self.isVariable = variable || format != .binary
    }
}

/// The attributes of the drive and of its cartridges.
package enum MediumAttributes {
    package static let rows: [AttributeRow] = [
        AttributeRow(0x0000, "Remaining capacity in partition (MiB)", 8, .binary),
        AttributeRow(0x0001, "Maximum capacity in partition (MiB)", 8, .binary),
        AttributeRow(0x0002, "TapeAlert flags", 8, .binary),
        AttributeRow(0x0003, "Load count", 8, .binary),
        AttributeRow(0x0004, "MAM space remaining", 8, .binary),
        AttributeRow(0x0005, "Assigning organization", 8, .ascii),
        AttributeRow(0x0006, "Formatted density code", 1, .binary),
        AttributeRow(0x0007, "Initialization count", 2, .binary),
        AttributeRow(0x0009, "Volume change reference", 4, .binary),
        AttributeRow(0x020A, "Device at last load", 40, .ascii),
        AttributeRow(0x020B, "Device at load -1", 40, .ascii),
        AttributeRow(0x020C, "Device at load -2", 40, .ascii),
        AttributeRow(0x020D, "Device at load -3", 40, .ascii),
        AttributeRow(0x0220, "Total MiB written", 8, .binary),
        AttributeRow(0x0221, "Total MiB read", 8, .binary),
        AttributeRow(0x0222, "MiB written in last load", 8, .binary),
        AttributeRow(0x0223, "MiB read in last load", 8, .binary),
        AttributeRow(0x0400, "Medium manufacturer", 8, .ascii),
        AttributeRow(0x0401, "Medium serial number", 32, .ascii),
        AttributeRow(0x0402, "Medium length (m)", 4, .binary),
        AttributeRow(0x0403, "Medium width (0.1 mm)", 4, .binary),
        AttributeRow(0x0404, "Assigning organization of the medium", 8, .ascii),
        AttributeRow(0x0405, "Medium density code", 1, .binary),
        AttributeRow(0x0407, "MAM capacity", 8, .binary),
        AttributeRow(0x0408, "Medium type", 1, .binary),
        AttributeRow(0x0800, "Application vendor", 8, .ascii, .host),
        AttributeRow(0x0801, "Application name", 32, .ascii, .host),
        AttributeRow(0x0802, "Application version", 8, .ascii, .host),
        AttributeRow(0x0803, "User medium text label", 160, .text, .host),
        AttributeRow(0x0804, "Date and time last written", 12, .ascii, .host),
        AttributeRow(0x0805, "Text localization identifier", 1, .binary, .host),
        AttributeRow(0x0806, "Barcode", 32, .ascii, .host),
        AttributeRow(0x0807, "Owning host textual name", 80, .text, .host),
        AttributeRow(0x0808, "Media pool", 160, .text, .host),
        AttributeRow(0x0809, "Partition user text label", 16, .ascii, .hostPerPartition),
        AttributeRow(0x080A, "Load/unload at partition", 1, .binary, .host),
        AttributeRow(0x080B, "Application format version", 16, .ascii, .host),
        AttributeRow(0x080C, "Volume coherency information", 1023, .binary, .hostPerPartition, variable: true),
        AttributeRow(0x0820, "Medium GUID", 36, .binary, .host),
        AttributeRow(0x0821, "Media pool GUID", 36, .binary, .host),
        AttributeRow(0x1623, "Volume lock state", 1, .binary, .host),
    ]

    static func row(_ identifier: UInt16) -> AttributeRow? {
        rows.first { $0.identifier == identifier }
    }

    /// What the drive keeps for itself of the medium auxiliary memory, in bytes.
    static let reservedBytes = 2048
    /// Identifier, format and length in front of each value.
    static let headerBytes = 5
}
