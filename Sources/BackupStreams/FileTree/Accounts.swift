// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// The system's users and groups.
enum Accounts {
    /// Room for one record; a longer one counts as unknown.
    private static let recordBytes = 16_384

    /// The number of a user or group of this name; nil when there is none.
    static func identifier(_ name: String, isGroup: Bool) -> UInt32? {
        var buffer = [CChar](repeating: 0, count: recordBytes)
        if isGroup {
            var record = unsafe group()
            var found: UnsafeMutablePointer<group>?
            // The calls fill the local record and buffer; only a number is taken from them.
            guard unsafe getgrnam_r(name, &record, &buffer, buffer.count, &found) == 0, unsafe found != nil else {
                return nil
            }
            return unsafe record.gr_gid
        }
        var record = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        guard unsafe getpwnam_r(name, &record, &buffer, buffer.count, &found) == 0, unsafe found != nil else {
            return nil
        }
        return unsafe record.pw_uid
    }

    /// Only root may give files away and make devices.
    static var isRoot: Bool { geteuid() == 0 }
}

/// The clock that the kernel stamps files with: whatever changes after a reading has a stamp that is not before it.
enum FileClock {
    static var now: Timestamp {
        var time = timespec()
        // clock_gettime fills the local structure.
        _ = unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return Timestamp(time)
    }
}
