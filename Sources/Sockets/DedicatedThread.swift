// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Synchronization

/// One POSIX thread that runs one closure. Blocking calls belong here, never on an event loop or a task.
package final class DedicatedThread: Sendable {
    /// Stack of a session or mover thread. The deepest path, a CDB through drive and cartridge, uses a fraction of it;
    /// only touched pages cost memory.
    package static let stackBytes = 512 << 10

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    private let handle: pthread_t
    private let joined = Atomic<Bool>(false)

    /// - Parameter stackBytes: address space for the stack; only touched pages cost memory.
    package init(
        name: String,
        stackBytes: Int = DedicatedThread.stackBytes,
        _ body: @escaping @Sendable () -> Void
    ) throws(NetworkError) {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setstacksize(&attributes, stackBytes)
        let work = Work(body)
        let context = unsafe Unmanaged.passRetained(work).toOpaque()
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread,
            &attributes,
            { context in
                guard let context = unsafe context else { return nil }
                // Balances passRetained: the thread owns its work until it ends.
                let work = unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
                blockBrokenPipeSignal()
                work.body()
                return nil
            },
            context
        )
        guard status == 0 else {
            unsafe Unmanaged<Work>.fromOpaque(context).release()
            throw NetworkError(operation: "start", address: "thread \(name)", code: status)
        }
        handle = thread
    }

    /// Waits for the end of the thread. Only the first call waits; the handle is gone after it.
    package func join() {
        guard !joined.exchange(true, ordering: .relaxed) else { return }
        _ = pthread_join(handle, nil)
    }

    deinit {
        // A thread nobody waited for gives its memory back by itself.
        if !joined.load(ordering: .relaxed) { _ = pthread_detach(handle) }
    }
}

/// sendfile on a closed connection raises SIGPIPE and has no flag against it; blocked, the call fails with EPIPE.
private func blockBrokenPipeSignal() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGPIPE)
    _ = unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
}
