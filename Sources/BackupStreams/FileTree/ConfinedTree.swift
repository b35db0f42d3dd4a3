// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Glibc

/// A directory with all below it, and no way out: ".." is refused, symbolic links are never followed, also when
/// somebody changes the tree meanwhile. It owns a descriptor of its root, so renaming the root does no harm.
///
/// Paths may be longer than the kernel takes at once: they are opened in pieces.
package final class ConfinedTree: Sendable {
    /// Absolute path of the root, for messages.
    package let rootPath: [UInt8]
    package let isWritable: Bool
    /// Directories inside that are read-only all the same.
    let readOnlyPlaces: [TreePath]
    let root: Descriptor
    let confinement: Confinement

    /// Bytes of a path that the kernel gets at once, below PATH_MAX with its 0.
    private static let pieceBytes = 4000
    /// How often an open that a concurrent rename disturbed is repeated.
    private static let maximumTries = 16

    /// The root itself may be reached through symbolic links: the operator named it.
    ///
    /// - Parameter readOnly: places below the root where nothing may change, with all below them.
    /// - Throws: why the directory cannot be opened.
    package convenience init(_ export: Export, readOnly: [TreePath] = []) throws(TreeError) {
        try self.init(export, readOnly: readOnly, confinement: nil)
    }

    /// - Parameter confinement: nil: openat2 where it works.
    init(_ export: Export, readOnly: [TreePath] = [], confinement: Confinement?) throws(TreeError) {
        let path = Array(export.path.utf8)
        let name = KernelName(path)
        let root = Descriptor(
            try checked("open", path) {
                // The name outlives the call.
                unsafe name { unsafe Glibc.open($0, capstan_flag_path() | O_DIRECTORY | O_CLOEXEC) }
            }
        )
        self.root = root
        rootPath = path
        isWritable = export.isWritable
        readOnlyPlaces = readOnly
        self.confinement = confinement ?? Self.probe(root)
    }

    private init(
        rootPath: [UInt8],
        isWritable: Bool,
        readOnlyPlaces: [TreePath],
        root: Descriptor,
        confinement: Confinement
    ) {
        self.rootPath = rootPath
        self.isWritable = isWritable
        self.readOnlyPlaces = readOnlyPlaces
        self.root = root
        self.confinement = confinement
    }

    private static func probe(_ root: Descriptor) -> Confinement {
        // A literal's pointer is good during the call.
        let number = unsafe capstan_open_beneath(root.number, ".", capstan_flag_path() | O_DIRECTORY, 0)
        guard number >= 0 else { return .steps }
        _ = Glibc.close(number)
        return .openat2
    }

    /// The tree below `path`, which has to be a directory.
    package func subtree(_ path: TreePath) throws(TreeError) -> ConfinedTree {
        let directory = try directory(path)
        return ConfinedTree(
            rootPath: absolute(path),
            isWritable: isWritable && !isReadOnly(path),
            readOnlyPlaces: readOnlyPlaces.compactMap { $0.relative(to: path) },
            root: directory.descriptor,
            confinement: confinement
        )
    }

    /// The directory at `path`, for work with the names in it.
    package func directory(_ path: TreePath) throws(TreeError) -> TreeDirectory {
        if path.isRoot { return TreeDirectory(root, path: path, tree: self) }
        return TreeDirectory(try open(path, flags: capstan_flag_path() | O_DIRECTORY), path: path, tree: self)
    }

    /// Whether the path is, or lies in, a place where nothing may change.
    func isReadOnly(_ path: TreePath) -> Bool {
        readOnlyPlaces.contains { path.relative(to: $0) != nil }
    }

    /// For messages: the path from the system's root.
    package func absolute(_ path: TreePath) -> [UInt8] {
        if path.isRoot { return rootPath }
        return (rootPath == [TreePath.separator] ? [] : rootPath) + [TreePath.separator] + path.bytes
    }

    /// Opens `path` below the root, in as many pieces as its length needs.
    private func open(_ path: TreePath, flags: Int32) throws(TreeError) -> Descriptor {
        var current = root
        var piece: [UInt8] = []
        for component in path.components {
            try check(component, of: path)
            let isFull = piece.count + 1 + component.count > Self.pieceBytes
            if !piece.isEmpty && (confinement == .steps || isFull) {
                current = try open(piece, in: current, capstan_flag_path() | O_DIRECTORY, of: path)
                piece.removeAll(keepingCapacity: true)
            }
            if !piece.isEmpty { piece.append(TreePath.separator) }
            piece.append(contentsOf: component)
        }
        return try open(piece, in: current, flags, of: path)
    }

    private func open(
        _ piece: [UInt8],
        in directory: Descriptor,
        _ flags: Int32,
        of path: TreePath
    ) throws(TreeError) -> Descriptor {
        let name = KernelName(piece)
        var tries = 0
        while true {
            do throws(TreeError) {
                let number = try checked("open", absolute(path)) {
                    // The name outlives the call.
                    unsafe name {
                        confinement == .openat2
                            ? unsafe capstan_open_beneath(directory.number, $0, flags, 0)
                            : unsafe capstan_open_component(directory.number, $0, flags, 0)
                    }
                }
                return Descriptor(number)
            } catch  where error.code == EAGAIN && tries < Self.maximumTries {
                tries += 1
            } catch  where error.code == ENOTDIR && isSymbolicLink(name, in: directory) {
                // O_DIRECTORY with O_NOFOLLOW says ENOTDIR of a link.
                throw TreeError("open", absolute(path), .escapes)
            }
        }
    }

    private func isSymbolicLink(_ name: KernelName, in directory: Descriptor) -> Bool {
        var status = stat()
        // fstatat fills the local structure.
        let result = unsafe name { unsafe fstatat(directory.number, $0, &status, AT_SYMLINK_NOFOLLOW) }
        return result == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    private func check(_ component: [UInt8], of path: TreePath) throws(TreeError) {
        if component.elementsEqual("..".utf8) { throw TreeError("open", absolute(path), .escapes) }
        if component.contains(0) { throw TreeError("open", absolute(path), .system(EINVAL)) }
    }
}

// One call for those who have a path; those who do much in one directory keep a `TreeDirectory`.
extension ConfinedTree {
    /// What lstat tells.
    package func status(of path: TreePath) throws(TreeError) -> FileStatus {
        try directory(path.parent).status(of: path.name)
    }

    package func exists(_ path: TreePath) -> Bool {
        (try? status(of: path)) != nil
    }

    /// Sorted by name, without "." and "..".
    package func list(_ path: TreePath) throws(TreeError) -> TreeListing {
        try directory(path).list()
    }

    /// Opens a regular file for reading.
    package func openFile(_ path: TreePath) throws(TreeError) -> TreeFile {
        try directory(path.parent).openFile(path.name)
    }

    package func readLink(_ path: TreePath) throws(TreeError) -> [UInt8] {
        try directory(path.parent).readLink(path.name)
    }

    package func extendedAttributes(of path: TreePath) throws(TreeError) -> [ExtendedAttribute] {
        try directory(path.parent).extendedAttributes(of: path.name)
    }

    /// Makes the directory and the missing ones above it; one that exists is left as it is.
    package func makeDirectory(_ path: TreePath, mode: UInt32 = 0o755) throws(TreeError) {
        _ = try makeDirectories(path, mode: mode)
    }

    /// As `makeDirectory`, and opens it.
    package func makeDirectories(_ path: TreePath, mode: UInt32 = 0o755) throws(TreeError) -> TreeDirectory {
        do throws(TreeError) {
            return try directory(path)
        } catch  where error.code == ENOENT {
            var current = try directory(TreePath())
            for component in path.components {
                do throws(TreeError) {
                    current = try current.openDirectory(component)
                } catch  where error.code == ENOENT {
                    try current.makeDirectory(component, mode: mode)
                    current = try current.openDirectory(component)
                }
            }
            return current
        }
    }

    /// Makes a regular file for writing; EEXIST when something has its name.
    package func createFile(_ path: TreePath, mode: UInt32 = 0o600) throws(TreeError) -> TreeFile {
        try directory(path.parent).createFile(path.name, mode: mode)
    }

    package func symbolicLink(_ path: TreePath, to target: [UInt8]) throws(TreeError) {
        try directory(path.parent).symbolicLink(path.name, to: target)
    }

    /// Gives the file at `existing` one more name; a symbolic link is linked itself.
    package func hardLink(_ path: TreePath, to existing: TreePath) throws(TreeError) {
        try directory(path.parent).hardLink(path.name, to: existing.name, in: directory(existing.parent))
    }

    /// Makes a fifo, device or socket.
    package func makeNode(_ path: TreePath, _ status: FileStatus) throws(TreeError) {
        try directory(path.parent).makeNode(path.name, status)
    }

    /// Replaces what has the new name.
    package func rename(_ path: TreePath, to new: TreePath) throws(TreeError) {
        try directory(path.parent).rename(path.name, to: new.name, in: directory(new.parent))
    }

    /// Removes a name that is no directory.
    package func remove(_ path: TreePath) throws(TreeError) {
        try directory(path.parent).remove(path.name)
    }

    /// Removes the name, and everything below it when it is a directory.
    package func removeTree(_ path: TreePath) throws(TreeError) {
        try directory(path.parent).removeTree(path.name)
    }

    package func setOwner(_ path: TreePath, owner: UInt32, group: UInt32) throws(TreeError) {
        try directory(path.parent).setOwner(path.name, owner: owner, group: group)
    }

    package func setMode(_ path: TreePath, _ mode: UInt32) throws(TreeError) {
        try directory(path.parent).setMode(path.name, mode)
    }

    package func setTimes(_ path: TreePath, accessed: Timestamp, modified: Timestamp) throws(TreeError) {
        try directory(path.parent).setTimes(path.name, accessed: accessed, modified: modified)
    }

    package func setExtendedAttribute(_ path: TreePath, _ attribute: ExtendedAttribute) throws(TreeError) {
        try directory(path.parent).setExtendedAttribute(path.name, attribute)
    }
}
