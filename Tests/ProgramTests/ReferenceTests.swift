// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import Testing

@testable import capstan

/// Pages under docs/reference are made from the program's own tables. `CAPSTAN_WRITE_REFERENCE=1` writes them.
@Suite("Reference pages are what the program says")
struct ReferenceTests {
    private func compare(_ page: String, _ text: String) throws {
        let file = Repository.file("docs/" + page)
        if ProcessInfo.processInfo.environment["CAPSTAN_WRITE_REFERENCE"] == "1" {
            try Data(text.utf8).write(to: file)
        }
        let committed = try String(contentsOf: file, encoding: .utf8)
        #expect(committed == text, "write it anew: CAPSTAN_WRITE_REFERENCE=1 swift test --filter ReferenceTests")
    }

    @Test("configuration.md") func configuration() throws {
        try compare("reference/configuration.md", ConfigurationReference.markdown())
    }

    @Test("cli.md") func commandLine() throws {
        try compare("reference/cli.md", try CommandLineReference.markdown())
    }

    @Test("capstan.1") func manual() throws {
        try compare("man/capstan.1", try ManualPage.text())
    }
}
