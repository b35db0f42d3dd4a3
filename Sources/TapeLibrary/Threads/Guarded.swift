// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// A value and the pthread mutex that guards it.
///
/// Owns both; promises that only one thread at a time sees the value. A thread that takes the lock it already holds is
/// a bug of ours and traps with a message instead of hanging.
@safe
package final class Guarded<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value
    private let name: String

    package init(_ value: Value, name: String) {
        self.value = value
        self.name = name
        // Allocated once so that the mutex never moves; freed in deinit.
        unsafe mutex = .allocate(capacity: 1)
        var attributes = pthread_mutexattr_t()
        unsafe pthread_mutexattr_init(&attributes)
        unsafe pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ERRORCHECK))
        unsafe pthread_mutex_init(mutex, &attributes)
        unsafe pthread_mutexattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Runs `body` while no other thread can be inside.
    package func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The pointer is valid as long as self is.
        let outcome = unsafe pthread_mutex_lock(mutex)
        precondition(outcome == 0, "\(name): its lock was taken again by the thread that holds it")
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
    /// Runs `body` when no other thread is inside; nil, at once, when one is.
    package func withLockIfFree<Result>(_ body: (inout Value) -> Result) -> Result? {
        guard unsafe pthread_mutex_trylock(mutex) == 0 else { return nil }
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body(&value)
    }
}
