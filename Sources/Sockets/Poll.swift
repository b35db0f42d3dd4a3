// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// Waiting for several descriptors at once.
package enum Poll {
    package struct Event: OptionSet, Sendable {
        package let rawValue: Int16
        package init(rawValue: Int16) { self.rawValue = rawValue }
        package static let readable = Event(rawValue: Int16(POLLIN))
        package static let writable = Event(rawValue: Int16(POLLOUT))
        /// Only errors and a full close are reported.
        package static let none: Event = []
    }

    package struct Interest: Sendable {
        let descriptor: Int32
        let events: Event
        /// A negative descriptor is passed over.
        package init(_ descriptor: Int32, _ events: Event) {
            self.descriptor = descriptor
            self.events = events
        }
    }

    /// Waits until a descriptor is ready or in error; a negative time waits for ever.
    /// - Returns: one flag per interest; all false after the time limit.
    package static func wait(_ interests: [Interest], timeoutMilliseconds: Int = -1) -> [Bool] {
        var descriptors = interests.map { pollfd(fd: $0.descriptor, events: $0.events.rawValue, revents: 0) }
        let deadline = timeoutMilliseconds < 0 ? nil : MonotonicClock.milliseconds() + UInt64(timeoutMilliseconds)
        while true {
            let left = deadline.map { Int($0) - Int(MonotonicClock.milliseconds()) } ?? -1
            let limit = deadline == nil ? -1 : Int32(clamping: max(0, left))
            let count = unsafe descriptors.withUnsafeMutableBufferPointer { list in
                unsafe poll(list.baseAddress, nfds_t(list.count), limit)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return interests.map { _ in false } }
            return descriptors.map { $0.revents != 0 }
        }
    }
}

/// Time that only goes forward.
package enum MonotonicClock {
    package static func milliseconds() -> UInt64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        return UInt64(now.tv_sec) * 1000 + UInt64(now.tv_nsec) / 1_000_000
    }

    /// Seconds since 1970, for message headers.
    package static func wallSeconds() -> UInt32 {
        UInt32(truncatingIfNeeded: time(nil))
    }
}

extension Poll {
    /// The two descriptors of a session's thread: no allocation per message.
    package static func wait(readable first: Int32, _ second: Int32, timeoutMilliseconds: Int32) -> (
        first: Bool, second: Bool
    ) {
        var pair = (
            pollfd(fd: first, events: Int16(POLLIN), revents: 0), pollfd(fd: second, events: Int16(POLLIN), revents: 0)
        )
        // A tuple of two equal structures lies in memory like an array of two.
        let count = unsafe withUnsafeMutablePointer(to: &pair) { pointer in
            unsafe pointer.withMemoryRebound(to: pollfd.self, capacity: 2) { unsafe poll($0, 2, timeoutMilliseconds) }
        }
        guard count > 0 else { return (false, false) }
        return (pair.0.revents != 0, pair.1.revents != 0)
    }
}
