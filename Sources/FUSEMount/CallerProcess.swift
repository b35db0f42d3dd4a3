// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Glibc
import TapeFiles

/// The process that is blocked in the request that is being served: its memory and its system call.
///
/// The thread cannot leave its call before it is answered, so its id means it and nobody else; and only the memory
/// that it could reach by itself is reached, at addresses that it names.
struct CallerProcess: Caller {
    let identity: CallerIdentity

    func read(_ count: Int, at address: UInt64) throws(FileError) -> [UInt8] {
        try check(count, address)
        guard count > 0 else { return [] }
        var got = 0
        var code: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { room, filled in
            // `room` has `count` bytes; the kernel writes no more than that.
            got = unsafe capstan_read_memory(identity.thread, room.baseAddress, count, address)
            code = errno
            filled = max(0, got)
        }
        guard got == count else { throw failure(got < 0 ? code : EFAULT) }
        return bytes
    }

    func write(_ bytes: Span<UInt8>, at address: UInt64) throws(FileError) {
        try check(bytes.count, address)
        guard !bytes.isEmpty else { return }
        let (stored, code) = unsafe bytes.withUnsafeBufferPointer { buffer in
            // Read only, for the length of the call.
            let stored = unsafe capstan_write_memory(identity.thread, buffer.baseAddress, buffer.count, address)
            return (stored, errno)
        }
        guard stored == bytes.count else { throw failure(stored < 0 ? code : EFAULT) }
    }

    func requestedBytes() -> UInt64? {
        guard identity.thread > 0 else { return nil }
        for look in 0..<Self.looks {
            guard let text = ProcFile.read("/proc/\(identity.thread)/syscall", limit: MountLimits.procLineBytes) else {
                return nil
            }
            if let line = SystemCallLine(text) { return requestedBytes(line) }
            // `running`: it has sent its request and is about to sleep. It may also have been put aside in that instant,
            // for this very thread: then it needs the processor.
            guard text.starts(with: Self.running) else { return nil }
            if look < Self.quickLooks { sched_yield() } else { usleep(Self.pauseMicroseconds) }
        }
        return nil
    }

    private static let running = Array("running".utf8)
    /// How often a thread that still runs is looked at: a quarter of a second on an idle machine, longer on a busy one.
    private static let looks = 2500
    private static let quickLooks = 10
    private static let pauseMicroseconds: UInt32 = 100

    private func requestedBytes(_ line: SystemCallLine) -> UInt64? {
        switch line.length {
        case nil: return nil
        case .bytes(let count)?: return count
        case .vector(let address, let count, let isCompatible)?:
            guard count <= UInt64(MountLimits.vectorParts) else { return nil }
            let word = isCompatible ? 4 : 8
            guard let parts = try? read(Int(count) * 2 * word, at: address) else { return nil }
            var sum: UInt64 = 0
            for part in 0..<Int(count) {
                // struct iovec: pointer, then length, in the order of this machine (little endian).
                let length = parts[(part * 2 * word + word)..<((part + 1) * 2 * word)].reversed()
                    .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                let (next, overflow) = sum.addingReportingOverflow(length)
                guard !overflow else { return nil }
                sum = next
            }
            return sum
        }
    }

    private func check(_ count: Int, _ address: UInt64) throws(FileError) {
        guard identity.thread > 0 else {
            throw FileError(
                EPERM,
                "the caller is in a process namespace that the daemon cannot see, so that its memory cannot be "
                    + "reached; run both in one (for a container: --pid host, or the daemon inside)"
            )
        }
        guard count >= 0, count <= MountLimits.callerBytes else {
            throw FileError(
                EINVAL,
                "process \(identity.thread) asked for a transfer of \(count) bytes; "
                    + "\(MountLimits.callerBytes >> 20) MiB is the most"
            )
        }
        guard !address.addingReportingOverflow(UInt64(count)).overflow else { throw FileError(EFAULT) }
    }

    private func failure(_ code: Int32) -> FileError {
        guard code == EPERM else { return FileError(code) }
        return FileError(
            EPERM,
            "the daemon may not reach the memory of process \(identity.thread) of user \(identity.user): it needs to "
                + "run as root (CAP_SYS_PTRACE), or as that user where kernel.yama.ptrace_scope is 0"
        )
    }
}

/// A small file of /proc, read in one go.
enum ProcFile {
    /// Nil when it cannot be read; at most `limit` bytes.
    static func read(_ path: String, limit: Int) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var all: [UInt8] = []
        let step = min(limit, 65_536)
        while all.count < limit {
            var got = 0
            let part = unsafe [UInt8](unsafeUninitializedCapacity: step) { room, filled in
                // `room` has `step` bytes.
                got = unsafe Glibc.read(descriptor, room.baseAddress, step)
                filled = max(0, got)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { return nil }
            guard got > 0 else { break }
            all += part
        }
        return all
    }
}
