// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import CLinux
import Glibc
import Synchronization

/// The threads that read requests and serve them.
///
/// A reader serves what it has read, so that a stream of requests stays on one thread and in one cache. Only while it is
/// at work for longer than `MountLimits.patienceNanoseconds` (a drive that waits, a disk that flushes) does the watcher
/// take its seat and read on; the first one comes back to the pool when it is done. There are as many seats as tape
/// devices are open, within limits; one is always there.
///
///     parked ──► watcher ──► reader ──(took too long)──► parked, or gone
///
/// A seat's pulse is even while its reader waits for a request and odd while it serves one. Whoever moves an odd pulse
/// on has the seat: the reader when it is done, or the watcher.
final class ReaderPool: Sendable {
    enum Role: Sendable {
        case read(seat: Int)
        case watch
    }

    private final class Seat: Sendable {
        let pulse = Atomic<UInt64>(0)
    }

    private struct State {
        var threads = 0
        var parked = 0
        /// For parked threads to take.
        var roles: [Role] = []
        var hasWatcher = false
        var watcherWoken = false
        var isEnded = false
        /// Whether somebody sits there, or is on the way.
        var taken: [Bool]
        /// Who sits there and can be interrupted.
        var readers: [pthread_t?]
        var wanted = 1
        /// Requests that are served by threads whose seat the watcher has taken.
        var overtaken = 0
    }

    /// Serves the next request, or waits for it: see `RequestBuffer`.
    typealias Serve =
        @Sendable (
            _ buffer: borrowing RequestBuffer,
            _ bytes: Int
        ) -> Void

    private let descriptor: Int32
    private let limit: Int
    private let serve: Serve
    /// Called once, by the thread that found out, when there are no requests any more.
    private let onEnd: @Sendable (Int32) -> Void
    private let seats: [Seat]
    private let state: Monitor<State>
    private let wanted = Atomic<Int>(1)
    private let watcherSleeps = Atomic<Bool>(false)

