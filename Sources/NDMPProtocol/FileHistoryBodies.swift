// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import WireFormat

/// A file's attributes in v2 file history.
package struct UnixFileStatus: XDRStruct, Equatable {
    package var type: FileType = .other
    package var modificationTime: UInt32 = 0
    package var accessTime: UInt32 = 0
    package var changeTime: UInt32 = 0
    package var owner: UInt32 = 0
    package var group: UInt32 = 0
    package var mode: UInt32 = 0
    package var size: UInt64 = 0
    package var fileHistoryInfo: UInt64 = 0

    package init() {}

    package init(
        type: FileType = .other,
        modificationTime: UInt32 = 0,
        accessTime: UInt32 = 0,
        changeTime: UInt32 = 0,
        owner: UInt32 = 0,
        group: UInt32 = 0,
        mode: UInt32 = 0,
        size: UInt64 = 0,
        fileHistoryInfo: UInt64 = 0
    ) {
        self.type = type
        self.modificationTime = modificationTime
        self.accessTime = accessTime
        self.changeTime = changeTime
        self.owner = owner
        self.group = group
        self.mode = mode
        self.size = size
        self.fileHistoryInfo = fileHistoryInfo
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.enumeration(&type, "ftype")
        try pass.u32(&modificationTime, "mtime")
        try pass.u32(&accessTime, "atime")
        try pass.u32(&changeTime, "ctime")
        try pass.u32(&owner, "uid")
        try pass.u32(&group, "gid")
        try pass.u32(&mode, "mode")
        try pass.quad(&size, "size")
        try pass.quad(&fileHistoryInfo, "fh_info")
    }
}

package struct UnixPathEntry: XDRStruct, Equatable {
    package var path: XDRString = XDRString()
    package var status: UnixFileStatus = UnixFileStatus()

    package init() {}

    package init(path: XDRString = XDRString(), status: UnixFileStatus = UnixFileStatus()) {
        self.path = path
        self.status = status
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&path, limit: NDMPLimits.pathBytes, "path")
        try status.fields(&pass)
    }
}

/// FH_ADD_UNIX_PATH, v2.
package struct FileHistoryAddUnixPathPost: XDRStruct, Equatable {
    package var paths: [UnixPathEntry] = []

    package init() {}

    package init(paths: [UnixPathEntry]) {
        self.paths = paths
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.array(&paths, limit: NDMPLimits.fileHistoryEntries, "paths")
    }
}

package struct UnixDirectoryEntry: XDRStruct, Equatable {
    package var name: XDRString = XDRString()
    package var node: UInt32 = 0
    package var parent: UInt32 = 0

    package init() {}

    package init(name: XDRString = XDRString(), node: UInt32 = 0, parent: UInt32 = 0) {
        self.name = name
        self.node = node
        self.parent = parent
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.string(&name, limit: NDMPLimits.pathBytes, "name")
        try pass.u32(&node, "node")
        try pass.u32(&parent, "parent")
    }
}

/// FH_ADD_UNIX_DIR, v2.
package struct FileHistoryAddUnixDirectoryPost: XDRStruct, Equatable {
    package var directories: [UnixDirectoryEntry] = []

    package init() {}

    package init(directories: [UnixDirectoryEntry]) {
        self.directories = directories
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.array(&directories, limit: NDMPLimits.fileHistoryEntries, "dirs")
    }
}

package struct UnixNodeEntry: XDRStruct, Equatable {
    package var status: UnixFileStatus = UnixFileStatus()
    package var node: UInt32 = 0

    package init() {}

    package init(status: UnixFileStatus = UnixFileStatus(), node: UInt32 = 0) {
        self.status = status
        self.node = node
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try status.fields(&pass)
        try pass.u32(&node, "node")
    }
}

/// FH_ADD_UNIX_NODE, v2.
package struct FileHistoryAddUnixNodePost: XDRStruct, Equatable {
    package var nodes: [UnixNodeEntry] = []

    package init() {}

    package init(nodes: [UnixNodeEntry]) {
        self.nodes = nodes
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.array(&nodes, limit: NDMPLimits.fileHistoryEntries, "nodes")
    }
}

