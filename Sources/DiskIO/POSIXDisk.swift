// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// The operating system's files.
package final class POSIXDisk: Disk {
    package init() {}

    /// Directories this deep and deeper are not removed: a guard against loops made by mounts.
    private static let maximumTreeDepth = 32

    package func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
        try POSIXFile(path: path, mode: mode)
    }

    package func openShared(_ path: String) throws(DiskError) -> any SharedFile {
        try POSIXSharedFile(path: path)
    }

    package func status(_ path: String) throws(DiskError) -> FileStatus {
        var status = stat()
        // stat fills the local structure.
        try checked("examine", path) { unsafe stat(path, &status) }
        return FileStatus(status)
    }

    package func rename(from: String, to: String) throws(DiskError) {
        try checked("rename", from) { unsafe Glibc.rename(from, to) }
    }

    package func remove(_ path: String) throws(DiskError) {
        try checked("remove", path) { unsafe Glibc.unlink(path) }
    }

    package func removeTree(_ path: String) throws(DiskError) {
        try removeTree(path, depth: 0)
    }

    private func removeTree(_ path: String, depth: Int) throws(DiskError) {
        guard depth < Self.maximumTreeDepth else { throw DiskError(operation: "remove", path: path, code: ELOOP) }
        guard try kind(of: path) == S_IFDIR else { return try remove(path) }
        for name in try list(path) {
            try removeTree(path + "/" + name, depth: depth + 1)
        }
        try checked("remove", path) { unsafe rmdir(path) }
    }

    package func makeDirectory(_ path: String) throws(DiskError) {
        if unsafe mkdir(path, 0o750) == 0 { return }
        switch errno {
        case EEXIST where (try? followedKind(of: path)) == S_IFDIR:
            return
        case ENOENT where parentDirectory(of: path) != path && parentDirectory(of: path) != ".":
            try makeDirectory(parentDirectory(of: path))
            try checked("make directory", path) { unsafe mkdir(path, 0o750) }
        case let code:
            throw DiskError(operation: "make directory", path: path, code: code)
        }
    }

    package func makeNewDirectory(_ path: String) throws(DiskError) {
        let parent = parentDirectory(of: path)
        if parent != path && parent != "." { try makeDirectory(parent) }
        try checked("make directory", path) { unsafe mkdir(path, 0o750) }
    }

    package func list(_ path: String) throws(DiskError) -> [String] {
        guard let directory = unsafe opendir(path) else {
            throw DiskError(operation: "list", path: path, code: errno)
        }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            // The entry belongs to the stream until the next call; its name is copied at once.
            guard let entry = unsafe readdir(directory) else { break }
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw DiskError(operation: "list", path: path, code: errno) }
        return names.sorted()
    }

    package func exists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }

    package func synchronizeDirectory(_ path: String) throws(DiskError) {
        let descriptor = try checked("open", path) { unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        defer { _ = Glibc.close(descriptor) }
        try checked("synchronize", path) { fsync(descriptor) }
    }

    package func replaceContents(of path: String, with bytes: [UInt8]) throws(DiskError) {
        let temporary = path + ".new"
        do throws(DiskError) {
            let file = try POSIXFile(path: temporary, mode: .create)
            try file.truncate(to: 0)
            try file.write(bytes.span, at: 0)
            try file.synchronize()
        } catch {
            // The failed copy must not eat the space that is missing already.
            _ = unsafe unlink(temporary)
            throw error
        }
        try rename(from: temporary, to: path)
        try synchronizeDirectory(parentDirectory(of: path))
    }

    package func readContents(of path: String, limit: Int) throws(DiskError) -> [UInt8] {
        let file = try POSIXFile(path: path, mode: .readOnly)
        let size = try file.size()
        guard size <= Int64(limit) else { throw DiskError(operation: "read", path: path, code: EFBIG) }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        var span = bytes.mutableSpan
        let got = try file.read(into: &span, at: 0)
        bytes.removeLast(bytes.count - got)
        return bytes
    }

    package func lock(_ path: String) throws(DiskError) -> any DiskLock {
        try POSIXLock(path: path)
    }

    package func freeSpace(_ path: String) throws(DiskError) -> Int64 {
        var status = statvfs()
        // statvfs fills the local structure.
        try checked("examine", path) { unsafe statvfs(path, &status) }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }

    /// The S_IFMT bits of what the path itself names.
    private func kind(of path: String) throws(DiskError) -> mode_t {
        var status = stat()
        try checked("examine", path) { unsafe lstat(path, &status) }
        return status.st_mode & S_IFMT
    }

    /// The S_IFMT bits of what the path leads to.
    private func followedKind(of path: String) throws(DiskError) -> mode_t {
        var status = stat()
        try checked("examine", path) { unsafe stat(path, &status) }
        return status.st_mode & S_IFMT
    }
}

/// An exclusive flock on a file that holds the owner's process id in decimal. The kernel drops it when the process
/// ends, however it ends; the file stays, since removing it would let two processes lock two different files.
final class POSIXLock: DiskLock {
    private let descriptor: Int32

    init(path: String) throws(DiskError) {
        let descriptor = try checked("open", path) { unsafe Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640) }
        do throws(DiskError) {
            try checked("lock", path) { flock(descriptor, LOCK_EX | LOCK_NB) }
            let text = Array("\(getpid())\n".utf8)
            try checked("lock", path) { ftruncate(descriptor, 0) }
            // The array outlives the call.
            let put = unsafe pwrite(descriptor, text, text.count, 0)
            guard put == text.count else { throw DiskError(operation: "lock", path: path, code: errno) }
        } catch {
            let holder = error.code == EWOULDBLOCK ? Self.holder(descriptor) : nil
            _ = Glibc.close(descriptor)
            throw DiskError(operation: "lock", path: path, code: error.code, holderProcess: holder)
        }
        self.descriptor = descriptor
    }

    /// Releases the lock and makes later calls harmless.
    func release() {
        _ = flock(descriptor, LOCK_UN)
    }

    deinit { _ = Glibc.close(descriptor) }

    private static func holder(_ descriptor: Int32) -> Int32? {
        var text = [UInt8](repeating: 0, count: 16)
        // pread writes at most the array's count.
        let got = unsafe pread(descriptor, &text, text.count, 0)
        guard got > 0 else { return nil }
        return Int32(String(decoding: text[..<got].prefix { $0 >= 0x30 && $0 <= 0x39 }, as: UTF8.self))
    }
}
