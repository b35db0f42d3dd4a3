// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc
import Logging
import Synchronization
import TapeFiles

/// Tells the log why requests were refused, and no more often than a log can bear: some at once, then one in a while,
/// with the number of those that were left out.
final class RefusalLog: Sendable {
    private struct Allowance {
        /// Lines that may still be told at once.
        var left = MountLimits.loggedAtOnce
        var counted: Int64
        var suppressed = 0
    }

    private let logger: Logger
    private let clock: @Sendable () -> Int64
    private let allowance: Mutex<Allowance>

    /// - Parameter clock: nanoseconds that only go forward.
    init(_ logger: Logger, clock: @escaping @Sendable () -> Int64 = { Clock.nanoseconds() }) {
        self.logger = logger
        self.clock = clock
        allowance = Mutex(Allowance(counted: clock()))
    }

    /// An error without a reason says all by its code, and is not told.
    func refused(_ request: StaticString, _ error: FileError, _ caller: CallerIdentity) {
        guard !error.reason.isEmpty else { return }
        guard let suppressed = take() else { return }
        let others = suppressed > 0 ? "; \(suppressed) more refusals were not told" : ""
        let text = Self.harmless(error.description)
        logger.notice("mount: \(request) of process \(caller.thread), user \(caller.user): \(text)\(others)")
    }

    /// A reason may name what the caller made up: on one line, without what a terminal would obey, and not endless.
    static func harmless(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(MountLimits.reasonLength).map { scalar in
                    scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
                        ? "?" : scalar
                }
            )
        )
    }

    /// How many were left out before this one; nil when this one is left out too.
    func take() -> Int? {
        let now = clock()
        return allowance.withLock { allowance in
            let earned = (now - allowance.counted) / MountLimits.loggedEachNanoseconds
            if earned > 0 {
                allowance.left = min(MountLimits.loggedAtOnce, allowance.left + Int(clamping: earned))
                allowance.counted += earned * MountLimits.loggedEachNanoseconds
            }
            guard allowance.left > 0 else {
                allowance.suppressed += 1
                return nil
            }
            allowance.left -= 1
            defer { allowance.suppressed = 0 }
            return allowance.suppressed
        }
    }
}

/// The monotonic clock.
enum Clock {
    static func nanoseconds() -> Int64 {
        var time = timespec()
        // `time` is ours for the length of the call.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
