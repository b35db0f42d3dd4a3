// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Foundation
import ManagementAPI
import Synchronization
import Testing

@Suite("The management API over its socket, against a real library")
struct ManagementTests {
    @Test("status and inventory tell what is where")
    func looking() async throws {
        try await ConsoleRig.run { rig in
            let status = try await rig.client.get(APIPath.status, as: StatusReport.self)
            #expect(status.drives.map(\.name) == ["nst0", "nst1"])
            #expect(status.slots == SlotSummary(total: 6, used: 3, shelf: 0))
            #expect(status.drives.allSatisfy { $0.activity == "empty" && $0.position == nil })
            let inventory = try await rig.client.get(APIPath.inventory, as: InventoryReport.self)
            #expect(inventory.elements.count == 9)
            #expect(inventory.elements.first { $0.kind == .slot && $0.index == 2 }?.barcode == "CAP002L8")
            #expect(inventory.cartridges.allSatisfy { $0.usedBytes == 0 && $0.capacityBytes == 4 << 20 })
        }
    }

    @Test("load by slot and by barcode, unload, move, export and import leave the cartridge where they say")
    func moving() async throws {
        try await ConsoleRig.run { rig in
            let client = rig.client
            var report = try await client.send(
                .post,
                APIPath.loads,
                body: LoadRequest(cartridge: "1", drive: 0),
                as: MoveReport.self
            )
            #expect(report == MoveReport(barcode: "CAP001L8", from: "slot:1", to: "drive:0"))
            let status = try await client.get(APIPath.status, as: StatusReport.self)
            #expect(status.drives[0].cartridge?.barcode == "CAP001L8")
            #expect(status.drives[0].position?.block == 0)
            let unload = UnloadRequest(drive: 0, slot: nil)
            report = try await client.send(.post, APIPath.unloads, body: unload, as: MoveReport.self)
            #expect(report.to == "slot:1")
            let move = MoveRequest(from: "CAP002L8", to: "mail:1")
            report = try await client.send(.post, APIPath.moves, body: move, as: MoveReport.self)
            #expect(report == MoveReport(barcode: "CAP002L8", from: "slot:2", to: "mail:1"))
            let export = ExportRequest(cartridge: "mail:1")
            report = try await client.send(.post, APIPath.exports, body: export, as: MoveReport.self)
            #expect(report.to == "shelf")
            let back = ImportRequest(barcode: "CAP002L8", to: "slot:5")
            report = try await client.send(.post, APIPath.imports, body: back, as: MoveReport.self)
            #expect(report.to == "slot:5")
        }
    }

    @Test("what cannot be done is refused with the right code and a sentence")
    func refusals() async throws {
        try await ConsoleRig.run { rig in
            func code(_ request: MoveRequest) async -> ErrorCode? {
                await ConsoleRig.failure { () throws(APIError) in
                    _ = try await rig.client.send(.post, APIPath.moves, body: request, as: MoveReport.self)
                }?.code
            }
            #expect(await code(MoveRequest(from: "slot:4", to: "drive:0")) == .notFound)
            #expect(await code(MoveRequest(from: "slot:1", to: "slot:2")) == .refused)
            #expect(await code(MoveRequest(from: "slot:1", to: "slot:99")) == .notFound)
            #expect(await code(MoveRequest(from: "slot:1", to: "the moon")) == .invalid)
            #expect(await code(MoveRequest(from: "NOSUCHL8", to: "slot:2")) == .notFound)
            let twice = CreateCartridgesRequest(
                barcodes: ["DUP001L8", "DUP001L8"],
                count: nil,
                capacityBytes: nil,
                generation: nil,
                worm: false,
                cleaning: false
            )
            let refused = await ConsoleRig.failure { () throws(APIError) in
                _ = try await rig.client.send(.post, APIPath.cartridges, body: twice, as: CartridgeList.self)
            }
            #expect(refused?.code == .refused)
            #expect(await code(MoveRequest(from: "DUP001L8", to: "slot:2")) == .notFound)
            #expect(await code(MoveRequest(from: String(repeating: "x", count: 9000), to: "slot:2")) != nil)
            let large = MoveRequest(from: String(repeating: "x", count: 100_000), to: "slot:2")
            #expect(await code(large) == .tooLarge)
            let missing = await ConsoleRig.failure { () throws(APIError) in
                _ = try await rig.client.get("/v1/nothing", as: StatusReport.self)
            }
            #expect(missing?.code == .notFound)
        }
    }

