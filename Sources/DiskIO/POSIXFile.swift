// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Glibc

/// A file of the operating system. Calls that a signal interrupts are repeated.
final class POSIXFile: DiskFile {
    private let descriptor: Int32
    private let path: String
    /// Waiting for writeback consumes the kernel's error report, so it is kept for the next synchronise.
    private var writebackError: DiskError?

    init(path: String, mode: OpenMode) throws(DiskError) {
        let flags: Int32 =
            switch mode {
            case .readOnly: O_RDONLY
            case .readWrite: O_RDWR
            case .create: O_RDWR | O_CREAT
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            }
        descriptor = try checked("open", path) { unsafe Glibc.open(path, flags | O_CLOEXEC, 0o640) }
        self.path = path
    }

    deinit { _ = Glibc.close(descriptor) }

    func read(into bytes: inout MutableSpan<UInt8>, at offset: Int64) throws(DiskError) -> Int {
        try Self.read(into: &bytes, from: descriptor, at: offset, path)
    }

    static func read(
        into bytes: inout MutableSpan<UInt8>,
        from fd: Int32,
        at offset: Int64,
        _ path: String
    ) throws(DiskError) -> Int {
        // The pointer is used within the closure only, and pread writes at most the rest of the span.
        let (done, code) = unsafe bytes.withUnsafeMutableBytes { buffer -> (Int, Int32) in
            var done = 0
            while done < buffer.count {
                let got = unsafe pread(
                    fd,
                    buffer.baseAddress.map { unsafe $0 + done },
                    buffer.count - done,
                    off_t(offset) + done
                )
                if got == 0 { break }
                if got < 0 {
                    if errno == EINTR { continue }
                    return (done, errno)
                }
                done += got
            }
            return (done, 0)
        }
        guard code == 0 else { throw DiskError(operation: "read", path: path, code: code) }
        return done
    }

    func write(_ bytes: Span<UInt8>, at offset: Int64) throws(DiskError) {
        try Self.write(bytes, to: descriptor, at: offset, path)
    }

    private static func write(
        _ bytes: Span<UInt8>,
        to fd: Int32,
        at offset: Int64,
        _ path: String
    ) throws(DiskError) {
        // The pointer is used within the closure only, and pwrite reads at most the rest of the span.
        let code = unsafe bytes.withUnsafeBytes { buffer -> Int32 in
            var done = 0
            while done < buffer.count {
                let put = unsafe pwrite(
                    fd,
                    buffer.baseAddress.map { unsafe $0 + done },
                    buffer.count - done,
                    off_t(offset) + done
                )
                if put < 0 {
                    if errno == EINTR { continue }
                    return errno
                }
                // A short write without an error means that there is no more room.
                if put == 0 { return ENOSPC }
                done += put
            }
            return 0
        }
        guard code == 0 else { throw DiskError(operation: "write", path: path, code: code) }
    }

    func synchronize() throws(DiskError) {
        if let writebackError { throw writebackError }
        try checked("synchronize", path) { fdatasync(descriptor) }
    }

    func truncate(to length: Int64) throws(DiskError) {
        try checked("truncate", path) { ftruncate(descriptor, off_t(length)) }
    }

    func allocate(offset: Int64, length: Int64) throws(DiskError) {
        do {
            try checked("allocate", path) {
                capstan_fallocate_keep_size(descriptor, off_t(offset), off_t(length))
            }
        } catch  where error.code == EOPNOTSUPP || error.code == ENOSYS {
            return
        }
    }

    func startWriteback(offset: Int64, length: Int64) {
        if capstan_start_writeback(descriptor, off_t(offset), off_t(length)) < 0 { noteWritebackError(errno) }
    }

    func dropFromCache(offset: Int64, length: Int64) {
        if capstan_wait_for_writeback(descriptor, off_t(offset), off_t(length)) < 0 { noteWritebackError(errno) }
        _ = posix_fadvise(descriptor, off_t(offset), off_t(length), POSIX_FADV_DONTNEED)
    }

    func adviseSequential() {
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    func size() throws(DiskError) -> Int64 {
        var status = stat()
        // fstat fills the local structure.
        try checked("examine", path) { unsafe fstat(descriptor, &status) }
        return Int64(status.st_size)
    }

    /// Only errors of the medium count: a filesystem without sync_file_range is no reason to fail.
    private func noteWritebackError(_ code: Int32) {
        guard code == EIO || code == ENOSPC || code == EDQUOT, writebackError == nil else { return }
        writebackError = DiskError(operation: "write back", path: path, code: code)
    }
}

/// Runs a call that returns -1 and sets errno when it fails, and repeats it when a signal interrupted it.
@discardableResult
func checked(_ operation: String, _ path: String, _ call: () -> Int32) throws(DiskError) -> Int32 {
    while true {
        let result = call()
        if result >= 0 { return result }
        if errno != EINTR { throw DiskError(operation: operation, path: path, code: errno) }
    }
}
