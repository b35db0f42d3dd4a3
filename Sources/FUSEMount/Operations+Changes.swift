// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CFuse3
import Glibc
import TapeFiles

extension Operations {
    /// Why nothing can be made, renamed or removed but what the library itself does.
    private static let noFiles = "nothing can be made here; `mkdir slots/N/BARCODE` makes a cartridge"
    private static let noRemoving = "nothing can be removed here; `capstan cartridge delete` removes a cartridge"

    static func addChanges(_ table: inout fuse_lowlevel_ops) {
        unsafe table.setattr = { handle, number, attributes, valid, _ in
            guard let request = unsafe Request(handle) else { return }
            let size = unsafe attributes?.pointee.st_size ?? 0
            Operations.change(request, number, valid: valid, size: size)
        }
        unsafe table.mkdir = { handle, parent, name, _ in
            guard let request = unsafe Request(handle) else { return }
            Operations.makeDirectory(request, unsafe Operations.name(name), in: parent)
        }
        unsafe table.rename = { handle, source, name, destination, newName, flags in
            guard let request = unsafe Request(handle) else { return }
            let (name, newName) = unsafe (Operations.name(name), Operations.name(newName))
            Operations.rename(request, (name, source), (newName, destination), flags: flags)
        }
        unsafe table.unlink = { handle, _, _ in
            guard let request = unsafe Request(handle) else { return }
            request.fail(FileError(EPERM, Operations.noRemoving), "unlink")
        }
        unsafe table.rmdir = { handle, _, _ in
            guard let request = unsafe Request(handle) else { return }
            request.fail(FileError(EPERM, Operations.noRemoving), "rmdir")
        }
        unsafe table.create = { handle, _, _, _, _ in
            guard let request = unsafe Request(handle) else { return }
            request.fail(FileError(EPERM, Operations.noFiles), "the making of a file")
        }
        unsafe table.mknod = { handle, _, _, _, _ in
            guard let request = unsafe Request(handle) else { return }
            request.fail(FileError(EPERM, Operations.noFiles), "mknod")
        }
        unsafe table.symlink = { handle, _, _, _ in
            guard let request = unsafe Request(handle) else { return }
            request.fail(FileError(EPERM, Operations.noFiles), "symlink")
        }
        unsafe table.link = { handle, _, _, _ in
            guard let request = unsafe Request(handle) else { return }
            request.fail(FileError(EPERM, Operations.noFiles), "link")
        }
    }

    /// setattr: truncation goes to the tree. Times of a device file may be set, as those of any device node, and are
    /// not kept; everything else is what it is.
    private static func change(_ request: consuming Request, _ number: UInt64, valid: Int32, size: Int) {
        let session = request.session
        guard let node = session.node(number) else { return request.fail(ESTALE) }
        let owner = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID
        let times =
            FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW
        do throws(FileError) {
            guard valid & owner == 0 else {
                throw FileError(EPERM, "modes and owners of the library's files cannot be changed")
            }
            guard valid & times == 0 || node.isDevice || valid & FUSE_SET_ATTR_SIZE != 0 else {
                throw FileError(EPERM, "times of the library's files cannot be changed")
            }
            if valid & FUSE_SET_ATTR_SIZE != 0 {
                guard size >= 0 else { throw FileError(EINVAL) }
                try session.tree.truncate(node)
            }
            request.attributes(node, try session.tree.attributes(of: node))
        } catch { request.fail(error, "a change of attributes") }
    }

    private static func makeDirectory(_ request: consuming Request, _ name: [UInt8], in parent: UInt64) {
        let session = request.session
        guard let directory = session.node(parent) else { return request.fail(ESTALE) }
        guard name.count <= Session.nameBytes else { return request.fail(ENAMETOOLONG) }
        do throws(FileError) {
            let (node, attributes) = try session.tree.makeDirectory(name, in: directory, caller: request.identity)
            answer(request, node, attributes, in: parent)
            session.notifier?.post(.entry(directory: directory, name: name))
        } catch { request.fail(error, "mkdir") }
    }

    private static func rename(
        _ request: consuming Request,
        _ from: (name: [UInt8], directory: UInt64),
        _ to: (name: [UInt8], directory: UInt64),
        flags: UInt32
    ) {
        let session = request.session
        guard let source = session.node(from.directory), let destination = session.node(to.directory) else {
            return request.fail(ESTALE)
        }
        guard max(from.name.count, to.name.count) <= Session.nameBytes else { return request.fail(ENAMETOOLONG) }
        // RENAME_NOREPLACE (1) is how the tree works anyway; the others (exchange, whiteout) are no moves.
        guard flags & ~1 == 0 else { return request.fail(EINVAL) }
        do throws(FileError) {
            try session.tree.rename(
                from.name,
                in: source,
                to: to.name,
                in: destination,
                caller: request.identity
            )
            request.succeed()
        } catch { return request.fail(error, "rename") }
        // The kernel has moved its entry; what it stands for now has another number.
        session.notifier?.post(.entry(directory: source, name: from.name))
        session.notifier?.post(.entry(directory: destination, name: to.name))
    }
}

extension FileNode {
    /// A tape device, or an sg file.
    var isDevice: Bool {
        switch self {
        case .driveDevice, .changerDevice: true
        default: false
        }
    }
}
