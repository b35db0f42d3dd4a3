// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// What a mount depends on in this system, for `capstan doctor`. Looking changes nothing.
package struct MountSurroundings: Sendable, Equatable {
    package enum Device: Sendable, Equatable {
        case usable
        /// It exists, and this user may not read and write it.
        case forbidden
        case missing
    }

    package struct Existing: Sendable, Equatable {
        package var path: String
        /// The daemon behind it is gone.
        package var isStale: Bool
    }

    /// /dev/fuse
    package var device: Device
    /// Whole path of fusermount3, which mounts for users; nil when it is not installed.
    package var helper: String?
    package var isRoot: Bool
    /// Whether a mount of this user may be open to other users.
    package var mayServeOthers: Bool
    /// kernel.yama.ptrace_scope; nil where the kernel has no Yama.
    package var ptraceScope: Int?
    /// Mounts of Capstan that are there now.
    package var mounts: [Existing]

    package static func current() -> MountSurroundings {
        let exists = unsafe access("/dev/fuse", F_OK) == 0
        let isUsable = unsafe access("/dev/fuse", R_OK | W_OK) == 0
        let places = ["/usr/bin/fusermount3", "/bin/fusermount3", "/usr/local/bin/fusermount3"]
        let helper = places.first { place in unsafe access(place, X_OK) == 0 }
        let scope = ProcFile.read("/proc/sys/kernel/yama/ptrace_scope", limit: MountLimits.procLineBytes)
        let rows = MountTable.current()?.rows.filter { $0.type == MountPoint.type } ?? []
        return MountSurroundings(
            device: isUsable ? .usable : exists ? .forbidden : .missing,
            helper: helper,
            isRoot: geteuid() == 0,
            mayServeOthers: MountPoint.mayServeOthers(),
            ptraceScope: scope.flatMap { Int(String(decoding: $0.filter { $0 > 32 }, as: UTF8.self)) },
            mounts: rows.map { row in
                let path = String(decoding: row.point, as: UTF8.self)
                return Existing(path: path, isStale: MountPoint.isStale(path))
            }
        )
    }
}
