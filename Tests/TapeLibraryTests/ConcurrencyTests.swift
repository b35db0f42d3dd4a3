// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import Foundation
import LogicalUnits
import SCSI
import SimulatedDisk
import TapeLibrary
import Testing

@Suite("Many threads on one library")
struct ConcurrencyTests {
    /// Runs the bodies on threads of their own, as doors do, and waits for all.
    private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let group = DispatchGroup()
        for index in 0..<count {
            group.enter()
            let thread = Thread {
                body(index)
                group.leave()
            }
            thread.start()
        }
        group.wait()
    }

    @Test("Four threads move cartridges at random: none is lost, doubled or in two places, before and after a restart")
    func randomMoves() throws {
        let disk = SimulatedDisk(seed: 7)
        let configuration = smallConfiguration(drives: 3, slots: 6, mailSlots: 2, cartridges: 6)
        let library = try openLibrary(on: disk, configuration)
        let barcodes = Set(configuration.cartridges.barcodes)
        let places: [ElementPlace] =
            (1...6).map { .slot($0) } + [.mailSlot(1), .mailSlot(2)] + (0..<3).map { .drive($0) }
        let addresses: [UInt16] = Array(0x1000...0x1005) + [0x10, 0x11, 0x100, 0x101, 0x102]

        onThreads(4) { index in
            var generator = SeededGenerator(seed: UInt64(100 + index))
            let nexus = Nexus(id: UInt64(index), name: "ndmp \(index)")
            for _ in 0..<250 {
                let from = generator.number(below: places.count)
                let to = generator.number(below: places.count)
                switch generator.number(below: 6) {
                case 0, 1: try? library.move(from: places[from], to: places[to])
                case 2: _ = library.robot(moveMedium(addresses[from], addresses[to]), as: nexus)
                case 3:
                    try? library.exchange(source: places[from], first: places[to], second: places[from])
                case 4:
                    let station = library.drives[generator.number(below: 3)]
                    if let lease = try? station.lease(as: nexus, purpose: "test") {
                        _ = lease.drive.condition
                        lease.publish()
                        lease.end()
                    }
                default:
                    let station = library.drives[generator.number(below: 3)]
                    _ = try? station.run([0x0A, 0, 0, 0, 4, 0], data: [1, 2, 3, 4], as: nexus)
                    _ = station.status
                    _ = library.inventory()
                }
                if generator.once(in: 20) { library.nexusLost(nexus) }
            }
        }

        #expect(violations(library.inventory(), expected: barcodes) == [])
        for drive in library.inventory().drives {
            #expect(library.drives[drive.place.number].status.barcode == drive.cartridge?.barcode)
        }
        let before = library.inventory()
        try library.close()
        let again = try openLibrary(on: disk, configuration)
        #expect(again.inventory() == before)
        for barcode in barcodes.sorted() where again.inventory().drives.allSatisfy({ $0.cartridge?.barcode != barcode })
        {
            #expect(try again.verifyCartridge(barcode: barcode) { _ in true }.isSound)
        }
        try again.close()
    }

    @Test("Status never waits for a drive that is at work")
    func statusDoesNotWait() throws {
        let library = try openLibrary(on: SimulatedDisk())
        let nexus = Nexus(id: 1, name: "ndmp one")
        let inside = DispatchSemaphore(value: 0)
        let mayEnd = DispatchSemaphore(value: 0)
        let drive = library.drives[0]
        let worker = Thread {
            _ = try? drive.perform(as: nexus) { (_: TapeDrive) -> Int in
                inside.signal()
                mayEnd.wait()
                return 0
            }
        }
        worker.start()
        inside.wait()
        #expect(drive.status.condition == .empty)
        #expect(library.inventory().drives.count == 2)
        #expect(drive.holder == nil)
        mayEnd.signal()
        try library.close()
    }
}
