// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// One pthread that runs jobs in order: the executor of whatever must block without holding up a task or an event loop.
///
/// Owns the thread and its queue. Promises that jobs run one at a time, in the order they came. The thread starts with
/// the first job and ends after `stop()`, once the queue is empty.
@safe
package final class DeviceThread: SerialExecutor, @unchecked Sendable {
    private struct State {
        var jobs: [UnownedJob] = []
        var isRunning = false
        var isStopping = false
    }

    /// Mutex and condition live at fixed addresses until deinit.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state = State()
    package let name: String

    package init(name: String) {
        self.name = name
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // Both pointers are valid as long as self is.
        unsafe pthread_mutex_lock(mutex)
        state.jobs.append(job)
        let mustStart = !state.isRunning
        state.isRunning = true
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
        if mustStart {
            start()
        }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        // Whoever enqueues holds this object: stations keep it beside the actor that runs on it.
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    /// Lets the thread end after the jobs that are queued. A job that comes later starts it again.
    package func stop() {
        unsafe pthread_mutex_lock(mutex)
        state.isStopping = true
        unsafe pthread_cond_signal(condition)
        unsafe pthread_mutex_unlock(mutex)
    }

    private func start() {
        // The thread owns one reference to self, taken back in its body.
        let reference = unsafe Unmanaged.passRetained(self)
        var thread = pthread_t()
        let outcome = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<DeviceThread>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            reference.toOpaque()
        )
        guard outcome == 0 else {
            // No thread to be had: the job must run somewhere, so it runs here, once.
            unsafe reference.release()
            run(once: true)
            return
        }
        pthread_detach(thread)
    }

    private func run(once: Bool = false) {
        // Valid while self is, and this call keeps self.
        let executor = unsafe asUnownedSerialExecutor()
        unsafe pthread_mutex_lock(mutex)
        while true {
            while state.jobs.isEmpty, !state.isStopping, !once {
                unsafe pthread_cond_wait(condition, mutex)
            }
            guard !state.jobs.isEmpty else { break }
            let batch = state.jobs
            state.jobs.removeAll(keepingCapacity: true)
            unsafe pthread_mutex_unlock(mutex)
            for job in batch {
                unsafe job.runSynchronously(on: executor)
            }
            unsafe pthread_mutex_lock(mutex)
        }
        state.isRunning = false
        state.isStopping = false
        unsafe pthread_mutex_unlock(mutex)
    }
}

/// Runs closures on a device thread for callers that must not block.
package actor ThreadGate {
    private let thread: DeviceThread

    package init(_ thread: DeviceThread) {
        self.thread = thread
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The actor holds the thread.
        unsafe thread.asUnownedSerialExecutor()
    }

    /// Runs `body` on the thread; it may block.
    package func run<Result: Sendable, Failure: Error>(
        _ body: @Sendable () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body()
    }
}
