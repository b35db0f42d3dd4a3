// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import DiskIO
import Foundation
import SCSI
import TapeLibrary
import Testing

@Suite("A library of 10,000 cartridges on a real disk")
struct LargeLibraryTests {
    /// A store whose inventory lists cartridges that were never made: all are missing, which is what costs most.
    private func makeStore() throws -> String {
        let path = FileManager.default.temporaryDirectory.path + "/capstan-large-\(UUID().uuidString.prefix(8))"
        try Library.open(
            store: path,
            disk: POSIXDisk(),
            configuration: smallConfiguration(drives: 4, slots: 10_001, cartridges: 0)
        ).close()
        let file = URL(fileURLWithPath: path + "/library.json")
        let lines = (1...10_000).map { number in
            #"{"barcode":"C\#(number)L8","generation":8,"kind":"data","place":"slot:\#(number)"}"#
        }
        let text = try String(contentsOf: file, encoding: .utf8).replacingOccurrences(
            of: #""cartridges" : \[\s*\]"#,
            with: "\"cartridges\" : [\(lines.joined(separator: ","))]",
            options: .regularExpression
        )
        try text.write(to: file, atomically: true, encoding: .utf8)
        return path
    }

    @Test("It opens, reports its elements and moves within seconds; a directory that is gone is not 10,000 events")
    func large() throws {
        let path = try makeStore()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let clock = ContinuousClock()
        let started = clock.now
        let library = try Library.open(store: path, disk: POSIXDisk())
        let opened = clock.now
        #expect(library.inventory().slots.prefix(10_000).allSatisfy { $0.cartridge?.condition == .missing })
        #expect(library.events().count < 100)
        let host = Nexus(id: 1, name: "test")
        try library.changer.open(as: host)
        let status = library.robot([0xB8, 0x10, 0, 0, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0xFF, 0, 0], as: host).dataIn
        #expect(status.count == 8 + 4 * 8 + (1 + 10_001 + 1 + 4) * 52)
        let reported = clock.now
        for _ in 0..<5 {
            try library.move(from: .slot(1), to: .slot(10_001))
            try library.move(from: .slot(10_001), to: .slot(1))
        }
        let moved = clock.now
        try library.close()
        print("open \(opened - started), READ ELEMENT STATUS \(reported - opened), a move \((moved - reported) / 10)")
        // Generous: debug builds on busy machines.
        #expect(moved - started < .seconds(60))
    }
}
