// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Sockets
import Synchronization

/// Work on several threads at once, for calls that block.
enum Parallel {
    private final class Queue: Sendable {
        private let next = Atomic<Int>(0)
        private let count: Int

        init(_ count: Int) { self.count = count }

        func take() -> Int? {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            return index < count ? index : nil
        }
    }

    /// Runs `body` on up to `limit` threads, each of which takes numbers from 0 to `count - 1` until there are none.
    static func run(count: Int, limit: Int, _ body: @escaping @Sendable (_ take: () -> Int?) -> Void) {
        guard count > 0 else { return }
        let queue = Queue(count)
        var threads: [DedicatedThread] = []
        // This thread is one of them; a thread that cannot be had only makes the work slower.
        for _ in 1..<max(1, min(limit, count)) {
            do throws(NetworkError) {
                threads.append(try DedicatedThread(name: "probe") { body { queue.take() } })
            } catch { break }
        }
        body { queue.take() }
        threads.forEach { $0.join() }
    }
}

/// What the threads of a probe find, in no order.
final class ProbeResults: Sendable {
    private let attempts = Mutex<[PortAttempt]>([])

    func add(_ attempt: PortAttempt) { attempts.withLock { $0.append(attempt) } }

    /// By port.
    var sorted: [PortAttempt] {
        attempts.withLock { $0 }.sorted { ($0.port ?? .max, $0.milliseconds) < ($1.port ?? .max, $1.milliseconds) }
    }

    /// A session that could not be had; nothing more is tried then.
    private let failure = Mutex<NDMPClientError?>(nil)

    func fail(_ error: NDMPClientError) { failure.withLock { $0 = $0 ?? error } }

    var firstFailure: NDMPClientError? { failure.withLock { $0 } }
}
