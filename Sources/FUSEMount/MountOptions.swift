// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Glibc

/// How a tree is mounted.
package struct MountOptions: Sendable, Equatable {
    /// Who may use the mount besides the user of the daemon; file permissions hold for everyone.
    package enum Others: Sendable, Equatable {
        /// Everyone, when the system lets this user decide so: root, or `user_allow_other` in /etc/fuse.conf.
        case whenPermitted
        case everyone
        case nobody
    }

    package var others: Others
    /// The kernel refuses every change by itself (EROFS).
    package var isReadOnly: Bool
    /// Owner of all that names no owner of its own.
    package var owner: FileOwner
    /// Most threads that serve requests.
    package var threads: Int

    package struct FileOwner: Sendable, Equatable {
        package var user: UInt32
        package var group: UInt32

        package init(user: UInt32 = geteuid(), group: UInt32 = getegid()) {
            self.user = user
            self.group = group
        }
    }

    package init(
        others: Others = .whenPermitted,
        isReadOnly: Bool = false,
        owner: FileOwner = FileOwner(),
        threads: Int = MountLimits.threads
    ) {
        self.others = others
        self.isReadOnly = isReadOnly
        self.owner = owner
        self.threads = max(MountLimits.fewestThreads, threads)
    }
}

/// Limits of the FUSE door, each with its reason.
package enum MountLimits {
    /// Threads that serve requests at most. Each may wait for a drive or the robot; one that waits costs a stack.
    package static let threads = 32
    /// A reader, a watcher, and one that answers while another waits.
    package static let fewestThreads = 4
    /// Threads that stay when there is nothing for them to do.
    static let parkedThreads = 4
    /// Readers at once when several tape devices are open: more do not help, the kernel has one queue.
    static let seats = 4
    /// Stack of a thread: a request through tree, drive and cartridge, with archive readers among them.
    static let stackBytes = 1 << 20
    /// The largest payload of one request: what libfuse 3 negotiates (256 pages).
    static let payloadBytes = 1 << 20
    /// A reader that is busy for so long is taken for blocked: another one reads on.
    static let patienceNanoseconds: Int64 = 2_000_000
    /// The watcher sleeps for good after so many looks at an idle reader.
    static let idleLooks = 50
    /// Opens waiting for another handle to be released, at most this part of the threads; the rest waits in line, so
    /// that releases always find a thread.
    static func opensAtOnce(threads: Int) -> Int { threads / 2 }
    /// Opens in that line.
    static let queuedOpens = 4096
    /// Files open at once.
    static let openFiles = 65_536
    /// Of one answer to an ioctl.
    static let controlBytes = 1 << 20
    /// Of a caller's memory, at once.
    package static let callerBytes = 16 << 20
    /// Parts of a readv or writev that are counted: the kernel's own limit (UIO_MAXIOV).
    static let vectorParts = 1024
    /// Requests that the kernel sends ahead (read-ahead, releases) before it waits for answers.
    static let backgroundRequests: UInt32 = 64
    /// Changes that wait for the kernel to hear of them; older ones are dropped, nothing is cached for long.
    static let queuedChanges = 16_384
    /// How long the kernel may take to greet.
    static let greetingSeconds = 10
    /// A program that has a tape device open and asks for nothing for so long is not waited for at the end.
    static let quietNanoseconds: Int64 = 2_000_000_000
    /// How long an end waits for requests that are being served.
    static let endSeconds = 10
    /// Refusals told at once, and then one each so many nanoseconds: a caller must not fill the log.
    static let loggedAtOnce = 20
    static let loggedEachNanoseconds: Int64 = 1_000_000_000
    /// How long the kernel may believe that `drives` or `slots/3` is there: it always is.
    static let fixedNameSeconds = 60.0
    /// Of a reason in the log.
    static let reasonLength = 600
    /// Of /proc/THREAD/syscall and of a line of /proc/self/mountinfo.
    static let procLineBytes = 4096
    static let mountTableBytes = 16 << 20
}
