// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import TapeFormats

/// What showing cartridges may cost. Every limit with its reason.
package struct CartridgeFilesLimits: Sendable {
    /// Cartridges held open: each takes a descriptor for payload and index of every partition.
    package var openCartridges = 64
    /// Records that were verified and may be asked for again: slices of a record as large as 16 MiB come one by one.
    package var verifiedBytes = 64 << 20
    /// Listed archives kept.
    package var openArchives = 64
    /// Memory of all listed archives together.
    package var archiveBytes = 1 << 30
    /// Tape files of which it is remembered what they were recognised as.
    package var recognised = 4096
    /// A tape that is being written is listed anew at most this often, while what was listed still holds.
    package var relistNanoseconds: UInt64 = 2_000_000_000
    /// The smallest and the largest record are looked for in tape files of at most so many records: 32 bytes of index
    /// are read for each.
    package var measuredRecords: UInt64 = 1_000_000
    /// Open ways into members of archives; each holds a decompressor or a place in a stream.
    package var memberReaders = 32
    /// Threads that may list archives, or wait for one who does: a long listing never takes all threads of a mount.
    package var listingThreads = 12
    /// Of one archive.
    package var contents = ContentLimits()

    package init() {}
}
