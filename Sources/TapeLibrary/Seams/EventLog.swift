// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import LogicalUnits

/// The latest events in memory, their subscribers and the journal behind them.
///
/// Promises sequence numbers without gaps and the same order for everyone. Bounded: old events make room, a subscriber
/// that does not keep up loses the oldest ones waiting for it.
package final class EventLog: Sendable {
    /// A few days of a busy library, some hundred kilobytes.
    package static let capacity = 1024
    /// Events waiting for one subscriber.
    static let subscriberQueue = 256
    /// Web pages and command-line followers at the same time.
    static let maximumSubscribers = 256

    private struct State {
        /// A ring: the event with sequence number n is at (n - 1) modulo capacity.
        var ring: [LibraryEvent] = []
        var last: UInt64 = 0
        var subscribers: [UInt64: AsyncStream<LibraryEvent>.Continuation] = [:]
        var nextSubscriber: UInt64 = 0
        var isFinished = false
    }

    private let state = Guarded(State(), name: "events")
    private let clock: any LibraryClock
    private let journal: any EventJournal

    init(clock: any LibraryClock, journal: any EventJournal) {
        self.clock = clock
        self.journal = journal
    }

    func record(
        _ kind: LibraryEvent.Kind,
        _ sentence: String,
        barcode: String? = nil,
        place: ElementPlace? = nil,
        actor: String? = nil
    ) {
        state.withLock { state in
            state.last += 1
            let event = LibraryEvent(
                sequence: state.last,
                time: clock.now(),
                kind: kind,
                sentence: sentence,
                barcode: barcode,
                place: place,
                actor: actor
            )
            if state.ring.count < Self.capacity {
                state.ring.append(event)
            } else {
                state.ring[Int((state.last - 1) % UInt64(Self.capacity))] = event
            }
            journal.append(event)
            for continuation in state.subscribers.values {
                continuation.yield(event)
            }
        }
    }

    func events(after sequence: UInt64, limit: Int) -> [LibraryEvent] {
        state.withLock { state in
            let oldest = state.last - UInt64(state.ring.count) + 1
            let first = max(oldest, sequence &+ 1)
            guard sequence < state.last, limit > 0 else { return [] }
            let end = min(state.last, first + UInt64(limit) - 1)
            return (first...end).map { state.ring[Int(($0 - 1) % UInt64(Self.capacity))] }
        }
    }

    func subscribe() -> AsyncStream<LibraryEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: LibraryEvent.self,
            bufferingPolicy: .bufferingNewest(Self.subscriberQueue)
        )
        let number: UInt64? = state.withLock { state in
            guard !state.isFinished, state.subscribers.count < Self.maximumSubscribers else { return nil }
            state.nextSubscriber += 1
            state.subscribers[state.nextSubscriber] = continuation
            return state.nextSubscriber
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.unsubscribe(number)
        }
        return stream
    }

    /// Ends every subscription.
    func finish() {
        let subscribers = state.withLock { state in
            state.isFinished = true
            defer { state.subscribers = [:] }
            return state.subscribers
        }
        // Outside the lock: finishing calls unsubscribe.
        subscribers.values.forEach { $0.finish() }
    }

    private func unsubscribe(_ number: UInt64) {
        state.withLock { state in
            _ = state.subscribers.removeValue(forKey: number)
        }
    }
}
