// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import LogicalUnits
import SimulatedDisk
import TapeLibrary
import Testing

@Suite("Events")
struct EventTests {
    @Test("The latest are kept, in order and without gaps; older ones make room")
    func ring() throws {
        let library = try openLibrary(on: SimulatedDisk(), smallConfiguration(drives: 1, slots: 2, cartridges: 1))
        for _ in 0..<600 {
            try library.move(from: .slot(1), to: .slot(2))
            try library.move(from: .slot(2), to: .slot(1))
        }
        let events = library.events()
        #expect(events.count == EventLog.capacity)
        let last = try #require(events.last?.sequence)
        #expect(events.map(\.sequence) == Array(last - UInt64(EventLog.capacity) + 1...last))
        #expect(library.events(after: last - 3, limit: 2).map(\.sequence) == [last - 2, last - 1])
        #expect(library.events(after: last).isEmpty)
        #expect(library.events(after: .max).isEmpty)
    }

    @Test("Subscribers see events as they happen, until the library closes")
    func subscription() async throws {
        let library = try openLibrary(on: SimulatedDisk())
        let stream = library.subscribe()
        try library.move(from: .slot(1), to: .slot(4))
        try library.close()
        var kinds: [LibraryEvent.Kind] = []
        for await event in stream {
            kinds.append(event.kind)
        }
        #expect(kinds == [.cartridgeMoved, .libraryClosed])
    }

    @Test("New contents of a borrowed cartridge are an event with its place")
    func newContents() throws {
        let library = try openLibrary(on: SimulatedDisk())
        let loan = try library.borrowCartridge(barcode: "CAP002L8")
        loan.noteChange()
        loan.end()
        let event = try #require(library.events().last)
        #expect(event.kind == .cartridgeChanged && event.barcode == "CAP002L8" && event.place == .slot(2))
        try library.close()
    }

    @Test("A subscriber that does not keep up loses the oldest events only")
    func slowSubscriber() async throws {
        let library = try openLibrary(on: SimulatedDisk(), smallConfiguration(drives: 1, slots: 2, cartridges: 1))
        let stream = library.subscribe()
        for _ in 0..<200 {
            try library.move(from: .slot(1), to: .slot(2))
            try library.move(from: .slot(2), to: .slot(1))
        }
        let last = library.events().last?.sequence
        try library.close()
        var sequences: [UInt64] = []
        for await event in stream {
            sequences.append(event.sequence)
        }
        #expect(sequences.count == 256)
        #expect(sequences.last == last.map { $0 + 1 })
    }

    @Test("The journal has one JSON object a line, survives restarts and begins a new file when it is full")
    func journal() throws {
        let disk = SimulatedDisk()
        for _ in 0..<2 {
            let journal = FileEventJournal(path: "/store/events.jsonl", on: disk, limitBytes: 2000)
            let library = try openLibrary(on: disk, seams: LibrarySeams(clock: StillClock(), journal: journal))
            for _ in 0..<4 {
                try library.move(from: .slot(1), to: .slot(4))
                try library.move(from: .slot(4), to: .slot(1))
            }
            try library.close()
        }
        let current = try #require(disk.bytes(of: "/store/events.jsonl"))
        let former = try #require(disk.bytes(of: "/store/events.jsonl.1"))
        #expect(current.count <= 2000 && former.count <= 2000)
        let lines = String(decoding: former + current, as: UTF8.self).split(separator: "\n")
        let events = try lines.map { try JSONDecoder().decode(LibraryEvent.self, from: Data($0.utf8)) }
        #expect(events.last?.kind == .libraryClosed)
        #expect(events.last?.time == 1_700_000_000_000)
        #expect(lines.last?.contains("\"sentence\":\"The library was closed.\"") == true)
    }

    @Test("A journal that cannot be written does not stop the library")
    func brokenJournal() throws {
        let disk = SimulatedDisk()
        let journal = FileEventJournal(path: "/nowhere/events.jsonl", on: disk)
        let library = try openLibrary(on: disk, seams: LibrarySeams(clock: StillClock(), journal: journal))
        try library.move(from: .slot(1), to: .slot(4))
        try library.close()
    }
}
