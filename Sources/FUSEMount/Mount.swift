// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CFuse3
import Glibc
import Logging
import Synchronization
import TapeFiles

/// A tree mounted in the system: from `start()` on every program sees it, until `stop()`, or until somebody unmounts it.
///
/// Owns the connection to the kernel and its threads. Leaves all knowledge of what is shown to the tree. Calls block.
package final class Mount: Sendable {
    package enum State: Sendable, Equatable {
        case idle
        case mounted
        /// Somebody has unmounted it from outside (ENODEV), or the system has cut it off (errno; ENODEV too).
        case lost(Int32)
        case stopped
    }

    /// Absolute, without links.
    package var path: String { point.path }

    private let point: MountPoint
    private let session: Session
    private let logger: Logger
    /// Whether users other than the daemon's may look.
    package let servesOthers: Bool
    private let onLost: @Sendable (Int32) -> Void
    private let state = Monitor<State>(.idle)
    private let listener = Mutex<Task<Void, Never>?>(nil)

    /// Makes the mount point ready: see `MountPoint`.
    ///
    /// - Parameter onLost: called once, on a thread of the mount, when somebody unmounts it from outside (ENODEV) or the
    ///   system cuts it off (another errno).
    package init(
        tree: any ServedTree,
        at mountPoint: String,
        options: MountOptions = MountOptions(),
        logger: Logger,
        onLost: @escaping @Sendable (Int32) -> Void = { _ in }
    ) throws(MountError) {
        self.logger = logger
        self.onLost = onLost
        switch options.others {
        case .nobody: servesOthers = false
        case .everyone: servesOthers = true
        case .whenPermitted: servesOthers = MountPoint.mayServeOthers()
        }
        if options.others == .everyone, !MountPoint.mayServeOthers() {
            throw MountError(
                .permission,
                "the mount cannot be opened to other users",
                hint: "write user_allow_other into /etc/fuse.conf, or run as root"
            )
        }
        point = try MountPoint(preparing: mountPoint, logger: logger)
        session = Session(tree: tree, options: options, logger: logger)
    }

    /// Whether it is mounted still.
    package var current: State { state.withLock { $0 } }

    /// Serving threads at this moment.
    var threads: Int { session.pool?.threads ?? 0 }
    /// Nodes that the kernel knows.
    var rememberedNodes: Int { session.nodes.count }

    /// Mounts. Returns when the kernel has greeted: everything that a program asks from now on is answered.
    package func start() throws(MountError) {
        try session.makeFuseSession(mountOptions)
        guard let fuse = unsafe session.fuse else { return }
        guard unsafe fuse_session_mount(fuse, path) == 0 else {
            session.destroyFuseSession()
            throw Self.refusal(path)
        }
        let pool = ReaderPool(
            descriptor: unsafe fuse_session_fd(fuse),
            threads: session.options.threads,
            onEnd: { [weak self] code in self?.lost(code) },
            serve: { [session] buffer, bytes in session.serve(buffer, bytes: bytes) }
        )
        session.pool = pool
        let notifier = unsafe Notifier(session: fuse, nodes: session.nodes)
        session.notifier = notifier
        state.update { $0 = .mounted }
        let greeting = Int64(MountLimits.greetingSeconds) * 1_000_000_000
        guard pool.start(), notifier.start(), session.greeting.wait(nanoseconds: greeting, { $0 ? true : nil }) != nil
        else {
            stop(drainSeconds: 0)
            throw MountError(.system, "the kernel does not begin to use the mount on \(path)")
        }
        let changes = session.tree.changes()
        listener.withLock {
            $0 = Task { for await change in changes { notifier.post(change) } }
        }
    }

    private var mountOptions: String {
        var words = [
            "fsname=capstan", "subtype=capstan", "default_permissions", "max_read=\(MountLimits.payloadBytes)",
        ]
        if servesOthers { words.append("allow_other") }
        if session.options.isReadOnly { words.append("ro") }
        return words.joined(separator: ",")
    }

    private static func refusal(_ path: String) -> MountError {
        guard unsafe access("/dev/fuse", F_OK) == 0 else {
            return MountError(
                .missing,
                "the device /dev/fuse is missing, so nothing can be mounted on \(path)",
                hint: "load the fuse module (`modprobe fuse`); start a container with --device /dev/fuse"
            )
        }
        guard unsafe access("/dev/fuse", R_OK | W_OK) == 0 else {
            return MountError(
                .permission,
                "this user may not open /dev/fuse, so nothing can be mounted on \(path)",
                hint: "run as root, or let the user read and write /dev/fuse"
            )
        }
        let hint =
            geteuid() == 0
            ? "in a container it needs --cap-add SYS_ADMIN (and no AppArmor profile that forbids mount)"
            : "install the package fuse3 (its fusermount3 mounts for users), and own the mount point"
        return MountError(.permission, "the system does not let this process mount on \(path)", hint: hint)
    }

    // MARK: The end

    /// The readers have found that there is nothing to read any more.
    private func lost(_ code: Int32) {
        let wasMounted = state.update { state in
            guard state == .mounted else { return false }
            state = .lost(code)
            return true
        }
        guard wasMounted else { return }
        // The kernel says ENODEV after an unmount, and as well when the connection is aborted and the mount stays.
        let how =
            if code != ENODEV { "was cut off: \(MountError.reason(code))" } else if point.isDead {
                "was cut off: its connection was aborted"
            } else { "was unmounted from outside" }
        logger.warning("mount: \(path) \(how); everything else goes on")
        // Nobody releases them any more.
        for handle in session.handles.removeAll() { handle.file.close() }
        onLost(code)
    }

    /// Takes the mount away from the name space at once, serves programs that are at work on a tape device for up to
    /// `drainSeconds`, closes what is open still, and ends all threads. A second call does nothing.
    package func stop(drainSeconds: Int) {
        let before = state.update { state in
            defer { state = .stopped }
            return state
        }
        guard before != .stopped, before != .idle else { return }
        listener.withLock { $0?.cancel() }
        if before == .mounted {
            if !point.detach() { logger.warning("mount: \(path) could not be unmounted: \(MountError.reason(errno))") }
            waitForStreams(seconds: drainSeconds)
        } else if point.isDead, !point.detach() {
            logger.warning("mount: \(path) is dead and could not be unmounted: \(MountError.reason(errno))")
        }
        let poolIsGone = session.pool?.end(seconds: MountLimits.endSeconds) ?? true
        let notifierIsGone = session.notifier?.end(seconds: 1) ?? true
        let isQuiet = poolIsGone && notifierIsGone
        if !isQuiet {
            // Said first: closing may wait for what the request is stuck in.
            logger.warning("mount: a request on \(path) did not end; it is cut off with the process")
        }
        for handle in session.handles.removeAll() { handle.file.close() }
        session.notifier = nil
        guard isQuiet else {
            // A request is stuck in a device: its thread needs the connection as long as it lives.
            _ = unsafe Unmanaged.passRetained(session)
            return
        }
        session.pool = nil
        session.destroyFuseSession()
    }

    /// While a program writes or reads a tape, it may go on until the time is up.
    private func waitForStreams(seconds: Int) {
        let end = Clock.nanoseconds() + Int64(seconds) * 1_000_000_000
        var served: UInt64?
        var quietSince = Clock.nanoseconds()
        while session.handles.streams > 0, Clock.nanoseconds() < end {
            let now = session.pool?.servedWhenIdle
            if now == nil || now != served { quietSince = Clock.nanoseconds() }
            served = now
            guard Clock.nanoseconds() - quietSince < MountLimits.quietNanoseconds else { return }
            // Ends early when the kernel says that nothing is left.
            let isLost = state.wait(nanoseconds: 50_000_000) { $0 == .stopped ? nil : true }
            if isLost ?? false { return }
        }
    }
}
