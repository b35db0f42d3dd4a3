// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import FUSEMount

/// What the doctor says of FUSE: whether this user can mount the library, and how its mounts are.
struct MountChecks {
    typealias Check = DoctorReport.Check

    private static let name = "FUSE"
    private let surroundings: MountSurroundings

    init(_ surroundings: MountSurroundings) { self.surroundings = surroundings }

    func checks() -> [Check] {
        [ability()] + surroundings.mounts.map(Self.mount) + memory()
    }

    /// Nothing needs a mount: what is missing is a warning at most.
    private func ability() -> Check {
        let device = surroundings.device
        guard device != .missing else {
            return Check(
                Self.name,
                .warning,
                "/dev/fuse is missing: the library cannot be mounted.",
                remedy:
                    "Load the module (`modprobe fuse`); start a container with --device /dev/fuse and --cap-add SYS_ADMIN."
            )
        }
        guard device != .forbidden else {
            return Check(
                Self.name,
                .warning,
                "This user may not open /dev/fuse: the library cannot be mounted.",
                remedy: "Run as root, or let the user read and write /dev/fuse."
            )
        }
        if surroundings.isRoot {
            return Check(Self.name, .ok, "The library can be mounted (`--mount DIR`), for all users.")
        }
        guard let helper = surroundings.helper else {
            return Check(
                Self.name,
                .warning,
                "fusermount3 is not installed: only root can mount the library.",
                remedy: "Install the package fuse3."
            )
        }
        return Check(
            Self.name,
            .ok,
            "The library can be mounted (`--mount DIR`) with \(helper), "
                + (surroundings.mayServeOthers
                    ? "for all users."
                    : "for this user only: /etc/fuse.conf has no user_allow_other.")
        )
    }

    private static func mount(_ mount: MountSurroundings.Existing) -> Check {
        guard mount.isStale else { return Check(name, .ok, "A Capstan is mounted on \(mount.path), and answers.") }
        return Check(
            name,
            .problem,
            "The mount on \(mount.path) is dead: its daemon is gone.",
            remedy:
                "Start a daemon with --mount \(mount.path), which takes it away, or run `fusermount3 -u -z \(mount.path)`."
        )
    }

    /// SG_IO carries pointers into the caller's memory.
    private func memory() -> [Check] {
        guard !surroundings.isRoot, surroundings.device == .usable else { return [] }
        if let scope = surroundings.ptraceScope, scope > 0 {
            return [
                Check(
                    Self.name,
                    .warning,
                    "A daemon of this user cannot serve the sg files: kernel.yama.ptrace_scope is \(scope), so that it may "
                        + "not reach its callers' memory. Tape files and cartridges work.",
                    remedy: "Run the daemon as root, or set kernel.yama.ptrace_scope to 0."
                )
            ]
        }
        return [Check(Self.name, .ok, "A daemon of this user serves the sg files to programs of the same user only.")]
    }
}
