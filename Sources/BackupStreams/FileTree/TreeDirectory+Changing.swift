// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Glibc

extension TreeDirectory {
    /// Fails with EEXIST when something has the name.
    package func makeDirectory(_ name: [UInt8], mode: UInt32 = 0o755) throws(TreeError) {
        try unsafe change("make directory", name) { unsafe mkdirat(descriptor.number, $0, mode_t(mode)) }
    }

    /// Makes a regular file for writing; EEXIST when something has the name, also a link that leads nowhere.
    package func createFile(_ name: [UInt8], mode: UInt32 = 0o600) throws(TreeError) -> TreeFile {
        try requireWritable("create", name)
        let opened = try open(name, O_RDWR | O_CREAT | O_EXCL, mode: mode)
        return try TreeFile(opened, path: absolute(name))
    }

    /// Opens an existing regular file for writing.
    package func openFileForWriting(_ name: [UInt8]) throws(TreeError) -> TreeFile {
        try requireWritable("open for writing", name)
        let file = try TreeFile(try open(name, O_RDWR | O_NONBLOCK | O_NOCTTY), path: absolute(name))
        guard file.openedStatus.kind == .regular else {
            throw TreeError("open for writing", absolute(name), .invalid("it is not a regular file"))
        }
        return file
    }

    package func symbolicLink(_ name: [UInt8], to target: [UInt8]) throws(TreeError) {
        let text = KernelName(target)
        try unsafe change("make symbolic link", name) { link in
            unsafe text { unsafe symlinkat($0, descriptor.number, link) }
        }
    }

    /// Gives the file `existing` in `directory` one more name here; a symbolic link is linked itself.
    package func hardLink(
        _ name: [UInt8],
        to existing: [UInt8],
        in directory: TreeDirectory
    ) throws(TreeError) {
        let old = try directory.kernelName("link", existing)
        try unsafe change("make hard link", name) { link in
            unsafe old { unsafe linkat(directory.descriptor.number, $0, descriptor.number, link, 0) }
        }
    }

    /// Makes a fifo, device or socket of the status' kind, mode and device numbers.
    package func makeNode(_ name: [UInt8], _ status: FileStatus) throws(TreeError) {
        let kind: mode_t
        switch status.kind {
        case .fifo: kind = S_IFIFO
        case .characterDevice: kind = S_IFCHR
        case .blockDevice: kind = S_IFBLK
        case .socket: kind = S_IFSOCK
        case .directory, .regular, .symbolicLink, .other:
            throw TreeError("make special file", absolute(name), .system(EINVAL))
        }
        let device = DeviceNumber.join(major: status.deviceMajor, minor: status.deviceMinor)
        try unsafe change("make special file", name) {
            unsafe mknodat(descriptor.number, $0, kind | mode_t(status.mode & 0o7777), dev_t(device))
        }
    }

    /// Replaces what has the new name.
    package func rename(_ name: [UInt8], to new: [UInt8], in directory: TreeDirectory) throws(TreeError) {
        try directory.requireWritable("rename", new)
        let target = try directory.kernelName("rename", new)
        try unsafe change("rename", name) { old in
            unsafe target { unsafe renameat(descriptor.number, old, directory.descriptor.number, $0) }
        }
    }

    /// Fails with EEXIST when something has the new name.
    package func renameNew(_ name: [UInt8], to new: [UInt8], in directory: TreeDirectory) throws(TreeError) {
        try directory.requireWritable("rename", new)
        let target = try directory.kernelName("rename", new)
        try unsafe change("rename", name) { old in
            unsafe target { unsafe capstan_rename_new(descriptor.number, old, directory.descriptor.number, $0) }
        }
    }

    /// Removes a name that is no directory.
    package func remove(_ name: [UInt8]) throws(TreeError) {
        try unsafe change("remove", name) { unsafe unlinkat(descriptor.number, $0, 0) }
    }

    /// Removes an empty directory.
    package func removeDirectory(_ name: [UInt8]) throws(TreeError) {
        try unsafe change("remove directory", name) { unsafe unlinkat(descriptor.number, $0, AT_REMOVEDIR) }
    }

    /// Removes the name, and everything below it when it is a directory. Links are removed, not followed.
    package func removeTree(_ name: [UInt8]) throws(TreeError) {
        guard try status(of: name).kind == .directory else { return try remove(name) }
        // Depth first without recursion: a tree may be deeper than the stack. Each step back opens the path anew, so
        // that the number of descriptors does not grow with the depth. Every directory is listed once.
        var below = [name]
        var current = try openDirectory(name)
        var pending = [try current.removeFiles()]
        while let last = pending.indices.last {
            if let next = pending[last].popLast() {
                below.append(next)
                current = try current.openDirectory(next)
                pending.append(try current.removeFiles())
                continue
            }
            pending.removeLast()
            let done = below.removeLast()
            current = try reopen(below)
            try current.removeDirectory(done)
        }
    }

    /// Removes all names that are no directories.
    ///
    /// - Returns: those that are.
    private func removeFiles() throws(TreeError) -> [[UInt8]] {
        var directories: [[UInt8]] = []
        for entry in try list() {
            do throws(TreeError) {
                try remove(entry.name)
            } catch  where error.code == EISDIR || error.code == EPERM {
                if entry.kind != .directory && entry.kind != .other { throw error }
                directories.append(entry.name)
            }
        }
        return directories
    }

    private func reopen(_ names: [[UInt8]]) throws(TreeError) -> TreeDirectory {
        var path = self.path
        for name in names { path = path.appending(name) }
        return try tree.directory(path)
    }

    package func setOwner(_ name: [UInt8], owner: UInt32, group: UInt32) throws(TreeError) {
        try unsafe change("set owner of", name) {
            unsafe fchownat(descriptor.number, $0, owner, group, AT_SYMLINK_NOFOLLOW)
        }
    }

    /// Not for symbolic links, which have no mode of their own.
    package func setMode(_ name: [UInt8], _ mode: UInt32) throws(TreeError) {
        try unsafe change("set mode of", name) {
            unsafe fchmodat(descriptor.number, $0, mode_t(mode & 0o7777), AT_SYMLINK_NOFOLLOW)
        }
    }

    package func setTimes(_ name: [UInt8], accessed: Timestamp, modified: Timestamp) throws(TreeError) {
        let times = [timespec(accessed), timespec(modified)]
        try unsafe change("set times of", name) {
            // utimensat reads two elements.
            unsafe utimensat(descriptor.number, $0, times, AT_SYMLINK_NOFOLLOW)
        }
    }

    func requireWritable(_ operation: String, _ name: [UInt8]) throws(TreeError) {
        let isAllowed = tree.isWritable && !tree.isReadOnly(name.isEmpty ? path : path.appending(name))
        guard isAllowed else { throw TreeError(operation, absolute(name), .readOnly) }
    }

    private func change(
        _ operation: String,
        _ name: [UInt8],
        _ call: (UnsafePointer<CChar>) -> Int32
    ) throws(TreeError) {
        try requireWritable(operation, name)
        let kernelName = try kernelName(operation, name)
        // The name outlives the call.
        _ = try checked(operation, absolute(name)) { unsafe kernelName(call) }
    }
}
