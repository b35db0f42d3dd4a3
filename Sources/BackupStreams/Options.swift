// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

/// The kinds of stream: NDMP's backup types, by their names there.
package enum StreamFormat: String, Sendable, CaseIterable {
    /// POSIX.1-2001 pax interchange format.
    case tar
    /// The dump format of BSD and Linux.
    case dump
}

/// What a backup takes, and what it tells.
package struct BackupOptions: Sendable {
    /// 0 is everything; n is what has changed since the latest backup of a lower level. NDMP's LEVEL.
    package var level = 0
    /// Takes the place of the dump dates: what has changed since then, in seconds since 1970; 0 is everything.
    /// NDMP's BASE_DATE.
    package var baseDate: Int64?
    /// Whether the date of this backup is kept for later levels; never with a base date. NDMP's UPDATE.
    package var updatesDates = true
    /// What the dump dates are kept under: the file system as it was asked for.
    package var datesKey: String
    /// Shell patterns; one without "/" is matched against each name, one with it against the whole path. NDMP's EXCLUDE.
    package var excludes: [[UInt8]] = []
    /// Only these, below the root; empty is everything. NDMP's FILES.
    package var files: [TreePath] = []
    package var history = HistoryForm.none

    /// A backup that is compared with a date of its own is no part of the chain of levels: what changed between the level
    /// below and that date is in neither, so no later level may build on it.
    var keepsDate: Bool { updatesDates && (baseDate ?? 0) == 0 }

    package static let maximumLevel = 9
    package static let maximumExcludes = 1024
    package static let maximumFiles = 10_240

    package init(datesKey: String) {
        self.datesKey = datesKey
    }
}

/// What came of a backup.
package struct BackupSummary: Sendable, Equatable {
    package var files: UInt64 = 0
    package var directories: UInt64 = 0
    /// Files that could not be read whole; each has a note.
    package var unreadable: UInt64 = 0
    /// The moment that the next level compares with, in seconds since 1970. NDMP's DUMP_DATE.
    package var date: Int64 = 0
    /// The date that this backup compared with; 0 for everything.
    package var baseDate: Int64 = 0
    /// The level that this backup was in the end.
    package var level = 0

    package init() {}
}

/// How a recovery goes about it.
package struct RecoverOptions: Sendable {
    /// The whole image is put back, one level after the other into the same place: names that are gone in an
    /// incremental stream are removed, directories that were renamed are moved. NDMP's EXTRACT=n.
    package var wholeImage = false
    /// Below a directory everything, or the directory alone. NDMP's RECURSIVE.
    package var isRecursive = true
    /// Nothing is written: the stream is read for its file history. NDMP's START_RECOVER_FILEHIST.
    package var historyOnly = false
    package var history = HistoryForm.none
    /// Each selection with an offset is read by itself. NDMP's DIRECT.
    package var direct = false

    package init() {}
}

/// What came of a recovery.
package struct RecoverSummary: Sendable, Equatable {
    package var files: UInt64 = 0
    package var directories: UInt64 = 0
    /// Names removed by an incremental stream of a whole image.
    package var removed: UInt64 = 0
    /// Files that could not be written whole; each has a note.
    package var failed: UInt64 = 0

    package init() {}
}
