// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Glibc

/// One directory of a confined tree, open: all its methods work on names in it. An empty name is the directory itself.
///
/// No method follows a symbolic link, and none takes a name with "/" or the name "..".
package final class TreeDirectory: Sendable {
    /// Where it was found; it may have been renamed since.
    package let path: TreePath
    let descriptor: Descriptor
    let tree: ConfinedTree

    init(_ descriptor: Descriptor, path: TreePath, tree: ConfinedTree) {
        self.descriptor = descriptor
        self.path = path
        self.tree = tree
    }

    /// For messages.
    func absolute(_ name: [UInt8]) -> [UInt8] {
        tree.absolute(name.isEmpty ? path : path.appending(name))
    }

    /// The name for the kernel: one component that stays in this directory.
    func kernelName(_ operation: String, _ name: [UInt8]) throws(TreeError) -> KernelName {
        if name.isEmpty { return KernelName([UInt8(ascii: ".")]) }
        guard !name.elementsEqual("..".utf8), !name.contains(TreePath.separator), !name.contains(0) else {
            throw TreeError(operation, absolute(name), .escapes)
        }
        return KernelName(name)
    }

    /// What lstat tells of a name.
    package func status(of name: [UInt8] = []) throws(TreeError) -> FileStatus {
        let kernelName = try kernelName("examine", name)
        var status = stat()
        _ = try checked("examine", absolute(name)) {
            // fstatat fills the local structure.
            unsafe kernelName { unsafe fstatat(descriptor.number, $0, &status, AT_SYMLINK_NOFOLLOW) }
        }
        return FileStatus(status)
    }

    package func exists(_ name: [UInt8]) -> Bool {
        (try? status(of: name)) != nil
    }

    /// The directory of this name.
    package func openDirectory(_ name: [UInt8]) throws(TreeError) -> TreeDirectory {
        let opened = try open(name, capstan_flag_path() | O_DIRECTORY)
        return TreeDirectory(opened, path: name.isEmpty ? path : path.appending(name), tree: tree)
    }

    /// Opens a regular file for reading; other kinds are refused, and never waited for.
    package func openFile(_ name: [UInt8]) throws(TreeError) -> TreeFile {
        // Without O_NONBLOCK a fifo that has taken the file's place would block us.
        let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY
        let opened: Descriptor
        do throws(TreeError) {
            opened = try open(name, flags | capstan_flag_no_access_time())
        } catch  where error.code == EPERM {
            // Only the owner and root may leave the access time alone.
            opened = try open(name, flags)
        }
        let file = try TreeFile(opened, path: absolute(name))
        guard file.openedStatus.kind == .regular else {
            throw TreeError("open", absolute(name), .invalid("it is not a regular file"))
        }
        return file
    }

    /// Whether it lies on a file system that the kernel makes up, such as /proc: its files have no content to keep.
    package var isPseudoFileSystem: Bool {
        PseudoFileSystems.types.contains(capstan_file_system_type(descriptor.number))
    }

    /// The target of a symbolic link.
    package func readLink(_ name: [UInt8]) throws(TreeError) -> [UInt8] {
        let kernelName = try kernelName("read link", name)
        var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try checked("read link", absolute(name)) {
            unsafe kernelName { linkName in
                // readlinkat writes at most the buffer's count.
                unsafe target.withUnsafeMutableBytes { buffer in
                    guard let base = buffer.baseAddress else { return 0 }
                    return unsafe readlinkat(
                        descriptor.number,
                        linkName,
                        base.assumingMemoryBound(to: CChar.self),
                        buffer.count
                    )
                }
            }
        }
        target.removeLast(target.count - count)
        return target
    }

    /// Opens a name in this directory. A symbolic link is refused as one that escapes.
    func open(_ name: [UInt8], _ flags: Int32, mode: UInt32 = 0) throws(TreeError) -> Descriptor {
        let kernelName = try kernelName("open", name)
        do throws(TreeError) {
            return Descriptor(
                try checked("open", absolute(name)) {
                    // The name outlives the call.
                    unsafe kernelName { unsafe capstan_open_component(descriptor.number, $0, flags, mode) }
                }
            )
        } catch  where error.code == ENOTDIR {
            let status = try status(of: name)
            throw status.kind == .symbolicLink ? TreeError("open", absolute(name), .escapes) : error
        }
    }

    /// The names in the directory, sorted by their bytes, without "." and "..".
    package func list() throws(TreeError) -> TreeListing {
        let opened = try open([], O_RDONLY | O_DIRECTORY)
        // The stream gets a descriptor of its own, which closedir closes.
        let own = try checked("list", absolute([])) { dup(opened.number) }
        guard let stream = unsafe fdopendir(own) else {
            let code = errno
            _ = Glibc.close(own)
            throw TreeError("list", absolute([]), .system(code))
        }
        defer { _ = unsafe closedir(stream) }
        var listing = TreeListing()
        while true {
            errno = 0
            // The entry belongs to the stream until the next call; its name is copied at once.
            guard let entry = unsafe readdir(stream) else { break }
            let inode = unsafe UInt64(entry.pointee.d_ino)
            let kind = unsafe FileKind(directoryType: entry.pointee.d_type)
            unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe listing.append(inode: inode, kind: kind, name: bytes.prefix { $0 != 0 })
            }
        }
        guard errno == 0 else { throw TreeError("list", absolute([]), .system(errno)) }
        listing.sort()
        return listing
    }
}

