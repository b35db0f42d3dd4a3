// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// How open(2) was called, as far as the tree cares.
package struct OpenRequest: Sendable, Equatable {
    package var reads: Bool
    package var writes: Bool
    package var isNonblocking: Bool
    /// O_EXCL
    package var isExclusive: Bool
    package var isTruncating: Bool
    package var caller: CallerIdentity

    package init(
        reads: Bool = true,
        writes: Bool = false,
        isNonblocking: Bool = false,
        isExclusive: Bool = false,
        isTruncating: Bool = false,
        caller: CallerIdentity = CallerIdentity()
    ) {
        self.reads = reads
        self.writes = writes
        self.isNonblocking = isNonblocking
        self.isExclusive = isExclusive
        self.isTruncating = isTruncating
        self.caller = caller
    }
}

/// Who calls, as the kernel says.
package struct CallerIdentity: Sendable, Equatable {
    /// Thread id in our process namespace; 0: the caller is in a namespace that we cannot see.
    package var thread: Int32
    package var user: UInt32
    package var group: UInt32

    package init(thread: Int32 = 0, user: UInt32 = 0, group: UInt32 = 0) {
        self.thread = thread
        self.user = user
        self.group = group
    }
}

/// What the caller of the present request lets us see: its own memory and the system call it is in. Only valid until
/// the request is answered.
package protocol Caller: Sendable {
    var identity: CallerIdentity { get }
    /// Exactly `count` bytes at `address` of the caller's memory.
    ///
    /// - Throws: EFAULT (not the caller's), EPERM (another user's process, and no CAP_SYS_PTRACE), ESRCH.
    func read(_ count: Int, at address: UInt64) throws(FileError) -> [UInt8]
    /// Stores all bytes at `address` of the caller's memory. Errors as for reading.
    func write(_ bytes: Span<UInt8>, at address: UInt64) throws(FileError)
    /// The length that the read(2) or write(2) which the caller is in asked for; nil when it cannot be known or it is
    /// another call. The kernel hands on at most 1 MiB at once, so a longer one shows only here.
    func requestedBytes() -> UInt64?
}

/// One ioctl(2).
package struct ControlRequest {
    package var command: UInt32
    /// The third argument as the caller gave it: a pointer, mostly.
    package var argument: UInt64
    /// Of a 32-bit caller.
    package var isCompatible: Bool
    /// What the kernel copied in, by the size and direction bits of `command`; empty when those are none.
    package var input: [UInt8]
    /// Bytes the kernel copies back at most.
    package var outputLimit: Int
    package var caller: any Caller

    package init(
        command: UInt32,
        argument: UInt64,
        isCompatible: Bool = false,
        input: [UInt8] = [],
        outputLimit: Int = 0,
        caller: any Caller
    ) {
        self.command = command
        self.argument = argument
        self.isCompatible = isCompatible
        self.input = input
        self.outputLimit = outputLimit
        self.caller = caller
    }
}

/// What ioctl(2) returns: a result of 0 or above, and at most `outputLimit` bytes.
package struct ControlReply: Sendable, Equatable {
    package var result: Int32
    package var output: [UInt8]

    package init(result: Int32 = 0, output: [UInt8] = []) {
        self.result = result
        self.output = output
    }
}

/// How the kernel treats an open file.
package struct OpenTraits: Sendable, Equatable {
    /// Every read(2) and write(2) comes as it is; nothing is cached.
    package var isDirect: Bool
    /// No seeking, no pread(2): a stream of records.
    package var isStream: Bool
    /// What the kernel has cached of it is still right.
    package var keepsCache: Bool

    package init(isDirect: Bool, isStream: Bool = false, keepsCache: Bool = false) {
        self.isDirect = isDirect
        self.isStream = isStream
        self.keepsCache = keepsCache
    }
}

/// An open file. Calls may come from any thread and at the same time; they block.
package protocol OpenFile: AnyObject, Sendable {
    var traits: OpenTraits { get }
    /// At most `room.count` bytes; 0 at the end (of a tape device: at a filemark).
    func read(into room: inout MutableSpan<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int
    /// How many bytes were taken: all, or it throws.
    func write(_ bytes: Span<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int
    func control(_ request: ControlRequest) throws(FileError) -> ControlReply
    /// close(2) of one descriptor; others of the same open may remain. Its error is close(2)'s.
    func flush(caller: any Caller) throws(FileError)
    /// fsync(2)
    func synchronize() throws(FileError)
    /// The last descriptor is gone. Nobody hears of an error: log it.
    func close()
}

extension OpenFile {
    package func write(_ bytes: Span<UInt8>, at offset: UInt64, caller: any Caller) throws(FileError) -> Int {
        throw FileError(FileError.notWritable)
    }
    package func control(_ request: ControlRequest) throws(FileError) -> ControlReply {
        throw FileError(FileError.noSuchControl)
    }
    package func flush(caller: any Caller) throws(FileError) {}
    package func synchronize() throws(FileError) {}
    package func close() {}
}
