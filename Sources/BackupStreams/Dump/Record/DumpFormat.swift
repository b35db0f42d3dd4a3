// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The numbers of the dump format as Linux writes it: `dump(5)`'s new format (magic 60012), little-endian, the inode
/// in BSD's new layout.
package enum DumpFormat {
    /// Bytes of a record, the unit of everything in the stream.
    package static let recordBytes = 1024
    /// Records that one header can describe: the length of its address map.
    package static let recordsPerHeader = 512
    /// Records of a tape block by default; the stream's length is a multiple of it.
    package static let recordsPerBlock = 10
    package static let magic: UInt32 = 60_012
    /// 4.2BSD's format before 1988: 16-bit owners in another inode.
    package static let oldMagic: UInt32 = 60_011
    /// FreeBSD's UFS2 format.
    package static let secondMagic: UInt32 = 0x1954_0119
    /// What the 256 words of a header add up to.
    package static let checksum: UInt32 = 84_446
    /// Number of the root directory, always.
    package static let rootInode: UInt32 = 2
    /// Directory entries do not cross blocks of this many bytes.
    package static let directoryBlockBytes = 512
    package static let maximumNameBytes = 255

    /// Inodes that a map may tell of; 2^31 is more than any file system with dump support holds, and 256 MiB of map.
    package static let maximumInode: UInt32 = 1 << 31
    /// Directory entries that a reader keeps in memory.
    package static let maximumEntries = 1 << 28
}

/// Type of a header record.
package enum DumpRecordKind: UInt32, Sendable {
    /// The first record of a volume.
    case tape = 1
    /// A file's header, and the first part of its address map.
    case inode = 2
    /// Map of the inodes in this dump.
    case dumpedMap = 3
    /// Goes on with the file before it.
    case addresses = 4
    case end = 5
    /// Map of the inodes that are in use: what is not in it is gone since the last dump.
    case usedMap = 6
}

/// `c_flags` of a header.
package enum DumpFlags {
    /// Only in the first header: the format has the fields behind the label.
    package static let newHeader: UInt32 = 0x0001
    /// The inode is in BSD's new layout.
    package static let newInode: UInt32 = 0x0002
    /// Data records are compressed (`dump -z`, `-j`, `-y`).
    package static let compressed: UInt32 = 0x0080
    /// The record holds extended attributes of the inode, not its data.
    package static let attributes: UInt32 = 0x8000
}

/// `c_extattributes` of a header.
package enum DumpAttributeKind {
    /// An ext2 attribute block.
    package static let linux: UInt32 = 3
}

/// Type part of an inode's mode.
package enum DumpMode {
    package static let typeMask: UInt32 = 0o170000

    package static func bits(of kind: FileKind) -> UInt32 {
        switch kind {
        case .fifo: 0o010000
        case .characterDevice: 0o020000
        case .directory: 0o040000
        case .blockDevice: 0o060000
        case .regular: 0o100000
        case .symbolicLink: 0o120000
        case .socket: 0o140000
        case .other: 0
        }
    }

    package static func kind(ofMode mode: UInt32) -> FileKind {
        switch mode & typeMask {
        case 0o010000: .fifo
        case 0o020000: .characterDevice
        case 0o040000: .directory
        case 0o060000: .blockDevice
        case 0o100000: .regular
        case 0o120000: .symbolicLink
        case 0o140000: .socket
        default: .other
        }
    }

    /// `d_type` of a directory entry: the mode's type bits, shifted.
    package static func entryType(of kind: FileKind) -> UInt8 {
        UInt8(truncatingIfNeeded: bits(of: kind) >> 12)
    }

    package static func kind(ofEntryType type: UInt8) -> FileKind {
        kind(ofMode: UInt32(type) << 12)
    }
}
