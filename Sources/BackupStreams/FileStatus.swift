// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// A path inside a tree: the bytes between root and name, separated by "/", without one at either end. Empty is the
/// root itself. Names are bytes: any but 0 and "/".
package struct TreePath: Sendable, Hashable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    package var isRoot: Bool { bytes.isEmpty }
}

/// A moment as file systems keep it: seconds since 1970 UTC, and nanoseconds 0 … 999 999 999.
package struct Timestamp: Sendable, Hashable, Comparable {
    package var seconds: Int64
    package var nanoseconds: UInt32

    package init(seconds: Int64, nanoseconds: UInt32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}

package enum FileKind: Sendable, Hashable {
    case directory
    case fifo
    case characterDevice
    case blockDevice
    case regular
    case symbolicLink
    case socket
    case other
}

/// What lstat tells of a file.
package struct FileStatus: Sendable, Equatable {
    package var kind: FileKind
    /// Device number of the file system that it lies on.
    package var device: UInt64
    package var inode: UInt64
    package var links: UInt32
    /// The twelve permission bits, without the type.
    package var mode: UInt32
    package var owner: UInt32
    package var group: UInt32
    /// Bytes; of a symbolic link the length of its target.
    package var size: UInt64
    /// 512-byte units on disk; far fewer than the size says of a sparse file.
    package var blocks: UInt64
    package var accessed: Timestamp
    package var modified: Timestamp
    package var changed: Timestamp
    /// Major and minor number of a device file.
    package var deviceMajor: UInt32
    package var deviceMinor: UInt32

    package init(
        kind: FileKind,
        device: UInt64 = 0,
        inode: UInt64,
        links: UInt32 = 1,
        mode: UInt32,
        owner: UInt32 = 0,
        group: UInt32 = 0,
        size: UInt64 = 0,
        blocks: UInt64 = 0,
        accessed: Timestamp = Timestamp(seconds: 0),
        modified: Timestamp = Timestamp(seconds: 0),
        changed: Timestamp = Timestamp(seconds: 0),
        deviceMajor: UInt32 = 0,
        deviceMinor: UInt32 = 0
    ) {
        self.kind = kind
        self.device = device
        self.inode = inode
        self.links = links
        self.mode = mode
        self.owner = owner
        self.group = group
        self.size = size
        self.blocks = blocks
        self.accessed = accessed
        self.modified = modified
        self.changed = changed
        self.deviceMajor = deviceMajor
        self.deviceMinor = deviceMinor
    }
}
