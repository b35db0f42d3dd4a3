// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The file's part of a header: BSD's `new_bsd_inode`, 128 bytes.
///
/// Times are seconds and microseconds there. What does not fit (the last three digits of nanoseconds, seconds beyond
/// 32 bits) goes into the two spare words at its end, which `restore` does not look at and `dump` leaves 0.
package struct DumpInode: Sendable, Equatable {
    /// Type and permission bits.
    package var mode: UInt32 = 0
    package var links: UInt16 = 0
    package var size: UInt64 = 0
    package var accessed = Timestamp(seconds: 0)
    package var modified = Timestamp(seconds: 0)
    package var changed = Timestamp(seconds: 0)
    /// Encoded device number; 0 for anything but a device.
    package var device: UInt32 = 0
    /// 512-byte units on disk.
    package var blocks: UInt32 = 0
    package var owner: UInt32 = 0
    package var group: UInt32 = 0

    package init() {}

    package init(_ status: FileStatus) {
        mode = DumpMode.bits(of: status.kind) | status.mode & 0o7777
        links = UInt16(clamping: min(status.links, UInt32(Int16.max)))
        accessed = status.accessed
        modified = status.modified
        changed = status.changed
        blocks = UInt32(clamping: status.blocks)
        owner = status.owner
        group = status.group
        switch status.kind {
        case .regular, .symbolicLink: size = status.size
        case .characterDevice, .blockDevice:
            device = DumpInode.device(major: status.deviceMajor, minor: status.deviceMinor)
        default: break
        }
    }

    /// As lstat would tell it.
    package func status(inode: UInt32) -> FileStatus {
        let kind = DumpMode.kind(ofMode: mode)
        let isDevice = kind == .characterDevice || kind == .blockDevice
        return FileStatus(
            kind: kind,
            inode: UInt64(inode),
            links: UInt32(links),
            mode: mode & 0o7777,
            owner: owner,
            group: group,
            size: size,
            blocks: UInt64(blocks),
            accessed: accessed,
            modified: modified,
            changed: changed,
            deviceMajor: isDevice ? device >> 8 & 0xFFF : 0,
            deviceMinor: isDevice ? device & 0xFF | device >> 12 & 0xFFF00 : 0
        )
    }

    /// Linux' encoding of a device number; numbers below 256 come out as in the old 16-bit encoding.
    package static func device(major: UInt32, minor: UInt32) -> UInt32 {
        minor & 0xFF | (major & 0xFFF) << 8 | (minor & 0xFFF00) << 12
    }
}

extension DumpInode {
    /// Offsets within a header.
    private enum Field {
        static let mode = 32
        static let links = 34
        static let size = 40
        static let accessed = 48
        static let modified = 56
        static let changed = 64
        static let firstBlock = 72
        static let secondBlock = 76
        static let blocks = 136
        static let owner = 144
        static let group = 148
        static let fineTimes = 152
        static let farTimes = 156
    }

    package func write(to record: inout [UInt8]) {
        record.setLittle16(Field.mode, UInt16(truncatingIfNeeded: mode))
        record.setLittle16(Field.links, links)
        record.setLittle64(Field.size, size)
        for (offset, time) in [(Field.accessed, accessed), (Field.modified, modified), (Field.changed, changed)] {
            record.setLittle32(offset, UInt32(truncatingIfNeeded: time.seconds))
            record.setLittle32(offset + 4, time.nanoseconds / 1000)
        }
        // Debian's restore looks at the first word alone, ext4 keeps large numbers in the second.
        record.setLittle32(Field.firstBlock, device)
        record.setLittle32(Field.secondBlock, device)
        record.setLittle32(Field.blocks, blocks)
        record.setLittle32(Field.owner, owner)
        record.setLittle32(Field.group, group)
        record.setLittle32(Field.fineTimes, accessed.nanoseconds % 1000 | (modified.nanoseconds % 1000) << 16)
        record.setLittle32(Field.farTimes, Self.far(accessed) | Self.far(modified) << 16)
    }

    package init(from record: [UInt8]) {
        mode = UInt32(record.little16(Field.mode))
        links = record.little16(Field.links)
        size = record.little64(Field.size)
        let fine = record.little32(Field.fineTimes)
        let far = record.little32(Field.farTimes)
        accessed = Self.time(record, Field.accessed, fine: fine & 0xFFFF, far: far & 0xFFFF)
        modified = Self.time(record, Field.modified, fine: fine >> 16, far: far >> 16)
        changed = Self.time(record, Field.changed, fine: 0, far: 0)
        let kind = DumpMode.kind(ofMode: mode)
        if kind == .characterDevice || kind == .blockDevice {
            let first = record.little32(Field.firstBlock)
            device = first != 0 ? first : record.little32(Field.secondBlock)
        }
        blocks = record.little32(Field.blocks)
        owner = record.little32(Field.owner)
        group = record.little32(Field.group)
    }

    /// How far the seconds are from what a signed 32-bit word tells, in units of 2^32.
    private static func far(_ time: Timestamp) -> UInt32 {
        let near = Int64(Int32(truncatingIfNeeded: time.seconds))
        return UInt32(truncatingIfNeeded: (time.seconds &- near) >> 32) & 0xFFFF
    }

    private static func time(_ record: [UInt8], _ offset: Int, fine: UInt32, far: UInt32) -> Timestamp {
        let near = Int64(Int32(bitPattern: record.little32(offset)))
        let microseconds = min(record.little32(offset + 4), 999_999)
        return Timestamp(
            seconds: near + Int64(Int16(truncatingIfNeeded: far)) << 32,
            nanoseconds: microseconds * 1000 + min(fine, 999)
        )
    }
}
