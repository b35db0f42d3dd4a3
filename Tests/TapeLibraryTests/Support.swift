// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import LogicalUnits
import SCSI
import SimulatedDisk
import TapeLibrary

/// Time that stands still.
struct StillClock: LibraryClock {
    func now() -> UInt64 { 1_700_000_000_000 }
}

let store = "/store"

/// 2 drives, 4 slots, 1 mail slot; CAP001L8 to CAP003L8 of 4 MiB in slots 1 to 3.
func smallConfiguration(
    drives: Int = 2,
    slots: Int = 4,
    mailSlots: Int = 1,
    cartridges: Int = 3
) -> LibraryConfiguration {
    LibraryConfiguration(
        drives: drives,
        slots: slots,
        mailSlots: mailSlots,
        serial: "00L4U78TEST01",
        cartridges: .init(count: cartridges, capacityBytes: 4 << 20)
    )
}

func openLibrary(
    on disk: SimulatedDisk,
    _ configuration: LibraryConfiguration? = smallConfiguration(),
    seams: LibrarySeams = LibrarySeams(clock: StillClock())
) throws(LibraryError) -> Library {
    try Library.open(store: store, disk: disk, configuration: configuration, seams: seams)
}

/// `slot 1: CAP001L8`, … of all places that are full, and the shelf.
func contents(_ library: Library) -> [String] {
    library.inventory().cartridges.map { "\($0.place?.description ?? "shelf"): \($0.cartridge.barcode)" }.sorted()
}

/// What the inventory says, and that it is consistent: no cartridge and no element twice.
func violations(_ snapshot: InventorySnapshot, expected: Set<String>) -> [String] {
    var problems: [String] = []
    let all = snapshot.cartridges.map(\.cartridge.barcode)
    if Set(all).count != all.count { problems.append("a cartridge is in two places") }
    if Set(all) != expected { problems.append("cartridges are \(all.sorted()), not \(expected.sorted())") }
    let places = snapshot.cartridges.compactMap(\.place)
    if Set(places).count != places.count { problems.append("an element holds two cartridges") }
    return problems
}

extension Library {
    /// One CDB to the changer or a drive, as a door sends it.
    func robot(_ cdb: [UInt8], as nexus: Nexus) -> CommandResult {
        changer.execute(cdb: cdb, dataOut: [UInt8]().span, dataInLimit: 1 << 20, nexus: nexus)
    }
}

extension DriveStation {
    func run(_ cdb: [UInt8], data: [UInt8] = [], as nexus: Nexus) throws(DeviceBusy) -> CommandResult {
        try execute(cdb: cdb, dataOut: data.span, dataInLimit: 1 << 20, nexus: nexus)
    }
}

/// Sense key, code, qualifier; empty for GOOD.
func sense(_ result: CommandResult) -> [UInt8] {
    result.sense.map { [$0.key.rawValue, $0.additional.code, $0.additional.qualifier] } ?? []
}

func moveMedium(_ source: UInt16, _ destination: UInt16) -> [UInt8] {
    let addresses = [source, destination].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    return [0xA5, 0, 0, 0] + addresses + [0, 0, 0, 0]
}