/// A file's attributes since v3.
package struct FileStatus: XDRStruct, Equatable {
    package var unsupported: FileAttributesMask = []
    package var fileSystemType: FileSystemType = .unix
    package var type: FileType = .other
    package var modificationTime: UInt32 = 0
    package var accessTime: UInt32 = 0
    package var changeTime: UInt32 = 0
    package var owner: UInt32 = 0
    package var group: UInt32 = 0
    /// For UNIX the mode bits without the type.
    package var attributes: UInt32 = 0
    package var size: UInt64 = 0
    package var links: UInt32 = 0

    package init() {}

    package init(
        unsupported: FileAttributesMask = [],
        fileSystemType: FileSystemType = .unix,
        type: FileType = .other,
        modificationTime: UInt32 = 0,
        accessTime: UInt32 = 0,
        changeTime: UInt32 = 0,
        owner: UInt32 = 0,
        group: UInt32 = 0,
        attributes: UInt32 = 0,
        size: UInt64 = 0,
        links: UInt32 = 0
    ) {
        self.unsupported = unsupported
        self.fileSystemType = fileSystemType
        self.type = type
        self.modificationTime = modificationTime
        self.accessTime = accessTime
        self.changeTime = changeTime
        self.owner = owner
        self.group = group
        self.attributes = attributes
        self.size = size
        self.links = links
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.u32(&unsupported.rawValue, "unsupported")
        try pass.enumeration(&fileSystemType, "fs_type")
        try pass.enumeration(&type, "ftype")
        try pass.u32(&modificationTime, "mtime")
        try pass.u32(&accessTime, "atime")
        try pass.u32(&changeTime, "ctime")
        try pass.u32(&owner, "owner")
        try pass.u32(&group, "group")
        try pass.u32(&attributes, "fattr")
        try pass.quad(&size, "size")
        try pass.u32(&links, "links")
    }
}

package struct FileEntry: XDRStruct, Equatable {
    package var names: [FileName] = []
    package var status: [FileStatus] = []
    package var node: UInt64 = 0
    package var fileHistoryInfo: UInt64 = 0

    package init() {}

    package init(names: [FileName] = [], status: [FileStatus] = [], node: UInt64 = 0, fileHistoryInfo: UInt64 = 0) {
        self.names = names
        self.status = status
        self.node = node
        self.fileHistoryInfo = fileHistoryInfo
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.array(&names, limit: NDMPLimits.namesPerFile, "names")
        try pass.array(&status, limit: NDMPLimits.namesPerFile, "stats")
        try pass.quad(&node, "node")
        try pass.quad(&fileHistoryInfo, "fh_info")
    }
}

/// FH_ADD_FILE, v3 and v4.
package struct FileHistoryAddFilePost: XDRStruct, Equatable {
    package var files: [FileEntry] = []

    package init() {}

    package init(files: [FileEntry]) {
        self.files = files
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.array(&files, limit: NDMPLimits.fileHistoryEntries, "files")
    }
}

package struct DirectoryEntry: XDRStruct, Equatable {
    package var names: [FileName] = []
    package var node: UInt64 = 0
    package var parent: UInt64 = 0

    package init() {}

    package init(names: [FileName] = [], node: UInt64 = 0, parent: UInt64 = 0) {
        self.names = names
        self.node = node
        self.parent = parent
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.array(&names, limit: NDMPLimits.namesPerFile, "names")
        try pass.quad(&node, "node")
        try pass.quad(&parent, "parent")
    }
}

/// FH_ADD_DIR, v3 and v4.
package struct FileHistoryAddDirectoryPost: XDRStruct, Equatable {
    package var directories: [DirectoryEntry] = []

    package init() {}

    package init(directories: [DirectoryEntry]) {
        self.directories = directories
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.array(&directories, limit: NDMPLimits.fileHistoryEntries, "dirs")
    }
}

package struct NodeEntry: XDRStruct, Equatable {
    package var status: [FileStatus] = []
    package var node: UInt64 = 0
    package var fileHistoryInfo: UInt64 = 0

    package init() {}

    package init(status: [FileStatus] = [], node: UInt64 = 0, fileHistoryInfo: UInt64 = 0) {
        self.status = status
        self.node = node
        self.fileHistoryInfo = fileHistoryInfo
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.array(&status, limit: NDMPLimits.namesPerFile, "stats")
        try pass.quad(&node, "node")
        try pass.quad(&fileHistoryInfo, "fh_info")
    }
}

/// FH_ADD_NODE, v3 and v4.
package struct FileHistoryAddNodePost: XDRStruct, Equatable {
    package var nodes: [NodeEntry] = []

    package init() {}

    package init(nodes: [NodeEntry]) {
        self.nodes = nodes
    }

    package mutating func fields<P: XDRPass>(_ pass: inout P) throws(XDRError) {
        try pass.array(&nodes, limit: NDMPLimits.fileHistoryEntries, "nodes")
    }
}
