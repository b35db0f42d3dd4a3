// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// What stat(2) tells of a file or a directory.
package struct FileStatus: Sendable, Equatable {
    package var lengthBytes: UInt64
    /// Bytes of the filesystem it takes.
    package var storedBytes: UInt64
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    package var modifiedNanoseconds: Int64
    package var identity: FileIdentity

    package init(lengthBytes: UInt64, storedBytes: UInt64, modifiedNanoseconds: Int64, identity: FileIdentity) {
        self.lengthBytes = lengthBytes
        self.storedBytes = storedBytes
        self.modifiedNanoseconds = modifiedNanoseconds
        self.identity = identity
    }
}

/// Tells a file from another that took its name: device and inode number.
package struct FileIdentity: Sendable, Hashable {
    package var device: UInt64
    package var number: UInt64

    package init(device: UInt64, number: UInt64) {
        self.device = device
        self.number = number
    }
}

/// A file that is open for reading, for any number of threads at a time, while somebody else may write it.
package protocol SharedFile: AnyObject, Sendable {
    /// Fills the span from `offset`; returns the number of bytes read, less than asked only at the end of the file.
    func read(into bytes: inout MutableSpan<UInt8>, at offset: Int64) throws(DiskError) -> Int
    func status() throws(DiskError) -> FileStatus
    /// Hint: the file will be read from front to back.
    func adviseSequential()
}

final class POSIXSharedFile: SharedFile {
    private let descriptor: Int32
    private let path: String

    init(path: String) throws(DiskError) {
        descriptor = try checked("open", path) { unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC) }
        self.path = path
    }

    deinit { _ = Glibc.close(descriptor) }

    func read(into bytes: inout MutableSpan<UInt8>, at offset: Int64) throws(DiskError) -> Int {
        try POSIXFile.read(into: &bytes, from: descriptor, at: offset, path)
    }

    func status() throws(DiskError) -> FileStatus {
        var status = stat()
        // fstat fills the local structure.
        try checked("examine", path) { unsafe fstat(descriptor, &status) }
        return FileStatus(status)
    }

    func adviseSequential() {
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    }
}

extension FileStatus {
    init(_ status: stat) {
        self.init(
            lengthBytes: UInt64(clamping: status.st_size),
            storedBytes: UInt64(clamping: status.st_blocks) &* 512,
            modifiedNanoseconds: Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec),
            identity: FileIdentity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
        )
    }
}

/// Copies all of `source` to the front of `target`, which must have room for it.
package func copyBytes(_ source: Span<UInt8>, to target: inout MutableSpan<UInt8>) {
    precondition(source.count <= target.count, "copying \(source.count) bytes into room for \(target.count)")
    guard !source.isEmpty else { return }
    // Both are valid within the closures, do not overlap (one is exclusive) and the target is not the shorter.
    unsafe target.withUnsafeMutableBytes { to in
        unsafe source.withUnsafeBytes { from in unsafe to.copyMemory(from: from) }
    }
}
