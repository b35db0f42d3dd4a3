// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

@testable import TapeFormats

/// Cartridges of backup programs and labels for the fuzzer: one of each format in `LabelFormats`.
enum LabelFuzzSamples {
    static func all() throws -> [ArchiveFuzzSample] {
        [
            ArchiveFuzzSample("amanda", [try AmandaSample.tape()]),
            ArchiveFuzzSample("bacula", [try BaculaSample.tape()]),
            ArchiveFuzzSample("bareos", [try BaculaSample.bareosTape()]),
            ArchiveFuzzSample("ltfs", LTFSSample.tape().partitions),
            ArchiveFuzzSample("mtf", [MTFSample.tape()]),
            ArchiveFuzzSample("netbackup", [NetBackupSample.tape]),
            ArchiveFuzzSample("standard-labels", [StandardLabelSample.tape()]),
            ArchiveFuzzSample("standard-labels-ebcdic", [[StandardLabelSample.hercules]]),
        ]
    }
}
