// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Testing

@testable import DMA

@Suite("Copying a tape to another")
struct CopyTests {
    private let source = FakeServer("one:10000", barcodes: ["S"], slots: 1)
    private let target = FakeServer("two:10000", barcodes: ["T"], slots: 1)

    private func copy(overwrite: Bool = false) throws -> CopyResult {
        let network = FakeNetwork(source, target)
        return try CopyJob(
            from: CopySide(server: NDMPEndpoint(host: "one"), drive: "nst0", barcode: "S"),
            to: CopySide(server: NDMPEndpoint(host: "two"), drive: "nst0", barcode: "T"),
            overwrite: overwrite,
            callers: network.callers
        ).run()
    }

    private func record(_ count: Int, _ value: UInt8) -> FakeTape.Item {
        .record([UInt8](repeating: value, count: count))
    }

    @Test("every tape file arrives with its records and filemarks, and both cartridges go back")
    func copies() throws {
        let items: [FakeTape.Item] =
            [record(1024, 1), .mark] + (0..<50).map { record(4096, $0) } + [.mark, .mark] + [
                record(10, 9), record(20, 8),
            ]
            + [.mark] + (0..<9).map { record(512, $0) } + [.mark]
        source.tapes["S"]?.items = items
        let result = try copy()
        #expect(target.tapes["T"]?.items == items)
        #expect(
            result
                == CopyResult(
                    files: 5,
                    records: 62,
                    bytes: 1024 + 50 * 4096 + 30 + 9 * 512,
                    moverBytes: 46 * 4096 + 5 * 512
                )
        )
        #expect(source.slots == ["S"])
        #expect(target.slots == ["T"])
    }

    @Test("records of several sizes are copied one by one when the count shows them")
    func uneven() throws {
        let items: [FakeTape.Item] =
            (0..<6).map { record(4096, $0) } + [record(100, 7), record(4096, 8), record(7, 9), .mark]
        source.tapes["S"]?.items = items
        let result = try copy()
        #expect(target.tapes["T"]?.items == items)
        #expect(result.moverBytes == 0)
    }

    @Test("a record that is longer than the first ones is copied too")
    func longer() throws {
        let items: [FakeTape.Item] =
            (0..<20).map { record(4096, $0) } + [
                record(1, 7), record(7777, 8), record(512, 9), .mark, record(8, 8), .mark,
            ]
        source.tapes["S"]?.items = items
        _ = try copy()
        #expect(target.tapes["T"]?.items == items)
    }

    @Test("data behind the last filemark is copied too")
    func withoutLastMark() throws {
        let items: [FakeTape.Item] = [record(5, 1), .mark] + (0..<10).map { record(2048, $0) }
        source.tapes["S"]?.items = items
        _ = try copy()
        #expect(target.tapes["T"]?.items == items)
    }

    @Test("two drives of one library are enough")
    func oneLibrary() throws {
        let library = FakeServer("one:10000", barcodes: ["S", "T"], slots: 2, drives: 2)
        library.tapes["S"]?.items = [record(5, 1), .mark]
        let end = NDMPEndpoint(host: "one")
        _ = try CopyJob(
            from: CopySide(server: end, drive: "nst0", barcode: "S"),
            to: CopySide(server: end, drive: "nst1", barcode: "T"),
            overwrite: false,
            callers: FakeNetwork(library).callers
        ).run()
        #expect(library.tapes["T"]?.items == [record(5, 1), .mark])
        #expect(library.slots == ["S", "T"])
    }

    @Test("a destination that is not blank is refused, and taken when told to")
    func notBlank() throws {
        source.tapes["S"]?.items = [record(5, 1), .mark]
        target.tapes["T"]?.items = [record(9, 9), .mark, record(9, 9), .mark]
        let error = #expect(throws: DMAError.self) { try copy() }
        #expect(error?.kind == .refused)
        #expect(target.slots == ["T"])
        _ = try copy(overwrite: true)
        #expect(target.tapes["T"]?.items == [record(5, 1), .mark])
    }

    @Test("a destination that is too small is said to be")
    func tooSmall() throws {
        source.tapes["S"]?.items = (0..<50).map { record(4096, $0) } + [.mark]
        target.tapes["T"]?.capacity = 20 * 4096
        let error = #expect(throws: DMAError.self) { try copy() }
        #expect(error?.kind == .outOfMedia)
    }
}
