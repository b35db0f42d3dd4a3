// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Logging

/// The directory that is mounted on: its checks, and how a mount is taken away from it.
struct MountPoint: Sendable {
    /// Absolute, without links.
    let path: String

    static let type = "fuse.capstan"
    private static let helper = "fusermount3"

    /// Makes it ready: a directory that exists (made when its parent does), is empty, and has no live mount of ours. A
    /// mount that a killed daemon left is taken away.
    init(preparing given: String, logger: Logger) throws(MountError) {
        guard !given.isEmpty, !given.utf8.contains(0) else {
            throw MountError(.mountPoint, "the mount point needs a name")
        }
        path = try Self.resolved(given)
        guard path != "/" else { throw MountError(.mountPoint, "the root directory cannot be mounted on") }
        guard let table = MountTable.current() else {
            throw MountError(.missing, "/proc is not mounted", hint: "mount it: the mount table is read from there")
        }
        if let row = table.topmost(at: path), row.type == Self.type {
            guard Self.isStale(path) else {
                throw MountError(
                    .taken,
                    "another Capstan is mounted on \(path)",
                    hint: "stop that one, or name another directory"
                )
            }
            logger.notice("mount: \(path) had the mount of a daemon that is gone; it is taken away")
            guard detach() else {
                throw MountError(
                    .permission,
                    "the mount that a killed daemon left on \(path) cannot be taken away",
                    hint: "run `umount -l \(path)` as root"
                )
            }
        }
        try ensureEmptyDirectory()
    }

    /// For a look without any change.
    init(_ path: String) { self.path = path }

    /// The parent with its links resolved, and the name: the mount itself may be dead, and is not asked.
    private static func resolved(_ given: String) throws(MountError) -> String {
        var parts = given.split(separator: "/", omittingEmptySubsequences: true)
        guard let name = parts.popLast() else { return "/" }
        let parent = (given.hasPrefix("/") ? "/" : "./") + parts.joined(separator: "/")
        let isPlain = name != "." && name != ".."
        // realpath allocates the result when it is given no room; it is copied and freed here.
        guard let real = unsafe realpath(isPlain ? parent : given, nil) else {
            throw MountError(
                .mountPoint,
                "\(isPlain ? parent : given) cannot be opened: \(MountError.reason(errno))",
                hint: "the directory above the mount point must exist"
            )
        }
        defer { unsafe free(real) }
        let text = unsafe String(cString: real)
        guard isPlain else { return text }
        let path = text == "/" ? "/\(name)" : "\(text)/\(name)"
        var status = stat()
        // A link to a directory elsewhere is followed once more.
        if unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK,
            let target = unsafe realpath(path, nil)
        {
            defer { unsafe free(target) }
            return unsafe String(cString: target)
        }
        return path
    }

    /// The daemon behind it is gone. What stat(2) says is no sign: the kernel answers it from what it remembers of the
    /// root directory for a minute. It never does so for statfs(2).
    static func isStale(_ path: String) -> Bool {
        var statistics = statvfs()
        guard unsafe statvfs(path, &statistics) != 0 else { return false }
        return errno == ENOTCONN || errno == ECONNABORTED
    }

    /// A mount of ours is there whose connection is gone.
    var isDead: Bool { MountTable.current()?.topmost(at: path)?.type == Self.type && Self.isStale(path) }

    private func ensureEmptyDirectory() throws(MountError) {
        var status = stat()
        if unsafe stat(path, &status) != 0 {
            guard errno == ENOENT else {
                throw MountError(.mountPoint, "\(path) cannot be used: \(MountError.reason(errno))")
            }
            guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else {
                throw MountError(.mountPoint, "the directory \(path) cannot be made: \(MountError.reason(errno))")
            }
            return
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw MountError(.mountPoint, "\(path) is not a directory", hint: "name an empty directory")
        }
        guard let directory = unsafe opendir(path) else {
            throw MountError(.mountPoint, "\(path) cannot be opened: \(MountError.reason(errno))")
        }
        defer { unsafe closedir(directory) }
        while let entry = unsafe readdir(directory) {
            // d_name ends with a zero byte.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            guard name == "." || name == ".." else {
                throw MountError(
                    .mountPoint,
                    "\(path) is not empty: a mount would hide what is in it",
                    hint: "name an empty directory"
                )
            }
        }
    }

    // MARK: Taking away

    /// Takes the topmost mount away from the name space, also while files of it are open. True when it is gone.
    func detach() -> Bool {
        if unsafe umount2(path, Int32(MNT_DETACH)) == 0 { return true }
        guard errno == EPERM else { return false }
        return runHelper(["-u", "-z", "-q", "--", path])
    }

    /// Runs fusermount3, which may do for a user what only root can.
    private func runHelper(_ arguments: [String]) -> Bool {
        var strings: [UnsafeMutablePointer<CChar>?] = unsafe []
        for word in [Self.helper] + arguments { unsafe strings.append(strdup(word)) }
        unsafe strings.append(nil)
        defer { unsafe strings.forEach { unsafe free($0) } }
        var child = pid_t()
        // The strings live until the call is over; the child has its own copy then.
        guard unsafe posix_spawnp(&child, Self.helper, nil, nil, strings, nil) == 0 else { return false }
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { return false }
        }
        return status == 0
    }

    // MARK: Who else may look

    /// Whether the kernel or fusermount3 lets this user open the mount for others.
    static func mayServeOthers(user: UInt32 = geteuid(), configuration: String = "/etc/fuse.conf") -> Bool {
        guard user != 0 else { return true }
        guard let text = ProcFile.read(configuration, limit: MountLimits.mountTableBytes) else { return false }
        return text.split(separator: UInt8(ascii: "\n")).contains { line in
            let word = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
                .prefix { $0 > UInt8(ascii: " ") }
            return word.elementsEqual("user_allow_other".utf8)
        }
    }
}
