// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CFuse3
import Glibc
import TapeFiles

/// One request of the kernel. An answer consumes it, so that the compiler refuses a second one.
@safe
struct Request: ~Copyable {
    private let handle: OpaquePointer
    let session: Session

    @unsafe init?(_ handle: OpaquePointer?) {
        guard let handle = unsafe handle, let data = unsafe fuse_req_userdata(handle) else { return nil }
        unsafe self.handle = handle
        // The session outlives its requests: it is what all threads run in.
        session = unsafe Unmanaged<Session>.fromOpaque(data).takeUnretainedValue()
    }

    /// The kernel's word for who calls.
    var identity: CallerIdentity {
        // The context lies in the request, which is not answered yet.
        guard let context = unsafe fuse_req_ctx(handle) else { return CallerIdentity() }
        return unsafe CallerIdentity(
            thread: context.pointee.pid,
            user: context.pointee.uid,
            group: context.pointee.gid
        )
    }

    var caller: CallerProcess { CallerProcess(identity: identity) }

    // MARK: Answers. Each is true when the kernel took it: a caller that was killed meanwhile does not.

    consuming func succeed() { unsafe fuse_reply_err(handle, 0) }

    /// - Parameter request: for the log.
    consuming func fail(_ error: FileError, _ request: StaticString) {
        session.log.refused(request, error, identity)
        let code = (1...4095).contains(error.code) ? error.code : EIO
        unsafe fuse_reply_err(handle, code)
    }

    /// For what needs no word in the log.
    consuming func fail(_ code: Int32) { unsafe fuse_reply_err(handle, code) }

    /// For requests that want no answer.
    consuming func end() { unsafe fuse_reply_none(handle) }

    consuming func entry(_ number: UInt64, _ node: FileNode, _ attributes: FileAttributes) -> Bool {
        var entry = session.entry(number, node, attributes)
        return unsafe fuse_reply_entry(handle, &entry) == 0
    }

    consuming func attributes(_ node: FileNode, _ attributes: FileAttributes) {
        var status = session.status(node, attributes)
        unsafe fuse_reply_attr(handle, &status, Session.seconds(attributes.validMilliseconds))
    }

    consuming func link(_ target: [UInt8]) {
        let text = target.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
        unsafe fuse_reply_readlink(handle, text)
    }

    consuming func open(_ information: inout fuse_file_info) -> Bool {
        unsafe fuse_reply_open(handle, &information) == 0
    }

    consuming func written(_ count: Int) { unsafe fuse_reply_write(handle, count) }

    /// - Parameter start: of `count` bytes.
    @unsafe consuming func bytes(_ start: UnsafeRawPointer?, _ count: Int) -> Bool {
        // The pages go to the kernel from where they are.
        unsafe fuse_reply_buf(handle, start?.assumingMemoryBound(to: CChar.self), count) == 0
    }

    consuming func control(_ reply: ControlReply) {
        unsafe reply.output.withUnsafeBytes { bytes in
            _ = unsafe fuse_reply_ioctl(handle, reply.result, bytes.baseAddress, bytes.count)
        }
    }

    consuming func statistics(_ statistics: FileSystemStatistics) {
        let block: UInt64 = 4096
        let used = min(statistics.usedBytes, statistics.capacityBytes)
        var reply = statvfs()
        reply.f_bsize = UInt(block)
        reply.f_frsize = UInt(block)
        reply.f_blocks = UInt(statistics.capacityBytes / block)
        reply.f_bfree = UInt((statistics.capacityBytes - used) / block)
        reply.f_bavail = reply.f_bfree
        reply.f_files = UInt(statistics.files)
        reply.f_namemax = UInt(Session.nameBytes)
        unsafe fuse_reply_statfs(handle, &reply)
    }

    // MARK: Directories

    /// Adds an entry to a listing; the bytes it takes, more than `room` when it does not fit.
    @unsafe borrowing func add(
        _ name: [CChar],
        _ status: inout stat,
        next: Int,
        at start: UnsafeMutablePointer<CChar>,
        room: Int
    ) -> Int {
        unsafe fuse_add_direntry(handle, start, room, name, &status, next)
    }

    /// The same with what a lookup of it would say.
    @unsafe borrowing func add(
        _ name: [CChar],
        _ entry: inout fuse_entry_param,
        next: Int,
        at start: UnsafeMutablePointer<CChar>,
        room: Int
    ) -> Int {
        unsafe fuse_add_direntry_plus(handle, start, room, name, &entry, next)
    }
}
