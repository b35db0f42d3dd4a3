// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing

@testable import NDMPServer

@Suite("Numbers in sentences")
struct CountedTests {
    @Test(
        "one of a thing is not several",
        arguments: [
            (0, 0, "0 files and 0 directories"), (1, 1, "1 file and 1 directory"), (2, 1, "2 files and 1 directory"),
            (1, 12, "1 file and 12 directories"),
        ]
    )
    func text(files: UInt64, directories: UInt64, words: String) {
        #expect(Counted.text(files: files, directories: directories) == words)
    }
}