    init(
        descriptor: Int32,
        threads: Int,
        seats: Int = min(MountLimits.seats, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
        onEnd: @escaping @Sendable (Int32) -> Void,
        serve: @escaping Serve
    ) {
        self.descriptor = descriptor
        self.serve = serve
        self.onEnd = onEnd
        limit = threads
        self.seats = (0..<seats).map { _ in Seat() }
        var first = State(taken: Array(repeating: false, count: seats), readers: Array(repeating: nil, count: seats))
        first.taken[0] = true
        state = Monitor(first)
    }

    /// False when the system has no threads.
    func start() -> Bool {
        capstan_interrupt_prepare() == 0 && appoint(.read(seat: 0)) && appoint(.watch)
    }

    /// Threads at this moment.
    var threads: Int { state.withLock { $0.threads } }

    /// How many requests were served so far; nil while one is being served.
    var servedWhenIdle: UInt64? {
        let pulses = pulses()
        guard state.withLock({ $0.overtaken }) == 0, pulses.allSatisfy({ $0 & 1 == 0 }) else { return nil }
        return pulses.reduce(0, &+)
    }

    /// As many readers as there are streams to serve, at least one.
    func want(readers count: Int) {
        let count = max(1, min(count, seats.count))
        guard wanted.exchange(count, ordering: .relaxed) != count else { return }
        let vacant = state.withLock { state in
            state.wanted = count
            let vacant = (0..<count).filter { !state.taken[$0] }
            for seat in vacant { state.taken[seat] = true }
            return vacant
        }
        for seat in vacant where !appoint(.read(seat: seat)) { leave(seat) }
    }

    /// Ends all threads; true when they are gone within `seconds`.
    func end(seconds: Int) -> Bool {
        state.update { $0.isEnded = true }
        let tick: Int64 = 20_000_000
        for _ in 0..<max(1, Int64(seconds) * 1_000_000_000 / tick) {
            state.withLock { state in
                for (index, reader) in state.readers.enumerated() {
                    // Who sits there lives: it leaves its seat under this lock.
                    guard let reader, seats[index].pulse.load(ordering: .relaxed) & 1 == 0 else { continue }
                    _ = capstan_interrupt(reader)
                }
            }
            if state.wait(nanoseconds: tick, { $0.threads == 0 ? true : nil }) ?? false { return true }
        }
        return false
    }

    // MARK: Roles

    /// Gives the role to a parked thread or a new one; false when there is none to be had.
    private func appoint(_ role: Role) -> Bool {
        let mustStart: Bool? = state.update { state in
            guard !state.isEnded else { return nil }
            if state.parked > state.roles.count {
                state.roles.append(role)
                if case .watch = role { state.hasWatcher = true }
                return false
            }
            guard state.threads < limit else { return nil }
            state.threads += 1
            if case .watch = role { state.hasWatcher = true }
            return true
        }
        guard let mustStart else { return false }
        guard mustStart else { return true }
        guard ServingThread.start({ self.work(role) }) else {
            state.update { state in
                state.threads -= 1
                if case .watch = role { state.hasWatcher = false }
            }
            return false
        }
        return true
    }

    private func work(_ first: Role) {
        let buffer = RequestBuffer()
        // Threads of a dispatch queue, which may have started us, block all signals.
        _ = capstan_interrupt_allow()
        var role: Role? = first
        while let current = role {
            switch current {
            case .read(let seat): read(seat, buffer)
            case .watch:
                if let seat = watch() {
                    role = .read(seat: seat)
                    continue
                }
            }
            role = next()
        }
        state.update { $0.threads -= 1 }
    }

    /// What a thread does that has nothing to do; nil: it ends.
    private func next() -> Role? {
        let atOnce: Role?? = state.update { state -> Role?? in
            guard !state.isEnded else { return .some(nil) }
            if !state.hasWatcher {
                state.hasWatcher = true
                return .some(.watch)
            }
            if let role = state.roles.popLast() { return .some(role) }
            guard state.parked < MountLimits.parkedThreads else { return .some(nil) }
            state.parked += 1
            return nil
        }
        if let atOnce { return atOnce }
        let role: Role?? = state.wait { state -> Role?? in
            guard !state.isEnded else {
                state.parked -= 1
                return .some(nil)
            }
            guard let role = state.roles.popLast() else { return nil }
            state.parked -= 1
            return .some(role)
        }
        return role ?? nil
    }

    // MARK: Reading

    private func read(_ index: Int, _ buffer: borrowing RequestBuffer) {
        let seat = seats[index]
        let isEnded = state.withLock { state in
            state.readers[index] = pthread_self()
            return state.isEnded
        }
        guard !isEnded else { return leave(index) }
        while true {
            switch buffer.receive(from: descriptor) {
            case .nothing:
                guard !state.withLock({ $0.isEnded }) else { return leave(index) }
            case .ended(let code):
                leave(index)
                let isFirst = state.update { state in
                    defer { state.isEnded = true }
                    return !state.isEnded
                }
                if isFirst { onEnd(code) }
                return
            case .request(let bytes):
                let turn = seat.pulse.load(ordering: .relaxed) &+ 1
                // Sequentially consistent, as the watcher's look before it sleeps: one of the two sees the other.
                seat.pulse.store(turn, ordering: .sequentiallyConsistent)
                if watcherSleeps.load(ordering: .sequentiallyConsistent) { wakeWatcher() }
                serve(buffer, bytes)
                let isMine = seat.pulse.compareExchange(
                    expected: turn,
                    desired: turn &+ 1,
                    ordering: .acquiringAndReleasing
                ).exchanged
                guard isMine else {
                    // The watcher sits there now.
                    state.withLock { state in
                        state.overtaken -= 1
                        if let reader = state.readers[index], pthread_equal(reader, pthread_self()) != 0 {
                            state.readers[index] = nil
                        }
                    }
                    return
                }
                guard index < wanted.load(ordering: .relaxed) || !mayLeave(index) else { return }
            }
        }
    }

    private func leave(_ index: Int) {
        state.withLock { state in
            state.readers[index] = nil
            state.taken[index] = false
        }
    }

    /// Whether this seat is one too many; then it is left.
    private func mayLeave(_ index: Int) -> Bool {
        state.withLock { state in
            guard index >= state.wanted else { return false }
            state.readers[index] = nil
            state.taken[index] = false
            return true
        }
    }

    // MARK: Watching

    /// Looks after the readers until one is stuck; its seat is then the watcher's. Nil at the end of everything.
    private func watch() -> Int? {
        var seen = pulses()
        var idleLooks = 0
        while !state.withLock({ $0.isEnded }) {
            pause()
            let now = pulses()
            for (index, pulse) in now.enumerated() where pulse == seen[index] && pulse & 1 == 1 {
                let isMine = seats[index].pulse.compareExchange(
                    expected: pulse,
                    desired: pulse &+ 1,
                    ordering: .acquiringAndReleasing
                ).exchanged
                guard isMine else { continue }
                state.withLock { state in
                    state.hasWatcher = false
                    state.overtaken += 1
                }
                // When there is no thread left, the next one that is done watches.
                _ = appoint(.watch)
                return index
            }
            idleLooks = now == seen ? idleLooks + 1 : 0
            seen = now
            guard idleLooks >= MountLimits.idleLooks else { continue }
            idleLooks = 0
            sleep(unlessMovedFrom: seen)
        }
        return nil
    }

    private func pulses() -> [UInt64] { seats.map { $0.pulse.load(ordering: .sequentiallyConsistent) } }

    private func pause() {
        var time = timespec(tv_sec: 0, tv_nsec: Int(MountLimits.patienceNanoseconds))
        // Cut short by a signal it only looks earlier.
        unsafe nanosleep(&time, nil)
    }

    /// Until a reader has a request.
    private func sleep(unlessMovedFrom seen: [UInt64]) {
        state.withLock { $0.watcherWoken = false }
        watcherSleeps.store(true, ordering: .sequentiallyConsistent)
        if pulses() == seen {
            _ = state.wait { $0.watcherWoken || $0.isEnded ? true : nil }
        }
        watcherSleeps.store(false, ordering: .sequentiallyConsistent)
    }

    private func wakeWatcher() {
        guard watcherSleeps.exchange(false, ordering: .sequentiallyConsistent) else { return }
        state.update { $0.watcherWoken = true }
    }
}

extension ReaderPool.Role: Equatable {}