/// A name and value that the file system keeps with a file. POSIX ACLs are `system.posix_acl_access` and
/// `system.posix_acl_default`, in the kernel's own form.
package struct ExtendedAttribute: Sendable, Equatable {
    package var name: [UInt8]
    package var value: [UInt8]

    package init(name: [UInt8], value: [UInt8]) {
        self.name = name
        self.value = value
    }

    /// The name's bytes as a string, for names we know.
    package init(_ name: String, _ value: [UInt8]) {
        self.init(name: Array(name.utf8), value: value)
    }
}

// Attributes of files that cannot be opened (links, fifos, devices) are reached as /proc/self/fd/N/name: N is this
// directory, whatever happens to its path, and the calls whose names begin with l do not follow a link.
extension TreeDirectory {
    private func processName(_ operation: String, _ name: [UInt8]) throws(TreeError) -> KernelName {
        _ = try kernelName(operation, name)
        return KernelName(Array("/proc/self/fd/\(descriptor.number)/".utf8) + (name.isEmpty ? [0x2E] : name))
    }

    /// All attributes that the process may see, sorted by name; none where the file system has none.
    package func extendedAttributes(of name: [UInt8] = []) throws(TreeError) -> [ExtendedAttribute] {
        let file = try processName("read attributes of", name)
        return try unsafe AttributeReading(
            list: { buffer, count in unsafe file { unsafe llistxattr($0, buffer, count) } },
            value: { attribute, buffer, count in
                unsafe file { path in unsafe attribute { unsafe lgetxattr(path, $0, buffer, count) } }
            }
        ).all(path: absolute(name))
    }

    package func setExtendedAttribute(_ name: [UInt8], _ attribute: ExtendedAttribute) throws(TreeError) {
        try requireWritable("set attribute of", name)
        let file = try processName("set attribute of", name)
        let key = KernelName(attribute.name)
        _ = try checked("set attribute \(displayed(attribute.name)) of", absolute(name)) {
            // Names and value outlive the call, which only reads them.
            unsafe file { path in
                unsafe key { unsafe lsetxattr(path, $0, attribute.value, attribute.value.count, 0) }
            }
        }
    }

    package func removeExtendedAttribute(_ name: [UInt8], _ attribute: [UInt8]) throws(TreeError) {
        try requireWritable("remove attribute of", name)
        let file = try processName("remove attribute of", name)
        let key = KernelName(attribute)
        _ = try checked("remove attribute \(displayed(attribute)) of", absolute(name)) {
            unsafe file { path in unsafe key { unsafe lremovexattr(path, $0) } }
        }
    }
}

/// Reads all attributes of one file, by path or by descriptor.
@safe struct AttributeReading {
    let list: (UnsafeMutablePointer<CChar>?, Int) -> Int
    let value: (KernelName, UnsafeMutableRawPointer?, Int) -> Int

    init(
        list: @escaping (UnsafeMutablePointer<CChar>?, Int) -> Int,
        value: @escaping (KernelName, UnsafeMutableRawPointer?, Int) -> Int
    ) {
        unsafe self.list = list
        unsafe self.value = value
    }

    /// The kernel's own limit for a list, and for a value (XATTR_LIST_MAX, XATTR_SIZE_MAX).
    private static let maximumBytes = 65_536

    func all(path: [UInt8]) throws(TreeError) -> [ExtendedAttribute] {
        // Most files have none: ask for the length first.
        let length = list(nil, 0)
        if length == 0 || (length < 0 && errno == ENOTSUP) { return [] }
        guard length > 0 else { throw TreeError("list attributes of", path, .system(errno)) }
        var names = [UInt8](repeating: 0, count: Self.maximumBytes)
        let count = try checked("list attributes of", path) {
            // The call writes at most the buffer's count.
            unsafe names.withUnsafeMutableBytes { buffer in
                unsafe list(buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
            }
        }
        var result: [ExtendedAttribute] = []
        for name in names[..<count].split(separator: 0) {
            if let attribute = try one(Array(name), path: path) { result.append(attribute) }
        }
        return result.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    /// Nil when it went away meanwhile, or its name space is not for us.
    private func one(_ name: [UInt8], path: [UInt8]) throws(TreeError) -> ExtendedAttribute? {
        let attribute = KernelName(name)
        var bytes = [UInt8](repeating: 0, count: Self.maximumBytes)
        do throws(TreeError) {
            let count = try checked("read attribute \(displayed(name)) of", path) {
                // The call writes at most the buffer's count.
                unsafe bytes.withUnsafeMutableBytes { buffer in
                    unsafe value(attribute, buffer.baseAddress, buffer.count)
                }
            }
            return ExtendedAttribute(name: name, value: Array(bytes[..<count]))
        } catch  where [ENODATA, ENOTSUP, EPERM, EACCES].contains(error.code) {
            return nil
        }
    }
}

/// `f_type` of file systems that exist in memory only and that no backup can bring back (linux/magic.h).
enum PseudoFileSystems {
    static let types: Set<Int64> = [
        0x9FA0,  // proc
        0x6265_6572,  // sysfs
        0x1CD1,  // devpts
        0x27_E0EB,  // cgroup
        0x6367_7270,  // cgroup2
        0x6462_6720,  // debugfs
        0x7472_6163,  // tracefs
        0x7363_6673,  // securityfs
        0x6165_676C,  // pstore
        0xCAFE_4A11,  // bpf
        0x4249_4E4D,  // binfmt_misc
        0x6265_6570,  // configfs
        0xDE5E_81E4,  // efivarfs
        0x1980_0202,  // mqueue
        0x9584_58F6,  // hugetlbfs
        0x0187,  // autofs
        0x6573_5543,  // fusectl
        0x6E73_6673,  // nsfs
        0xF97C_FF8C,  // selinux
    ]
}
