// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Foundation
import SimulatedDisk
import Synchronization
import TapeLibrary
import Testing

/// The daemon or the machine dies at every single disk operation of a script in turn.
@Suite("The inventory after a crash at any instant")
struct CrashTests {
    /// Lets so many operations pass; from then on the disk is dead, as it is for a process that was killed.
    private final class Countdown: Sendable {
        private let left: Atomic<Int>

        init(_ operations: Int) {
            left = Atomic(operations)
        }

        func attach(to disk: SimulatedDisk) {
            disk.intercept = { _, _ in
                self.left.subtract(1, ordering: .relaxed).newValue < 0 ? EIO : nil
            }
        }

        /// Operations that were asked for beyond those allowed.
        var isExhausted: Bool { left.load(ordering: .relaxed) < 0 }
    }

    private enum End: CaseIterable {
        case killed, powerLost

        func happen(to disk: SimulatedDisk) {
            switch self {
            case .killed: disk.kill()
            case .powerLost: disk.crash()
            }
        }
    }

    /// The states the inventory goes through; after a crash it is in one of them.
    private func script(_ library: Library, _ note: (String) -> Void) throws {
        func step(_ body: () throws -> Void) throws {
            try body()
            note(contents(library).joined(separator: ", "))
        }
        try step { try library.move(from: .slot(1), to: .slot(4)) }
        try step { try library.load(barcode: "CAP002L8", drive: 0) }
        try step { try library.exchange(source: .slot(3), first: .drive(0), second: .slot(3)) }
        try step { try library.move(from: .drive(0), to: .drive(1)) }
        try step { try library.move(from: .slot(4), to: .mailSlot(1)) }
        try step { try library.exportCartridge(barcode: "CAP001L8") }
        try step { try library.createCartridge(.following(barcode: "NEW001L8", capacity: ByteCount(4 << 20))) }
        try step { try library.importCartridge(barcode: "CAP001L8") }
        try step { try library.deleteCartridge(barcode: "CAP002L8") }
        try step { try library.unload(drive: 1) }
    }

    /// All states of an undisturbed run, and how many operations it takes.
    private func undisturbed() throws -> (states: [String], operations: Int) {
        let disk = SimulatedDisk(seed: 1)
        try openLibrary(on: disk).close()
        let library = try openLibrary(on: disk)
        var states = [contents(library).joined(separator: ", ")]
        let count = Mutex(0)
        disk.intercept = { _, _ in
            count.withLock { $0 += 1 }
            return nil
        }
        try script(library) { states.append($0) }
        return (states, count.withLock { $0 })
    }

    @Test("Moves, exchanges, imports, creations and deletions happen whole or not at all", arguments: [0, 1])
    func everyOperation(end: Int) throws {
        let reference = try undisturbed()
        #expect(reference.operations > 60)
        for operations in 0..<reference.operations {
            let disk = SimulatedDisk(seed: UInt64(operations))
            try openLibrary(on: disk).close()
            let library = try openLibrary(on: disk)
            var reached = 0
            Countdown(operations).attach(to: disk)
            try? script(library) { _ in reached += 1 }
            disk.intercept = nil
            End.allCases[end].happen(to: disk)

            let again = try openLibrary(on: disk)
            let state = contents(again).joined(separator: ", ")
            let possible = Set(reference.states[reached...min(reached + 1, reference.states.count - 1)])
            let between = half(of: state, among: possible)
            #expect(possible.contains(state) || between, "operation \(operations): \(state)")
            for entry in again.inventory().cartridges {
                #expect(entry.cartridge.condition == .good, "operation \(operations): \(entry)")
                #expect(try again.cartridge(barcode: entry.cartridge.barcode).metadata != nil)
            }
            for drive in again.inventory().drives where drive.cartridge != nil {
                #expect(again.drives[drive.place.number].status.barcode == drive.cartridge?.barcode)
            }
            try again.close()
        }
    }

    /// A cartridge made but not yet put away lies on the shelf at the next start: whole, and lost to nobody.
    private func half(of state: String, among possible: Set<String>) -> Bool {
        possible.contains(state.replacingOccurrences(of: "shelf: NEW001L8", with: "slot 1: NEW001L8"))
            || possible.contains { sorted($0) == sorted(state.replacingOccurrences(of: "shelf: N", with: "slot 1: N")) }
    }

    private func sorted(_ state: String) -> [String] {
        state.components(separatedBy: ", ").sorted()
    }

    @Test("A new store is complete after a start that follows a crash at any operation", arguments: [0, 1])
    func firstStart(end: Int) throws {
        var operations = 0
        while true {
            let disk = SimulatedDisk(seed: UInt64(operations))
            let countdown = Countdown(operations)
            countdown.attach(to: disk)
            _ = try? openLibrary(on: disk)
            disk.intercept = nil
            guard countdown.isExhausted else { break }
            End.allCases[end].happen(to: disk)
            let library = try openLibrary(on: disk)
            #expect(contents(library) == ["slot 1: CAP001L8", "slot 2: CAP002L8", "slot 3: CAP003L8"])
            for barcode in ["CAP001L8", "CAP002L8", "CAP003L8"] {
                try library.load(barcode: barcode, drive: 0)
                try library.unload(drive: 0)
            }
            try library.close()
            operations += 1
        }
        #expect(operations > 20)
    }
}
