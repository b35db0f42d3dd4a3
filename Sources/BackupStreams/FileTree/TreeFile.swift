// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Glibc

/// An open regular file of a tree. One thread uses it at a time. Offsets and lengths are bytes.
package final class TreeFile: Sendable {
    let descriptor: Descriptor
    /// For messages, from the system's root.
    package let path: [UInt8]
    /// As it was when it was opened.
    package let openedStatus: FileStatus

    init(_ descriptor: Descriptor, path: [UInt8]) throws(TreeError) {
        self.descriptor = descriptor
        self.path = path
        openedStatus = try Self.status(descriptor, path)
    }

    /// As it is now.
    package func status() throws(TreeError) -> FileStatus {
        try Self.status(descriptor, path)
    }

    private static func status(_ descriptor: Descriptor, _ path: [UInt8]) throws(TreeError) -> FileStatus {
        var status = stat()
        // fstat fills the local structure.
        _ = try checked("examine", path) { unsafe fstat(descriptor.number, &status) }
        return FileStatus(status)
    }

    /// Fills the span from `offset`; returns the number of bytes, less than asked only at the end of the file.
    package func read(into bytes: inout MutableSpan<UInt8>, at offset: UInt64) throws(TreeError) -> Int {
        guard let start = off_t(exactly: offset) else { return 0 }
        let number = descriptor.number
        // The pointer is used within the closure only, and pread writes at most the rest of the span.
        let (done, code) = unsafe bytes.withUnsafeMutableBytes { buffer -> (Int, Int32) in
            var done = 0
            while done < buffer.count {
                let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                let got = unsafe pread(number, room.baseAddress, room.count, start &+ off_t(done))
                if got == 0 { break }
                if got < 0 {
                    if errno == EINTR { continue }
                    return (done, errno)
                }
                done += got
            }
            return (done, 0)
        }
        guard code == 0 else { throw TreeError("read", path, .system(code)) }
        return done
    }

    /// Writes the whole span, or throws.
    package func write(_ bytes: Span<UInt8>, at offset: UInt64) throws(TreeError) {
        guard let start = off_t(exactly: offset), start.addingReportingOverflow(off_t(bytes.count)).overflow == false
        else { throw TreeError("write", path, .system(EFBIG)) }
        let number = descriptor.number
        // The pointer is used within the closure only, and pwrite reads at most the rest of the span.
        let code = unsafe bytes.withUnsafeBytes { buffer -> Int32 in
            var done = 0
            while done < buffer.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
                let put = unsafe pwrite(number, rest.baseAddress, rest.count, start + off_t(done))
                if put < 0 {
                    if errno == EINTR { continue }
                    return errno
                }
                if put == 0 { return EIO }
                done += put
            }
            return 0
        }
        guard code == 0 else { throw TreeError("write", path, .system(code)) }
    }

    package func truncate(to size: UInt64) throws(TreeError) {
        guard let size = off_t(exactly: size) else { throw TreeError("truncate", path, .system(EFBIG)) }
        _ = try checked("truncate", path) { ftruncate(descriptor.number, size) }
    }

    /// Turns a range into a hole; the size stays.
    package func punchHole(_ range: Range<UInt64>) throws(TreeError) {
        guard let start = off_t(exactly: range.lowerBound),
            let length = off_t(exactly: range.upperBound - range.lowerBound)
        else { throw TreeError("punch hole in", path, .system(EFBIG)) }
        _ = try checked("punch hole in", path) { capstan_punch_hole(descriptor.number, start, length) }
    }

    /// The first stretch of data at or after `offset`, not beyond `end`; nil when only holes follow. Where the file
    /// system does not tell, all is data.
    package func nextData(from offset: UInt64, end: UInt64) throws(TreeError) -> Range<UInt64>? {
        guard offset < end, let from = off_t(exactly: offset) else { return nil }
        let start: off_t
        do throws(TreeError) {
            start = try checked("examine", path) { capstan_seek_data(descriptor.number, from) }
        } catch  where error.code == ENXIO {
            return nil
        } catch  where error.code == EINVAL || error.code == EOPNOTSUPP {
            return offset..<end
        }
        let stop = try checked("examine", path) { capstan_seek_hole(descriptor.number, start) }
        // A file that changes meanwhile can give any two numbers.
        guard stop > start, UInt64(start) < end else { return nil }
        return UInt64(start)..<min(end, UInt64(stop))
    }

    /// Hint: the range is not needed again.
    package func dropFromCache(_ range: Range<UInt64>) {
        guard let start = off_t(exactly: range.lowerBound), let end = off_t(exactly: range.upperBound) else { return }
        _ = posix_fadvise(descriptor.number, start, end - start, POSIX_FADV_DONTNEED)
    }

    /// Hint: the file is read from front to back.
    package func adviseSequential() {
        _ = posix_fadvise(descriptor.number, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    package func setOwner(_ owner: UInt32, group: UInt32) throws(TreeError) {
        _ = try checked("set owner of", path) { fchown(descriptor.number, owner, group) }
    }

    package func setMode(_ mode: UInt32) throws(TreeError) {
        _ = try checked("set mode of", path) { fchmod(descriptor.number, mode_t(mode & 0o7777)) }
    }

    package func setTimes(accessed: Timestamp, modified: Timestamp) throws(TreeError) {
        let times = [timespec(accessed), timespec(modified)]
        // futimens reads two elements.
        _ = try checked("set times of", path) { unsafe futimens(descriptor.number, times) }
    }

    package func setExtendedAttribute(_ attribute: ExtendedAttribute) throws(TreeError) {
        let key = KernelName(attribute.name)
        _ = try checked("set attribute \(displayed(attribute.name)) of", path) {
            // Name and value outlive the call, which only reads them.
            unsafe key { unsafe fsetxattr(descriptor.number, $0, attribute.value, attribute.value.count, 0) }
        }
    }

    /// All attributes that the process may see, sorted by name.
    package func extendedAttributes() throws(TreeError) -> [ExtendedAttribute] {
        let number = descriptor.number
        return try unsafe AttributeReading(
            list: { buffer, count in unsafe flistxattr(number, buffer, count) },
            value: { attribute, buffer, count in unsafe attribute { unsafe fgetxattr(number, $0, buffer, count) } }
        ).all(path: path)
    }
}

extension FileStatus {
    init(_ status: stat) {
        self.init(
            kind: FileKind(mode: status.st_mode),
            device: UInt64(status.st_dev),
            inode: UInt64(status.st_ino),
            links: UInt32(clamping: status.st_nlink),
            mode: UInt32(status.st_mode) & 0o7777,
            owner: status.st_uid,
            group: status.st_gid,
            size: UInt64(clamping: status.st_size),
            blocks: UInt64(clamping: status.st_blocks),
            accessed: Timestamp(status.st_atim),
            modified: Timestamp(status.st_mtim),
            changed: Timestamp(status.st_ctim),
            deviceMajor: DeviceNumber.major(UInt64(status.st_rdev)),
            deviceMinor: DeviceNumber.minor(UInt64(status.st_rdev))
        )
    }
}

/// The kernel's way of packing major and minor numbers into 64 bits.
enum DeviceNumber {
    static func major(_ device: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: (device >> 8) & 0xFFF) | UInt32(truncatingIfNeeded: (device >> 32) & 0xFFFF_F000)
    }

    static func minor(_ device: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: device & 0xFF) | UInt32(truncatingIfNeeded: (device >> 12) & 0xFFFF_FF00)
    }

    static func join(major: UInt32, minor: UInt32) -> UInt64 {
        let high = UInt64(major & 0xFFFF_F000) << 32 | UInt64(minor & 0xFFFF_FF00) << 12
        return high | UInt64(major & 0xFFF) << 8 | UInt64(minor & 0xFF)
    }
}

