// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CFuse3
import Glibc
import TapeFiles

/// The operations that libfuse calls. What is not in the table is answered with ENOSYS by libfuse itself: extended
/// attributes, locks, polling, allocation, copying within the mount; the kernel then does without.
enum Operations {
    static func table() -> fuse_lowlevel_ops {
        var table = fuse_lowlevel_ops()
        unsafe table.`init` = { data, connection in unsafe Operations.begin(data, connection) }
        addNames(&table)
        addChanges(&table)
        addFiles(&table)
        return table
    }

    /// What is agreed upon with the kernel.
    private static func begin(_ data: UnsafeMutableRawPointer?, _ connection: UnsafeMutablePointer<fuse_conn_info>?) {
        guard let data = unsafe data, let connection = unsafe connection else { return }
        var wanted = unsafe connection.pointee.want
        let capable = unsafe connection.pointee.capable
        let on = [
            FUSE_CAP_ATOMIC_O_TRUNC, FUSE_CAP_ASYNC_READ, FUSE_CAP_PARALLEL_DIROPS, FUSE_CAP_READDIRPLUS,
            FUSE_CAP_READDIRPLUS_AUTO, FUSE_CAP_AUTO_INVAL_DATA,
        ]
        // Two halves of one write must not come at once (ASYNC_DIO), nor later than write(2) (WRITEBACK_CACHE).
        let off = [
            FUSE_CAP_ASYNC_DIO, FUSE_CAP_WRITEBACK_CACHE, FUSE_CAP_IOCTL_DIR, FUSE_CAP_CACHE_SYMLINKS,
            FUSE_CAP_SPLICE_READ, FUSE_CAP_SPLICE_WRITE, FUSE_CAP_SPLICE_MOVE, FUSE_CAP_POSIX_LOCKS,
            FUSE_CAP_FLOCK_LOCKS,
        ]
        for bit in on { wanted |= UInt32(bit) & capable }
        for bit in off { wanted &= ~UInt32(bit) }
        unsafe connection.pointee.want = wanted
        unsafe connection.pointee.max_write = UInt32(MountLimits.payloadBytes)
        unsafe connection.pointee.max_read = UInt32(MountLimits.payloadBytes)
        unsafe connection.pointee.max_background = MountLimits.backgroundRequests
        unsafe connection.pointee.congestion_threshold = MountLimits.backgroundRequests * 3 / 4
        unsafe connection.pointee.time_gran = 1
        // The session outlives what libfuse does in its name.
        let session = unsafe Unmanaged<Session>.fromOpaque(data).takeUnretainedValue()
        session.greeting.update { $0 = true }
    }

    /// The name that libfuse hands over, without its zero byte.
    static func name(_ text: UnsafePointer<CChar>?) -> [UInt8] {
        guard let text = unsafe text else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
    }

    // MARK: Names

    private static func addNames(_ table: inout fuse_lowlevel_ops) {
        unsafe table.lookup = { handle, parent, name in
            guard let request = unsafe Request(handle) else { return }
            Operations.lookUp(request, unsafe Operations.name(name), in: parent)
        }
        unsafe table.forget = { handle, number, count in
            guard let request = unsafe Request(handle) else { return }
            request.session.nodes.forget(number, count)
            request.end()
        }
        unsafe table.forget_multi = { handle, count, forgets in
            guard let request = unsafe Request(handle) else { return }
            // The kernel's list of `count` entries, as long as the request.
            unsafe UnsafeBufferPointer(start: forgets, count: count).forEach {
                request.session.nodes.forget($0.ino, $0.nlookup)
            }
            request.end()
        }
        unsafe table.getattr = { handle, number, _ in
            guard let request = unsafe Request(handle) else { return }
            Operations.attributes(request, of: number)
        }
        unsafe table.readlink = { handle, number in
            guard let request = unsafe Request(handle) else { return }
            Operations.readLink(request, number)
        }
        unsafe table.readdir = { handle, number, size, offset, _ in
            guard let request = unsafe Request(handle) else { return }
            Operations.list(request, number, size: size, offset: offset, withAttributes: false)
        }
        unsafe table.readdirplus = { handle, number, size, offset, _ in
            guard let request = unsafe Request(handle) else { return }
            Operations.list(request, number, size: size, offset: offset, withAttributes: true)
        }
        unsafe table.statfs = { handle, _ in
            guard let request = unsafe Request(handle) else { return }
            Operations.statistics(request)
        }
    }

    private static func lookUp(_ request: consuming Request, _ name: [UInt8], in parent: UInt64) {
        let session = request.session
        guard let directory = session.node(parent) else { return request.fail(ESTALE) }
        guard name.count <= Session.nameBytes else { return request.fail(ENAMETOOLONG) }
        do throws(FileError) {
            let (node, attributes) = try session.tree.lookUp(name, in: directory)
            answer(request, node, attributes, in: parent)
        } catch { request.fail(error, "a look-up") }
    }

    /// The entry of a name that was found or made.
    static func answer(
        _ request: consuming Request,
        _ node: FileNode,
        _ attributes: FileAttributes,
        in parent: UInt64
    ) {
        let session = request.session
        let number = session.nodes.remember(node, inode: attributes.inode, parent: parent)
        // The kernel did not take it, so it will not forget it either.
        if !request.entry(number, node, attributes) { session.nodes.forget(number, 1) }
    }

    private static func attributes(_ request: consuming Request, of number: UInt64) {
        let session = request.session
        guard let node = session.node(number) else { return request.fail(ESTALE) }
        do throws(FileError) { request.attributes(node, try session.tree.attributes(of: node)) } catch {
            request.fail(error, "stat")
        }
    }

    private static func readLink(_ request: consuming Request, _ number: UInt64) {
        let session = request.session
        guard let node = session.node(number) else { return request.fail(ESTALE) }
        do throws(FileError) { request.link(try session.tree.readLink(node)) } catch {
            request.fail(error, "readlink")
        }
    }

    private static func statistics(_ request: consuming Request) {
        let statistics: FileSystemStatistics
        do throws(FileError) { statistics = try request.session.tree.statistics() } catch {
            return request.fail(error, "statfs")
        }
        request.statistics(statistics)
    }
}
