// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CFuse3
import Glibc
import TapeFiles

extension Operations {
    static func addFiles(_ table: inout fuse_lowlevel_ops) {
        unsafe table.open = { handle, number, information in
            guard let request = unsafe Request(handle), let information = unsafe information else { return }
            Operations.open(request, number, unsafe information.pointee)
        }
        unsafe table.release = { handle, _, information in
            guard let request = unsafe Request(handle) else { return }
            Operations.release(request, unsafe Operations.opened(information))
        }
        unsafe table.flush = { handle, _, information in
            guard let request = unsafe Request(handle) else { return }
            Operations.flush(request, unsafe Operations.opened(information))
        }
        unsafe table.fsync = { handle, _, _, information in
            guard let request = unsafe Request(handle) else { return }
            Operations.synchronize(request, unsafe Operations.opened(information))
        }
        unsafe table.read = { handle, _, size, offset, information in
            guard let request = unsafe Request(handle) else { return }
            Operations.read(request, unsafe Operations.opened(information), size: size, offset: offset)
        }
        unsafe table.write = { handle, _, bytes, size, offset, information in
            guard let request = unsafe Request(handle) else { return }
            unsafe Operations.write(request, Operations.opened(information), bytes, size: size, offset: offset)
        }
        unsafe table.ioctl = { handle, _, command, argument, information, flags, input, inputBytes, outputBytes in
            guard let request = unsafe Request(handle) else { return }
            // A directory has no handle of ours.
            guard flags & UInt32(FUSE_IOCTL_DIR) == 0 else { return request.fail(ENOTTY) }
            // As many bytes as the kernel says it copied in.
            let bytes = unsafe Array(UnsafeRawBufferPointer(start: input, count: input == nil ? 0 : inputBytes))
            Operations.control(
                request,
                unsafe Operations.opened(information),
                Control(
                    command: command,
                    argument: UInt64(UInt(bitPattern: argument)),
                    isCompatible: flags & UInt32(FUSE_IOCTL_COMPAT) != 0,
                    input: bytes,
                    outputLimit: min(outputBytes, MountLimits.controlBytes)
                )
            )
        }
    }

    /// The handle that our answer to the open named.
    private static func opened(_ information: UnsafeMutablePointer<fuse_file_info>?) -> OpenHandle? {
        guard let information = unsafe information,
            let address = unsafe UnsafeRawPointer(bitPattern: UInt(information.pointee.fh))
        else { return nil }
        // `Session.handles` keeps it until its release, which the kernel sends last.
        return unsafe Unmanaged<OpenHandle>.fromOpaque(address).takeUnretainedValue()
    }

    // MARK: Opening and closing

    private static func open(_ request: consuming Request, _ number: UInt64, _ information: fuse_file_info) {
        let session = request.session
        guard let node = session.node(number) else { return request.fail(ESTALE) }
        let access = information.flags & O_ACCMODE
        let wanted = OpenRequest(
            reads: access != O_WRONLY,
            writes: access != O_RDONLY,
            isNonblocking: information.flags & O_NONBLOCK != 0,
            isExclusive: information.flags & O_EXCL != 0,
            isTruncating: information.flags & O_TRUNC != 0,
            caller: request.identity
        )
        guard node.isDevice else { return finishOpen(request, node, wanted, information) }
        let parcel = Parcel(request)
        let isServed = session.opens.serve {
            guard let request = parcel.take() else { return }
            finishOpen(request, node, wanted, information)
        }
        if !isServed, let request = parcel.take() {
            request.fail(FileError(EBUSY, "\(MountLimits.queuedOpens) opens of devices are waiting already"), "open")
        }
    }

