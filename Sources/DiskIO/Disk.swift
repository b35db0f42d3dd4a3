// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// How a file is opened.
package enum OpenMode: Sendable {
    case readOnly
    case readWrite
    /// Read and write; made when it does not exist.
    case create
    /// Read and write; fails when it exists.
    case createNew
}

/// An open file, used by one owner at a time. Offsets and lengths are bytes.
package protocol DiskFile: AnyObject {
    /// Fills the span from `offset`; returns the number of bytes read, less than asked only at the end of the file.
    func read(into bytes: inout MutableSpan<UInt8>, at offset: Int64) throws(DiskError) -> Int
    /// Writes the whole span, or throws; after an error any part of it may be on disk.
    func write(_ bytes: Span<UInt8>, at offset: Int64) throws(DiskError)
    /// What was written is on stable storage when this returns. After a failure nothing since the last success is
    /// sure, and calling again proves nothing: the kernel forgets pages it could not write.
    func synchronize() throws(DiskError)
    func truncate(to length: Int64) throws(DiskError)
    /// Reserves blocks without changing the length. Does nothing where the filesystem cannot.
    func allocate(offset: Int64, length: Int64) throws(DiskError)
    /// Hint: begin writing this range to the disk now.
    func startWriteback(offset: Int64, length: Int64)
    /// Hint: wait until this range is written, then give up its cached pages.
    func dropFromCache(offset: Int64, length: Int64)
    /// Hint: the file will be read from front to back.
    func adviseSequential()
    func size() throws(DiskError) -> Int64
}

/// Held from ``Disk/lock(_:)`` until released or the process ends.
package protocol DiskLock: AnyObject, Sendable {
    func release()
}

/// The directories and files of a store. The seam at which tests put a disk that fails.
package protocol Disk: AnyObject, Sendable {
    func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile
    /// Opens an existing file for reading by many threads.
    func openShared(_ path: String) throws(DiskError) -> any SharedFile
    /// Of what the path leads to, a file or a directory.
    func status(_ path: String) throws(DiskError) -> FileStatus
    func rename(from: String, to: String) throws(DiskError)
    func remove(_ path: String) throws(DiskError)
    /// Removes a directory with everything in it; symbolic links are removed, not followed.
    func removeTree(_ path: String) throws(DiskError)
    /// Makes a directory and the missing ones above it; one that exists is left as it is.
    func makeDirectory(_ path: String) throws(DiskError)
    /// Makes a directory and the missing ones above it; EEXIST when anything has that name, a link too.
    func makeNewDirectory(_ path: String) throws(DiskError)
    /// Names in a directory, sorted, without `.` and `..`.
    func list(_ path: String) throws(DiskError) -> [String]
    func exists(_ path: String) -> Bool
    /// Makes created, renamed and removed names in this directory durable.
    func synchronizeDirectory(_ path: String) throws(DiskError)
    /// Atomic and durable: after a crash the file has its old contents or the new, whole.
    func replaceContents(of path: String, with bytes: [UInt8]) throws(DiskError)
    /// The whole file; EFBIG when it is longer than `limit` bytes.
    func readContents(of path: String, limit: Int) throws(DiskError) -> [UInt8]
    /// Takes the lock file for this process; the error names the process that holds it.
    func lock(_ path: String) throws(DiskError) -> any DiskLock
    /// Bytes that this process may still write on the filesystem of `path`.
    func freeSpace(_ path: String) throws(DiskError) -> Int64
}

extension Disk {
    /// For disks that only one thread of one program uses.
    package func makeNewDirectory(_ path: String) throws(DiskError) {
        let fileExists: Int32 = 17  // EEXIST
        guard !exists(path) else { throw DiskError(operation: "make directory", path: path, code: fileExists) }
        try makeDirectory(path)
    }
}

/// The directory part of a path; `.` when it has none.
package func parentDirectory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