    @Test("cartridges are created in series, labelled, protected and deleted")
    func cartridges() async throws {
        try await ConsoleRig.run { rig in
            let client = rig.client
            let request = CreateCartridgesRequest(
                barcodes: [],
                count: 2,
                capacityBytes: 1 << 20,
                generation: nil,
                worm: false,
                cleaning: false
            )
            let made = try await client.send(.post, APIPath.cartridges, body: request, as: CartridgeList.self)
            #expect(made.cartridges.map(\.barcode).sorted() == ["CAP004L8", "CAP005L8"])
            #expect(made.cartridges.allSatisfy { $0.capacityBytes == 1 << 20 })
            var report = try await client.send(
                .patch,
                APIPath.cartridge("CAP004L8"),
                body: ChangeCartridgeRequest(label: "März", writeProtected: true),
                as: CartridgeReport.self
            )
            #expect(report.label == "März")
            #expect(report.summary.writeProtected)
            report = try await client.send(
                .patch,
                APIPath.cartridge("CAP004L8"),
                body: ChangeCartridgeRequest(label: ""),
                as: CartridgeReport.self
            )
            #expect(report.label == nil)
            _ = try await client.send(.delete, APIPath.cartridge("CAP004L8"), as: DoneReport.self)
            let gone = await ConsoleRig.failure { () throws(APIError) in
                _ = try await client.get(APIPath.cartridge("CAP004L8"), as: CartridgeReport.self)
            }
            #expect(gone?.code == .notFound)
        }
    }

    @Test("a tape's contents go in, are verified, and come out as they went in")
    func images() async throws {
        try await ConsoleRig.run { rig in
            let stream = CartridgeImportTests.stream
            let pending = Mutex<[UInt8]?>(stream)
            let report = try await rig.client.upload(
                APIPath.cartridge("CAP001L8", "contents"),
                next: {
                    pending.withLock { pending in
                        defer { pending = nil }
                        return pending
                    }
                },
                as: ImageReport.self
            )
            #expect(report == ImageReport(barcode: "CAP001L8", records: 2, filemarks: 2, bytes: 5))
            let shown = try await rig.client.get(APIPath.cartridge("CAP001L8"), as: CartridgeReport.self)
            #expect(shown.partitions[0].files.map(\.records) == [1, 1])
            #expect(shown.partitions[0].files.map(\.recordBytes) == [3, 2])
            #expect(shown.partitions[0].files.allSatisfy { $0.endsWithFilemark })
            let last = Mutex<VerifyLine?>(nil)
            try await rig.client.lines(.post, APIPath.cartridge("CAP001L8", "verify"), as: VerifyLine.self) { line in
                last.withLock { $0 = line }
            }
            #expect(last.withLock { $0?.result?.records } == 2)
            #expect(last.withLock { $0?.result?.problems } == [])
            let copy = Mutex<[UInt8]>([])
            try await rig.client.download(APIPath.cartridge("CAP001L8", "contents")) { piece in
                copy.withLock { $0 += piece }
            }
            // Between the descriptions, which tell of the medium, and the end.
            let record = Array(stream.suffix(7 + 4 + 6 + 4 + 4))
            #expect(copy.withLock { $0 }.suffix(record.count) == record[...])
            #expect(copy.withLock { $0 }.starts(with: Array("CAPTAPE1".utf8)))
            // The cartridge is free again.
            let load = LoadRequest(cartridge: "CAP001L8", drive: 1)
            _ = try await rig.client.send(.post, APIPath.loads, body: load, as: MoveReport.self)
            let refused = await ConsoleRig.failure { () throws(APIError) in
                try await rig.client.download(APIPath.cartridge("CAP001L8", "contents")) { _ in }
            }
            #expect(refused?.code == .refused)
        }
    }

    @Test("contents that are cut short are named as damaged, and the cartridge is free again")
    func cutImage() async throws {
        try await ConsoleRig.run { rig in
            let failure = await ConsoleRig.failure { () throws(APIError) in
                let pending = Mutex<[UInt8]?>(Array(CartridgeImportTests.stream.dropLast(10)))
                _ = try await rig.client.upload(
                    APIPath.cartridge("CAP001L8", "contents"),
                    next: {
                        pending.withLock { pending in
                            defer { pending = nil }
                            return pending
                        }
                    },
                    as: ImageReport.self
                )
            }
            #expect(failure?.code == .damaged)
            let load = LoadRequest(cartridge: "CAP001L8", drive: 0)
            _ = try await rig.client.send(.post, APIPath.loads, body: load, as: MoveReport.self)
        }
    }

    @Test("events arrive while somebody listens")
    func events() async throws {
        try await ConsoleRig.run { rig in
            struct Enough: Error {}
            let seen = Mutex<[String]>([])
            let mover = Task {
                for round in 0..<50 {
                    try await Task.sleep(for: .milliseconds(50))
                    let (from, to) = round % 2 == 0 ? ("slot:1", "slot:6") : ("slot:6", "slot:1")
                    let request = MoveRequest(from: from, to: to)
                    _ = try await rig.client.send(.post, APIPath.moves, body: request, as: MoveReport.self)
                }
            }
            _ = await ConsoleRig.failure { () throws(APIError) in
                try await rig.client.lines(.get, APIPath.events, as: EventLine.self) { event in
                    seen.withLock { $0.append(event.kind) }
                    throw APIError(.failure, "enough")
                }
            }
            mover.cancel()
            #expect(seen.withLock { $0 } == ["cartridgeMoved"])
        }
    }
}