    private static func finishOpen(
        _ request: consuming Request,
        _ node: FileNode,
        _ wanted: OpenRequest,
        _ information: fuse_file_info
    ) {
        let session = request.session
        let handle: OpenHandle
        do throws(FileError) { handle = OpenHandle(try session.tree.openFile(node, wanted), node) } catch {
            return request.fail(error, "open")
        }
        guard session.handles.add(handle) else {
            handle.file.close()
            request.fail(FileError(ENFILE, "\(MountLimits.openFiles) files are open already"), "open")
            return
        }
        var answer = information
        answer.fh = UInt64(UInt(bitPattern: unsafe Unmanaged.passUnretained(handle).toOpaque()))
        answer.direct_io = handle.traits.isDirect ? 1 : 0
        answer.nonseekable = handle.traits.isStream ? 1 : 0
        answer.keep_cache = handle.traits.keepsCache ? 1 : 0
        // A file that only is read has nothing to say when it is closed.
        answer.noflush = wanted.writes || node.isDevice ? 0 : 1
        session.countStreams()
        guard request.open(&answer) else {
            // The caller was killed: there will be no release.
            session.handles.remove(handle)
            session.countStreams()
            handle.file.close()
            return
        }
    }

    private static func release(_ request: consuming Request, _ handle: OpenHandle?) {
        let session = request.session
        guard let handle else { return request.fail(EBADF) }
        session.handles.remove(handle)
        handle.file.close()
        request.succeed()
        session.countStreams()
    }

    private static func flush(_ request: consuming Request, _ handle: OpenHandle?) {
        guard let handle else { return request.fail(EBADF) }
        do throws(FileError) {
            try handle.file.flush(caller: request.caller)
            request.succeed()
        } catch { request.fail(error, "close") }
    }

    private static func synchronize(_ request: consuming Request, _ handle: OpenHandle?) {
        guard let handle else { return request.fail(EBADF) }
        do throws(FileError) {
            try handle.file.synchronize()
            request.succeed()
        } catch { request.fail(error, "fsync") }
    }

    // MARK: Bytes

    private static func read(_ request: consuming Request, _ handle: OpenHandle?, size: Int, offset: Int) {
        guard let handle else { return request.fail(EBADF) }
        guard offset >= 0, let start = unsafe request.session.payload else { return request.fail(EINVAL) }
        let size = max(0, min(size, MountLimits.payloadBytes))
        // The serving thread's own pages; its request was decoded from them and is not needed any more.
        var room = unsafe MutableSpan<UInt8>(_unsafeStart: start.assumingMemoryBound(to: UInt8.self), count: size)
        let count: Int
        do throws(FileError) {
            count = try handle.file.read(into: &room, at: UInt64(offset), caller: request.caller)
        } catch { return request.fail(error, "read") }
        guard (0...size).contains(count) else { return request.fail(EIO) }
        _ = unsafe request.bytes(start, count)
    }

    private static func write(
        _ request: consuming Request,
        _ handle: OpenHandle?,
        _ bytes: UnsafePointer<CChar>?,
        size: Int,
        offset: Int
    ) {
        guard let handle else { return request.fail(EBADF) }
        guard offset >= 0, let bytes = unsafe bytes else { return request.fail(EINVAL) }
        // Valid until the operation returns; libfuse says `size` from what the kernel sent.
        let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: size).assumingMemoryBound(to: UInt8.self)
        do throws(FileError) {
            let count = try handle.file.write(
                unsafe Span(_unsafeElements: buffer),
                at: UInt64(offset),
                caller: request.caller
            )
            request.written(count)
        } catch { request.fail(error, "write") }
    }

    // MARK: Control

    private struct Control {
        var command: UInt32
        var argument: UInt64
        var isCompatible: Bool
        var input: [UInt8]
        var outputLimit: Int
    }

    private static func control(_ request: consuming Request, _ handle: OpenHandle?, _ control: Control) {
        guard let handle else { return request.fail(EBADF) }
        do throws(FileError) {
            let reply = try handle.file.control(
                ControlRequest(
                    command: control.command,
                    argument: control.argument,
                    isCompatible: control.isCompatible,
                    input: control.input,
                    outputLimit: control.outputLimit,
                    caller: request.caller
                )
            )
            guard reply.output.count <= control.outputLimit else {
                throw FileError(EIO, "an ioctl answers with more bytes than its number says")
            }
            request.control(reply)
        } catch { request.fail(error, "ioctl") }
    }
}

/// A request that is handed on, to be answered by whoever takes it.
private final class Parcel: @unchecked Sendable {
    /// Taken once: by the open line's work, or by who could not put it there.
    private var request: Request?

    init(_ request: consuming Request) {
        self.request = consume request
    }

    func take() -> Request? {
        request.take()
    }
}