extension FileKind {
    init(mode: mode_t) {
        switch mode & S_IFMT {
        case S_IFDIR: self = .directory
        case S_IFIFO: self = .fifo
        case S_IFCHR: self = .characterDevice
        case S_IFBLK: self = .blockDevice
        case S_IFREG: self = .regular
        case S_IFLNK: self = .symbolicLink
        case S_IFSOCK: self = .socket
        default: self = .other
        }
    }

    /// `d_type` of a directory entry; `.other` where the file system does not tell.
    init(directoryType: UInt8) {
        switch Int(directoryType) {
        case Int(DT_DIR): self = .directory
        case Int(DT_FIFO): self = .fifo
        case Int(DT_CHR): self = .characterDevice
        case Int(DT_BLK): self = .blockDevice
        case Int(DT_REG): self = .regular
        case Int(DT_LNK): self = .symbolicLink
        case Int(DT_SOCK): self = .socket
        default: self = .other
        }
    }
}

extension Timestamp {
    init(_ time: timespec) {
        self.init(seconds: Int64(time.tv_sec), nanoseconds: UInt32(clamping: time.tv_nsec))
    }
}

extension timespec {
    init(_ time: Timestamp) {
        self.init(tv_sec: time_t(time.seconds), tv_nsec: Int(min(time.nanoseconds, 999_999_999)))
    }
}
