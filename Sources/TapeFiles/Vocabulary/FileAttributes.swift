// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// What stat(2) tells of a node.
package struct FileAttributes: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case regular
        case directory
        case symbolicLink
    }

    package var kind: Kind
    /// The low twelve bits.
    package var permissions: UInt32
    package var lengthBytes: UInt64
    /// Bytes of the store it takes; st_blocks is this in units of 512.
    package var storedBytes: UInt64
    /// The same for as long as the thing exists, also after a new mount.
    package var inode: UInt64
    package var links: UInt32
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    package var modifiedNanoseconds: Int64
    package var accessedNanoseconds: Int64
    package var changedNanoseconds: Int64
    /// Of an archive's member: the owner that the archive names; nil: whoever mounted.
    package var owner: Owner?
    /// How long the kernel may believe this without asking again; 0 for what another door can change at any moment.
    package var validMilliseconds: UInt32

    package struct Owner: Sendable, Equatable {
        package var user: UInt32
        package var group: UInt32
        package init(user: UInt32, group: UInt32) {
            self.user = user
            self.group = group
        }
    }

    package init(
        kind: Kind,
        permissions: UInt32,
        lengthBytes: UInt64 = 0,
        storedBytes: UInt64 = 0,
        inode: UInt64,
        links: UInt32 = 1,
        modifiedNanoseconds: Int64,
        accessedNanoseconds: Int64? = nil,
        changedNanoseconds: Int64? = nil,
        owner: Owner? = nil,
        validMilliseconds: UInt32 = 0
    ) {
        self.kind = kind
        self.permissions = permissions
        self.lengthBytes = lengthBytes
        self.storedBytes = storedBytes
        self.inode = inode
        self.links = links
        self.modifiedNanoseconds = modifiedNanoseconds
        self.accessedNanoseconds = accessedNanoseconds ?? modifiedNanoseconds
        self.changedNanoseconds = changedNanoseconds ?? modifiedNanoseconds
        self.owner = owner
        self.validMilliseconds = validMilliseconds
    }
}

/// One name of a directory.
package struct DirectoryEntry: Sendable, Equatable {
    /// Never empty, never `.` or `..`, without `/` and zero bytes, at most 255 bytes.
    package var name: [UInt8]
    package var node: FileNode
    package var kind: FileAttributes.Kind
    package var inode: UInt64
    /// Where readdir goes on behind this entry. The same after other names came and went; never 0.
    package var cookie: UInt64

    package init(name: [UInt8], node: FileNode, kind: FileAttributes.Kind, inode: UInt64, cookie: UInt64) {
        self.name = name
        self.node = node
        self.kind = kind
        self.inode = inode
        self.cookie = cookie
    }
}

/// What statfs(2) tells.
package struct FileSystemStatistics: Sendable, Equatable {
    /// Of all cartridges of the library.
    package var capacityBytes: UInt64
    package var usedBytes: UInt64
    package var files: UInt64

    package init(capacityBytes: UInt64, usedBytes: UInt64, files: UInt64) {
        self.capacityBytes = capacityBytes
        self.usedBytes = usedBytes
        self.files = files
    }
}

/// Something moved or changed by another door: what the kernel remembers of it is old.
package enum TreeChange: Sendable, Equatable {
    /// The name came, went, or is something else now.
    case entry(directory: FileNode, name: [UInt8])
    /// Its contents or attributes changed.
    case contents(FileNode)
}
