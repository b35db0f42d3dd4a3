// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// A value that threads wait for: a pthread mutex and condition around it.
///
/// Every change wakes whoever waits. Owns both; promises that only one thread at a time sees the value.
@safe
package final class Awaited<Value>: @unchecked Sendable {
    /// Both live at fixed addresses until deinit.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    package init(_ value: Value) {
        self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        // A clock that nobody sets back.
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Changes the value and wakes those who wait.
    package func update<Result>(_ body: (inout Value) -> Result) -> Result {
        // The pointers are valid as long as self is.
        unsafe pthread_mutex_lock(mutex)
        defer {
            unsafe pthread_cond_broadcast(condition)
            unsafe pthread_mutex_unlock(mutex)
        }
        return body(&value)
    }

    /// Calls `body` now and after every change until it gives something, for at most `limit`.
    ///
    /// - Returns: nil when the time is over.
    package func wait<Result>(upTo limit: Duration, until body: (inout Value) -> Result?) -> Result? {
        var deadline = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &deadline)
        let parts = limit.components
        let nanoseconds = Int64(deadline.tv_nsec) + parts.attoseconds / 1_000_000_000
        deadline.tv_sec += Int(parts.seconds + nanoseconds / 1_000_000_000)
        deadline.tv_nsec = Int(nanoseconds % 1_000_000_000)

        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) { return result }
            guard unsafe pthread_cond_timedwait(condition, mutex, &deadline) == 0 else { return nil }
        }
    }
}
