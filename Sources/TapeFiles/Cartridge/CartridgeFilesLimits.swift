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
    /// Open ways into members of archives; each holds a decompressor or a place in a stream.
    package var memberReaders = 32
    /// Of one archive.
    package var contents = ContentLimits()

    package init() {}
}
