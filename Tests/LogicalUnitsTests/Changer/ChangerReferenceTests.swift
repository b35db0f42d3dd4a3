// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import LogicalUnits
import Testing

@Suite("Changer: reference page")
struct ChangerReferenceTests {
    /// To make it anew: run this test with CAPSTAN_WRITE_REFERENCE=1.
    @Test("docs/reference/scsi-changer.md is what the tables say")
    func page() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..")
        let page = root.appendingPathComponent("docs/reference/scsi-changer.md").standardizedFileURL
        if ProcessInfo.processInfo.environment["CAPSTAN_WRITE_REFERENCE"] != nil {
            try Data(ChangerReference.markdown.utf8).write(to: page)
        }
        #expect(try String(contentsOf: page, encoding: .utf8) == ChangerReference.markdown)
    }
}
