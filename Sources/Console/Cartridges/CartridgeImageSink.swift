// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Capstan authors

import Cartridges
import DiskIO
import ManagementAPI
import TapeImages
import TapeLibrary

/// Fills a cartridge that is not in a drive from a tape stream.
///
/// What arrives comes together beside the cartridge; only a whole stream that fits takes the place of what was there.
final class CartridgeImageSink: ImageSink {
    private struct State {
        var filling: CartridgeFilling?
        var isDone = false
    }

    private let place: ImageCartridge
    private let gate: ThreadGate
    private let state = Guarded(State(), name: "cartridge image")

    init(_ place: ImageCartridge) {
        self.place = place
        self.gate = ThreadGate(place.thread)
    }

    /// - Throws: `.refused` when the cartridge is protected, written once already, or for cleaning.
    func begin() async throws(APIError) {
        try await work { (state, place) throws(CartridgeFilling.Failure) in
            state.filling = try CartridgeFilling(place.directory, on: place.disk)
        }
    }

    func write(_ piece: [UInt8]) async throws(APIError) {
        try await work { (state, _) throws(CartridgeFilling.Failure) in
            guard let filling = state.filling else { throw .cartridge(.closed) }
            try filling.write(piece)
        }
    }

    func finish() async throws(APIError) -> ImageReport {
        let report = try await work { (state, place) throws(CartridgeFilling.Failure) in
            guard let filling = state.filling else { throw .cartridge(.closed) }
            try filling.finish()
            return ImageReport(filling, barcode: place.barcode)
        }
        place.noteChange()
        await giveBack()
        return report
    }

    func abandon() async { await giveBack() }

    private func giveBack() async {
        let wasDone = await gate.run {
            self.state.withLock { state in
                defer { state.isDone = true }
                // Without effect on one that is finished.
                state.filling?.abandon()
                state.filling = nil
                return state.isDone
            }
        }
        guard !wasDone else { return }
        place.release()
        place.thread.stop()
    }

    /// Runs `body` on the cartridge's thread.
    private func work<Result: Sendable>(
        _ body: @Sendable (inout State, ImageCartridge) throws(CartridgeFilling.Failure) -> Result
    ) async throws(APIError) -> Result {
        try await gate.run { () throws(APIError) in
            do throws(CartridgeFilling.Failure) {
                return try self.state.withLock { (state) throws(CartridgeFilling.Failure) in
                    try body(&state, self.place)
                }
            } catch { throw APIError(error, barcode: self.place.barcode) }
        }
    }
}

extension APIError {
    /// The operator's view of an import that failed; the cartridge is as it was.
    init(_ failure: CartridgeFilling.Failure, barcode: String) {
        switch failure {
        case .stream(let error):
            self.init(.damaged, error.description, hint: "the cartridge is as it was")
        case .cartridge(.full):
            self.init(
                .outOfSpace,
                "the image does not fit on \(barcode)",
                hint: "the cartridge is as it was; take a larger one (`capstan cartridge create --capacity`)"
            )
        case .cartridge(let error): self.init(error, barcode: barcode)
        case .refused(let reason): self.init(.refused, reason)
        }
    }
}

extension ImageReport {
    init(_ filling: CartridgeFilling, barcode: String) {
        let tally = filling.tally
        self.init(
            barcode: barcode,
            records: tally.records,
            filemarks: tally.filemarks,
            bytes: tally.bytes,
            damagedRecords: tally.damagedRecords,
            emptyDamagedRecords: filling.emptyDamagedRecords
        )
    }
}
